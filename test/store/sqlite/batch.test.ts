/** Group commit when it goes wrong: a full store in the middle of a batch, a refused call, a lost transaction. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { operations } from '#replyd/store/all-operations.js';
import type { Session } from '#replyd/store/session.js';
import { type Call, runBatch } from '#replyd/store/sqlite/batch.js';
import { isBusy, openDatabase } from '#replyd/store/sqlite/database.js';
import { migrate } from '#replyd/store/sqlite/migrate.js';
import { filing, reading, sha256 } from '../contract.js';

function open(context: TestContext) {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'replyd-batch-'));
  const db = openDatabase(dataDir, { create: true });
  migrate(db);
  const session: Session = {
    db,
    clock: Date.now,
    random: count => randomBytes(count),
    rules: { prefixes: ['reply'], separator: '+', delay: 0, maxSize: 1_000_000 },
    dataDir,
  };
  const verbs = operations(session);
  context.after(() => {
    db.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  verbs.addAccount({ slug: 'acme', domains: ['reply.example.com'], support_email: 'support@example.com' });
  const conversation = verbs.startConversation({
    account: 'acme',
    channel: 'api',
    contact: { email: 'c@customer.example' },
    via: 'cli',
  });
  const found = verbs.resolve(conversation.reply_to!);
  assert.ok(found.found === 'destination');
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
  const texts = () => verbs.conversation({ id: conversation.id }).messages!.map(message => message.text);
  return { session, verbs, call, texts };
}

const filedIds = (answers: readonly { id: number }[]) =>
  answers.filter(answer => 'value' in answer).map(answer => answer.id);

test('a store that fills up in the middle of a batch answers each call for itself', context => {
  const { session, verbs, call, texts } = open(context);
  const pages = session.db.raw.pragma('page_count', { simple: true }) as number;
  session.db.raw.pragma(`max_page_count = ${pages + 40}`);
  // The third alone is larger than what is left; the small ones fit, whatever stood beside them.
  const calls = [call(1, 4000), call(2, 4000), call(3, 400_000), call(4, 4000), call(5, 4000)];
  const answers = runBatch(session, verbs, calls);
  assert.deepEqual(
    answers.map(answer => answer.id),
    [1, 2, 3, 4, 5],
  );
  assert.deepEqual(filedIds(answers), [1, 2, 4, 5]);
  const refused = answers[2]!;
  assert.ok('error' in refused);
  assert.equal(refused.error.code, 'unavailable');
  assert.equal(refused.error.details.reason, 'disk_full');
  assert.deepEqual(texts(), ['mail 1', 'mail 2', 'mail 4', 'mail 5']);
  // Room again: full service, and the refused one is taken.
  session.db.raw.pragma('max_page_count = 1000000');
  assert.deepEqual(filedIds(runBatch(session, verbs, [call(3, 400_000), call(6, 4000)])), [3, 6]);
  assert.deepEqual(texts(), ['mail 1', 'mail 2', 'mail 4', 'mail 5', 'mail 3', 'mail 6']);
});

test('a completely full store acknowledges nothing and keeps what it had', context => {
  const { session, verbs, call, texts } = open(context);
  runBatch(session, verbs, [call(1, 4000)]);
  const pages = session.db.raw.pragma('page_count', { simple: true }) as number;
  session.db.raw.pragma(`max_page_count = ${pages}`);
  const answers = runBatch(
    session,
    verbs,
    [2, 3, 4].map(id => call(id, 40_000)),
  );
  assert.deepEqual(filedIds(answers), []);
  assert.deepEqual(texts(), ['mail 1']);
  assert.equal(session.db.inTransaction, false);
});

test('a refused call takes back its own and nothing else of the batch', context => {
  const { session, verbs, call, texts } = open(context);
  const refused: Call = {
    id: 2,
    name: 'addAccount',
    values: [{ slug: 'acme', domains: [], support_email: 'a@b.example' }],
  };
  const answers = runBatch(session, verbs, [call(1, 4000), refused, call(3, 4000)]);
  assert.deepEqual(filedIds(answers), [1, 3]);
  assert.ok('error' in answers[1]! && answers[1].error.code === 'conflict');
  assert.deepEqual(texts(), ['mail 1', 'mail 3']);
});

test('a store that another process holds is waited for once by the whole batch', context => {
  const { session, verbs, call, texts } = open(context);
  const other = openDatabase(session.dataDir);
  context.after(() => other.close());
  session.db.raw.pragma('busy_timeout = 10');
  const begins: string[] = [];
  const run = session.db.run.bind(session.db);
  session.db.run = (text, ...values) => {
    if (text === 'begin immediate') begins.push(text);
    return run(text, ...values);
  };
  const calls = [1, 2, 3].map(id => call(id, 4000));
  other.run('begin immediate');
  const answers = runBatch(session, verbs, calls);
  assert.deepEqual(
    answers.map(answer => 'error' in answer && [answer.id, answer.error.code, answer.error.details.reason]),
    [1, 2, 3].map(id => [id, 'unavailable', 'SQLITE_BUSY']),
  );
  assert.equal(begins.length, 1);
  assert.ok(answers.every(answer => 'error' in answer && isBusy(answer.error)));
  other.run('rollback');
  assert.deepEqual(filedIds(runBatch(session, verbs, calls)), [1, 2, 3]);
  assert.deepEqual(texts(), ['mail 1', 'mail 2', 'mail 3']);
});

test('every connection syncs each commit', context => {
  const { session } = open(context);
  assert.equal(session.db.raw.pragma('synchronous', { simple: true }), 2);
  assert.equal(session.db.raw.pragma('journal_mode', { simple: true }), 'wal');
  assert.equal(session.db.raw.pragma('foreign_keys', { simple: true }), 1);
});
