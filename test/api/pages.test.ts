/** Answers that hold messages end when their bytes are used up, and say where they go on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pageBudget } from '#replyd/conversation/page.js';
import { RULES, type Served, serve, startConversation } from './served.js';

const LARGE = 250_000;
const COUNT = 60;

async function largeConversation({ store }: Served): Promise<string> {
  const { id } = await startConversation(store);
  for (let at = 0; at < COUNT; at += 1) {
    // Line ends are two characters of JSON each.
    const text = `${at} ${'x\n'.repeat(LARGE / 2)}`;
    await store.addMessage({ id }, { direction: 'note', text, via: 'api' });
  }
  return id;
}

test('a budget lets through what fits, and always the first', () => {
  const fits = pageBudget(10);
  assert.deepEqual(['12345678901', 'x'].map(fits), [true, false]);
  assert.deepEqual(['1', '2', '34567', '8'].map(pageBudget(10)), [true, true, false, false]);
});

test('a list of large messages comes in several pages and misses none', async context => {
  const served = await serve(context);
  const { call, acme } = served;
  const id = await largeConversation(served);
  const seqs: number[] = [];
  let pages = 0;
  for (let cursor: string | null = '0'; cursor !== null; pages += 1) {
    const { text, body } = await call(acme, 'GET', `/v1/conversations/${id}/messages?limit=200&cursor=${cursor}`);
    assert.ok(Buffer.byteLength(text) < RULES.responseBytes + 1000, `${text.length} bytes`);
    seqs.push(...body.data.map(each => each.seq));
    cursor = body.next_cursor;
  }
  assert.deepEqual(
    seqs,
    Array.from({ length: COUNT + 1 }, (_, at) => at + 1),
  );
  assert.equal(pages, 3);
});

test('a shown conversation has the newest messages that fit, and says how many came before', async context => {
  const served = await serve(context);
  const { call, acme } = served;
  const id = await largeConversation(served);
  const { text, body } = await call(acme, 'GET', `/v1/conversations/${id}?messages=500`);
  const { messages, earlier_messages } = body as typeof body & { earlier_messages: number };
  assert.ok(Buffer.byteLength(text) < RULES.responseBytes + 5000 && messages.length > 10);
  assert.equal(messages.at(-1)!.seq, COUNT + 1);
  assert.equal(earlier_messages, COUNT + 1 - messages.length);
  assert.equal(messages[0]!.seq, earlier_messages + 1);
  const none = (await call(acme, 'GET', `/v1/conversations/${id}?messages=0`)).body as typeof body & {
    earlier_messages: number;
  };
  assert.deepEqual([none.messages, none.earlier_messages], [[], COUNT + 1]);
});

test('events of large messages are read in parts, by the stream too', async context => {
  const served = await serve(context, { streamTimeout: 60_000 });
  const { store, url, acme } = served;
  const first = await store.latestEvent();
  await largeConversation(served);
  const part = await store.events({ after: first, limit: 200 });
  assert.ok(part.length > 10 && part.length < COUNT && JSON.stringify(part).length < RULES.responseBytes + 1000);
  const ending = new AbortController();
  const headers = { authorization: `Bearer ${acme}`, 'last-event-id': first };
  const stream = await fetch(`${url}/v1/events`, { headers, signal: ending.signal });
  let created = 0;
  let rest = '';
  for await (const chunk of stream.body!) {
    const text = rest + Buffer.from(chunk).toString('latin1');
    created += text.split('\nevent: message.created\n').length - 1;
    rest = text.slice(-30).replace('\nevent: message.created\n', '');
    if (created > COUNT) break;
  }
  ending.abort();
  assert.equal(created, COUNT + 1);
});

test('limits.response_bytes says how much one answer holds, and a reload changes it', async context => {
  const responseBytes = 2_000_000;
  const limits = () => ({ requests: 100_000, body: 8_000_000, response: responseBytes });
  const served = await serve(context, { limits });
  const { call, acme, store } = served;
  const after = await store.latestEvent();
  const id = await largeConversation(served);
  await store.setRules({ ...RULES, responseBytes });
  for (const place of [`/v1/conversations/${id}/messages?limit=200`, `/v1/conversations/${id}?messages=500`]) {
    const { text } = await call(acme, 'GET', place);
    assert.ok(text.length > 1_000_000 && text.length < responseBytes + 5000, `${place}: ${text.length}`);
  }
  const events = await store.events({ after, limit: 200 });
  assert.ok(JSON.stringify(events).length < responseBytes + 1000);
});
