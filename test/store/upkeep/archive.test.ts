/** A backup of a store on PostgreSQL, and one of SQLite, are each restored into either; a damaged one is refused before. */
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { isReplydError } from '#replyd/base/errors.js';
import { migrationsFolder } from '#replyd/store/migrations.js';
import type { StorePlace } from '#replyd/store/opener.js';
import { openPostgres } from '#replyd/store/postgres/open.js';
import { newPostgresStore, postgresSnapshot, postgresSource } from '#replyd/store/postgres/rows.js';
import { openDatabase } from '#replyd/store/sqlite/database.js';
import { migrate } from '#replyd/store/sqlite/migrate.js';
import { openStore } from '#replyd/store/sqlite/open.js';
import { rowsOf, sqliteSource } from '#replyd/store/sqlite/rows.js';
import { makeArchive } from '#replyd/store/upkeep/archive.js';
import { makeBackup } from '#replyd/store/upkeep/backup.js';
import { checkStore } from '#replyd/store/upkeep/check.js';
import { moveStore } from '#replyd/store/upkeep/move.js';
import { restoreBackup } from '#replyd/store/upkeep/restore.js';
import { summarize } from '#replyd/store/upkeep/rows.js';
import { type Cluster, postgresMissing, startCluster } from '../../postgres/cluster.js';
import { putOlderStore } from '../../upgrade/older-store.js';
import { PATIENT, RULES } from '../rules.js';
import { contentsOf, folder, linesOf, richStore, withoutNul, withStore } from './rich-store.js';

const missing = postgresMissing();
const MADE = { version: '0.1.0', now: Date.UTC(2026, 10, 22, 12) };

async function restore(backup: string, place: StorePlace, scratch: string, replace = false) {
  const handle = await open(backup, 'r');
  try {
    return await restoreBackup(place, handle, { replace, scratch });
  } finally {
    await handle.close();
  }
}

describe('backups of rows', { skip: missing ?? false }, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.close());
  const at = (database: string) => [{ connectionString: cluster.url(database) }];
  const place = (database: string) =>
    ({ kind: 'postgres', name: database, servers: at(database) }) as unknown as StorePlace;

  /** A database with the rows of this store. */
  async function moved(dataDir: string): Promise<string> {
    const database = await cluster.createDatabase();
    const [from, to] = [sqliteSource(dataDir), await newPostgresStore(at(database))];
    await moveStore(from, to, { name: 'elsewhere' });
    await to.close();
    await from.close();
    return database;
  }

  async function backedUp(database: string, file: string) {
    const source = await postgresSnapshot(at(database));
    try {
      return await makeArchive(source, file, MADE);
    } finally {
      await source.close();
    }
  }

  async function summaryOf(database: string) {
    const source = await postgresSource(at(database));
    try {
      return await summarize(source, source.tables);
    } finally {
      await source.close();
    }
  }

  test('from PostgreSQL into either engine: all rows and contents', async context => {
    const first = await richStore(context);
    const database = await moved(first);
    const outside = folder(context);
    const file = path.join(outside, 'backup.tar');
    const manifest = await backedUp(database, file);
    assert.deepEqual([manifest.format, manifest.files, manifest.missing], [2, 2, []]);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(outside), ['backup.tar'], 'nothing else is left');
    await assert.rejects(backedUp(database, file), /exists already/);

    const dataDir = path.join(outside, 'data');
    const restored = await restore(file, { kind: 'sqlite', dataDir }, dataDir);
    assert.deepEqual(restored.manifest, manifest);
    const wanted = withoutNul(await linesOf(first));
    assert.ok(restored.waiting > 0);
    const { destination: paused, ...rest } = await linesOf(dataDir);
    const { destination: _, ...same } = wanted;
    assert.deepEqual(rest, same);
    assert.match(paused!.join(''), /"smarthost","operator","restored from a backup/);
    assert.deepEqual(contentsOf(dataDir), contentsOf(first));
    const db = openDatabase(dataDir);
    for await (const { check, faults } of checkStore(db, dataDir, { now: Date.now() })) {
      assert.deepEqual([check, faults.filter(({ state }) => state === 'failed')], [check, []]);
    }
    db.close();

    const again = await cluster.createDatabase();
    await restore(file, place(again), outside);
    const [one, other] = [await summaryOf(database), await summaryOf(again)];
    assert.notEqual(other.tables.destination!.sha256, one.tables.destination!.sha256);
    assert.deepEqual(
      { ...other, tables: { ...other.tables, destination: null } },
      { ...one, tables: { ...one.tables, destination: null } },
    );
    await assert.rejects(restore(file, place(again), outside), /there is a store in this database already/);
    await assert.rejects(restore(file, { kind: 'sqlite', dataDir }, dataDir), /there is a store in .* already/);
  });

  test('is of one moment while others write', async context => {
    const database = await cluster.createStore();
    const store = await openPostgres({
      servers: at(database),
      dataDir: folder(context),
      rules: RULES,
      migrate: false,
      patience: PATIENT,
    });
    await store.addAccount({ slug: 'acme', domains: ['reply.example.com'], support_email: 'support@example.com' });
    const start = () =>
      store.startConversation({
        account: 'acme',
        channel: 'api',
        contact: { email: 'carla@customer.example' },
        text: 'Hello',
        via: 'cli',
      });
    for (let count = 0; count < 20; count += 1) await start();
    let stop = false;
    let during = 0;
    const writing = (async () => {
      for (; !stop; during += 1) await start();
    })();
    const file = path.join(folder(context), 'backup.tar');
    const source = await postgresSnapshot(at(database));
    const sure = during;
    while (during < sure + 5) await start();
    const { tables } = await makeArchive(source, file, MADE);
    await source.close();
    stop = true;
    await writing;
    await store.close();
    const rows = (name: string) => tables.find(table => table.name === name)!.rows;
    assert.equal(rows('conversation'), rows('message'), 'each conversation has its message');
    assert.ok(rows('conversation') >= 20);
    const dataDir = path.join(folder(context), 'data');
    await restore(file, { kind: 'sqlite', dataDir }, dataDir);
    const db = openDatabase(dataDir);
    for await (const { check, faults } of checkStore(db, dataDir, { now: Date.now() })) {
      assert.deepEqual([check, faults.filter(({ state }) => state === 'failed')], [check, []]);
    }
    db.close();
  });

  test("SQLite's own is restored into PostgreSQL", async context => {
    const first = await richStore(context);
    const scratch = folder(context);
    const file = path.join(scratch, 'backup.tar');
    await makeBackup(first, file, MADE);
    const database = await cluster.createDatabase();
    const { waiting } = await restore(file, place(database), scratch);
    assert.ok(waiting > 0);
    assert.deepEqual(readdirSync(scratch), ['backup.tar'], 'nothing is left of what was unpacked');
    const { tables, contents } = await summaryOf(database);
    const lines = await linesOf(first);
    assert.deepEqual(
      Object.entries(tables).map(([name, { rows }]) => [name, rows]),
      // One more: the pause of the queue.
      Object.entries(lines).map(([name, rows]) => [name, name === 'destination' ? rows.length + 1 : rows.length]),
    );
    assert.equal(contents, 2);
  });

  test('of an older schema is brought up to date', async context => {
    const older = path.join(folder(context), 'data');
    await putOlderStore('store', older);
    const scratch = folder(context);
    const file = path.join(scratch, 'backup.tar');
    const db = openDatabase(older);
    migrate(db, migrationsFolder('sqlite'), 13);
    const { schema, tables } = await makeArchive(rowsOf(db, older), file, MADE);
    db.close();
    assert.equal(schema, 13);
    const dataDir = path.join(scratch, 'data');
    await restore(file, { kind: 'sqlite', dataDir }, dataDir);
    await (await openStore({ dataDir, writer: 'direct', rules: RULES, migrate: false })).close();
    const rows = Object.fromEntries(tables.map(table => [table.name, table.rows]));
    withStore(dataDir, made => assert.equal(made.value('select count(*) from message'), rows.message));
    const again = await cluster.createDatabase();
    await restore(file, place(again), scratch);
    assert.equal((await summaryOf(again)).tables.message!.rows, rows.message);
  });

  test('that is damaged is refused, and nothing is written', async context => {
    const database = await moved(await richStore(context));
    const scratch = folder(context);
    const file = path.join(scratch, 'backup.tar');
    const { tables } = await backedUp(database, file);
    const { rows } = tables.find(table => table.name === 'message')!;
    for (const [name, change, text] of [
      ['cut', (broken: string) => truncateSync(broken, statSync(broken).size - 4096), /cut off/],
      [
        'a changed row',
        (broken: string) => forge(broken, 'Thank you, Gr', 'Thank yOu, Gr'),
        /not those of its manifest/,
      ],
      [
        'a piece under another name',
        (broken: string) => forge(broken, 'tables/token/', 'tables/tokem/'),
        /no backup, or damaged/,
      ],
      [
        'another number of rows',
        (broken: string) => forge(broken, `"rows": ${rows},`, `"rows": ${rows + 1},`),
        /not those of its/,
      ],
      ['a newer schema', (broken: string) => forge(broken, '"schema": 2', '"schema": 9'), /newer replyd/],
      [
        'a table with another name',
        (broken: string) => forge(broken, '"name": "token"', '"name": "t;ken"'),
        /not complete/,
      ],
      [
        'a column of no type',
        (broken: string) => forge(broken, '"type": "integer"', '"type": "integex"'),
        /not complete/,
      ],
    ] as const) {
      const broken = path.join(scratch, 'broken.tar');
      copyFileSync(file, broken);
      change(broken);
      const target = path.join(scratch, 'target');
      await assert.rejects(
        restore(broken, { kind: 'sqlite', dataDir: target }, target),
        error => {
          assert.ok(isReplydError(error, 'unavailable'), String(error));
          assert.match(error.message, text, name);
          return true;
        },
        name,
      );
      assert.ok(!existsSync(target), name);
    }
  });
});

/** Changes bytes where they stand for the last time; the file is as long as before. */
function forge(file: string, from: string, to: string): void {
  const text = readFileSync(file, 'latin1');
  const at = text.lastIndexOf(from);
  assert.ok(at >= 0 && from.length === to.length, from);
  writeFileSync(file, text.slice(0, at) + to + text.slice(at + from.length), 'latin1');
}
