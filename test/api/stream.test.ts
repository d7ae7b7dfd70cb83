/** The event stream over a real socket: nothing lost, nothing twice, however readers come and go. */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createLog } from '#replyd/base/log.js';
import { eventually } from '../run.js';
import { type Served, serve, startConversation } from './served.js';

interface Reader {
  /** What came so far: id, type and the data's seq. */
  readonly events: { readonly id: string; readonly type: string; readonly seq: number; readonly text: string }[];
  /** The last id, as a browser keeps it. */
  readonly last: () => string;
  readonly ended: () => boolean;
  end(): void;
}

async function read(
  context: TestContext,
  served: Served,
  key: string,
  lastEventId?: string,
  query = '',
): Promise<Reader> {
  const ending = new AbortController();
  const headers = {
    authorization: `Bearer ${key}`,
    ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
  };
  const response = await fetch(`${served.url}/v1/events${query}`, { headers, signal: ending.signal });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'text/event-stream');
  const events: Reader['events'] = [];
  let last = '';
  let ended = false;
  const take = (block: string) => {
    const fields = new Map(
      block.split('\n').map(line => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
    );
    last = fields.get('id') ?? last;
    const type = fields.get('event');
    if (type === undefined) return;
    const data = JSON.parse(fields.get('data')!);
    events.push({ id: last, type, seq: data.seq ?? 0, text: data.message?.text ?? '' });
  };
  void (async () => {
    let rest = '';
    try {
      for await (const chunk of response.body!) {
        rest += Buffer.from(chunk).toString('utf8');
        for (let end = rest.indexOf('\n\n'); end !== -1; end = rest.indexOf('\n\n')) {
          take(rest.slice(0, end));
          rest = rest.slice(end + 2);
        }
      }
    } catch {
      // Ended by this side, or cut off by the other.
    }
    ended = true;
  })();
  context.after(() => ending.abort());
  await eventually('the stream has begun', () => last !== '');
  return { events, last: () => last, ended: () => ended, end: () => ending.abort() };
}

const note = (served: Served, id: string, text: string) =>
  served.store.addMessage({ id }, { direction: 'note', text, via: 'api' });

test('a reader hears what happens from now on, in his account alone', async context => {
  const served = await serve(context);
  const { id } = await startConversation(served.store);
  const mine = await read(context, served, served.acme);
  const theirs = await read(context, served, served.other);
  const all = await read(context, served, served.operator);
  await note(served, id, 'one');
  await served.store.startConversation({ account: 'other', channel: 'api', contact: {}, via: 'api' });
  await note(served, id, 'two');
  await eventually(
    'all is told',
    () => all.events.length === 3 && mine.events.length === 2 && theirs.events.length === 1,
  );
  assert.deepEqual(
    mine.events.map(each => [each.type, each.seq, each.text]),
    [
      ['message.created', 3, 'one'],
      ['message.created', 4, 'two'],
    ],
  );
  assert.deepEqual(
    theirs.events.map(each => each.type),
    ['conversation.created'],
  );
});

test('a reader that comes and goes while things happen misses nothing and hears nothing twice', async context => {
  const served = await serve(context);
  const { id } = await startConversation(served.store);
  const heard: string[] = [];
  let last = (await read(context, served, served.acme)).last();
  let writing = true;
  const writer = (async () => {
    for (let i = 0; i < 600; i += 1) {
      await note(served, id, `note ${i}`);
      if (i % 7 === 0) await new Promise<void>(resolve => setImmediate(resolve));
    }
    writing = false;
  })();
  while (writing || heard.length < 600) {
    const reader = await read(context, served, served.acme, last);
    await eventually('something came', () => reader.events.length > 0 || !writing);
    reader.end();
    await eventually('it ended', reader.ended);
    heard.push(...reader.events.map(each => each.text));
    last = reader.last();
    assert.ok(heard.length <= 600);
  }
  await writer;
  assert.deepEqual(
    heard,
    Array.from({ length: 600 }, (_, i) => `note ${i}`),
  );
});

test('who was away longer than events are kept is told so, and goes on from now', async context => {
  const served = await serve(context);
  const { id } = await startConversation(served.store);
  const first = await read(context, served, served.acme);
  // Before it hears of the next one.
  const last = first.last();
  await note(served, id, 'lost');
  await served.store.clearEvents({ before: Date.now() + 60_000, answersBefore: 0, limit: 100 });
  for (const place of [last, 'nonsense', 'ev_zzzzzzzzzz0']) {
    const reader = await read(context, served, served.acme, place);
    await note(served, id, 'new');
    await eventually('both came', () => reader.events.length === 2);
    assert.deepEqual(
      reader.events.map(each => [each.type, each.text]),
      [
        ['reset', ''],
        ['message.created', 'new'],
      ],
    );
    reader.end();
  }
});

test('a reader that takes nothing is cut off, and the others hear on', async context => {
  const lines: string[] = [];
  // Long enough for the eager one on a busy machine.
  const log = createLog('warn', 'json', { write: line => lines.push(line) });
  const served = await serve(context, { log, streamTimeout: 5_000 });
  const { id } = await startConversation(served.store);
  const { hostname, port } = new URL(served.url);
  const lazy: Socket = connect(Number(port), hostname);
  context.after(() => lazy.destroy());
  lazy.write(`GET /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${served.acme}\r\n\r\n`);
  await new Promise<void>(resolve => lazy.once('data', () => resolve()));
  lazy.pause();
  const eager = await read(context, served, served.acme);
  const text = 'x'.repeat(200_000);
  let closed = false;
  lazy.on('close', () => {
    closed = true;
  });
  lazy.on('error', () => {});
  for (let i = 0; i < 60; i += 1) await note(served, id, text);
  await eventually('the eager one heard all', () => eager.events.length === 60);
  await eventually('the lazy one is given up', () => lines.some(line => line.includes('too slow')));
  assert.equal(lines.length, 1);
  lazy.resume();
  await eventually('the lazy one was cut off', () => closed);
});

test('two hundred readers hear the same', async context => {
  const served = await serve(context);
  const { id } = await startConversation(served.store);
  const readers = await Promise.all(Array.from({ length: 200 }, () => read(context, served, served.acme)));
  for (let i = 0; i < 10; i += 1) await note(served, id, `${i}`);
  await eventually('all heard', () => readers.every(each => each.events.length === 10));
  for (const { events } of readers) assert.deepEqual(events, readers[0]!.events);
});

test('readers that fell behind together hear all of it, and the store is hardly asked more often than for one', async context => {
  const served = await serve(context);
  const { id } = await startConversation(served.store);
  const first = await read(context, served, served.acme);
  const place = first.last();
  first.end();
  await eventually('it is gone', () => first.ended());
  for (let i = 0; i < 10; i += 1) await note(served, id, `${i} ${'x'.repeat(100_000)}`);
  const asked = new Map<string, number>();
  const { events } = served.store;
  Object.assign(served.store, {
    events: (query: Parameters<typeof events>[0]) => {
      if (query.account !== undefined) asked.set(query.after, (asked.get(query.after) ?? 0) + 1);
      return events(query);
    },
  });
  const readers = await Promise.all(Array.from({ length: 20 }, () => read(context, served, served.acme, place)));
  await eventually('all heard', () => readers.every(each => each.events.length === 10));
  for (const reader of readers) assert.deepEqual(reader.events, readers[0]!.events);
  const times = [...asked.values()].reduce((sum, each) => sum + each, 0);
  assert.ok(times >= 10, `asked ${times} times for the events of the account`);
  assert.ok(times < 100, `asked ${times} times, and 200 would be each reader by itself`);
});

test('an end of the daemon ends the streams properly', async context => {
  const served = await serve(context);
  const reader = await read(context, served, served.acme);
  served.stream.close();
  await eventually('it ended', reader.ended);
  assert.equal((await served.call(served.acme, 'GET', '/v1/events')).status, 503);
});

test('a reader hears of the types and the conversation that it asks for, also of what it missed', async context => {
  const served = await serve(context);
  const { store, acme, operator } = served;
  const [one, two] = [await startConversation(store), await startConversation(store)];
  const from = await store.latestEvent();
  const filters: readonly (readonly [string, string, readonly string[]])[] = [
    [acme, '?types=message.created', ['one', 'two', 'one again']],
    [acme, '?types=conversation.updated,message.updated', ['', '']],
    [acme, `?conversation=${one.id}`, ['one', '', 'one again']],
    [acme, `?conversation=${two.number}&types=message.created`, ['two']],
    [operator, `?conversation=acme:${two.number}&types=conversation.updated`, ['']],
    [operator, '?types=message.created&account=acme', ['one', 'two', 'one again']],
  ];
  const live = await Promise.all(filters.map(([key, query]) => read(context, served, key, undefined, query)));
  await note(served, one.id, 'one');
  await store.setConversation({ id: one.id }, { subject: 'A' });
  await note(served, two.id, 'two');
  await store.setConversation({ id: two.id }, { subject: 'B' });
  await note(served, one.id, 'one again');
  const late = await Promise.all(filters.map(([key, query]) => read(context, served, key, from, query)));
  for (const [at, [, query, texts]] of filters.entries()) {
    for (const reader of [live[at]!, late[at]!]) {
      await eventually(query, () => reader.events.length >= texts.length);
      assert.deepEqual(
        reader.events.map(({ text }) => text),
        texts,
        query,
      );
    }
  }
  const status = async (key: string, query: string) => (await served.call(key, 'GET', `/v1/events?${query}`)).status;
  assert.equal(await status(acme, 'types=message.created,nothing'), 422);
  assert.equal(await status(acme, 'types='), 422);
  assert.equal(await status(served.other, `conversation=${one.id}`), 404);
  assert.equal(await status(acme, 'conversation=4711'), 404);
});

test('a reader who catches up with few of many events reads pages, not one by one', async context => {
  const served = await serve(context);
  const { store } = served;
  const [one, two] = [await startConversation(store), await startConversation(store)];
  const from = await store.latestEvent();
  for (let count = 0; count < 200; count += 1) await note(served, one.id, `note ${count}`);
  await note(served, two.id, 'the last');
  let reads = 0;
  const { events } = store;
  Object.assign(store, {
    events: (filter: Parameters<typeof events>[0]) => {
      reads += 1;
      return events(filter);
    },
  });
  const reader = await read(context, served, served.acme, from, `?conversation=${two.id}`);
  await eventually('it has the last', () => reader.events.length === 1);
  assert.ok(reads < 20, `${reads} reads`);
});

test('a reader of a quiet conversation is told how far he has heard, and resumes there', async context => {
  const served = await serve(context, { heartbeat: 20 });
  const { store, acme } = served;
  const [quiet, busy] = [await startConversation(store), await startConversation(store)];
  const query = `?conversation=${quiet.id}`;
  const reader = await read(context, served, acme, undefined, query);
  const begun = reader.last();
  await note(served, busy.id, 'elsewhere');
  const latest = await store.latestEvent();
  assert.notEqual(latest, begun);
  await eventually('he is told', () => reader.last() === latest);
  assert.deepEqual(reader.events, []);
  reader.end();
  await note(served, quiet.id, 'at last');
  const again = await read(context, served, acme, latest, query);
  await eventually('it comes', () => again.events.length > 0);
  assert.deepEqual(
    again.events.map(({ text }) => text),
    ['at last'],
  );
});
