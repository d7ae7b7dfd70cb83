/** The search on SQLite: its contract, what its file promises, and what a kill leaves. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { openStore } from '#replyd/store/sqlite/open.js';
import { searchFile } from '#replyd/store/sqlite/search-file.js';
import { eventually } from '../run.js';
import { RULES } from './rules.js';
import { addAccount, filled, searchContract, start } from './search-contract.js';

function folder(context: TestContext): string {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'replyd-search-'));
  context.after(() => rmSync(dataDir, { recursive: true, force: true }));
  return dataDir;
}

function bytesHold(dataDir: string, part: string): boolean {
  return ['', '-wal'].some(end => {
    try {
      return readFileSync(searchFile(dataDir) + end).includes(part);
    } catch {
      return false;
    }
  });
}

async function wordsIn(dataDir: string, parts: readonly string[]): Promise<readonly string[]> {
  const index = new Database(searchFile(dataDir), { readonly: true });
  try {
    index.exec("create virtual table temp.v using fts5vocab('main', 'word', 'row')");
    const words = index.prepare('select term from temp.v').pluck().all() as string[];
    return words.filter(word => parts.some(part => word.includes(part)) && !/\.f:/.test(word));
  } finally {
    index.close();
  }
}

for (const writer of ['direct', 'thread'] as const) {
  searchContract(`sqlite, ${writer}`, async context => {
    const dataDir = folder(context);
    const store = await openStore({ dataDir, writer, rules: RULES, migrate: true });
    context.after(() => store.close());
    return {
      store,
      wordsLike: (...parts) => wordsIn(dataDir, parts),
      isLeft: part => bytesHold(dataDir, part),
    };
  });
}

test('of many that go at once no word is left', async context => {
  const dataDir = folder(context);
  const store = await openStore({ dataDir, writer: 'direct', rules: RULES, migrate: true });
  context.after(() => store.close());
  await addAccount(store);
  const other = await start(store, 'Permanent');
  const { id } = await start(store, 'Transient 0', { email: 'transient@customer.example' });
  for (let count = 1; count < 1_200; count += 1)
    await store.addMessage({ id }, { direction: 'note', text: `transient ${count} wort${count}`, via: 'api' });
  await filled(store);
  await store.removeConversation({ id });
  assert.deepEqual(await wordsIn(dataDir, ['transient', 'wort77']), []);
  for (const part of ['transient', 'wort77']) assert.equal(bytesHold(dataDir, part), false, part);
  assert.equal((await store.search({ text: 'permanent', limit: 5 })).hits[0]?.conversation.id, other.id);
});

test('a command takes words out of the file that a daemon fills', async context => {
  const dataDir = folder(context);
  const daemon = await openStore({ dataDir, writer: 'thread', rules: RULES, migrate: true });
  context.after(() => daemon.close());
  await addAccount(daemon);
  const { id } = await start(daemon, 'Onomatopoeia');
  await filled(daemon);
  const command = await openStore({ dataDir, writer: 'direct', rules: RULES, migrate: false });
  context.after(() => command.close());
  assert.equal((await command.search({ text: 'onomatopoeia', limit: 5 })).hits.length, 1);
  await command.removeConversation({ id });
  assert.equal(bytesHold(dataDir, 'onomatopoeia'), false);
  assert.deepEqual((await daemon.search({ text: 'onomatopoeia', limit: 5 })).hits, []);
});

test('a file that is damaged is filled anew, and so is one of another store', async context => {
  const dataDir = folder(context);
  let store = await openStore({ dataDir, writer: 'direct', rules: RULES, migrate: true });
  await addAccount(store);
  await start(store, 'Durable');
  await filled(store);
  await store.close();
  for (const end of ['-wal', '-shm']) rmSync(searchFile(dataDir) + end, { force: true });
  writeFileSync(searchFile(dataDir), 'no database at all');
  store = await openStore({ dataDir, writer: 'direct', rules: RULES, migrate: true });
  await store.fillSearch();
  await filled(store);
  assert.equal((await store.search({ text: 'durable', limit: 5 })).hits.length, 1);
  await store.close();
  // As if an older copy of the store had been put back.
  const db = new Database(searchFile(dataDir));
  db.exec("update place set events_to = events_to * 2; delete from doc; insert into word (word) values ('delete-all')");
  db.close();
  store = await openStore({ dataDir, writer: 'direct', rules: RULES, migrate: true });
  context.after(() => store.close());
  await filled(store);
  assert.equal((await store.search({ text: 'durable', limit: 5 })).hits.length, 1);
});

test('a kill in the middle of filling loses nothing for good', async context => {
  const dataDir = folder(context);
  let store = await openStore({ dataDir, writer: 'direct', rules: RULES, migrate: true });
  await addAccount(store);
  for (let count = 0; count < 3_000; count += 1) await start(store, `message ${count} number${count}`);
  await store.close();
  const program = fileURLToPath(new URL('./search-filler.js', import.meta.url));
  for (let round = 0; round < 3; round += 1) {
    const filler = spawn(process.execPath, [program, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(filler.stdout, 'data');
    filler.kill('SIGKILL');
    await once(filler, 'exit');
  }
  store = await openStore({ dataDir, writer: 'direct', rules: RULES, migrate: true });
  context.after(() => store.close());
  await filled(store);
  const { hits } = await store.search({ text: 'message', limit: 5_000 });
  assert.equal(hits.length, 3_000);
  for (const count of [0, 1, 1_499, 2_998, 2_999])
    assert.equal((await store.search({ text: `"number${count}"`, limit: 5 })).hits.length, 1);
  const db = new Database(searchFile(dataDir));
  db.exec("insert into word (word) values ('integrity-check')");
  assert.equal(db.pragma('integrity_check', { simple: true }), 'ok');
  db.close();
});

test('the daemon notes by itself what was written', async context => {
  const { openIndexing } = await import('#replyd/store/upkeep/indexing.js');
  const { createLog } = await import('#replyd/base/log.js');
  const dataDir = folder(context);
  const store = await openStore({ dataDir, writer: 'thread', rules: RULES, migrate: true });
  context.after(() => store.close());
  await addAccount(store);
  await start(store, 'Serendipity');
  const log = createLog('error', 'json', { write() {} });
  const indexing = openIndexing({ store, log, enabled: true });
  context.after(() => indexing.close());
  const found = async (text: string) => (await store.search({ text, limit: 5 })).hits.length === 1;
  await eventually('it is found', () => found('serendipity'));
  await start(store, 'Petrichor');
  await eventually('and what came later', () => found('petrichor'));
});
