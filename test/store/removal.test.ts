import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, type TestContext } from 'node:test';
import { openPostgres } from '#replyd/store/postgres/open.js';
import { openStore } from '#replyd/store/sqlite/open.js';
import { type Cluster, postgresMissing, startCluster } from '../postgres/cluster.js';
import { removalContract } from './removal-contract.js';
import { PATIENT, RULES } from './rules.js';
import { withStore } from './upkeep/rich-store.js';

function dataFolder(context: TestContext): string {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'replyd-removal-'));
  context.after(() => rmSync(dataDir, { recursive: true, force: true }));
  return dataDir;
}

const TABLES = "select name from sqlite_master where type = 'table' and name not like 'sqlite_%'";

for (const writer of ['direct', 'thread'] as const) {
  removalContract(`sqlite, ${writer}`, async context => {
    const dataDir = dataFolder(context);
    const store = await openStore({ dataDir, writer, rules: RULES, migrate: true });
    context.after(() => store.close());
    const rows = async () =>
      withStore(dataDir, db =>
        Object.fromEntries(
          db
            .all<{ name: string }>(TABLES)
            .map(({ name }) => [name, db.all<Record<string, unknown>>(`select * from ${name}`)]),
        ),
      );
    return { store, dataDir, rows };
  });
}

describe('on PostgreSQL', { skip: postgresMissing() ?? false }, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.close());

  removalContract('postgres', async context => {
    const dataDir = dataFolder(context);
    const database = await cluster.createStore();
    const servers = [{ connectionString: cluster.url(database) }];
    const store = await openPostgres({ servers, dataDir, rules: RULES, migrate: false, patience: PATIENT });
    context.after(() => store.close());
    const rows = async () => {
      const tables = await cluster.sql(database, "select tablename from pg_tables where schemaname = 'public'");
      const read = async (name: string) => [name, await cluster.sql(database, `select * from ${name}`)] as const;
      return Object.fromEntries(await Promise.all(tables.map(({ tablename }) => read(String(tablename)))));
    };
    return { store, dataDir, rows };
  });
});
