/** Answers that hold messages end when their bytes are used up, and say where they go on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { threadView } from '#replyd/cli/terminal/thread.js';
import { pageBudget } from '#replyd/conversation/page.js';
import { destinationOf, filing, reading } from '../store/contract.js';
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

test('people who read a conversation that does not fit are told how much is missing and where it is', async context => {
  const served = await serve(context);
  const id = await largeConversation(served);
  const conversation = await served.store.conversation({ id });
  const { earlier_messages: earlier } = conversation;
  assert.ok(earlier! > 1);
  const [, missing, place] = threadView(conversation, 80)
    .split('\n\n')[1]!
    .match(/^(.*)\n(.*)\n/)!;
  assert.equal(missing, `… ${earlier} earlier messages not shown: too large for one answer. The API lists all:`);
  assert.equal(place, `GET /v1/conversations/${id}/messages`);
  assert.ok(!threadView({ ...conversation, earlier_messages: 0 }, 80).includes('not shown'));
});

test('an event with a very long mail is shortened, says so, and says where the whole is; its webhook too', async context => {
  const { store, call, acme } = await serve(context);
  const { reply_to } = await startConversation(store);
  const hook = (await store.addHook({ account: 'acme', url: 'https://app.example/hook' })).hook.id;
  const before = await store.latestEvent();
  const file = async (text: string) =>
    store.file(
      filing([await destinationOf(store, reply_to!)], reading({ text, messageId: `${text.length}@x.example` })),
    );
  // Line ends are two characters of JSON each, and umlauts two bytes.
  const fits = 'ü'.repeat(400_000);
  const long = 'ü\n'.repeat(300_000);
  await file(fits);
  await file(long);
  const events = (await store.events({ after: before, limit: 10 })).filter(each => each.type === 'message.created');
  const [whole, shortened] = events;
  assert.equal(whole!.message!.text, fits);
  assert.equal(whole!.data.shortened, undefined);
  assert.equal(shortened!.message!.text, `${long.slice(0, 16 * 1024)} […]`);
  assert.equal(shortened!.data.shortened, true);
  const place = shortened!.data.whole as string;
  const { body } = await call(acme, 'GET', place);
  assert.equal((body as unknown as { text: string }).text, long);
  for (const expected of [whole, shortened]) {
    const [parcel] = await store.lease(hook, { now: Date.now(), limit: 1 });
    assert.ok(parcel?.kind === 'webhook');
    assert.deepEqual(JSON.parse(parcel.body), expected);
    const outcome = { kind: 'sent', response: '200' } as const;
    await store.settle(parcel.deliveryId, outcome, { now: Date.now(), retryAt: null });
  }
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
