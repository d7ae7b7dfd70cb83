/**
 * Both engines have the same tables: the live schemas are compared. And migrations on PostgreSQL: once, whoever starts at
 * the same time; whole or not at all; refused with advice where the program does not fit the store.
 */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import pg from 'pg';
import { isReplydError } from '#replyd/base/errors.js';
import { MAX_SOURCE_ID } from '#replyd/conversation/vocabulary.js';
import { migrationsFolder, migrationsIn, programSchema } from '#replyd/store/migrations.js';
import { checkSchema, migrate, schemaVersions } from '#replyd/store/postgres/migrate.js';
import { type Connection, openDatabase } from '#replyd/store/sqlite/database.js';
import { migrate as migrateSqlite } from '#replyd/store/sqlite/migrate.js';
import { type Cluster, postgresMissing, startCluster } from '../../postgres/cluster.js';
import { eventually } from '../../run.js';
import { type LiveSchema, postgresSchema, sqliteSchema } from './live-schema.js';

const missing = postgresMissing();

/** Its cascade is the removal's work there (migrations/postgres/0008_initial.sql). */
const ONLY_ON_SQLITE = ['event: account_key → account, cascade', 'delivery: account_key → account, cascade'];
/** Large contents are files beside SQLite, and so is the index of the search. */
const ONLY_ON_POSTGRES = ['migration', 'large_content', 'large_part', 'search', 'search_place'];

test('a migration has the same number and name for both engines', () => {
  const names = (engine: 'sqlite' | 'postgres') => migrationsIn(migrationsFolder(engine)).map(({ name }) => name);
  const [first, ...further] = names('postgres');
  assert.equal(first, '0008_initial');
  assert.deepEqual(
    further,
    names('sqlite').filter(name => name > '0009'),
  );
});

describe('the schema on PostgreSQL', { skip: missing ?? false }, () => {
  let cluster: Cluster;
  let dataDir: string;
  let sqlite: Connection;
  before(async () => {
    dataDir = mkdtempSync(path.join(tmpdir(), 'replyd-schema-'));
    sqlite = openDatabase(dataDir, { create: true });
    migrateSqlite(sqlite);
    cluster = await startCluster();
  });
  after(async () => {
    await cluster?.close();
    sqlite?.close();
    rmSync(dataDir, { recursive: true, force: true });
  });

  async function connect(context: TestContext, database: string): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: cluster.url(database) });
    await client.connect();
    context.after(() => client.end());
    return client;
  }

  /** The program's migrations and further ones. */
  function folderWith(context: TestContext, more: Readonly<Record<string, string>>): string {
    const folder = mkdtempSync(path.join(tmpdir(), 'replyd-migrations-'));
    context.after(() => rmSync(folder, { recursive: true, force: true }));
    cpSync(migrationsFolder('postgres'), folder, { recursive: true });
    for (const [name, text] of Object.entries(more)) writeFileSync(path.join(folder, `${name}.sql`), text);
    return folder;
  }

  describe('is that of SQLite', () => {
    let schemas: { readonly sqlite: LiveSchema; readonly postgres: LiveSchema };
    before(async () => {
      schemas = { sqlite: sqliteSchema(sqlite), postgres: await postgresSchema(cluster, await cluster.createStore()) };
    });

    const of = <Value>(schema: LiveSchema, what: (table: LiveSchema[string]) => Value) =>
      Object.fromEntries(
        Object.entries(schema)
          .filter(([name]) => !ONLY_ON_POSTGRES.includes(name))
          .map(([name, table]) => [name, what(table)]),
      );

    for (const part of ['columns', 'primaryKey', 'indexes', 'checks'] as const) {
      test(part, () => {
        assert.deepEqual(
          of(schemas.postgres, table => table[part]),
          of(schemas.sqlite, table => table[part]),
        );
      });
    }

    test('foreignKeys', () => {
      const keys = (schema: LiveSchema) =>
        Object.entries(of(schema, table => table.foreignKeys)).flatMap(([name, list]) =>
          list.map(key => `${name}: ${key}`),
        );
      assert.deepEqual([...keys(schemas.postgres), ...ONLY_ON_SQLITE].sort(), keys(schemas.sqlite).sort());
    });
  });

  test('orders and compares texts as SQLite does, in a database with another locale', async context => {
    const texts = [
      'a',
      'B',
      '_',
      'Z',
      'z',
      'a b',
      'ab',
      'a-c',
      'ä',
      'Ä',
      'e\u0301',
      'é',
      'ß',
      '\uffff',
      '\u{10437}',
      '1',
      '10',
      '9',
    ];
    sqlite.raw.exec('delete from reply_prefix');
    for (const text of texts) sqlite.raw.prepare('insert into reply_prefix values (?)').run(text);
    try {
      await cluster.sql(
        'postgres',
        `create database other_locale template template0 locale_provider icu icu_locale 'en-US'`,
      );
    } catch (error) {
      context.skip(`this PostgreSQL makes no database with an ICU locale: ${(error as Error).message}`);
      return;
    }
    const client = await connect(context, 'other_locale');
    await migrate(client);
    for (const text of texts) await client.query('insert into reply_prefix values ($1)', [text]);
    const ordered = async (text: string) => (await client.query<{ name: string }>(text)).rows.map(row => row.name);
    for (const text of [
      'select name from reply_prefix order by name',
      `select name from reply_prefix where name > 'Z' order by name desc`,
      'select max(name) as name from reply_prefix',
      'select lower(name) as name from reply_prefix order by lower(name)',
    ]) {
      assert.deepEqual(await ordered(text), sqlite.raw.prepare(text).pluck().all(), text);
    }
  });

  test('takes the longest texts that are indexed', async () => {
    const database = await cluster.createStore();
    // Of four bytes each, and so that they cannot be compressed: what is bounded by characters (docs/limits.md).
    const long = (count: number) =>
      Array.from({ length: count }, () => String.fromCodePoint(0x1f000 + Math.floor(Math.random() * 0xfff))).join('');
    await cluster.sql(
      database,
      `insert into account (key, slug, name, support_email, inbox_token, created_at) values (1, 'acme', '', '', '', 1);
       insert into contact (key, account_key, email_key, source_id, created_at)
         values (1, 1, '${long(320)}', '${long(MAX_SOURCE_ID)}', 1);
       insert into conversation (key, account_key, number, contact_key, channel, source_id, created_at, last_activity_at)
         values (1, 1, 1, 1, 'api', '${long(MAX_SOURCE_ID)}', 1, 1);
       insert into participant (key, conversation_key, email_key, role, created_at)
         values (1, 1, '${long(320)}', 'participant', 1);
       insert into message (key, conversation_key, seq, direction, kind, author_role, received_at, via, source_id)
         values (1, 1, 1, 'incoming', 'reply', 'contact', 1, 'smtp', '${long(MAX_SOURCE_ID)}');
       insert into api_key (key, hash, hint, created_at) values (1, '\\x01', '', 1);
       insert into idempotency (caller, name, fingerprint, answer, created_at) values (1, '${long(255)}', '\\x', '', 1)`,
    );
  });

  test('is made once by those who start at the same moment', async context => {
    const database = await cluster.createDatabase();
    const clients = [];
    for (let count = 0; count < 4; count += 1) clients.push(await connect(context, database));
    const applied = await Promise.all(clients.map(client => migrate(client)));
    const names = migrationsIn(migrationsFolder('postgres')).map(({ name }) => name);
    assert.deepEqual(applied.flat().sort(), names);
    const rows = await cluster.sql(
      database,
      'select version, name, min_program, program from migration order by version',
    );
    assert.deepEqual(
      rows.map(row => row.name),
      names,
    );
    for (const client of clients) await checkSchema(client);
    assert.deepEqual(await migrate(clients[0]!), []);
  });

  test('that fits is used by a user who may change no table', async context => {
    const database = await cluster.createStore();
    await cluster.sql(database, 'create role reader login; grant select on all tables in schema public to reader');
    const client = new pg.Client({ connectionString: cluster.url(database).replace('replyd@', 'reader@') });
    await client.connect();
    context.after(() => client.end());
    assert.deepEqual(await migrate(client), []);
  });

  test('is whole or not there', async context => {
    const database = await cluster.createDatabase();
    const client = await connect(context, database);
    const folder = folderWith(context, {
      '9000_broken': 'create table half (one bigint);\ninsert into half values (1);\ninsert into nothing values (1);\n',
    });
    await assert.rejects(migrate(client, folder), /nothing/);
    assert.deepEqual(await cluster.sql(database, `select to_regclass('half') as half`), [{ half: null }]);
    const { store, least, program } = await schemaVersions(client);
    assert.deepEqual([store, program], [programSchema(), programSchema()]);
    assert.ok(least <= program);
    await checkSchema(client);
  });

  test('is refused while it is older, with advice', async context => {
    const client = await connect(context, await cluster.createDatabase());
    await assert.rejects(checkSchema(client), error => {
      assert.ok(isReplydError(error, 'unavailable'));
      assert.match(error.message, /has schema 0, this program needs \d+: run `replyd migrate`/);
      return true;
    });
  });

  test('is worked on by an older program as long as what that one needs is there', async context => {
    const client = await connect(context, await cluster.createStore());
    const expand = {
      '9001_expand': `-- min_program: ${programSchema()}\nalter table account add column more bigint;\n`,
    };
    assert.deepEqual(await migrate(client, folderWith(context, expand)), ['9001_expand']);
    await checkSchema(client);
    assert.deepEqual(await migrate(client), []);

    const contract = { ...expand, '9002_contract': 'alter table account drop column more;\n' };
    assert.deepEqual(await migrate(client, folderWith(context, contract)), ['9002_contract']);
    for (const refused of [checkSchema(client), migrate(client)]) {
      await assert.rejects(refused, error => {
        assert.ok(isReplydError(error, 'unavailable'));
        assert.match(error.message, /has schema 9002, this program knows only \d+: it was written by a newer replyd/);
        return true;
      });
    }
  });

  test('is brought up to date beside nodes that work on the tables it changes', async context => {
    const database = await cluster.createStore();
    const [client, node] = [await connect(context, database), await connect(context, database)];
    // It waits for the migration, which waits for it, and lets the database find that out there.
    await node.query("set deadlock_timeout = '30s'");
    await node.query('begin');
    await node.query('select count(*) from message');
    const change = 'alter table account add column one bigint;\nalter table message add column two bigint;\n';
    const applied = migrate(client, folderWith(context, { '9001_tables': change }));
    await eventually('it waits for the node', async () => {
      const waits =
        "select 1 from pg_stat_activity where query like 'alter table message%' and wait_event_type = 'Lock'";
      return (await cluster.sql(database, waits)).length > 0;
    });
    await node.query('select count(*) from account');
    await node.query('commit');
    assert.deepEqual(await applied, ['9001_tables']);
  });

  test('is not made in a database whose texts are not UTF-8', async context => {
    await cluster.sql(
      'postgres',
      `create database latin template template0 encoding 'LATIN1' lc_collate 'C' lc_ctype 'C'`,
    );
    await assert.rejects(migrate(await connect(context, 'latin')), /the database latin has encoding LATIN1: make one/);
  });
});

test('a statement of a migration ends with its line, and no text in it looks like a comment', () => {
  for (const { name, file } of migrationsIn(migrationsFolder('postgres'))) {
    const lines = readFileSync(file, 'utf8').split('\n');
    for (const line of lines) {
      assert.ok(!/'[^']*--[^']*'/.test(line), `${name}: ${line}`);
      assert.ok(!/;\s*\S/.test(line.replace(/--.*$/, '')), `${name}: ${line}`);
    }
  }
});
