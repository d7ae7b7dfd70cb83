/** A whole store is told to be whole, and each kind of damage by the thing that has it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { blobFile } from '#replyd/store/blobs/blobs.js';
import { type Connection, openDatabase } from '#replyd/store/sqlite/database.js';
import { openStore } from '#replyd/store/sqlite/open.js';
import { CHECKS, type CheckResult, checkStore } from '#replyd/store/upkeep/check.js';
import { destinationOf, filing, reading, sha256 } from '../contract.js';
import { RULES } from '../rules.js';

const LARGE = 'x'.repeat(200_000);
const OLD = new Date('2026-01-01T00:00:00Z');

/** An account, two conversations, a mail with a small and a large attachment. */
async function makeStore(context: TestContext): Promise<{ dataDir: string; db: Connection; messageId: string }> {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'replyd-check-'));
  const store = await openStore({ dataDir, writer: 'direct', rules: RULES, migrate: true });
  await store.addAccount({ slug: 'acme', domains: ['reply.example.com'], support_email: 'support@example.com' });
  const contact = { email: 'carla@customer.example', name: 'Carla' };
  const made = await store.startConversation({ account: 'acme', channel: 'api', contact, text: 'Hello', via: 'cli' });
  await store.startConversation({ account: 'acme', channel: 'api', contact, text: 'Hello again', via: 'cli' });
  const texts = ['small', LARGE];
  const attachments = texts.map((text, index) => ({
    filename: `${index}.txt`,
    contentType: 'text/plain',
    size: text.length,
    sha256: sha256(text),
    inline: false,
    contentId: null,
    content: { bytes: new Uint8Array(0) },
  }));
  const placed = [];
  for (const text of texts) {
    const facts = { sha256: sha256(text), size: text.length };
    placed.push(await store.place({ bytes: Buffer.from(text) }, facts));
  }
  const [filed] = await store.file(
    filing([await destinationOf(store, made.reply_to!)], reading({ attachments }), { attachments: placed }),
  );
  await store.addMessage({ id: made.id }, { direction: 'outgoing', text: 'On its way', mail: 'now', via: 'cli' });
  await store.close();
  const db = openDatabase(dataDir);
  context.after(() => {
    if (db.raw.open) db.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  return { dataDir, db, messageId: (filed as { messageId: string }).messageId };
}

async function results(db: Connection, dataDir: string): Promise<CheckResult[]> {
  const all: CheckResult[] = [];
  for await (const result of checkStore(db, dataDir, { now: Date.now() })) all.push(result);
  return all;
}

async function faultsOf(db: Connection, dataDir: string) {
  return (await results(db, dataDir)).flatMap(({ check, faults }) =>
    faults.map(({ state, thing, text }) => ({ check, state, thing, text })),
  );
}

test('a whole store: every check is made, nothing is found', async context => {
  const { db, dataDir } = await makeStore(context);
  const all = await results(db, dataDir);
  assert.deepEqual(
    all.map(({ check, faults }) => [check, faults]),
    CHECKS.map(check => [check, []]),
  );
  assert.equal(all.find(({ check }) => check === 'contents')!.looked, 3);
  assert.equal(all.find(({ check }) => check === 'files')!.looked, 1);
});

const DAMAGES: readonly [
  name: string,
  damage: (at: { db: Connection; dataDir: string }) => void,
  found: { check: string; text: RegExp; state?: string },
][] = [
  [
    'a large content is missing',
    ({ dataDir }) => rmSync(blobFile(dataDir, sha256(LARGE))),
    { check: 'contents', text: /its file is missing; needed by att_/ },
  ],
  [
    'a large content is cut',
    ({ dataDir }) => truncateSync(blobFile(dataDir, sha256(LARGE)), 1000),
    { check: 'contents', text: /has 1000 bytes instead of 200000/ },
  ],
  [
    'a large content has changed',
    ({ dataDir }) => writeFileSync(blobFile(dataDir, sha256(LARGE)), `y${LARGE.slice(1)}`),
    { check: 'contents', text: /the hash is another/ },
  ],
  [
    'a small content has changed',
    ({ db }) => db.run("update blob set data = cast('smalL' as blob) where size = 5"),
    { check: 'contents', text: /the hash is another; needed by att_/ },
  ],
  [
    'a message is gone',
    ({ db }) => db.run('delete from message where seq = 1 and conversation_key = (select max(key) from conversation)'),
    { check: 'order', text: /gaps/ },
  ],
  ['a number twice', ({ db }) => db.run('update message set seq = 1 where seq = 2'), { check: 'order', text: /twice/ }],
  ['an event is gone', ({ db }) => db.run('delete from event where seq = 2'), { check: 'order', text: /events/ }],
  [
    'a number was given twice',
    ({ db }) => db.run('update account set next_number = 1'),
    { check: 'order', text: /a second time/ },
  ],
  [
    'a row refers to nothing',
    ({ db }) => {
      db.raw.pragma('foreign_keys = off');
      db.run('delete from participant where conversation_key = (select max(key) from conversation)');
    },
    { check: 'references', text: /refers to a participant that is not there/ },
  ],
  [
    'a removed conversation left events and ids of its mails',
    ({ db }) => {
      db.raw.pragma('foreign_keys = off');
      db.run('delete from conversation where key = (select min(key) from conversation)');
    },
    { check: 'rows', text: /tells of a conversation that is not there|ids of its mails are remembered/ },
  ],
  [
    'an event tells of a message elsewhere',
    ({ db }) => db.run('update event set conversation_key = (select max(key) from conversation)'),
    { check: 'rows', text: /another conversation than its message/ },
  ],
  [
    'a large content is not found by its hash',
    ({ db }) => db.run('update blob set shared = 0 where data is null'),
    { check: 'rows', text: /not found by its hash/ },
  ],
  [
    'a blob is left over',
    ({ db }) => db.run("insert into blob (key, sha256, size, data, created_at) values (1, x'00', 0, x'', 0)"),
    { check: 'rows', text: /nothing refers to/ },
  ],
  [
    'an attachment stands in another conversation',
    ({ db }) => db.run('update attachment set conversation_key = (select max(key) from conversation)'),
    { check: 'rows', text: /another conversation than its message/ },
  ],
  [
    'an old file has no row',
    ({ dataDir }) => {
      const file = blobFile(dataDir, sha256(LARGE)).slice(0, -1).concat('0');
      writeFileSync(file, 'left over');
      utimesSync(file, OLD, OLD);
    },
    { check: 'files', text: /no row names this file/, state: 'note' },
  ],
];

for (const [name, damage, found] of DAMAGES) {
  test(`told: ${name}`, async context => {
    const opened = await makeStore(context);
    damage(opened);
    const faults = await faultsOf(opened.db, opened.dataDir);
    const hit = faults.filter(fault => fault.check === found.check && found.text.test(fault.text));
    assert.ok(hit.length >= 1, JSON.stringify(faults));
    assert.ok(
      hit.every(fault => fault.state === (found.state ?? 'failed') && fault.thing !== ''),
      JSON.stringify(hit),
    );
  });
}

test('a broken database is told, and nothing else is looked at', async context => {
  const { db, dataDir } = await makeStore(context);
  db.raw.pragma('wal_checkpoint(truncate)');
  const root = db.value<number>("select rootpage from sqlite_master where name = 'message'")!;
  db.close();
  const file = path.join(dataDir, 'replyd.db');
  const { readFileSync } = await import('node:fs');
  const bytes = readFileSync(file);
  bytes.fill(0xff, (root - 1) * 4096, (root - 1) * 4096 + 200);
  writeFileSync(file, bytes);
  const broken = openDatabase(dataDir);
  context.after(() => broken.close());
  const all = await results(broken, dataDir);
  assert.deepEqual(
    all.map(({ check }) => check),
    ['database'],
  );
  assert.ok(all[0]!.faults.length > 0);
});
