/** What is removed is gone on PostgreSQL too, where events and deliveries have no foreign key to their account. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { OpenStore } from '#replyd/store/assembled.js';
import { openPostgres } from '#replyd/store/postgres/open.js';
import { newPostgresStore } from '#replyd/store/postgres/rows.js';
import { openStore } from '#replyd/store/sqlite/open.js';
import { sqliteSource } from '#replyd/store/sqlite/rows.js';
import { moveStore } from '#replyd/store/upkeep/move.js';
import { type Cluster, postgresMissing, startCluster } from '../../postgres/cluster.js';
import { PATIENT, RULES } from '../rules.js';
import { folder, richStore, withStore } from '../upkeep/rich-store.js';

const missing = postgresMissing();

/** One account of two, with all that it has. */
async function removeAcme(store: OpenStore): Promise<void> {
  await store.removeAccount('acme');
  assert.deepEqual(
    (await store.accounts()).map(account => account.slug),
    ['zen'],
  );
  await store.close();
}

describe('removing an account on PostgreSQL', { skip: missing ?? false }, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.close());

  test('leaves in every table what it leaves on SQLite', async context => {
    const [moved, kept] = [await richStore(context), await richStore(context)];
    const database = await cluster.createDatabase();
    const servers = [{ connectionString: cluster.url(database) }];
    const [from, to] = [sqliteSource(moved), await newPostgresStore(servers)];
    const { tables } = await moveStore(from, to, { name: 'elsewhere' });
    await to.close();
    await from.close();

    await removeAcme(
      await openPostgres({ servers, dataDir: folder(context), rules: RULES, migrate: false, patience: PATIENT }),
    );
    await removeAcme(await openStore({ dataDir: kept, writer: 'direct', rules: RULES, migrate: false }));
    const left: Record<string, { readonly before: number; readonly postgres: number; readonly sqlite: number }> = {};
    for (const [name, { rows }] of Object.entries(tables)) {
      const count = `select count(*)::integer as count from ${name}`;
      left[name] = {
        before: rows,
        postgres: (await cluster.sql(database, count))[0]!.count as number,
        sqlite: withStore(kept, db => db.value<number>(`select count(*) from ${name}`)!),
      };
    }
    for (const [name, { postgres, sqlite }] of Object.entries(left)) assert.equal(postgres, sqlite, name);
    for (const name of ['account', 'contact', 'conversation', 'message', 'event', 'delivery', 'hook', 'mail', 'blob']) {
      assert.ok(left[name]!.postgres < left[name]!.before, name);
    }
    const of = `account_key not in (select key from account)`;
    for (const name of ['event', 'delivery']) {
      assert.deepEqual(await cluster.sql(database, `select key from ${name} where ${of}`), [], name);
    }
  });
});
