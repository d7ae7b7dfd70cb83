/**
 * What is told, with the receiver down for a while, the daemon killed with -9 in the middle, and a stream reader that
 * comes again each time: no event is missing and none is out of order within its conversation.
 */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { ApiKey, Conversation, Event } from '#replyd/conversation/model.js';
import { addAccount, type DaemonProcess, withDaemon } from '../daemon-process.js';
import { eventually } from '../run.js';

const CONVERSATIONS = 4;
const MESSAGES = 40;

/** A webhook receiver that can go down and come up at the same place. */
async function openReceiver(context: TestContext) {
  const heard: Event[] = [];
  let server: Server | null = null;
  let port = 0;
  const up = async () => {
    server = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      heard.push(JSON.parse(body));
      response.end();
    });
    await new Promise<void>(resolve => server!.listen(port, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  };
  const down = () => {
    server?.closeAllConnections();
    server?.close();
    server = null;
  };
  await up();
  context.after(down);
  return { heard, up, down, url: () => `http://127.0.0.1:${port}/` };
}

/** Reads the stream, and comes again from where it was whenever it ends, until it is told to stop. */
function follow(daemon: DaemonProcess, key: string) {
  const heard: Event[] = [];
  let last: string | null = null;
  let stopped = false;
  let comes = 0;
  const ending = new AbortController();
  const once = async () => {
    const response = await fetch(`http://${daemon.listening.http}/v1/events`, {
      headers: { authorization: `Bearer ${key}`, ...(last === null ? {} : { 'last-event-id': last }) },
      signal: ending.signal,
    });
    assert.equal(response.status, 200);
    comes += 1;
    let rest = '';
    for await (const chunk of response.body!) {
      rest += Buffer.from(chunk).toString('utf8');
      for (let end = rest.indexOf('\n\n'); end !== -1; end = rest.indexOf('\n\n')) {
        const lines = rest.slice(0, end).split('\n');
        rest = rest.slice(end + 2);
        last = lines.find(line => line.startsWith('id: '))?.slice(4) ?? last;
        const data = lines.find(line => line.startsWith('data: '))?.slice(6);
        assert.ok(!lines.includes('event: reset'));
        if (data !== undefined) heard.push(JSON.parse(data));
      }
    }
  };
  const done = (async () => {
    while (!stopped) {
      await once().catch(error => {
        if (error instanceof assert.AssertionError) throw error;
      });
      await new Promise<void>(resolve => setTimeout(resolve, 20));
    }
  })();
  return {
    heard,
    comes: () => comes,
    begun: () => last !== null,
    async end() {
      stopped = true;
      ending.abort();
      await done;
    },
  };
}

/** Seqs of each conversation in the order in which they were first heard. */
function firstHeard(events: readonly Event[]): Map<string, number[]> {
  const seen = new Set<string>();
  const order = new Map<string, number[]>();
  for (const { id, seq, conversation } of events) {
    if (seen.has(id)) continue;
    seen.add(id);
    order.set(conversation!.id, [...(order.get(conversation!.id) ?? []), seq]);
  }
  return order;
}

test('no event is lost or out of order, whatever goes down', { timeout: 180_000 }, async context => {
  const receiver = await openReceiver(context);
  await withDaemon({ settings: { 'hooks.allow_private': true, 'log.level': 'info' } }, async daemon => {
    await addAccount(daemon);
    const { key } = await daemon.json<ApiKey & { key: string }>(['key', 'add', 'acme']);
    await daemon.json(['hook', 'add', 'acme', receiver.url()]);
    const reader = follow(daemon, key);
    await eventually('the reader is there', reader.begun);
    const ask = async <T>(place: string, body: unknown, name: string): Promise<T> =>
      eventually(`${place} is done`, async () => {
        const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'idempotency-key': name };
        const url = `http://${daemon.listening.http}${place}`;
        const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
        return response.ok ? ((await response.json()) as T) : null;
      });
    let added = 0;
    const talks = Array.from({ length: CONVERSATIONS }, async (_, talk) => {
      const { id } = await ask<Conversation>('/v1/conversations', { channel: 'api', contact: {} }, `c${talk}`);
      for (let i = 0; i < MESSAGES; i += 1) {
        const body = { direction: 'incoming', text: `${i}` };
        await ask(`/v1/conversations/${id}/messages`, body, `c${talk}m${i}`);
        added += 1;
      }
      return id;
    });
    await eventually('a quarter is said', () => added > (CONVERSATIONS * MESSAGES) / 4);
    receiver.down();
    await eventually('half is said', () => added > (CONVERSATIONS * MESSAGES) / 2);
    await daemon.kill();
    await daemon.start();
    await receiver.up();
    const ids = await Promise.all(talks);
    const expected = Array.from({ length: MESSAGES + 1 }, (_, i) => i + 1);
    await eventually(
      'all is posted',
      () => ids.every(id => firstHeard(receiver.heard).get(id)?.length === MESSAGES + 1),
      {
        within: 60_000,
      },
    );
    await eventually('all is streamed', () => reader.heard.length >= CONVERSATIONS * (MESSAGES + 1));
    await reader.end();
    for (const id of ids) {
      assert.deepEqual(firstHeard(receiver.heard).get(id), expected);
      assert.deepEqual(firstHeard(reader.heard).get(id), expected);
    }
    assert.equal(reader.heard.length, CONVERSATIONS * (MESSAGES + 1), 'the stream repeats nothing');
    assert.ok(reader.comes() >= 2);
  });
});
