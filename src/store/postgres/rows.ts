/**
 * The store's rows on PostgreSQL, for moving a store (`upkeep/rows.ts`). Reading is one repeatable-read transaction, in
 * which nobody else writes; a new store is one transaction too, in an empty database: it is there as a whole or not at all.
 * Indexes and foreign keys are made when all rows are there, which is many times faster. Large contents are rows of 1 MiB
 * in `large_part`.
 */
import { ReplydError } from '../../base/errors.js';
import { storeFault } from '../fault.js';
import { migrationsFolder, programSchema } from '../migrations.js';
import {
  type Column,
  type MovedSource,
  type NewStore,
  OWN_TABLES,
  type RowSource,
  rowsAtOnce,
  sizeOf,
  type Table,
  type TableRow,
} from '../upkeep/rows.js';
import { type Connection, connect, NOT_ON_STANDBY, type ServerConfig } from './connection.js';
import { PART } from './large.js';
import { checkSchema, migrate, schemaVersions } from './migrate.js';

/** An index over a large table takes minutes to make, and the server says nothing meanwhile. */
const PATIENCE = 4 * 60 * 60_000;
/** Milliseconds; what cleans up behind us lets go after a second. */
const LOCK_PATIENCE = 5_000;
const LOCK_NOT_AVAILABLE = '55P03';

/** Throws conflict while nodes use the store, unavailable when it can't be read or has another schema. */
export async function postgresSource(servers: readonly ServerConfig[]): Promise<MovedSource> {
  const connection = await connect(servers, PATIENCE);
  try {
    await refuseOther(connection);
    const tables = await tablesOf(connection);
    await begin(connection);
    // Before the first question: the snapshot that it takes has then all that was written. A node that opens the store waits
    // at the mark; nobody writes to the others.
    await lock(connection, 'moved', 'access exclusive');
    await lock(connection, tables.map(table => table.name).join(', '), 'share');
    await refuseNodes(connection);
    const source = await rowsOf(connection);
    return {
      ...source,
      async markMoved(to) {
        await connection.query(
          'insert into moved (one, at, target) values (1, floor(extract(epoch from clock_timestamp()) * 1000), $1)',
          [to],
        );
        await commit(connection);
      },
      close: () => connection.close(),
    };
  } catch (error) {
    await connection.close();
    throw storeFault(error, 'cannot read the store');
  }
}

/** As of now, while others go on writing. Throws unavailable when it can't be read or has another schema. */
export async function postgresSnapshot(
  servers: readonly ServerConfig[],
): Promise<RowSource & { close(): Promise<void> }> {
  const connection = await connect(servers, PATIENCE);
  try {
    await refuseOther(connection);
    const tables = await tablesOf(connection);
    await begin(connection);
    // Before the first question, as above: a table that a node changes meanwhile may look empty to an older snapshot.
    await connection.query(`lock table ${tables.map(table => table.name).join(', ')} in access share mode`);
    return { ...(await rowsOf(connection)), close: () => connection.close() };
  } catch (error) {
    await connection.close();
    throw storeFault(error, 'cannot read the store');
  }
}

async function refuseOther(connection: Connection): Promise<void> {
  if ((await schemaVersions(connection.plain)).store === 0) {
    throw new ReplydError('unavailable', 'there is no store in this database');
  }
  await checkSchema(connection.plain);
}

/** A connection that stays open after the mark would write to the old store. */
async function refuseNodes(connection: Connection): Promise<void> {
  const { rows } = await connection.query(
    `select count(*) as count from pg_stat_activity
     where datname = current_database() and usename = current_user and pid <> pg_backend_pid()
       and backend_type = 'client backend'`,
  );
  const { count } = rows[0] as { count: number };
  if (count === 0) return;
  throw new ReplydError(
    'conflict',
    `the database user has ${count} more connections to this database: stop all nodes and commands, then try again`,
  );
}

async function begin(connection: Connection): Promise<void> {
  await connection.query('begin isolation level repeatable read');
  // Rows are read in the order of their keys, as they lie in the table.
  for (const set of ['statement_timeout = 0', 'idle_in_transaction_session_timeout = 0', 'enable_sort = off']) {
    await connection.query(`set local ${set}`);
  }
}

/** Throws conflict when somebody keeps a table for long, who may be the one that waits for this. */
async function lock(connection: Connection, names: string, mode: 'share' | 'access exclusive'): Promise<void> {
  await connection.query(`set local lock_timeout = ${LOCK_PATIENCE}`);
  try {
    await connection.query(`lock table ${names} in ${mode} mode`);
  } catch (error) {
    if ((error as { code?: unknown }).code !== LOCK_NOT_AVAILABLE) throw error;
    throw new ReplydError('conflict', 'somebody else uses this database: stop all nodes and commands, then try again');
  }
  await connection.query('set local lock_timeout = 0');
}

async function commit(connection: Connection): Promise<void> {
  connection.takeNotices();
  const { tag } = await connection.query('commit');
  if (tag !== 'COMMIT') throw new ReplydError('unavailable', 'the transaction was lost');
  if (connection.takeNotices().includes(NOT_ON_STANDBY))
    throw new ReplydError('unavailable', 'the transaction is on this server, but not on its standby');
}

async function rowsOf(connection: Connection): Promise<RowSource> {
  const { store } = await schemaVersions(connection.plain);
  let cursors = 0;
  return {
    schema: store,
    tables: await tablesOf(connection),
    async count({ name }) {
      const { rows } = await connection.query(`select count(*) from ${name}`, [], 'arrays');
      return (rows[0] as [number])[0];
    },
    async *rows({ name, columns, key }) {
      const cursor = `rows_${++cursors}`;
      await connection.query(
        `declare ${cursor} no scroll cursor for select ${namesOf(columns)} from ${name} order by ${key.join(', ')}`,
      );
      const fetch = (most: number) => {
        const next = connection.query(`fetch ${most} from ${cursor}`, [], 'arrays');
        // Looked at in the next turn of the loop, unless the reader stops.
        next.catch(() => undefined);
        return next as Promise<{ readonly rows: readonly TableRow[] }>;
      };
      let next = fetch(rowsAtOnce(0, 0));
      for (;;) {
        const { rows } = await next;
        if (rows.length === 0) break;
        next = fetch(
          rowsAtOnce(
            rows.reduce((sum, row) => sum + sizeOf(row), 0),
            rows.length,
          ),
        );
        yield rows;
      }
      await connection.query(`close ${cursor}`);
    },
    async *content(sha256) {
      const hash = Buffer.from(sha256, 'hex');
      for (let position = 0; ; position += 1) {
        const { rows } = await connection.query(
          'select data from large_part where sha256 = $1 and position = $2',
          [hash, position],
          'arrays',
        );
        if (rows.length > 0) yield (rows[0] as [Uint8Array])[0];
        else if (position > 0) return;
        else throw new ReplydError('not_kept', `the content ${sha256} is not there`);
      }
    },
  };
}

function namesOf(columns: readonly Column[]): string {
  return columns.map(column => column.name).join(', ');
}

const TYPES: Readonly<Record<string, Column['type']>> = {
  bigint: 'integer',
  smallint: 'integer',
  text: 'text',
  bytea: 'blob',
};

async function tablesOf(connection: Connection): Promise<readonly Table[]> {
  const { rows } = await connection.query(
    `select t.relname as "table", a.attname as name, format_type(a.atttypid, null) as type,
       array_position(i.indkey::smallint[], a.attnum) as at
     from pg_class t join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
     join pg_index i on i.indrelid = t.oid and i.indisprimary
     where t.relkind = 'r' and t.relnamespace = quote_ident(current_schema())::regnamespace
     order by t.relname collate "C", a.attnum`,
  );
  const found = rows as readonly { table: string; name: string; type: string; at: number | null }[];
  return [...new Set(found.map(row => row.table))]
    .filter(name => !OWN_TABLES.includes(name))
    .map(name => {
      const columns = found.filter(row => row.table === name);
      return {
        name,
        columns: columns.map(column => ({ name: column.name, type: TYPES[column.type]! })),
        key: columns
          .filter(column => column.at !== null)
          .sort((a, b) => a.at! - b.at!)
          .map(column => column.name),
      };
    });
}

/**
 * A store that is made in a database without one, of rows with this schema (default: the program's). Throws conflict when
 * there is anything in its tables.
 */
export async function newPostgresStore(
  servers: readonly ServerConfig[],
  { schema = programSchema() }: { readonly schema?: number } = {},
): Promise<NewStore> {
  const connection = await connect(servers, PATIENCE);
  try {
    await migrate(connection.plain, migrationsFolder('postgres'), schema);
    await begin(connection);
    await connection.query(`set local maintenance_work_mem = '256MB'`);
    const source = await rowsOf(connection);
    await refuseStore(connection, source.tables);
    return await fillDatabase(connection, source);
  } catch (error) {
    await connection.close();
    throw storeFault(error, 'cannot make the store');
  }
}

async function refuseStore(connection: Connection, tables: readonly Table[]): Promise<void> {
  await lock(connection, tables.map(table => table.name).join(', '), 'access exclusive');
  // The migrations make its one row.
  for (const { name } of tables.filter(table => table.name !== 'sequencer')) {
    const { count } = await connection.query(`select 1 from ${name} limit 1`);
    if (count > 0) {
      throw new ReplydError(
        'conflict',
        `there is a store in this database already (table ${name}): name an empty database`,
      );
    }
  }
}

async function fillDatabase(connection: Connection, source: RowSource): Promise<NewStore> {
  const later = await takeAway(connection);
  const types = await typesOf(connection);
  await connection.query('delete from sequencer');
  /** The insertion on its way: one, while the next one is made ready. */
  let before: Promise<unknown> = Promise.resolve();
  const send = async (text: string, values: readonly unknown[]) => {
    const sent = connection.query(text, values);
    sent.catch(() => undefined);
    const waited = before;
    before = sent;
    await waited;
  };
  return {
    tables: source.tables,
    async insert({ name, columns }, rows) {
      const arrays = columns.map((column, index) => `$${index + 1}::${types.get(`${name}.${column.name}`)}[]`);
      await send(
        `insert into ${name} (${namesOf(columns)}) select * from unnest(${arrays.join(', ')})`,
        columns.map((_, index) => rows.map(row => row[index])),
      );
    },
    async place({ sha256 }, bytes) {
      const hash = Buffer.from(sha256, 'hex');
      let position = 0;
      let size = 0;
      try {
        for await (const part of parts(bytes)) {
          size += part.length;
          await send('insert into large_part (sha256, position, data) values ($1, $2, $3) on conflict do nothing', [
            hash,
            position++,
            part,
          ]);
        }
        await send('insert into large_content (sha256, size, touched_at) values ($1, $2, $3) on conflict do nothing', [
          hash,
          size,
          Date.now(),
        ]);
      } catch (error) {
        await send('delete from large_part where sha256 = $1', [hash]);
        throw error;
      }
    },
    async finish(check, change) {
      await before;
      for (const text of later) await connection.query(text);
      for (const { name } of source.tables) await connection.query(`analyze ${name}`);
      await check(source);
      await change?.({
        async value<T>(text: string, ...values: readonly unknown[]) {
          return ((await connection.query(text, values, 'arrays')).rows[0] as [T] | undefined)?.[0];
        },
        run: async (text, ...values) => (await connection.query(text, values)).count,
      });
      await commit(connection);
      await migrate(connection.plain);
    },
    // What is not committed goes with the connection.
    close: () => connection.close(),
  };
}

/** Drops all foreign keys and indexes but those of primary keys. Gives the statements that make them again. */
async function takeAway(connection: Connection): Promise<readonly string[]> {
  const constraints = await connection.query(
    `select conrelid::regclass::text as "table", conname as name, pg_get_constraintdef(oid) as text from pg_constraint
     where connamespace = quote_ident(current_schema())::regnamespace and contype in ('u', 'f') order by contype desc`,
  );
  const indexes = await connection.query(
    `select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as text
     from pg_index i join pg_class t on t.oid = i.indrelid
     where t.relnamespace = quote_ident(current_schema())::regnamespace and not indisprimary
       and not exists (select 1 from pg_constraint where conindid = i.indexrelid and contype = 'u')`,
  );
  const made: string[] = [];
  for (const { name, text } of indexes.rows as readonly { name: string; text: string }[]) {
    await connection.query(`drop index ${name}`);
    made.push(text);
  }
  // Unique ones first when they are made: foreign keys may refer to them. They go behind.
  const found = constraints.rows as readonly { table: string; name: string; text: string }[];
  for (const { table, name } of found.toReversed())
    await connection.query(`alter table ${table} drop constraint ${name}`);
  return [...made, ...found.map(({ table, name, text }) => `alter table ${table} add constraint ${name} ${text}`)];
}

async function typesOf(connection: Connection): Promise<ReadonlyMap<string, string>> {
  const { rows } = await connection.query(
    `select t.relname as "table", a.attname as name, format_type(a.atttypid, null) as type
     from pg_class t join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
     where t.relkind = 'r' and t.relnamespace = quote_ident(current_schema())::regnamespace`,
  );
  return new Map(
    (rows as readonly { table: string; name: string; type: string }[]).map(row => [
      `${row.table}.${row.name}`,
      row.type,
    ]),
  );
}

/** In pieces of 1 MiB, but for the last. An empty content is one empty piece. */
async function* parts(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let rest: Buffer[] = [];
  let size = 0;
  let first = true;
  for await (const chunk of bytes) {
    rest.push(Buffer.from(chunk));
    size += chunk.length;
    if (size < PART) continue;
    const whole = Buffer.concat(rest);
    let at = 0;
    for (; at + PART <= whole.length; at += PART) yield whole.subarray(at, at + PART);
    first = false;
    rest = [whole.subarray(at)];
    size = whole.length - at;
  }
  if (size > 0 || first) yield Buffer.concat(rest);
}
