/**
 * Which engine keeps the stores of the tests that import this: SQLite, or with REPLYD_TEST_STORE=postgres a private
 * PostgreSQL, with a database for each store. `postgres/suites.ts` runs some so, with one server for all files
 * (REPLYD_TEST_CLUSTER, its port and the database to copy); otherwise each file has its own.
 */
import { after } from 'node:test';
import pg from 'pg';
import { openerOf } from '#replyd/store/open.js';
import type { OpenOptions, StoreAddress } from '#replyd/store/opener.js';
import { resolveAddress } from '#replyd/store/postgres/address.js';
import { openDatabase } from '#replyd/store/sqlite/database.js';
import { type Cluster, startCluster } from './postgres/cluster.js';
import { PATIENT } from './store/rules.js';

export const onPostgres = process.env.REPLYD_TEST_STORE === 'postgres';
const [sharedPort, template] = (process.env.REPLYD_TEST_CLUSTER ?? '').split(' ');

let cluster: Promise<Cluster> | null = null;
let databases = 0;

if (onPostgres) after(async () => (await cluster)?.close());

/** URLs of databases, by the data_dir of their stores. */
const urls = new Map<string, string>();

/** The URL of an empty database for the store of a data_dir, or null: SQLite, in there. */
export async function newDatabase(dataDir: string, { migrated = false } = {}): Promise<string | null> {
  if (!onPostgres) return null;
  const url = await databaseFor(migrated);
  urls.set(dataDir, url);
  return url;
}

async function databaseFor(migrated: boolean): Promise<string> {
  if (sharedPort) return databaseOn(sharedPort, migrated ? template! : 'template1');
  cluster ??= startCluster();
  const running = await cluster;
  return running.url(await (migrated ? running.createStore() : running.createDatabase()));
}

/** A statement that both engines understand, and the values of its `$1`, `$2`, … */
export type Change = readonly [text: string, ...values: (string | number)[]];

/** Changes rows of a store of this run behind its back: what no door and no verb would write. */
export async function changeRows(dataDir: string, changes: readonly Change[]): Promise<void> {
  const url = urls.get(dataDir);
  if (url === undefined) {
    const database = openDatabase(dataDir);
    for (const [text, ...values] of changes) database.run(text, ...values);
    database.close();
    return;
  }
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const [text, ...values] of changes) await client.query(text, values);
  } finally {
    await client.end();
  }
}

async function databaseOn(port: string, from: string): Promise<string> {
  const url = (database: string) => `postgres://replyd@127.0.0.1:${port}/${database}`;
  const name = `t${process.pid}_${++databases}`;
  const client = new pg.Client({ connectionString: url('postgres') });
  await client.connect();
  try {
    await client.query(`create database ${name} template ${from}`);
  } finally {
    await client.end();
  }
  return url(name);
}

/** Opens a store of its own, on the engine of this run. Whoever takes it closes it. */
export async function openTestStore(dataDir: string, options: Omit<OpenOptions, 'migrate'>) {
  const url = await newDatabase(dataDir, { migrated: true });
  const opener = await openerOf(url === null ? { kind: 'sqlite', dataDir } : postgresAddress(url, dataDir));
  return opener.open({ ...options, migrate: url === null });
}

export function postgresAddress(url: string, dataDir: string, more: { patience?: number } = {}): StoreAddress {
  return { kind: 'postgres', dataDir, pool: 10, patience: PATIENT, standbys: 0, ...more, ...resolveAddress(url, {}) };
}
