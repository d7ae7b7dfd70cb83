/** `replyd check` and the index of the search: what is missing, what is left, and a file that can't be read. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import { openStore } from '#replyd/store/sqlite/open.js';
import { sqliteOpener } from '#replyd/store/sqlite/opener.js';
import { searchFile } from '#replyd/store/sqlite/search-file.js';
import { RULES } from '../rules.js';
import { addAccount, filled, start } from '../search-contract.js';

test('what the index has not, what it has left, and what cannot be read', async context => {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'replyd-check-search-'));
  context.after(() => rmSync(dataDir, { recursive: true, force: true }));
  const faults = async () => {
    for await (const { check, faults } of sqliteOpener(dataDir).check())
      if (check === 'search') return faults.map(({ state, text }) => `${state} ${text}`);
    return assert.fail('it was not checked');
  };
  const store = await openStore({ dataDir, writer: 'direct', rules: RULES, migrate: true });
  await addAccount(store);
  for (const text of ['one', 'two', 'three']) await start(store, text);
  assert.deepEqual(await faults(), [], 'no index');
  await filled(store);
  await store.close();
  assert.deepEqual(await faults(), []);

  const change = (file: string, text: string) => {
    const db = new Database(file);
    db.exec(text);
    db.close();
  };
  change(searchFile(dataDir), 'delete from doc where key = (select min(key) from doc)');
  assert.deepEqual(await faults(), [], 'it came a moment ago');
  change(path.join(dataDir, 'replyd.db'), 'update message set received_at = 1');
  assert.deepEqual(await faults(), ['failed it is not in the index']);
  change(searchFile(dataDir), "insert into doc (key, account, words) values (7, 1, 'left')");
  assert.match((await faults()).join(), /the index still has its words/);
  change(searchFile(dataDir), 'update place set down_to = 5, done = 1');
  assert.deepEqual(await faults(), ['note it is being filled: 1 of 3 messages']);
  for (const end of ['', '-wal', '-shm']) rmSync(searchFile(dataDir) + end, { force: true });
  writeFileSync(searchFile(dataDir), 'x'.repeat(5_000));
  assert.match((await faults()).join(), /^failed it can't be read/);
});
