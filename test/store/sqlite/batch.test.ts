/** Group commit when it goes wrong: a full store in the middle of a batch, a refused call, a lost transaction. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { all } from '#replyd/store/all.js';
import { keyMaker } from '#replyd/store/ids.js';
import { type Call, runBatch, runInTransaction } from '#replyd/store/sqlite/batch.js';
import { isBusy, openDatabase } from '#replyd/store/sqlite/database.js';
import { migrate } from '#replyd/store/sqlite/migrate.js';
import { sqliteTx } from '#replyd/store/sqlite/tx.js';
import { filing, reading, sha256 } from '../contract.js';

async function open(context: TestContext) {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'replyd-batch-'));
  const db = openDatabase(dataDir, { create: true });
  migrate(db);
  const tx = sqliteTx(db, {
    clock: Date.now,
    random: count => randomBytes(count),
    keys: keyMaker(Date.now, 0),
    rules: { prefixes: ['reply'], separator: '+', delay: 0, maxSize: 1_000_000, responseBytes: 8_388_608 },
    dataDir,
  });
  context.after(() => {
    db.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  const account = { slug: 'acme', domains: ['reply.example.com'], support_email: 'support@example.com' };
  await runInTransaction(tx, all, { name: 'addAccount', values: [account] });
  const start = { account: 'acme', channel: 'api', contact: { email: 'c@customer.example' }, via: 'cli' } as const;
  const conversation = await all.startConversation(tx, start);
  const found = await all.resolve(tx, conversation.reply_to!);
  assert.ok(found.kind === 'destination');
  const call = (id: number, size: number): Call => {
    const raw = Buffer.alloc(size, `${id} `);
    const stored = { sha256: sha256(`${id}`), size, bytes: raw };
    const facts = { size, sha256: stored.sha256, contentKey: sha256(`key ${id}`), hops: 0 };
    const limits = { loopMessages: 1_000_000, loopWindow: 1 };
    return {
      id,
      name: 'file',
      values: [filing([found.destination], reading({ text: `mail ${id}` }), { raw: stored, facts, limits })],
    };
  };
  const texts = async () =>
    (await all.conversation(tx, { id: conversation.id })).messages!.map(message => message.text);
  const run = (calls: readonly Call[]) => runBatch(tx, all, calls);
  return { tx, run, call, texts };
}

const filedIds = (answers: readonly { id: number }[]) =>
  answers.filter(answer => 'value' in answer).map(answer => answer.id);

test('a store that fills up in the middle of a batch answers each call for itself', async context => {
  const { tx, run, call, texts } = await open(context);
  const pages = tx.db.raw.pragma('page_count', { simple: true }) as number;
  tx.db.raw.pragma(`max_page_count = ${pages + 40}`);
  // The third alone is larger than what is left; the small ones fit, whatever stood beside them.
  const calls = [call(1, 4000), call(2, 4000), call(3, 400_000), call(4, 4000), call(5, 4000)];
  const answers = await run(calls);
  assert.deepEqual(
    answers.map(answer => answer.id),
    [1, 2, 3, 4, 5],
  );
  assert.deepEqual(filedIds(answers), [1, 2, 4, 5]);
  const refused = answers[2]!;
  assert.ok('error' in refused);
  assert.equal(refused.error.code, 'disk_full');
  assert.equal(refused.error.details.reason, 'disk_full');
  assert.deepEqual(await texts(), ['mail 1', 'mail 2', 'mail 4', 'mail 5']);
  // Room again: full service, and the refused one is taken.
  tx.db.raw.pragma('max_page_count = 1000000');
  assert.deepEqual(filedIds(await run([call(3, 400_000), call(6, 4000)])), [3, 6]);
  assert.deepEqual(await texts(), ['mail 1', 'mail 2', 'mail 4', 'mail 5', 'mail 3', 'mail 6']);
});

test('a completely full store acknowledges nothing and keeps what it had', async context => {
  const { tx, run, call, texts } = await open(context);
  await run([call(1, 4000)]);
  const pages = tx.db.raw.pragma('page_count', { simple: true }) as number;
  tx.db.raw.pragma(`max_page_count = ${pages}`);
  const answers = await run([2, 3, 4].map(id => call(id, 40_000)));
  assert.deepEqual(filedIds(answers), []);
  assert.deepEqual(await texts(), ['mail 1']);
  assert.equal(tx.db.inTransaction, false);
});

test('a refused call takes back its own and nothing else of the batch', async context => {
  const { run, call, texts } = await open(context);
  const refused: Call = {
    id: 2,
    name: 'addAccount',
    values: [{ slug: 'acme', domains: [], support_email: 'a@b.example' }],
  };
  const answers = await run([call(1, 4000), refused, call(3, 4000)]);
  assert.deepEqual(filedIds(answers), [1, 3]);
  assert.ok('error' in answers[1]! && answers[1].error.code === 'account_exists');
  assert.deepEqual(await texts(), ['mail 1', 'mail 3']);
});

test('a store that another process holds is waited for once by the whole batch', async context => {
  const { tx, run, call, texts } = await open(context);
  const other = openDatabase(tx.dataDir);
  context.after(() => other.close());
  tx.db.raw.pragma('busy_timeout = 10');
  const begins: string[] = [];
  const runOne = tx.db.run.bind(tx.db);
  tx.db.run = (text, ...values) => {
    if (text === 'begin immediate') begins.push(text);
    return runOne(text, ...values);
  };
  const calls = [1, 2, 3].map(id => call(id, 4000));
  other.run('begin immediate');
  const answers = await run(calls);
  assert.deepEqual(
    answers.map(answer => 'error' in answer && [answer.id, answer.error.code, answer.error.details.reason]),
    [1, 2, 3].map(id => [id, 'unavailable', 'SQLITE_BUSY']),
  );
  assert.equal(begins.length, 1);
  assert.ok(answers.every(answer => 'error' in answer && isBusy(answer.error)));
  other.run('rollback');
  assert.deepEqual(filedIds(await run(calls)), [1, 2, 3]);
  assert.deepEqual(await texts(), ['mail 1', 'mail 2', 'mail 3']);
});

test('every connection syncs each commit', async context => {
  const { tx } = await open(context);
  assert.equal(tx.db.raw.pragma('synchronous', { simple: true }), 2);
  assert.equal(tx.db.raw.pragma('journal_mode', { simple: true }), 'wal');
  assert.equal(tx.db.raw.pragma('foreign_keys', { simple: true }), 1);
});

test('a transaction begins and ends in one turn of the event loop', async context => {
  const { tx, call } = await open(context);
  const seen: string[] = [];
  const run = tx.db.run.bind(tx.db);
  tx.db.run = (text, ...values) => {
    if (text === 'begin immediate' || text === 'commit') seen.push(text);
    return run(text, ...values);
  };
  const calls = [1, 2, 3].map(id => call(id, 4000));
  for (const turn of ['one', 'two']) {
    setImmediate(() => seen.push(`turn after ${turn}`));
    await runBatch(tx, all, calls);
    await new Promise(resolve => setImmediate(resolve));
  }
  assert.deepEqual(seen, [
    'begin immediate',
    'commit',
    'turn after one',
    'begin immediate',
    'commit',
    'turn after two',
  ]);
});

test('the probe of the store writes a page each time', async context => {
  const { tx, run } = await open(context);
  for (const id of [1, 2]) {
    const before = tx.db.logPages();
    assert.deepEqual(filedIds(await run([{ id, name: 'canStore', values: [] }])), [id]);
    assert.ok(tx.db.logPages() > before);
  }
});
