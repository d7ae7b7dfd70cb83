/** What a connection that only reads sees, and when. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { openDatabase, refuseOldSqlite } from '#replyd/store/sqlite/database.js';
import { ALL } from '#replyd/store/tx.js';

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
  const words = () => reader.reading(async () => reader.all<{ text: string }>('select text from word order by key'));
  return { writer, reader, seen: async () => (await words()).map(row => row.text) };
}

test('look-ups of one turn see one state, those of the next the latest', async context => {
  const { writer, seen } = open(context);
  assert.deepEqual(await seen(), []);
  writer.insert('word', { text: 'one' });
  await Promise.resolve();
  assert.deepEqual(await seen(), []);
  await new Promise(resolve => setImmediate(resolve));
  assert.deepEqual(await seen(), ['one']);
});

test('who was told of a commit sees it in the same turn', async context => {
  const { writer, reader, seen } = open(context);
  assert.deepEqual(await seen(), []);
  writer.insert('word', { text: 'one' });
  reader.endSnapshot();
  assert.deepEqual(await seen(), ['one']);
  reader.endSnapshot();
  reader.endSnapshot();
  assert.equal(reader.inTransaction, false);
});

test('a look that fails ends nothing for the others of its turn', async context => {
  const { reader, seen } = open(context);
  await assert.rejects(reader.reading(async () => reader.all('select no_such_column from word')));
  await assert.rejects(
    reader.reading(async () => reader.run("insert into word (text) values ('x')")),
    /readonly/,
  );
  assert.deepEqual(await seen(), []);
});

test('values stand where their numbers say, an insert takes its columns from the row', context => {
  const { writer } = open(context);
  assert.equal(writer.insert('word', { key: 2 ** 52, text: 'far' }), 1);
  assert.equal(writer.insert('word', { text: 'next' }), 1);
  assert.equal(writer.insert('word', { text: 'other', key: 2 ** 52 }, { kept: true }), 0);
  assert.deepEqual(writer.all('select key, text from word order by key'), [
    { key: 2 ** 52, text: 'far' },
    { key: 2 ** 52 + 1, text: 'next' },
  ]);
  const text = 'select $2 as b, $1 as a, $2 as c, key from word where text = $3 and $1 <> $2';
  assert.deepEqual(writer.get(text, 1, 'two', 'far'), { b: 'two', a: 1, c: 'two', key: 2 ** 52 });
  assert.equal(writer.value('select text from word where key > $1 and text = $2', 1, 'next'), 'next');
  assert.equal(writer.update('word', 2 ** 52, { text: 'farther', key: undefined }), 1);
  assert.deepEqual([writer.update('word', 2 ** 52, {}), writer.update('word', 1, { text: 'none' })], [0, 0]);
  assert.equal(writer.value('select text from word where key = $1', 2 ** 52), 'farther');
  const limited = 'select text from word order by key limit $1';
  assert.deepEqual(
    [0, 1, ALL].map(limit => writer.all(limited, limit).length),
    [0, 1, 2],
  );
});

test('an array is the set that a value is one of, in one statement whatever its length', context => {
  const { writer } = open(context);
  for (const text of ['a', 'b\'"', 'ü', '7']) writer.insert('word', { text });
  const among = (texts: readonly string[], keys: readonly number[]) =>
    writer
      .all<{ text: string }>('select text from word where text = any($2) and key = any($1) order by key', keys, texts)
      .map(row => row.text);
  assert.deepEqual(among(['ü', 'b\'"', 'x', '7'], [1, 2, 3]), ['b\'"', 'ü']);
  assert.deepEqual(among(['7'], [4, 4, 2 ** 52]), ['7']);
  assert.deepEqual(among([], [1]), []);
  assert.deepEqual(among(['a'], []), []);
});

test('a SQLite that can damage the file is not used', () => {
  for (const version of ['3.51.2', '3.9.0', '2.99.9', '3.51']) {
    assert.throws(() => refuseOldSqlite(version), /newer better-sqlite3/, version);
  }
  for (const version of ['3.51.3', '3.51.10', '3.53.0', '3.100.0', '4.0.0']) refuseOldSqlite(version);
});
