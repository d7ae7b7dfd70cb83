import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { createLog, type Log } from '#replyd/base/log.js';
import type { Courier } from '#replyd/conversation/ports.js';
import type { Store } from '#replyd/conversation/store.js';
import { openComposer } from '#replyd/outbound/composer.js';
import { openQueue, type Queue } from '#replyd/outbound/queue.js';
import { createSmtpCourier } from '#replyd/outbound/smtp.js';
import { openStore } from '#replyd/store/sqlite/open.js';
import { FakeTime } from './memory-queue.js';
import { type Script, type SmtpSink, startSink } from './smtp-sink.js';

// An answer's whole way out, with the real store, queue, courier and a sink: nothing in between is made up.

interface WayOut {
  readonly store: Store;
  readonly sink: SmtpSink;
  readonly time: FakeTime;
  readonly conversationId: string;
  /** Resolves with the log line of the next such event, or of one that was not waited for yet. */
  event(name: string): Promise<Record<string, unknown>>;
  startQueue(courier?: Courier): Queue;
}

async function wayOut(t: TestContext, script: Script = {}): Promise<WayOut> {
  const dataDir = mkdtempSync(path.join(os.tmpdir(), 'replyd-out-'));
  const rules = {
    prefixes: ['reply'],
    separator: '+',
    delay: 120_000,
    maxSize: 10_000_000,
    responseBytes: 8_388_608,
  } as const;
  const store = await openStore({ dataDir, writer: 'thread', rules, migrate: true });
  const sink = await startSink(script);
  const time = new FakeTime();
  // The store's own clock goes on: what it writes must be due, however slow the machine is.
  time.now = Date.now() + 3_600_000;
  const lines: Record<string, unknown>[] = [];
  let arrived = () => {};
  const log: Log = createLog('debug', 'json', {
    write: line => {
      lines.push(JSON.parse(line));
      arrived();
    },
  });
  const event = async (name: string) => {
    for (;;) {
      const index = lines.findIndex(line => line.event === name);
      if (index >= 0) return lines.splice(index, 1)[0]!;
      await new Promise<void>(resolve => {
        arrived = resolve;
      });
    }
  };
  const closers: (() => Promise<void>)[] = [];
  t.after(async () => {
    for (const close of closers.reverse()) await close();
    await sink.close();
    await store.close();
    rmSync(dataDir, { recursive: true });
  });
  const startQueue = (courier = createSmtpCourier({ host: '127.0.0.1', port: sink.port, tls: 'none' })) => {
    const queue = openQueue({
      store,
      courier,
      destination: 'smarthost',
      concurrency: 5,
      schedule: { waits: [60_000], giveUpAfter: 3_600_000 },
      clock: time.clock,
      random: bytes => new Uint8Array(bytes),
      log,
      timers: time,
    });
    closers.push(
      () => courier.close(),
      () => queue.close(),
    );
    return queue;
  };

  await store.addAccount({ slug: 'acme', domains: ['reply.example.com'], support_email: 'support@example.com' });
  const { id } = await store.startConversation({
    account: 'acme',
    channel: 'web_widget',
    contact: { email: 'anna@customer.example', name: 'Anna' },
    text: 'Where is my parcel?',
    via: 'cli',
  });
  await store.addMessage(
    { id },
    {
      direction: 'outgoing',
      text: 'On its **way**',
      mail: 'now',
      agent: { name: 'Nora' },
      cc: [{ name: 'Bert', email: 'bert@customer.example' }],
      via: 'cli',
    },
  );
  const composer = openComposer({
    store,
    folder: dataDir,
    clock: time.clock,
    log,
    settings: () => ({ context: 10, history: 3, envelopeSender: 'bounce', maxSize: 10_000_000, page: null }),
    onComposed: () => {},
  });
  composer.wake();
  await event('queued');
  await composer.close();
  return { store, sink, time, conversationId: id, event, startQueue };
}

function field(data: string, name: string): string {
  const unfolded = data.split('\r\n\r\n')[0]!.replaceAll(/\r\n[ \t]/g, ' ');
  return unfolded.split('\r\n').find(line => line.startsWith(`${name}:`)) ?? '';
}

test('one mail for two readers: same bytes, own Reply-To, own bounce address', async t => {
  const at = await wayOut(t);
  at.startQueue();
  await at.event('sent');
  await at.event('sent');
  const [anna, bert] = [...at.sink.mails].sort((a, b) => (a.rcptTo < b.rcptTo ? -1 : 1));
  assert.ok(anna && bert);
  assert.deepEqual([anna.rcptTo, bert.rcptTo], ['anna@customer.example', 'bert@customer.example']);
  const [reply1, reply2] = [field(anna.data, 'Reply-To'), field(bert.data, 'Reply-To')];
  for (const reply of [reply1, reply2]) assert.match(reply, /<reply\+[0-9a-f]{32}@reply\.example\.com>$/);
  assert.notEqual(reply1, reply2);
  const body = (data: string) => data.slice(data.indexOf('X-Replyd-Loop'));
  assert.equal(body(anna.data), body(bert.data));
  for (const sender of [anna.mailFrom, bert.mailFrom])
    assert.match(sender, /^bounce\+[0-9a-f]{32}@reply\.example\.com$/);
  assert.notEqual(anna.mailFrom, bert.mailFrom);
  assert.doesNotMatch(body(anna.data), /(?:reply|bounce)\+/);
  const { messages } = await at.store.conversation({ id: at.conversationId });
  const answer = messages!.at(-1)!;
  assert.equal(answer.mail.state, 'sent');
  assert.deepEqual(
    answer.deliveries.map(each => [each.state, each.attempts]),
    [
      ['sent', 1],
      ['sent', 1],
    ],
  );
  assert.equal(`Message-ID: <${answer.message_id}>`, field(anna.data, 'Message-ID'));
});

test('trouble counts no attempt and fails nobody; the probe releases all', async t => {
  const at = await wayOut(t, { greeting: ['554 no', '554 no', '220 hello'] });
  at.startQueue();
  await at.event('trouble');
  await at.event('deferred');
  await at.event('deferred');
  const waiting = await at.store.deliveries({ limit: 10 });
  assert.deepEqual((await at.store.destination('smarthost')).paused, 'trouble');
  assert.deepEqual(
    waiting.map(each => [each.state, each.attempts]),
    [
      ['waiting', 0],
      ['waiting', 0],
    ],
  );
  await at.time.advance(20_000);
  await at.event('sent');
  await at.event('sent');
  assert.equal((await at.store.destination('smarthost')).paused, null);
  assert.equal(at.sink.mails.length, 2);
});

test('a process that died between hand-over and store sends the same bytes again, and nothing else', async t => {
  const at = await wayOut(t);
  // Leased and handed over, never settled.
  const parcels = await at.store.lease('smarthost', { now: at.time.now, limit: 10 });
  const first = createSmtpCourier({ host: '127.0.0.1', port: at.sink.port, tls: 'none', connections: 1 });
  for (const parcel of parcels) assert.equal((await first.deliver(parcel)).kind, 'sent');
  await first.close();
  assert.equal(await at.store.voidLeases(), 2);
  at.startQueue();
  await at.event('sent');
  await at.event('sent');
  const seen = at.sink.mails.map(mail => JSON.stringify(mail));
  assert.equal(seen.length, 4);
  assert.equal(new Set(seen).size, 2);
});

test('a refused recipient fails alone, with the smarthost’s words', async t => {
  const at = await wayOut(t, { RCPT: ['550 5.1.1 no such user', '250 ok'] });
  at.startQueue();
  await at.event('sent');
  await at.event('failed');
  const { messages } = await at.store.conversation({ id: at.conversationId });
  const states = messages!
    .at(-1)!
    .deliveries.map(each => [each.state, each.smtp_response])
    .sort();
  assert.deepEqual(states, [
    ['failed', '550 5.1.1 no such user'],
    ['sent', '250 2.0.0 queued as 1'],
  ]);
});
