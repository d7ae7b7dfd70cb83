/**
 * Three processes hammer one store: the concurrency contract (`test/postgres/hammered.ts`). REPLYD_HAMMER_SECONDS: how long,
 * default 3. `npm run test:concurrency` is the long round.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { openDatabase } from '#replyd/store/sqlite/database.js';
import { openStore } from '#replyd/store/sqlite/open.js';
import { type Cluster, postgresMissing, startCluster } from '../../postgres/cluster.js';
import { RULES_OF_HAMMER } from '../../postgres/hammer.js';
import { hammered } from '../../postgres/hammered.js';

const seconds = Number(process.env.REPLYD_HAMMER_SECONDS ?? 3);
const missing = postgresMissing();
let cluster: Cluster;

function temporaryFolder(context: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'replyd-hammer-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test('sqlite: three processes on one store', async context => {
  const folder = temporaryFolder(context);
  const dataDir = path.join(folder, 'store');
  await (await openStore({ dataDir, writer: 'direct', rules: RULES_OF_HAMMER, migrate: true })).close();
  const rows = async (text: string) => {
    const db = openDatabase(dataDir);
    try {
      return db.all<Record<string, unknown>>(text);
    } finally {
      db.close();
    }
  };
  context.diagnostic(JSON.stringify(await hammered({ at: { dataDir }, folder, seconds, rows })));
});

const options = missing === null ? {} : { skip: missing };
before(async () => {
  if (missing === null) cluster = await startCluster();
});
after(() => cluster?.close());

for (const kills of [0, 2]) {
  const title = kills === 0 ? 'three processes on one store' : 'three processes, of which some are killed';
  test(`postgres: ${title}`, options, async context => {
    const database = await cluster.createStore();
    const figures = await hammered({
      at: { url: cluster.url(database) },
      folder: temporaryFolder(context),
      seconds,
      kills,
      rows: text => cluster.sql(database, text),
    });
    const [{ deadlocks }] = (await cluster.sql(
      database,
      'select deadlocks from pg_stat_database where datname = current_database()',
    )) as [{ deadlocks: unknown }];
    context.diagnostic(JSON.stringify({ ...figures, deadlocks }));
  });
}
