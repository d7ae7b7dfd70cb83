/** Reply addresses that were revoked are kept, but not for ever. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { openDatabase } from '#replyd/store/sqlite/database.js';
import { openStore } from '#replyd/store/sqlite/open.js';
import { RULES } from '../rules.js';

test('a participant keeps so many revoked tokens, the latest ones, and the one that lives', async context => {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'replyd-rotation-'));
  let time = Date.UTC(2026, 0, 5, 12);
  const store = await openStore({ dataDir, writer: 'direct', rules: RULES, migrate: true, clock: () => time });
  const db = openDatabase(dataDir);
  context.after(async () => {
    db.close();
    await store.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  await store.addAccount({ slug: 'acme', domains: ['reply.example.com'], support_email: 'support@example.com' });
  const start = (email: string) =>
    store.startConversation({ account: 'acme', channel: 'api', contact: { email }, via: 'api' });
  const other = await start('bo@customer.example');
  const { id } = await start('carla@customer.example');
  const addresses: string[] = [];
  for (let count = 0; count < 105; count += 1) {
    time += 1;
    addresses.push((await store.rotateToken({ id })).reply_to!);
  }
  const kept = db.all<{ token: string }>('select token from token order by created_at').map(row => row.token);
  const tokenOf = (address: string) => address.slice('reply+'.length, address.indexOf('@'));
  // The first conversation's, the revoked ones, and the one that lives.
  assert.deepEqual(kept, [other.reply_to!, ...addresses.slice(-101)].map(tokenOf));
  const kinds = [other.reply_to!, addresses[0]!, addresses.at(-2)!, addresses.at(-1)!].map(store.resolve);
  assert.deepEqual(
    (await Promise.all(kinds)).map(each => each.kind),
    ['destination', 'unknown', 'unknown', 'destination'],
  );
});
