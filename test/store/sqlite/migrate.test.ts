/** A store that an older program wrote is carried over whole: what refers to a table that is made anew stays. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { encodeId } from '#replyd/store/ids.js';
import { type Connection, openDatabase } from '#replyd/store/sqlite/database.js';
import { migrate } from '#replyd/store/sqlite/migrate.js';
import { openStore } from '#replyd/store/sqlite/open.js';
import { checkStore } from '#replyd/store/upkeep/check.js';
import { idHash } from '#replyd/store/verbs/thread-ids.js';
import { filing, reading, sha256 } from '../contract.js';
import { RULES } from '../rules.js';

const RAW = 'raw of Thanks!';
const TOKEN = '0123456789abcdef'.repeat(2);
const INBOX = 'fedcba9876543210'.repeat(2);

/** A folder with the migrations before `number`. */
function migrationsBefore(number: string, dataDir: string): string {
  const folder = path.join(dataDir, `before-${number}`);
  mkdirSync(folder);
  for (const name of readdirSync('migrations/sqlite')) {
    if (name < number) copyFileSync(path.join('migrations/sqlite', name), path.join(folder, name));
  }
  return folder;
}

/** A store with the schema before `number`: a conversation, its mail twice in one blob, events, a webhook, ids. */
function olderStore(context: TestContext, number: string): { dataDir: string; db: Connection } {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'replyd-migrate-'));
  const db = openDatabase(dataDir, { create: true });
  context.after(() => {
    if (db.raw.open) db.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  migrate(db, migrationsBefore(number, dataDir));
  db.raw.exec(`
    insert into account (key, slug, name, support_email, inbound_emails, inbox_token, next_number, created_at)
      values (1, 'acme', 'Acme', 'support@example.com', 1, '${INBOX}', 2, 1);
    insert into domain values ('reply.example.com', 1, 0);
    insert into contact (key, account_key, email, email_key, created_at)
      values (1, 1, 'carla@customer.example', 'carla@customer.example', 1);
    insert into conversation (key, account_key, number, contact_key, channel, next_seq, next_event_seq, created_at, last_activity_at)
      values (1, 1, 1, 1, 'api', 3, 4, 1, 1);
    insert into participant (key, conversation_key, contact_key, email, email_key, role, created_at)
      values (1, 1, 1, 'carla@customer.example', 'carla@customer.example', 'contact', 1);
    insert into token (token, written, participant_key, conversation_key, created_at)
      values ('${TOKEN}', '${TOKEN}', 1, 1, 1);
    insert into blob (key, sha256, size, data, created_at)
      values (1, x'${sha256(RAW)}', ${RAW.length}, cast('${RAW}' as blob), 1);
    insert into mail (key, state, mail_from, rcpt_to, size, blob_key, door, received_at)
      values (1, 'filed', '', '[]', 14, 1, 'smtp', 1), (2, 'filed', '', '[]', 14, 1, 'smtp', 1);
    insert into message (key, conversation_key, seq, direction, kind, author_role, received_at, via, mail_key, message_id, content_key)
      values (1, 1, 1, 'incoming', 'reply', 'contact', 1, 'smtp', 1, 'one@customer.example', x'01'),
             (2, 1, 2, 'incoming', 'reply', 'contact', 1, 'smtp', 2, 'two@customer.example', x'02');
    insert into event (key, account_key, conversation_key, seq, type, message_key, data, created_at)
      values (1, 1, 1, 1, 'conversation.created', null, '{}', 1), (2, 1, 1, 2, 'message.created', 1, '{}', 1),
             (3, 1, 1, 3, 'message.created', 2, '{}', 1), (4, 1, null, 0, 'queue.paused', null, '{"a":1}', 1);
    insert into delivery (key, kind, destination, order_key, account_key, conversation_key, recipient, state, created_at, event_key)
      values (1, 'webhook', 'hook_1', 'hook:1:1', 1, 1, 'https://app.example/', 'waiting', 1, 3),
             (2, 'webhook', 'hook_1', 'hook:1:0', 1, null, 'https://app.example/', 'waiting', 1, 4);
  `);
  for (const id of ['one@customer.example', 'two@customer.example', 'alias@smarthost.example']) {
    db.run('insert into thread_id (hash, conversation_key) values (?, 1)', idHash(id));
  }
  return { dataDir, db };
}

async function faultsOf(dataDir: string) {
  const db = openDatabase(dataDir);
  const faults = [];
  for await (const result of checkStore(db, dataDir, { now: Date.now() })) faults.push(...result.faults);
  db.close();
  return faults;
}

const TABLES = ['account', 'conversation', 'mail', 'message', 'delivery', 'event'];

test('what was there before stays, with all that refers to it, and new mail joins it', async context => {
  const { dataDir, db } = olderStore(context, '0006');
  const rows = () => TABLES.map(table => db.all(`select * from ${table} order by key`));
  const before = rows();
  const ids = () => db.all('select hash, conversation_key from thread_id order by hash');
  const remembered = ids();
  const told: string[] = [];
  const applied = migrate(db, undefined, undefined, ({ doing }) => told.push(doing));
  assert.ok(applied.includes('0006_fewer_pages'));
  assert.deepEqual(
    told,
    applied.map(name => `applying ${name}`),
  );
  const [accounts, ...others] = before;
  const acme = { ...(accounts![0] as object), settings: '{"cc_policy":"suggest","history":0}' };
  assert.deepEqual(rows(), [[acme], ...others]);
  assert.deepEqual(ids(), remembered);
  assert.deepEqual(migrate(db), []);
  assert.deepEqual(db.raw.pragma('foreign_key_check'), []);
  assert.equal(db.raw.pragma('foreign_keys', { simple: true }), 1);
  db.close();
  assert.deepEqual(await faultsOf(dataDir), []);

  const store = await openStore({ dataDir, writer: 'direct', rules: RULES, migrate: false });
  context.after(() => store.close());
  assert.equal((await store.account('acme')).features.forwarded_mail, false);
  assert.equal((await store.account('acme')).features.agent_mail, false);
  assert.equal(await store.nextNoticeAt(), null);
  await store.setFeature('acme', 'new_conversations', true);
  const found = await store.resolve(`inbox+${INBOX}@reply.example.com`);
  assert.ok(found.kind === 'destination');
  for (const named of ['one@customer.example', 'alias@smarthost.example']) {
    const [filed] = await store.file(filing([found.destination], reading({ text: named, references: [named] })));
    assert.ok(filed?.kind === 'filed' && filed.messageId !== null);
    assert.equal((await store.message(filed.messageId)).conversation_id, encodeId('conversation', 1), named);
  }
  const { raw } = await store.mail(encodeId('mail', 2));
  assert.equal(Buffer.from(await store.read(raw)).toString(), RAW);
  assert.deepEqual(await faultsOf(dataDir), []);

  await store.removeConversation({ account: 'acme', number: 1 });
  const after = openDatabase(dataDir);
  context.after(() => after.close());
  for (const table of ['conversation', 'message', 'mail', 'blob', 'thread_id']) {
    assert.equal(after.value(`select count(*) from ${table}`), 0, table);
  }
  assert.deepEqual(after.all('select key from event where conversation_key is not null'), []);
  assert.deepEqual(after.all('select key, event_key from delivery'), [{ key: 2, event_key: 4 }]);
  assert.deepEqual(await faultsOf(dataDir), []);
});

test('killed in the middle of a migration, the store is as before, and the next start migrates it', async context => {
  const { dataDir, db } = olderStore(context, '0006');
  migrate(db, migrationsBefore('0008', dataDir));
  db.run("update delivery set key = 2000000, state = 'sent' where key = 2");
  db.close();
  const script = fileURLToPath(new URL('./killed-migration.js', import.meta.url));
  const { signal } = spawnSync(process.execPath, [script, dataDir], { stdio: 'inherit' });
  assert.equal(signal, 'SIGKILL');
  const again = openDatabase(dataDir);
  context.after(() => again.close());
  assert.equal(again.raw.pragma('user_version', { simple: true }), 7);
  assert.equal(again.get("select 1 from sqlite_master where name = 'sequencer'"), undefined);
  const store = await openStore({ dataDir, writer: 'direct', rules: RULES, migrate: true });
  context.after(() => store.close());
  assert.equal(again.value('select v from sequencer'), 2000000, 'after every key that there is');
  assert.deepEqual(await faultsOf(dataDir), []);
  const place = await store.latestEvent();
  await store.setConversation({ account: 'acme', number: 1 }, { subject: 'goes on' });
  const [event, ...more] = await store.events({ after: place, limit: 9 });
  assert.deepEqual([event?.type, more], ['conversation.updated', []]);
});

test('the sequencer is set without reading a table that grows', context => {
  const { dataDir, db } = olderStore(context, '0006');
  migrate(db, migrationsBefore('0008', dataDir));
  const text = readFileSync('migrations/sqlite/0008_sequencer.sql', 'utf8');
  db.raw.exec(text.slice(text.indexOf('create table'), text.indexOf('insert into')));
  const plan = db.all<{ detail: string }>(`explain query plan ${text.slice(text.indexOf('insert into'))}`);
  const scans = plan.filter(({ detail }) => /^SCAN (?!account|\(|CONSTANT)/.test(detail));
  assert.deepEqual(scans, []);
});
