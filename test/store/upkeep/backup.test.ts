/** What was backed up under load is whole when it is restored; what is no whole backup is refused before anything is written. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { type ErrorCode, isReplydError } from '#replyd/base/errors.js';
import { blobFile } from '#replyd/store/blobs/blobs.js';
import { programSchema } from '#replyd/store/migrations.js';
import { openDatabase } from '#replyd/store/sqlite/database.js';
import { lockFiles, lockStore } from '#replyd/store/sqlite/lock.js';
import { openStore } from '#replyd/store/sqlite/open.js';
import { makeBackup } from '#replyd/store/upkeep/backup.js';
import { checkStore } from '#replyd/store/upkeep/check.js';
import type { Step } from '#replyd/store/upkeep/progress.js';
import { restoreBackup } from '#replyd/store/upkeep/restore.js';
import { destinationOf, filing, reading, sha256 } from '../contract.js';
import { RULES } from '../rules.js';

const NOW = Date.UTC(2026, 10, 22, 12);
const MADE = { version: '0.1.0', now: NOW };

function makeFolder(context: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'replyd-backup-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function makeStore(context: TestContext, dataDir: string, writer: 'thread' | 'direct' = 'direct') {
  const store = await openStore({ dataDir, writer, rules: RULES, migrate: true });
  context.after(() => store.close());
  await store.addAccount({ slug: 'acme', domains: ['reply.example.com'], support_email: 'support@example.com' });
  const conversation = await store.startConversation({
    account: 'acme',
    channel: 'api',
    contact: { email: 'carla@customer.example' },
    text: 'Hello',
    via: 'cli',
  });
  /** A mail of this many bytes. */
  const file = async (word: string, size: number) => {
    const text = word.padEnd(size, '.');
    const facts = { sha256: sha256(text), size: text.length };
    const raw = await store.place({ bytes: Buffer.from(text) }, facts);
    await store.file(
      filing([await destinationOf(store, conversation.reply_to!)], reading({ text: word }), {
        raw,
        facts: { ...facts, contentKey: sha256(`key ${text}`), hops: 1 },
        limits: { loopMessages: 100_000, loopWindow: 1000 },
      }),
    );
    return facts.sha256;
  };
  return { store, conversation, file };
}

async function restore(backup: string, dataDir: string, replace = false) {
  const handle = await open(backup, 'r');
  try {
    return await restoreBackup({ kind: 'sqlite', dataDir }, handle, { replace, scratch: dataDir });
  } finally {
    await handle.close();
  }
}

async function faultsOf(dataDir: string) {
  const db = openDatabase(dataDir);
  try {
    const faults = [];
    for await (const result of checkStore(db, dataDir, { now: Date.now() })) faults.push(...result.faults);
    return faults;
  } finally {
    db.close();
  }
}

function refused(code: ErrorCode, text: RegExp) {
  return (error: unknown) => {
    assert.ok(isReplydError(error, code), String(error));
    assert.match(error.message, text);
    return true;
  };
}

test('made while mails come in, restored: whole, and all that was there before', async context => {
  const folder = makeFolder(context);
  const dataDir = path.join(folder, 'data');
  const { file, conversation } = await makeStore(context, dataDir, 'thread');
  for (let i = 0; i < 60; i += 1) await file(`before ${i}`, i % 3 === 0 ? 200_000 : 20_000);
  let stop = false;
  let during = 0;
  const load = (async () => {
    for (; !stop; during += 1) await file(`during ${during}`, during % 3 === 0 ? 200_000 : 20_000);
  })();
  const backup = path.join(folder, 'backup.tar');
  const manifest = await makeBackup(dataDir, backup, MADE);
  stop = true;
  await load;
  assert.ok(during > 0, 'mails came in meanwhile');
  assert.deepEqual(manifest.missing, []);
  assert.ok(manifest.files >= 20);
  assert.equal(statSync(backup).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(folder).sort(), ['backup.tar', 'data'], 'nothing else is left');
  const copy = path.join(folder, 'copy');
  const restored = await restore(backup, copy);
  assert.deepEqual([restored.manifest, restored.waiting], [manifest, 0]);
  assert.deepEqual(await faultsOf(copy), []);
  const store = await openStore({ dataDir: copy, writer: 'direct', rules: RULES, migrate: false });
  const texts = (await store.conversation({ id: conversation.id })).messages!.map(message => message.text);
  await store.close();
  assert.deepEqual(texts.slice(0, 61), ['Hello', ...Array.from({ length: 60 }, (_, i) => `before ${i}`)]);
  context.diagnostic(`${during} mails came in while the backup was made, ${texts.length - 61} of them are in it`);
});

test('a backup, a restore and a check tell how far they are', async context => {
  const folder = makeFolder(context);
  const dataDir = path.join(folder, 'data');
  const { file } = await makeStore(context, dataDir);
  for (const word of ['one', 'two']) await file(word, 200_000);
  const told: string[] = [];
  const progress = ({ doing, done, total }: Step) => {
    told.push(`${doing} ${done}/${total}`);
  };
  const backup = path.join(folder, 'backup.tar');
  await makeBackup(dataDir, backup, { ...MADE, progress });
  assert.deepEqual(told.splice(0), ['copying the database 0/null', 'copying files 0/2', 'copying files 1/2']);
  const tar = await open(backup);
  const copy = path.join(folder, 'copy');
  await restoreBackup({ kind: 'sqlite', dataDir: copy }, tar, { replace: false, scratch: copy, progress });
  await tar.close();
  const size = Math.ceil(statSync(backup).size / 2 ** 20);
  const read = told.splice(0);
  assert.match(read[0]!, new RegExp(`^reading the backup, MiB \\d+/${size}$`));
  assert.deepEqual(read.slice(-3), ['unpacking files 1/3', 'unpacking files 2/3', 'unpacking files 3/3']);
  const db = openDatabase(copy);
  for await (const { faults } of checkStore(db, copy, { now: Date.now(), tell: progress }))
    assert.deepEqual(faults, []);
  const count = db.value<number>('select count(*) from blob')!;
  db.close();
  assert.deepEqual(
    told,
    Array.from({ length: count }, (_, at) => `checking contents ${at}/${count}`),
  );
});

test('other programs can read it', async context => {
  const folder = makeFolder(context);
  const { file } = await makeStore(context, path.join(folder, 'data'));
  const hash = await file('large', 200_001);
  const backup = path.join(folder, 'backup.tar');
  await makeBackup(path.join(folder, 'data'), backup, MADE);
  const listed = spawnSync('tar', ['-xvf', backup, '-C', makeFolder(context)], { encoding: 'utf8' });
  if (listed.error) return context.skip('tar is not installed');
  assert.equal(listed.status, 0, listed.stderr);
  assert.deepEqual(listed.stdout.trim().split('\n'), [
    'replyd.db',
    `blobs/${hash.slice(0, 2)}/${hash}`,
    'manifest.json',
  ]);
});

test('what the store has lost already is told, and the rest is backed up', async context => {
  const folder = makeFolder(context);
  const dataDir = path.join(folder, 'data');
  const { file } = await makeStore(context, dataDir);
  const lost = await file('lost', 200_000);
  await file('there', 200_000);
  rmSync(blobFile(dataDir, lost));
  const backup = path.join(folder, 'backup.tar');
  const { missing, files } = await makeBackup(dataDir, backup, MADE);
  assert.deepEqual([missing, files], [[lost], 1]);
  const copy = path.join(folder, 'copy');
  await restore(backup, copy);
  assert.deepEqual(
    (await faultsOf(copy)).map(fault => fault.thing),
    [lost],
  );
});

test('a backup that exists is not overwritten unasked; two at a time are refused', async context => {
  const folder = makeFolder(context);
  const dataDir = path.join(folder, 'data');
  await makeStore(context, dataDir);
  const backup = path.join(folder, 'backup.tar');
  writeFileSync(backup, 'precious');
  await assert.rejects(makeBackup(dataDir, backup, MADE), refused('conflict', /exists already/));
  assert.equal(readFileSync(backup, 'utf8'), 'precious');
  await makeBackup(dataDir, backup, { ...MADE, replace: true });
  assert.notEqual(readFileSync(backup, 'latin1'), 'precious');
  const lock = lockFiles(dataDir, 0)!;
  context.after(() => lock.release());
  assert.equal(lockFiles(dataDir, 0), null);
});

/** Writes over bytes from where `text` stands in the file. */
function damage(file: string, text: string): void {
  const bytes = readFileSync(file);
  const at = bytes.lastIndexOf(text);
  assert.ok(at >= 0, text);
  bytes[at]! ^= 1;
  writeFileSync(file, bytes);
}

/** Changes the manifest, which is as long as before; the header's sum does not cover it. */
function forge(file: string, from: string, to: string): void {
  const text = readFileSync(file, 'latin1');
  assert.ok(text.includes(from) && from.length === to.length);
  writeFileSync(file, text.replace(from, to), 'latin1');
}

const BROKEN: readonly [name: string, change: (file: string) => void, text: RegExp][] = [
  ['something else', file => writeFileSync(file, 'no backup'), /cut off, or no backup/],
  ['something else, long', file => writeFileSync(file, 'no backup'.repeat(1000)), /no backup, or damaged/],
  ['cut in the database', file => truncateSync(file, 20_000), /cut off in replyd\.db/],
  ['cut before its end', file => truncateSync(file, statSync(file).size - 2048), /cut off/],
  ['a changed content', file => damage(file, 'large........'), /blobs\/.* is not what was put in/],
  ['a changed database', file => damage(file, 'CREATE TABLE conversation'), /not those of its manifest/],
  ['another format', file => forge(file, '"format": 1', '"format": 3'), /another format \(3\)/],
  ['that of rows', file => forge(file, '"format": 1', '"format": 2'), /its manifest is not complete/],
  // Of the same length, as all that is forged.
  [
    'a newer schema',
    file => forge(file, `"schema": ${programSchema()}`, `"schema": ${'9'.repeat(`${programSchema()}`.length)}`),
    /newer replyd/,
  ],
  ['files left out', file => forge(file, '"files": 1', '"files": 2'), /not those of its manifest/],
];

test('what is no whole backup is refused, and nothing is written', async context => {
  const folder = makeFolder(context);
  const { file } = await makeStore(context, path.join(folder, 'data'));
  await file('large', 200_000);
  const backup = path.join(folder, 'backup.tar');
  await makeBackup(path.join(folder, 'data'), backup, MADE);
  for (const [name, change, text] of BROKEN) {
    const broken = path.join(folder, 'broken.tar');
    copyFileSync(backup, broken);
    change(broken);
    const target = path.join(folder, 'target');
    await assert.rejects(restore(broken, target), refused('unavailable', text), name);
    assert.ok(!existsSync(target), name);
  }
});

test('a store that is there is refused, a running daemon too; --replace puts the old one aside', async context => {
  const folder = makeFolder(context);
  const dataDir = path.join(folder, 'data');
  const first = await makeStore(context, dataDir);
  const backup = path.join(folder, 'backup.tar');
  await makeBackup(dataDir, backup, MADE);
  await first.file('after the backup', 200_000);
  await first.store.close();
  await assert.rejects(restore(backup, dataDir), refused('conflict', /--replace/));
  const lock = lockStore(dataDir);
  await assert.rejects(restore(backup, dataDir, true), refused('conflict', /serves the store/));
  lock.release();
  await restore(backup, dataDir, true);
  // The file of the newer mail is an orphan now, and young.
  assert.deepEqual(await faultsOf(dataDir), []);
  const messages = (of: string) => {
    const aside = path.join(folder, 'aside');
    rmSync(aside, { recursive: true, force: true });
    const db = openDatabase(aside, { create: true });
    db.close();
    copyFileSync(of, path.join(aside, 'replyd.db'));
    const copy = openDatabase(aside);
    const count = copy.value<number>('select count(*) from message');
    copy.close();
    return count;
  };
  assert.equal(messages(path.join(dataDir, 'replyd.db')), 1);
  assert.equal(messages(path.join(dataDir, 'replyd.db.replaced')), 2);
});

test('with something to be sent in it the queue is paused', async context => {
  const folder = makeFolder(context);
  const dataDir = path.join(folder, 'data');
  const { store, conversation } = await makeStore(context, dataDir);
  await store.addMessage({ id: conversation.id }, { direction: 'outgoing', text: 'Sent?', mail: 'now', via: 'cli' });
  const backup = path.join(folder, 'backup.tar');
  await makeBackup(dataDir, backup, MADE);
  const copy = path.join(folder, 'copy');
  assert.equal((await restore(backup, copy)).waiting, 1);
  const restored = await openStore({ dataDir: copy, writer: 'direct', rules: RULES, migrate: false });
  const { paused, reason } = await restored.destination('smarthost');
  await restored.close();
  assert.equal(paused, 'operator');
  assert.match(reason!, /restored from a backup/);
});
