/** What a connection that only reads sees, and when. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { atMost, openDatabase, refuseOldSqlite } from '#replyd/store/sqlite/database.js';

function open(context: TestContext) {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'replyd-database-'));
  const writer = openDatabase(dataDir, { create: true });
  const reader = openDatabase(dataDir);
  reader.onlyRead();
  context.after(() => {
    reader.close();
    writer.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  writer.run('create table word (key integer primary key, text text not null)');
  const words = () => reader.reading(() => reader.all<{ text: string }>('select text from word order by key'));
  return { writer, reader, seen: () => words().map(row => row.text) };
}

test('look-ups of one turn see one state, those of the next the latest', async context => {
  const { writer, seen } = open(context);
  assert.deepEqual(seen(), []);
  writer.insert('insert into word (text) values (?)', 'one');
  await Promise.resolve();
  assert.deepEqual(seen(), []);
  await new Promise(resolve => setImmediate(resolve));
  assert.deepEqual(seen(), ['one']);
});

test('who was told of a commit sees it in the same turn', context => {
  const { writer, reader, seen } = open(context);
  assert.deepEqual(seen(), []);
  writer.insert('insert into word (text) values (?)', 'one');
  reader.lookAnew();
  assert.deepEqual(seen(), ['one']);
  reader.lookAnew();
  reader.lookAnew();
  assert.equal(reader.inTransaction, false);
});

test('a look that fails ends nothing for the others of its turn', context => {
  const { reader, seen } = open(context);
  assert.throws(() => reader.reading(() => reader.all('select no_such_column from word')));
  assert.throws(() => reader.reading(() => reader.run("insert into word (text) values ('x')")), /readonly/);
  assert.deepEqual(seen(), []);
});

test('an insert tells the key, a limit stands in the statement', context => {
  const { writer } = open(context);
  assert.equal(writer.insert('insert into word (key, text) values (?, ?)', 2 ** 52, 'far'), 2 ** 52);
  assert.equal(writer.insert('insert into word (text) values (?)', 'next'), 2 ** 52 + 1);
  assert.equal(writer.all(`select key from word order by key${atMost(1)}`).length, 1);
  assert.deepEqual([atMost(0), atMost(-1), atMost(2.9), atMost(50)], [' limit 0', ' limit 0', ' limit 2', ' limit 50']);
});

test('a SQLite that can damage the file is not used', () => {
  for (const version of ['3.51.2', '3.9.0', '2.99.9', '3.51']) {
    assert.throws(() => refuseOldSqlite(version), /newer better-sqlite3/, version);
  }
  for (const version of ['3.51.3', '3.51.10', '3.53.0', '3.100.0', '4.0.0']) refuseOldSqlite(version);
});
