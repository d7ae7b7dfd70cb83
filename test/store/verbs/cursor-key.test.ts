/** Cursors are good for as long as the store is, not only until a restart. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { openStore } from '#replyd/store/sqlite/open.js';
import { RULES } from '../rules.js';

test('the key that seals cursors is made once for a store', async context => {
  const keyOf = async (dataDir: string) => {
    const store = await openStore({ dataDir, writer: 'thread', rules: RULES, migrate: true });
    try {
      return Buffer.from(await store.cursorKey()).toString('hex');
    } finally {
      await store.close();
    }
  };
  const [one, other] = [0, 1].map(() => mkdtempSync(path.join(tmpdir(), 'replyd-cursor-'))) as [string, string];
  context.after(() => {
    for (const folder of [one, other]) rmSync(folder, { recursive: true, force: true });
  });
  const key = await keyOf(one);
  assert.match(key, /^[0-9a-f]{64}$/);
  assert.equal(await keyOf(one), key);
  assert.notEqual(await keyOf(other), key);
});
