/**
 * A store is moved between SQLite and PostgreSQL, both ways: every row, every content, every index. What goes wrong on the
 * way leaves the old store as it was and no new one.
 */
import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, unlinkSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import { isReplydError } from '#replyd/base/errors.js';
import { blobFile } from '#replyd/store/blobs/blobs.js';
import { checkedContents, checkedDatabase } from '#replyd/store/postgres/check.js';
import { connect } from '#replyd/store/postgres/connection.js';
import { openPostgres } from '#replyd/store/postgres/open.js';
import { newPostgresStore, postgresSource } from '#replyd/store/postgres/rows.js';
import { openDatabase } from '#replyd/store/sqlite/database.js';
import { lockStore } from '#replyd/store/sqlite/lock.js';
import { openStore } from '#replyd/store/sqlite/open.js';
import { newSqliteStore, sqliteSource } from '#replyd/store/sqlite/rows.js';
import { checkStore } from '#replyd/store/upkeep/check.js';
import { moveStore } from '#replyd/store/upkeep/move.js';
import type { Step, Tell } from '#replyd/store/upkeep/progress.js';
import type { MovedSource, NewStore, Summary } from '#replyd/store/upkeep/rows.js';
import { type Cluster, postgresMissing, startCluster } from '../../postgres/cluster.js';
import { eventually } from '../../run.js';
import { postgresSchema, sqliteSchema } from '../postgres/live-schema.js';
import { PATIENT, RULES } from '../rules.js';
import { contentsOf, folder, linesOf, richStore, withoutNul, withStore } from './rich-store.js';

const missing = postgresMissing();

async function move(from: MovedSource, to: NewStore, progress?: Tell): Promise<Summary> {
  try {
    return await moveStore(from, to, { name: 'the new place', ...(progress ? { progress } : {}) });
  } finally {
    await to.close();
    await from.close();
  }
}

function openAt(dataDir: string) {
  return openStore({ dataDir, writer: 'direct', rules: RULES, migrate: false });
}

async function rejectsMoved(opening: Promise<unknown>): Promise<void> {
  await assert.rejects(opening, error => {
    assert.ok(isReplydError(error, 'unavailable'));
    assert.match(
      error.message,
      /^this store was moved to the new place on \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ: name that one in the configuration/,
    );
    return true;
  });
}

describe('moving a store', { skip: missing ?? false }, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.close());
  const at = (database: string) => [{ connectionString: cluster.url(database) }];
  const rowsIn = async (database: string) =>
    (await cluster.sql(database, 'select (select count(*) from account) + (select count(*) from message) as n'))[0]!.n;

  test('to PostgreSQL and back keeps every row, content and index', async context => {
    const first = await richStore(context);
    const lines = await linesOf(first);
    for (const [table, rows] of Object.entries(lines)) assert.notEqual(rows.length, 0, `${table} has rows`);
    const contents = contentsOf(first);
    assert.equal(contents.size, 2);

    const database = await cluster.createDatabase();
    const seen: Step[] = [];
    const there = await move(sqliteSource(first), await newPostgresStore(at(database)), progress =>
      seen.push(progress),
    );
    assert.equal(there.contents, 2);
    assert.deepEqual(there.missing, []);
    assert.deepEqual(
      Object.entries(there.tables).map(([name, { rows }]) => [name, rows]),
      Object.entries(lines).map(([name, rows]) => [name, rows.length]),
    );
    const whole = seen.filter(
      step => step.doing === 'making indexes' || (step.doing.endsWith(' message') && step.done === step.total),
    );
    assert.deepEqual(
      whole.map(step => step.doing),
      ['copying message', 'making indexes', 'comparing message'],
    );
    await rejectsMoved(openAt(first));
    assert.deepEqual(
      await postgresSchema(cluster, database),
      await postgresSchema(cluster, await cluster.createStore()),
    );

    const dataDir = folder(context);
    const opened = await openPostgres({
      servers: at(database),
      dataDir,
      rules: RULES,
      migrate: false,
      patience: PATIENT,
    });
    const accounts = await opened.accounts();
    await opened.close();
    assert.equal(accounts.length, 2);

    const second = path.join(folder(context), 'data');
    const back = await move(await postgresSource(at(database)), await newSqliteStore(second, { replace: false }));
    assert.deepEqual(back, there);
    await rejectsMoved(
      openPostgres({ servers: at(database), dataDir, rules: RULES, migrate: false, patience: PATIENT }),
    );
    assert.deepEqual(contentsOf(second), contents);
    assert.deepEqual(await linesOf(second), withoutNul(lines));
    assert.deepEqual(withStore(second, sqliteSchema), withStore(first, sqliteSchema));
    await (await openAt(second)).close();
    const db = openDatabase(second);
    for await (const { check, faults } of checkStore(db, second, { now: Date.now() })) {
      assert.deepEqual([check, faults.filter(({ state }) => state === 'failed')], [check, []]);
    }
    db.close();
  });

  test('is refused where a store is, or puts it aside', async context => {
    const from = await richStore(context);
    const database = await cluster.createStore();
    await cluster.sql(database, `insert into reply_prefix values ('reply')`);
    await assert.rejects(
      newPostgresStore(at(database)),
      /there is a store in this database already \(table reply_prefix\)/,
    );

    const other = await richStore(context);
    await assert.rejects(
      newSqliteStore(other, { replace: false }),
      /there is a store in .* already: name an empty folder/,
    );
    await move(sqliteSource(from), await newSqliteStore(other, { replace: true }));
    assert.deepEqual(await linesOf(other), withoutNul(await linesOf(from)));
    assert.ok(readFileSync(path.join(other, 'replyd.db.replaced')).length > 0);
  });

  test('is refused while somebody uses the old store', async context => {
    const dataDir = await richStore(context);
    const lock = lockStore(dataDir);
    assert.throws(() => sqliteSource(dataDir), /another replyd .*serves the store/);
    lock.release();
    const command = openDatabase(dataDir);
    command.get('select 1 from account');
    assert.throws(() => sqliteSource(dataDir), /another command uses the store/);
    command.close();
    await sqliteSource(dataDir).close();

    const database = await cluster.createStore();
    const node = await openPostgres({
      servers: at(database),
      dataDir: folder(context),
      rules: RULES,
      migrate: false,
      patience: PATIENT,
    });
    await node.accounts();
    await assert.rejects(
      postgresSource(at(database)),
      /the database user has \d more connections to this database: stop all nodes/,
    );
    await node.close();
    const source = await postgresSource(at(database));
    // Who opens it now waits at the mark.
    const late = openPostgres({
      servers: at(database),
      dataDir: folder(context),
      rules: RULES,
      migrate: false,
      patience: PATIENT,
    });
    late.catch(() => undefined);
    await source.markMoved('the new place');
    await source.close();
    await rejectsMoved(late);
  });

  test('a node that was cut off meanwhile does not come back to the old store', async context => {
    const database = await cluster.createStore();
    const node = await openPostgres({
      servers: at(database),
      dataDir: folder(context),
      rules: RULES,
      migrate: false,
      patience: 1_000,
    });
    context.after(() => node.close());
    await node.accounts();
    await cluster.sql(
      database,
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    );
    const source = await eventually('it is cut off', async () => postgresSource(at(database)).catch(() => null));
    await source!.markMoved('the new place');
    await source!.close();
    const account = { slug: 'late', domains: ['late.example.com'], support_email: 'late@example.com' };
    await assert.rejects(node.addAccount(account), error => isReplydError(error, 'unavailable'));
    await assert.rejects(node.accounts(), error => isReplydError(error, 'unavailable'));
    assert.deepEqual(await cluster.sql(database, 'select slug from account'), []);
  });

  test('waits for what is being written, and takes it along', async () => {
    const database = await cluster.createStore();
    // Of another user: connections of the same one are refused.
    await cluster.sql(database, 'create role other superuser login');
    const writer = new pg.Client({ connectionString: cluster.url(database).replace('replyd@', 'other@') });
    await writer.connect();
    try {
      await writer.query(`begin; insert into reply_prefix values ('late')`);
      const opening = postgresSource(at(database));
      opening.catch(() => undefined);
      await eventually('it waits', async () => {
        const rows = await cluster.sql(database, 'select 1 from pg_locks where not granted');
        return rows.length > 0;
      });
      await writer.query('commit');
      const source = await opening;
      const table = source.tables.find(({ name }) => name === 'reply_prefix')!;
      const rows: unknown[] = [];
      for await (const some of source.rows(table)) rows.push(...some);
      await source.close();
      assert.deepEqual(rows, [['late']]);
    } finally {
      await writer.end();
    }
  });

  test('to itself, under another name, is refused', async () => {
    const database = await cluster.createStore();
    const source = await postgresSource(at(database));
    try {
      await assert.rejects(newPostgresStore(at(database)), /somebody else uses this database: stop all nodes/);
    } finally {
      await source.close();
    }
  });

  test('works in a schema whose name is to be quoted', async context => {
    const database = await cluster.createDatabase();
    await cluster.sql(
      database,
      `create schema "Mail room"; alter database "${database}" set search_path to "Mail room"`,
    );
    const from = await richStore(context);
    const there = await move(sqliteSource(from), await newPostgresStore(at(database)));
    assert.ok(there.tables.message!.rows > 0);
    const connection = await connect(at(database), 10_000);
    for await (const { check, faults } of checkStore(checkedDatabase(connection), from, {
      now: Date.now(),
      contents: checkedContents(connection),
    })) {
      assert.deepEqual([check, faults.filter(({ state }) => state === 'failed')], [check, []]);
    }
    await connection.close();
  });

  test('counts only when a standby that is waited for has it', async context => {
    const dataDir = await richStore(context);
    const database = await cluster.createDatabase();
    const to = await newPostgresStore(at(database));
    const configure = async (text: string) => {
      await cluster.sql(database, text);
      await cluster.sql(database, 'select pg_reload_conf()');
    };
    await configure(`alter system set synchronous_standby_names = 'nobody'`);
    try {
      const moving = move(sqliteSource(dataDir), to);
      moving.catch(() => undefined);
      await eventually('the commit waits', async () => {
        const waiting = "from pg_stat_activity where wait_event = 'SyncRep' and datname = current_database()";
        const rows = await cluster.sql(database, `select pg_cancel_backend(pid) ${waiting}`);
        return rows.length > 0;
      });
      await assert.rejects(moving, /the transaction is on this server, but not on its standby/);
    } finally {
      await configure('alter system reset synchronous_standby_names');
    }
    await (await openAt(dataDir)).close();
  });

  test('that can only not mark the old store says so', async context => {
    const source = sqliteSource(await richStore(context));
    const database = await cluster.createDatabase();
    const unmarked = { ...source, markMoved: () => Promise.reject(new Error('disk full')) };
    await assert.rejects(
      async () => move(unmarked, await newPostgresStore(at(database))),
      /^.*all is at the new place, but the old store could not be marked \(disk full\): use it no more$/,
    );
    assert.notEqual(await rowsIn(database), '0');
  });

  test('does not take for lost what it only can not read now', async context => {
    const dataDir = await richStore(context);
    const source = sqliteSource(dataDir);
    const database = await cluster.createDatabase();
    const refused = {
      ...source,
      // biome-ignore lint/correctness/useYield: it breaks off before the first byte.
      async *content() {
        throw Object.assign(new Error('too many open files'), { code: 'EMFILE' });
      },
    };
    await assert.rejects(async () => move(refused, await newPostgresStore(at(database))), /too many open files/);
    assert.equal(await rowsIn(database), '0');
    await (await openAt(dataDir)).close();
  });

  test('that comes out otherwise leaves everything as it was', async context => {
    const dataDir = await richStore(context);
    const lines = await linesOf(dataDir);
    const database = await cluster.createStore();
    // A server that changes what it is given.
    await cluster.sql(
      database,
      `create function other() returns trigger language plpgsql as $$ begin new.subject = 'other'; return new; end $$;
       create trigger other before insert on message for each row when (new.subject is not null) execute function other()`,
    );
    await assert.rejects(
      async () => move(sqliteSource(dataDir), await newPostgresStore(at(database))),
      /the copy is not like the original: table message has \d+ rows, but not the same/,
    );
    assert.equal(await rowsIn(database), '0');
    await cluster.sql(
      database,
      `create or replace function other() returns trigger language plpgsql as $$ begin return null; end $$`,
    );
    await assert.rejects(async () => move(sqliteSource(dataDir), await newPostgresStore(at(database))), /./);
    assert.equal(await rowsIn(database), '0');
    assert.deepEqual(await linesOf(dataDir), lines);
    await (await openAt(dataDir)).close();
    await cluster.sql(database, 'drop trigger other on message');
    await move(sqliteSource(dataDir), await newPostgresStore(at(database)));
  });

  test('names contents that were lost before, and takes the others', async context => {
    const dataDir = await richStore(context);
    const [lost, damaged] = [...contentsOf(dataDir).keys()] as [string, string];
    unlinkSync(blobFile(dataDir, lost));
    appendFileSync(blobFile(dataDir, damaged), 'more');
    const database = await cluster.createDatabase();
    const { missing: named, contents } = await move(sqliteSource(dataDir), await newPostgresStore(at(database)));
    assert.deepEqual([...named].sort(), [lost, damaged].sort());
    assert.equal(contents, 0);
    assert.deepEqual(await cluster.sql(database, 'select * from large_part'), []);
  });

  test('whose server goes away leaves the old store, and begins again', async context => {
    const dataDir = await richStore(context);
    const database = await cluster.createDatabase();
    const to = await newPostgresStore(at(database));
    let stopped: Promise<void> | undefined;
    await assert.rejects(
      move(sqliteSource(dataDir), to, step => {
        if (step.doing === 'copying message') stopped ??= cluster.stop('immediate');
      }),
    );
    await stopped;
    await cluster.start();
    assert.equal(await rowsIn(database), '0');
    await (await openAt(dataDir)).close();
    await move(sqliteSource(dataDir), await newPostgresStore(at(database)));
  });
});
