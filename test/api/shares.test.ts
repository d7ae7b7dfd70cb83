/** What one account may have in work at a time, and what its bodies and cursors may be. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { parseBody } from '#replyd/api/body-parse.js';
import { cursorsFor } from '#replyd/api/cursor.js';
import { createShares, type ShareLimits } from '#replyd/api/shares.js';
import type { Caller } from '#replyd/conversation/ports.js';
import { eventually } from '../run.js';
import { serve, startConversation } from './served.js';

const MIB = 1024 * 1024;
const LIMITS: ShareLimits = {
  inWork: 10,
  bytes: 100,
  largest: 0,
  all: 1_000,
  reserve: 0,
  waiting: 10,
  wait: 60_000,
  givesWay: true,
  rest: 0,
};

function client(stalled = false) {
  const seen = { cut: false };
  return {
    seen,
    exchange: {
      signal: new AbortController().signal,
      stalls: () => stalled,
      cut() {
        seen.cut = true;
      },
    },
  };
}

test('requests of one account wait for their turn, those of others do not', async () => {
  const shares = createShares({ ...LIMITS, inWork: 2, waiting: 1 });
  const [first] = await Promise.all([1, 2].map(() => shares.enter('acme', client().exchange)));
  const order: string[] = [];
  const third = shares.enter('acme', client().exchange).then(turn => {
    order.push('third');
    return turn;
  });
  await assert.rejects(shares.enter('acme', client().exchange), /Too many requests of this account/);
  await shares.enter('other', client().exchange);
  order.push('other');
  first!.end();
  first!.end();
  await third;
  assert.deepEqual(order, ['other', 'third']);
});

test('an account has so many bytes that nobody took; whoever takes nothing gives way', async () => {
  const shares = createShares({ ...LIMITS, largest: 1 });
  const [deaf, reading] = [client(true), client()];
  const turn = await shares.enter('acme', deaf.exchange);
  const other = await shares.enter('acme', reading.exchange);
  turn.answers(90);
  other.answers(10);
  const next = shares.enter('acme', client().exchange);
  await eventually('the deaf one is cut', () => deaf.seen.cut || undefined);
  turn.end();
  await next;
  assert.ok(!reading.seen.cut);
});

test('an answer that is being made counts as a large one', async () => {
  const shares = createShares({ ...LIMITS, largest: 40, wait: 20 });
  const first = await shares.enter('acme', client().exchange);
  await shares.enter('acme', client().exchange);
  await assert.rejects(shares.enter('acme', client().exchange), /Too many requests/);
  first.answers(10);
  await shares.enter('acme', client().exchange);
});

test('an account rests as long as its answer took to make', async () => {
  const shares = createShares({ ...LIMITS, rest: 10_000 });
  const turn = await shares.enter('acme', client().exchange);
  const until = performance.now() + 50;
  while (performance.now() < until);
  turn.answers(1);
  turn.end();
  const made = performance.now();
  await shares.enter('other', client().exchange);
  assert.ok(performance.now() - made < 45, 'another account waits for none of it');
  await shares.enter('acme', client().exchange);
  assert.ok(performance.now() - made >= 45);
});

test('who holds nothing is answered beside accounts that have used up the rest', async () => {
  const shares = createShares({ ...LIMITS, largest: 10, all: 150, reserve: 50 });
  const [deaf, slow] = [client(true), client()];
  const held = await shares.enter('acme', deaf.exchange);
  held.answers(90);
  (await shares.enter('umbra', slow.exchange)).answers(60);
  const more = shares.enter('umbra', { ...client().exchange, signal: AbortSignal.timeout(400) });
  await assert.rejects(more, /Too many requests/);
  assert.ok(!deaf.seen.cut);
  (await shares.enter('honest', client().exchange)).answers(45);
  const last = shares.enter('last', client().exchange);
  await eventually('the deaf one of another account is cut', () => deaf.seen.cut || undefined);
  held.end();
  await last;
  assert.ok(!slow.seen.cut);
});

test('whoever waits too long, or goes away, waits no more', async () => {
  const shares = createShares({ ...LIMITS, inWork: 1, wait: 20, givesWay: false });
  const turn = await shares.enter('acme', client(true).exchange);
  await assert.rejects(shares.enter('acme', client().exchange), /Too many requests/);
  const gone = new AbortController();
  const left = shares.enter('acme', { ...client().exchange, signal: gone.signal });
  gone.abort();
  await assert.rejects(left);
  turn.end();
  await shares.enter('acme', client().exchange);
});

test('deaf readers of large answers hold nobody else up', async context => {
  const { url, acme, other, store, call } = await serve(context);
  const { id } = await startConversation(store);
  for (let count = 0; count < 40; count += 1)
    await store.addMessage({ id }, { direction: 'note', text: 'long '.repeat(40_000), via: 'api' });
  const { port } = new URL(url);
  for (let count = 0; count < 40; count += 1) {
    const socket = connect({ host: '127.0.0.1', port: Number(port) });
    context.after(() => socket.destroy());
    socket.on('error', () => {});
    socket.pause();
    socket.write(
      `GET /v1/conversations/${id}/messages?limit=200 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${acme}\r\n\r\n`.repeat(
        3,
      ),
    );
  }
  assert.equal((await call(other, 'GET', '/v1/conversations')).status, 200);
  assert.equal((await call(other, 'POST', '/v1/conversations', { channel: 'api', contact: {} })).status, 201);
});

test('JSON beside attachments is bounded before it becomes a value', () => {
  const parse = (text: string) => parseBody(Buffer.from(text), bytes => ({ bytes }));
  const list = (element: string) => `{"messages":[${`${element},`.repeat((4 * MIB) / (element.length + 1))}0]}`;
  for (const element of ['{}', '[]', 'null', '""', '"\\\\"', '1e99', '"words with spaces, forty of them or so"'])
    assert.throws(() => parse(list(element)), /more than 2097152 bytes of JSON/, element);
  const content = Buffer.alloc(3 * MIB, 7).toString('base64');
  for (const written of [content, content.replaceAll('/', '\\/'), content.replaceAll(/.{76}/g, '$&\\r\\n')]) {
    const { parts } = parse(`{"text":"\\\\\\"","attachments":[{"content":"${written}"},{"content":"${written}"}]}`);
    assert.deepEqual(
      parts.map(part => part.size),
      [3 * MIB, 3 * MIB],
    );
  }
  assert.throws(() => parse(`{"text":"${'x'.repeat(3 * MIB)}`), /more than|no JSON/);
  assert.throws(() => parse(`{"text":"${' x'.repeat(2 * MIB)}"}`), /more than 2097152 bytes/);
});

test('only a body with attachments may be large', async context => {
  const { call, acme, store } = await serve(context);
  const { id } = await startConversation(store);
  const metadata = { a: 'x'.repeat(300_000) };
  assert.equal((await call(acme, 'PATCH', `/v1/conversations/${id}`, { metadata })).status, 413);
  const place = `/v1/conversations/${id}/messages`;
  assert.equal((await call(acme, 'POST', place, { direction: 'note', text: 'x'.repeat(260_000) })).status, 201);
  const much = `{"direction":"note","text":"x","attachments":[${'{},'.repeat(1_000_000)}{}]}`;
  assert.equal((await call(acme, 'POST', place, much)).status, 413);
  const many = await call(acme, 'POST', place, `{"direction":"note","text":"x","cc":[${'{},'.repeat(60_000)}{}]}`);
  assert.match(many.body.detail, /\/cc: It must not have more than 50 items/);
  const fields = Array.from({ length: 5000 }, (_, index) => [`f${index}`, 1]);
  const unknown = await call(acme, 'POST', place, Object.fromEntries(fields));
  assert.match(unknown.body.detail, /\/f0: There is no such field here, only direction/);
});

test('a cursor is good for its account and its list alone', async context => {
  const key = new Uint8Array(32);
  const caller = (accounts: readonly string[] | null) => ({ kind: 'key', id: 'key_1', accounts }) as unknown as Caller;
  const mine = cursorsFor(key, caller(['acme']), '/v1/contacts');
  const cursor = mine.seal('ct_00000000000');
  assert.equal(mine.open(cursor), 'ct_00000000000');
  const others = [
    cursorsFor(key, caller(['other']), '/v1/contacts'),
    cursorsFor(key, caller(null), '/v1/contacts'),
    cursorsFor(key, caller(['acme']), '/v1/deliveries'),
    cursorsFor(new Uint8Array(32).fill(1), caller(['acme']), '/v1/contacts'),
  ];
  for (const each of others) assert.throws(() => each.open(cursor), /none of ours/);
  const bytes = Buffer.from(cursor, 'base64url');
  for (let at = 0; at < bytes.length; at += 1) {
    const altered = Buffer.from(bytes);
    altered[at]! ^= 1;
    assert.throws(() => mine.open(altered.toString('base64url')), /none of ours/);
  }
  for (const forged of ['', 'x', '0', 'ct_00000000000', Buffer.from('ct_00000000000').toString('base64url')])
    assert.throws(() => mine.open(forged), /none of ours/, forged);
  assert.equal(cursorsFor(key, caller(['acme']), '/v1/conversations/1/messages').open('12'), '12');

  const { call, acme, other, store } = await serve(context);
  for (let count = 0; count < 3; count += 1) await startConversation(store);
  const page = await call(acme, 'GET', '/v1/conversations?limit=1');
  const next = `/v1/conversations?limit=1&cursor=${page.body.next_cursor}`;
  assert.equal((await call(acme, 'GET', next)).status, 200);
  assert.equal((await call(other, 'GET', next)).status, 422);
  assert.equal((await call(acme, 'GET', next.replace('conversations', 'contacts'))).status, 422);
});
