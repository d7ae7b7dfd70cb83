/**
 * What is told, with the receiver down for a while, the daemon killed with -9 in the middle, and a stream reader that
 * comes again each time: no event is missing and none is out of order within its conversation.
 */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { ApiKey, Conversation, Event } from '#replyd/conversation/model.js';
import { addAccount, withDaemon } from '../daemon-process.js';
import { eventually } from '../run.js';
import { firstHeard, follow } from './stream-reader.js';

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

test('no event is lost or out of order, whatever goes down', { timeout: 180_000 }, async context => {
  const receiver = await openReceiver(context);
  await withDaemon({ settings: { 'hooks.allow_private': true, 'log.level': 'info' } }, async daemon => {
    await addAccount(daemon);
    const { key } = await daemon.json<ApiKey & { key: string }>(['key', 'add', 'acme']);
    await daemon.json(['hook', 'add', 'acme', receiver.url()]);
    const reader = follow(() => `${daemon.listening.http}`, key);
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
