import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { makeShop } from './program.js';

test('backup and restore: the conversations are there again', async context => {
  const shop = await makeShop(context);
  assert.match(await shop.text(['backup', 'shop.tar']), /^wrote shop\.tar: .* with 0 files beside the database\n$/);
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
  assert.deepEqual([other.code, other.stderr], [1, 'replyd: it is cut off, or no backup at all\n']);
});
