/** Whoever remembers his place in the events misses nothing, whichever processes write; keys rise, also side by side. */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { all } from '#replyd/store/all.js';
import { encodeId, type KeyMaker, keyAt, keyMaker, PROCESSES } from '#replyd/store/ids.js';
import { runBatch, runInTransaction } from '#replyd/store/sqlite/batch.js';
import { openDatabase } from '#replyd/store/sqlite/database.js';
import { openStore } from '#replyd/store/sqlite/open.js';
import { sqliteTx } from '#replyd/store/sqlite/tx.js';
import { looksAtStream } from '#replyd/store/stream.js';
import { RULES } from '../rules.js';

const WRITER = fileURLToPath(new URL('./stream-writer.js', import.meta.url));
const EACH = 60;

async function makeStore(context: TestContext) {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'replyd-stream-'));
  const store = await openStore({ dataDir, writer: 'thread', rules: RULES, migrate: true });
  context.after(async () => {
    await store.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  await store.addAccount({ slug: 'acme', domains: ['reply.example.com'], support_email: 'support@example.com' });
  const start = { account: 'acme', channel: 'api', contact: { email: 'carla@customer.example' }, via: 'cli' } as const;
  return { dataDir, store, conversation: (await store.startConversation(start)).id };
}

test('the daemon and two processes of the CLI write, and a reader misses nothing and sees nothing twice', async context => {
  const { dataDir, store, conversation } = await makeStore(context);
  const children = [1, 2].map(() => fork(WRITER, [dataDir, conversation, String(EACH)], { stdio: 'inherit' }));
  context.after(() => {
    for (const child of children) child.kill('SIGKILL');
  });
  const exits = children.map((child: ChildProcess) => once(child, 'exit'));
  let writing = true;
  const seen: string[] = [];
  const readOn = async () => {
    for (;;) {
      const events = await store.events({ after: seen.at(-1) ?? 'ev_00000000000', limit: 7 });
      seen.push(...events.map(event => event.id));
      if (events.length === 0 && !writing) return;
      if (events.length === 0) await new Promise(resolve => setImmediate(resolve));
    }
  };
  const reader = readOn();
  for (let count = 0; count < EACH; count += 1) {
    const say = (text: string) =>
      store.addMessage({ id: conversation }, { direction: 'note', text, via: 'api', agent: { name: 'A' } });
    await Promise.all([say(`a ${count}`), say(`b ${count}`), say(`c ${count}`)]);
  }
  assert.deepEqual(await Promise.all(exits), [
    [0, null],
    [0, null],
  ]);
  writing = false;
  await reader;
  const db = openDatabase(dataDir);
  context.after(() => db.close());
  const written = db.all<{ key: number }>('select key from event order by key').map(row => encodeId('event', row.key));
  assert.equal(written.length, 1 + 5 * EACH);
  assert.deepEqual(seen, written);
  assert.equal(await store.latestEvent(), seen.at(-1));
  const numbers = db.all<{ seq: number }>('select seq from event order by key').map(row => row.seq);
  assert.deepEqual(
    numbers,
    written.map((_, index) => index + 1),
  );
});

test('a key that another process made too: the transaction is repeated with new ones', async context => {
  const { dataDir, store, conversation } = await makeStore(context);
  await store.addMessage({ id: conversation }, { direction: 'note', text: 'first', via: 'api' });
  const db = openDatabase(dataDir);
  context.after(() => db.close());
  const taken = db.value<number>('select max(key) from message')!;
  const good = keyMaker(Date.now, 5);
  let forced = 0;
  const keys: KeyMaker = {
    pass: key => good.pass(key),
    move: place => good.move(place),
    next: () => {
      forced += 1;
      return forced % 3 === 1 && forced < 9 ? taken : good.next();
    },
  };
  const tx = sqliteTx(db, { clock: Date.now, random: count => randomBytes(count), keys, rules: RULES, dataDir });
  const say = (text: string) =>
    ({ name: 'addMessage', values: [{ id: conversation }, { direction: 'note', text, via: 'api' }] }) as const;
  await runInTransaction(tx, all, say('alone'));
  assert.ok(forced > 1);
  forced = 0;
  const answers = await runBatch(tx, all, [
    { id: 1, ...say('in a batch') },
    { id: 2, ...say('beside it') },
  ]);
  assert.ok(answers.every(answer => 'value' in answer));
  assert.deepEqual(
    (await store.messages({ id: conversation }, { after: 0, limit: 9 })).map(message => [message.seq, message.text]),
    [
      [1, 'first'],
      [2, 'alone'],
      [3, 'in a batch'],
      [4, 'beside it'],
    ],
  );
  const always: KeyMaker = { pass() {}, move() {}, next: () => taken };
  const stuck = sqliteTx(db, {
    clock: Date.now,
    random: count => randomBytes(count),
    keys: always,
    rules: RULES,
    dataDir,
  });
  await assert.rejects(runInTransaction(stuck, all, say('never')), /UNIQUE/);
});

test('keys rise while the clock stands, goes back and goes on, and two processes never meet', () => {
  let now = Date.UTC(2026, 0, 1);
  const one = keyMaker(() => now, 3);
  const other = keyMaker(() => now, 4);
  const made: number[][] = [[], []];
  for (const step of [0, 0, 1, -5000, 0, 2, 6000]) {
    now += step;
    for (let count = 0; count < 100; count += 1) {
      made[0]!.push(one.next());
      made[1]!.push(other.next());
    }
  }
  for (const keys of made) assert.ok(keys.every((key, index) => index === 0 || key > keys[index - 1]!));
  assert.equal(new Set(made.flat()).size, made.flat().length);
  assert.ok(one.next() - keyAt(now) < 100 * 4096, 'near the clock again');
  const far = keyAt(now + 1_000_000) + 17;
  one.pass(far);
  one.pass(1);
  assert.ok(one.next() > far && one.next() < far + 2 * 4096);
  assert.equal(keyMaker(() => now, PROCESSES).next(), keyAt(now), 'the places are used in turn');
});

test('a mail on its way never has the key of a webhook, whoever makes them', async context => {
  const { dataDir, store, conversation } = await makeStore(context);
  await store.addHook({ account: 'acme', url: 'https://one.example.com/' });
  await store.addHook({ account: 'acme', url: 'https://two.example.com/' });
  const cc = [1, 2, 3, 4].map(count => ({ name: 'D', email: `d${count}@customer.example` }));
  const say = (text: string) =>
    store.addMessage({ id: conversation }, { direction: 'outgoing', text, mail: 'now', via: 'api', cc });
  await Promise.all(['one', 'two', 'three'].map(say));
  await store.setConversation({ id: conversation }, { subject: 'other' });
  const db = openDatabase(dataDir);
  context.after(() => db.close());
  const kinds = db.all<{ kind: string; odd: number; n: number }>(
    'select kind, key % 2 as odd, count(*) as n from delivery group by kind, odd order by kind',
  );
  assert.deepEqual(kinds, [
    { kind: 'mail', odd: 0, n: 5 },
    { kind: 'webhook', odd: 1, n: 2 * 4 },
  ]);
  const [last] = db.all<{ v: number; event: number }>('select v, (select max(key) from event) as event from sequencer');
  assert.equal(last!.v, last!.event);
});

test('what was emitted is written before whoever could look for it, and for nobody else', () => {
  const looking = [
    'select * from event where key > $1',
    "update delivery set state = 'cancelled' where destination = $1",
    'delete from message where key = $1',
    ' delete from conversation where key = $1',
  ];
  const others = [
    'select d.* from delivery_message dm join delivery d on d.key = dm.delivery_key where dm.message_key = any($1)',
    "select key from delivery where participant_key = $1 and state = 'waiting'",
    'delete from token where participant_key = $1',
    'insert into thread_id (hash) values ($1)',
  ];
  assert.deepEqual(looking.map(looksAtStream), [true, true, true, true]);
  assert.deepEqual(others.map(looksAtStream), [false, false, false, false]);
});
