/** What is left over goes after a day, what somebody names or is about to name stays. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { blobFile, incomingFolder } from '#replyd/store/blobs/blobs.js';
import { sentFolder } from '#replyd/store/blobs/sent.js';
import { openDatabase } from '#replyd/store/sqlite/database.js';
import { lockFiles } from '#replyd/store/sqlite/lock.js';
import { openStore } from '#replyd/store/sqlite/open.js';
import { AGE, clearLeftovers } from '#replyd/store/upkeep/clear-files.js';
import { sha256 } from '../contract.js';
import { largeContract } from '../large-contract.js';
import { RULES } from '../rules.js';

const LONG_AGO = new Date('2026-01-01T00:00:00Z');
const ORPHAN = 'o'.repeat(150_000);

async function makeStore(context: TestContext) {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'replyd-clear-'));
  const store = await openStore({ dataDir, writer: 'thread', rules: RULES, migrate: true });
  context.after(async () => {
    await store.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  await store.addAccount({ slug: 'acme', domains: ['reply.example.com'], support_email: 'support@example.com' });
  const conversation = await store.startConversation({
    account: 'acme',
    channel: 'api',
    contact: { email: 'carla@customer.example' },
    via: 'cli',
  });
  const place = (text: string) =>
    store.place({ bytes: Buffer.from(text) }, { sha256: sha256(text), size: text.length });
  const fileOf = (text: string) => blobFile(dataDir, sha256(text));
  const age = (file: string) => utimesSync(file, LONG_AGO, LONG_AGO);
  const clear = () => clearLeftovers(store, dataDir, { now: Date.now() });
  return { store, dataDir, conversation, place, fileOf, age, clear };
}

test('what was being written when its writer died goes too', async context => {
  const { dataDir, place, fileOf, age, clear } = await makeStore(context);
  await place(ORPHAN);
  mkdirSync(incomingFolder(dataDir));
  const left = [
    path.join(path.dirname(fileOf(ORPHAN)), '.0123456789abcdef.aa'),
    path.join(incomingFolder(dataDir), 'x'),
  ];
  for (const each of left) writeFileSync(each, 'half');
  assert.equal(await clear(), 0);
  for (const each of left) age(each);
  assert.equal(await clear(), 2);
  assert.deepEqual(left.filter(existsSync), []);
  assert.ok(existsSync(fileOf(ORPHAN)));
});

test('nothing is unlinked while somebody reads all files', async context => {
  const { dataDir, place, fileOf, age, clear } = await makeStore(context);
  await place(ORPHAN);
  age(fileOf(ORPHAN));
  const lock = lockFiles(dataDir, 0)!;
  assert.equal(lockFiles(dataDir, 0), null);
  assert.equal(await clear(), 0);
  lock.release();
  assert.equal(await clear(), 1);
  assert.ok(AGE > 0);
});

test('copies of sent mails go with their deliveries, or with the bytes of their mail', async context => {
  const { store, dataDir, conversation, clear } = await makeStore(context);
  mkdirSync(sentFolder(dataDir));
  const send = async (cv: string, text: string) => {
    const added = await store.addMessage({ id: cv }, { direction: 'outgoing', text, mail: 'now', via: 'cli' });
    const { id } = added.deliveries[0]!;
    for (const ending of ['eml', 'json']) writeFileSync(path.join(sentFolder(dataDir), `${id}.${ending}`), text);
    return id;
  };
  const copies = () => readdirSync(sentFolder(dataDir)).sort();
  const mine = ['README', 'dlv_00000000000.eml.bak', 'dlv_0000000000.eml'];
  for (const name of mine) writeFileSync(path.join(sentFolder(dataDir), name), "the operator's");
  const first = await send(conversation.id, 'one');
  const contact = { email: 'bo@customer.example' };
  const other = await store.startConversation({ account: 'acme', channel: 'api', contact, via: 'cli' });
  const second = await send(other.id, 'two');
  assert.equal(await clear(), 0);
  assert.equal(copies().length, mine.length + 4);

  // The second one's mail is no longer kept; one is of a delivery that was removed while it was written.
  const db = openDatabase(dataDir);
  db.run(`insert into blob (sha256, size, data, created_at) values (x'00', 0, x'', 1)`);
  db.run(
    `insert into outgoing_mail (key, message_id, blob_key, created_at, raw_gone_at)
     select 1, 'x', (select max(key) from blob), 1, 2`,
  );
  db.run('update delivery set outgoing_mail_key = 1 where key = (select max(key) from delivery)');
  db.close();
  writeFileSync(path.join(sentFolder(dataDir), 'dlv_00000000000.eml'), 'late');
  assert.equal(await clear(), 3);
  assert.deepEqual(copies(), [...mine, `${first}.eml`, `${first}.json`].sort());
  assert.notEqual(first, second);

  await store.removeConversation({ id: conversation.id });
  assert.deepEqual(copies(), mine.toSorted(), 'at once');
});

largeContract('sqlite', async context => {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'replyd-large-'));
  const store = await openStore({ dataDir, writer: 'direct', rules: RULES, migrate: true });
  context.after(async () => {
    await store.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  return {
    store,
    dataDir,
    age: hash => utimesSync(blobFile(dataDir, hash), LONG_AGO, LONG_AGO),
    isThere: hash => existsSync(blobFile(dataDir, hash)),
  };
});
