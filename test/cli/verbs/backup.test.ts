import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { postgresMissing, startCluster } from '../../postgres/cluster.js';
import { makeProgram, makeShop } from '../program.js';

test('backup and restore: the conversations are there again', async context => {
  const shop = await makeShop(context);
  assert.match(await shop.text(['backup', 'shop.tar']), /^wrote shop\.tar: .* with 0 files and the database\n$/);
  const again = await shop.run(['backup', 'shop.tar']);
  assert.equal(again.code, 1);
  assert.match(again.stderr, /exists already/);
  const [made] = await shop.json<{ file: string; schema: number; missing: string[] }>([
    'backup',
    'shop.tar',
    '--replace',
  ]);
  assert.deepEqual([made!.file, made!.missing], [path.join(shop.folder, 'shop.tar'), []]);
  const refused = await shop.run(['restore', 'shop.tar']);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /there is a store in .* already/);
  const before = await shop.text(['conversation', 'show', 'acme#1', '--json']);
  rmSync(shop.dataDir, { recursive: true });
  assert.match(await shop.text(['restore', 'shop.tar']), /^restored the store of /);
  assert.equal(await shop.text(['conversation', 'show', 'acme#1', '--json']), before);
  assert.equal((await shop.run(['check'])).code, 0);
});

test('restore: no such file, no backup', async context => {
  const shop = await makeShop(context);
  const none = await shop.run(['restore', 'none.tar', '--replace']);
  assert.deepEqual([none.code, none.stderr], [1, 'replyd: none.tar: no such file or directory\n']);
  const other = await shop.run(['restore', 'replyd.toml', '--replace']);
  assert.deepEqual(
    [other.code, other.stderr],
    [1, 'replyd: replyd.toml: it is cut off, or no backup at all: name a file that `replyd backup` wrote\n'],
  );
});

/** Any user but root; it needs no entry in /etc/passwd for what belongs to him. */
const NOBODY = 65_534;
const skip = process.getuid?.() === 0 ? false : 'needs root, to be somebody else';

test("root's backup is root's alone, and what lies in the data directory stays its owner's", {
  skip,
}, async context => {
  const program = makeProgram(context);
  chmodSync(program.folder, 0o755);
  mkdirSync(program.dataDir, { mode: 0o700 });
  chownSync(program.dataDir, NOBODY, NOBODY);
  await program.text(['account', 'add', 'acme', '--domain=in.acme.example', '--support-email=help@acme.example']);
  const folder = path.join(program.folder, 'backups');
  mkdirSync(folder, { mode: 0o700 });
  const backup = path.join(folder, 'acme.tar');
  await program.text(['backup', backup]);
  const { uid, mode } = statSync(backup);
  assert.deepEqual([uid, mode & 0o777], [0, 0o600]);
  const owners = () =>
    readdirSync(program.dataDir).map(name => `${name} ${statSync(path.join(program.dataDir, name)).uid}`);
  assert.deepEqual(
    owners().filter(line => !line.endsWith(` ${NOBODY}`)),
    [],
  );
  await program.text(['restore', backup, '--replace']);
  assert.deepEqual(
    owners().filter(line => !line.endsWith(` ${NOBODY}`)),
    [],
  );
  assert.equal((await program.run(['check'])).code, 0);
});

test('with store.url: from a database into another, and into a data directory', {
  skip: postgresMissing() ?? false,
}, async context => {
  const cluster = await startCluster();
  context.after(() => cluster.close());
  const shop = await makeShop(context);
  const before = await shop.text(['conversation', 'show', 'acme#1', '--json']);
  const [first, second] = [await cluster.createDatabase(), await cluster.createDatabase()];
  await shop.text(['migrate-store', 'data', cluster.url(first)]);
  const useDatabase = (name: string) =>
    writeFileSync(shop.configFile, `data_dir = "./node"\n[store]\nurl = "${cluster.url(name)}"\n`);
  useDatabase(first);
  assert.match(await shop.text(['backup', 'shop.tar']), /^wrote shop\.tar: \d+ rows and 0 files\n$/);
  const refused = await shop.run(['restore', 'shop.tar']);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /there is a store in this database already/);
  useDatabase(second);
  assert.match(
    await shop.text(['restore', 'shop.tar']),
    /^restored the store of .* in postgres:\/\/replyd@127\.0\.0\.1/,
  );
  assert.equal(await shop.text(['conversation', 'show', 'acme#1', '--json']), before);
  assert.equal((await shop.run(['check'])).code, 0);
  writeFileSync(shop.configFile, 'data_dir = "./other"\n');
  assert.match(await shop.text(['restore', 'shop.tar']), /^restored the store of .* in .*\/other\n$/);
  assert.equal(await shop.text(['conversation', 'show', 'acme#1', '--json']), before);
  assert.equal((await shop.run(['check'])).code, 0);
  // And what the database holds now is the same again.
  const [moved] = await shop.json<{ tables: Record<string, number> }>([
    'migrate-store',
    cluster.url(second),
    './third',
  ]);
  assert.equal(moved!.tables.conversation, 1);
});
