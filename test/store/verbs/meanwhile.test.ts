/**
 * What a verb does when another process was faster: it read a row that the other was about to write. Where writers do not
 * take turns that happens; here the other's part is put between by hand.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { isReplydError } from '#replyd/base/errors.js';
import { keyMaker } from '#replyd/store/ids.js';
import { openDatabase } from '#replyd/store/sqlite/database.js';
import { openStore } from '#replyd/store/sqlite/open.js';
import { sqliteTx } from '#replyd/store/sqlite/tx.js';
import { rememberProof } from '#replyd/store/verbs/proofs.js';
import { removeMail, removePart } from '#replyd/store/verbs/removal.js';
import { noteReader } from '#replyd/store/verbs/rereading.js';
import { countedSums, unfiledSums } from '#replyd/store/verbs/unfiled-sums.js';
import { filing, reading, sha256 } from '../contract.js';
import { RULES } from '../rules.js';

async function world(context: TestContext) {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'replyd-meanwhile-'));
  const store = await openStore({ dataDir, writer: 'direct', rules: RULES, migrate: true });
  const db = openDatabase(dataDir);
  context.after(async () => {
    db.close();
    await store.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  await store.addAccount({ slug: 'acme', domains: ['reply.example.com'], support_email: 'support@example.com' });
  const random = (count: number) => randomBytes(count);
  const tx = sqliteTx(db, { clock: Date.now, random, keys: keyMaker(Date.now, 9), rules: RULES, dataDir });
  /** The transaction, in which `meanwhile` happens just before the first statement that has these words. */
  const whileIt = (words: string, meanwhile: () => void) => {
    let done = false;
    const before = (text: string) => {
      if (done || !text.includes(words)) return tx;
      done = true;
      meanwhile();
      return tx;
    };
    return Object.create(tx, {
      run: { value: (text: string, ...values: unknown[]) => before(text).run(text, ...values) },
      get: { value: (text: string, ...values: unknown[]) => before(text).get(text, ...values) },
      lock: { value: () => void before('lock') },
      insert: {
        value(table: string, row: object, more: undefined) {
          return before(`insert ${table}`).insert(table, row, more);
        },
      },
    }) as typeof tx;
  };
  const refuse = (text: string) => {
    const { facts, raw } = filing([], reading({ text }));
    const envelope = { mailFrom: '', rcptTo: ['nobody@reply.example.com'] };
    return store.refuse({ envelope, facts, raw, via: 'mailgun', client: null, reason: 'x' });
  };
  return { store, db, tx, whileIt, refuse };
}

test('two mails with one proof at once: the second is asked for again, and then refused', async context => {
  const { tx } = await world(context);
  const proof = { key: sha256('proof'), recipients: sha256('one'), expiresAt: Date.now() + 60_000 };
  const { facts } = filing([], reading({ text: 'A' }));
  await rememberProof(tx, { proof, facts });
  await rememberProof(tx, { proof, facts });
  const other = filing([], reading({ text: 'B' })).facts;
  await assert.rejects(rememberProof(tx, { proof, facts: other }), error => isReplydError(error, 'unavailable'));
});

test('an older version that starts beside a newer one does not become the reader of the store', async context => {
  const { whileIt, db, tx } = await world(context);
  const newer = () => void db.run("insert into cleared_to (what, key) values ('reader', 7)");
  await noteReader(whileIt('insert into cleared_to', newer), 6);
  assert.equal(tx.value("select key from cleared_to where what = 'reader'"), 7);
});

test('unfiled mails that two count at once, or remove at once, are counted once', async context => {
  const { refuse, tx, db, whileIt } = await world(context);
  await refuse('A');
  await refuse('B');
  const counted = { mails: 2, bytes: db.value<number>('select sum(size) from mail')!, removed: 0 };
  db.run("delete from cleared_to where what like 'unfiled_%'");
  await countedSums(whileIt('insert cleared_to', () => void countedSums(tx)));
  assert.deepEqual(await unfiledSums(tx), counted);
  const [{ key, size }] = db.all<{ key: number; size: number }>('select key, size from mail order by key') as [
    { key: number; size: number },
  ];
  // The other has said so in the sums already.
  const other = () => {
    db.run("update cleared_to set key = key - 1 where what = 'unfiled_mails'");
    db.run("update cleared_to set key = key - $1 where what = 'unfiled_bytes'", size);
    db.run('delete from mail where key = $1', key);
  };
  assert.equal(await removeMail(whileIt('delete from mail', other), key), 0);
  assert.deepEqual(await unfiledSums(tx), { mails: 1, bytes: counted.bytes - size, removed: 0 });
});

test('a conversation that was resolved long ago stays when a mail comes into it', async context => {
  const { store, tx, db, whileIt } = await world(context);
  const contact = { email: 'carla@customer.example' };
  const { id } = await store.startConversation({ account: 'acme', channel: 'api', contact, text: 'Hi', via: 'cli' });
  await store.setConversation({ id }, { status: 'resolved' });
  const resolved = "select key from conversation where status = 'resolved'";
  const reopened = () => void db.run("update conversation set status = 'open'");
  assert.equal(await removePart(whileIt('lock', reopened), resolved), true);
  assert.equal((await store.conversation({ id })).messages!.length, 1);
  assert.equal(await removePart(tx, resolved), false);
});

test('a webhook that was written while its hook went off is not sent', async context => {
  const { store, db } = await world(context);
  const { hook } = await store.addHook({ account: 'acme', url: 'https://hooks.example.com/' });
  await store.startConversation({ account: 'acme', channel: 'api', contact: {}, via: 'cli' });
  await store.disableHook(hook.id, 'gone');
  const now = Date.now() + 1000;
  db.run("update delivery set state = 'waiting', next_attempt_at = 1, settled_at = null");
  assert.deepEqual(await store.lease(hook.id, { now, limit: 9 }), []);
  assert.deepEqual(await store.pendingHooks(), []);
});
