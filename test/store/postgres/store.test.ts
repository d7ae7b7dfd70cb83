/** The whole contract of the store, on PostgreSQL. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { openPostgres } from '#replyd/store/postgres/open.js';
import { type Cluster, postgresMissing, startCluster } from '../../postgres/cluster.js';
import { agentMailContract } from '../agent-mail-contract.js';
import { agentsContract, sessionsContract } from '../agents-contract.js';
import { applicationContract, continuityContract } from '../application-contract.js';
import { boundsContract } from '../bounds-contract.js';
import { ccContract } from '../cc-contract.js';
import { storeContract } from '../contract.js';
import { largeContract } from '../large-contract.js';
import { quotingContract } from '../quoting-contract.js';
import { PATIENT, RULES } from '../rules.js';
import { understandingContract } from '../understanding-contract.js';

const missing = postgresMissing();
let cluster: Cluster;

async function openAt(
  context: TestContext,
  { clock, database: made }: { clock?: () => number; database?: string } = {},
) {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'replyd-store-'));
  const database = made ?? (await cluster.createStore());
  const servers = [{ connectionString: cluster.url(database) }];
  const store = await openPostgres({
    servers,
    dataDir,
    rules: RULES,
    migrate: false,
    patience: PATIENT,
    ...(clock ? { clock } : {}),
  });
  context.after(async () => {
    await store.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  const destinations = async () =>
    (await cluster.sql(database, 'select name from destination')).map(row => String(row.name));
  return { store, dataDir, destinations };
}

async function open(context: TestContext) {
  const { store, destinations } = await openAt(context);
  return { store, destinations };
}

/** A clock that a test moves on. */
async function openWithClock(context: TestContext) {
  let time = Date.UTC(2026, 0, 5, 12);
  const { store } = await openAt(context, { clock: () => time });
  const later = (milliseconds: number) => {
    time += milliseconds;
  };
  return { store, later, now: () => time };
}

async function openLarge(context: TestContext) {
  const database = await cluster.createStore();
  const opened = await openAt(context, { database });
  const where = (hash: string) => `where sha256 = '\\x${hash}'`;
  return {
    ...opened,
    async age(hash: string) {
      await cluster.sql(database, `update large_content set touched_at = touched_at - 172800000 ${where(hash)}`);
    },
    isThere: async (hash: string) =>
      (await cluster.sql(database, `select 1 from large_content ${where(hash)}`)).length > 0,
  };
}

if (missing !== null) test('the store on PostgreSQL', { skip: missing }, () => undefined);
else {
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.close());
  boundsContract('postgres', open);
  storeContract('postgres', open);
  applicationContract('postgres', open);
  quotingContract('postgres', open);
  ccContract('postgres', open);
  understandingContract('postgres', open);
  continuityContract('postgres', openWithClock);
  agentsContract('postgres', open);
  agentMailContract('postgres', open);
  sessionsContract('postgres', openWithClock);
  largeContract('postgres', openLarge);
}
