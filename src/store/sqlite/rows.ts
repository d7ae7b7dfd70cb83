/**
 * The store's rows on SQLite, for moving a store (`upkeep/rows.ts`): out of one that nobody else has open, and into a new
 * database that stands beside its place until it is whole. Large contents are files in `blobs/`, as always.
 */
import { existsSync } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { ReplydError } from '../../base/errors.js';
import { blobFile, writeInPlace } from '../blobs/blobs.js';
import { openFile } from '../blobs/files.js';
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
import { removeDatabase, replaceDatabase } from './copy.js';
import { Connection, databaseFile, isBusy, openDatabase, openRaw } from './database.js';
import { lockStore } from './lock.js';
import { checkSchema, migrate, schemaVersions } from './migrate.js';

/** How long other commands may take to end, milliseconds. */
const PATIENCE = 1000;

/** Throws conflict when anybody has the store open, unavailable when its schema is another one. */
export function sqliteSource(dataDir: string): MovedSource {
  const lock = lockStore(dataDir);
  let connection: Connection | undefined;
  try {
    connection = openDatabase(dataDir);
    checkSchema(connection);
    // Who has it open keeps a lock on the file, so that this waits for him.
    connection.raw.pragma('locking_mode = exclusive');
    connection.raw.pragma(`busy_timeout = ${PATIENCE}`);
    connection.raw.exec('begin immediate');
  } catch (error) {
    connection?.close();
    lock.release();
    if (isBusy(error)) {
      throw new ReplydError('conflict', `another command uses the store in ${dataDir}: try again when it has ended`);
    }
    throw storeFault(error, `cannot read the store in ${dataDir}`);
  }
  const { raw } = connection;
  return {
    ...rowsOf(connection, dataDir),
    async markMoved(to) {
      raw.prepare('insert into moved (one, at, target) values (1, ?, ?)').run(Date.now(), to);
      raw.exec('commit');
    },
    async close() {
      if (raw.inTransaction) raw.exec('rollback');
      raw.close();
      lock.release();
    },
  };
}

/** Reads the rows of a database that this process alone writes to, or as of a transaction that is open. */
export function rowsOf(connection: Connection, dataDir: string): RowSource {
  const { raw } = connection;
  return {
    schema: schemaVersions(connection).store,
    tables: tablesOf(connection),
    count: async ({ name }) => raw.prepare(`select count(*) from ${name}`).pluck().get() as number,
    async *rows({ name, columns, key }) {
      const text = `select ${namesOf(columns)} from ${name} order by ${key.join(', ')}`;
      let rows: TableRow[] = [];
      let bytes = 0;
      let most = rowsAtOnce(0, 0);
      for (const row of raw.prepare(text).raw(true).iterate() as IterableIterator<TableRow>) {
        rows.push(row);
        bytes += sizeOf(row);
        if (rows.length < most) continue;
        yield rows;
        most = rowsAtOnce(bytes, rows.length);
        rows = [];
        bytes = 0;
      }
      if (rows.length > 0) yield rows;
    },
    async *content(sha256) {
      const file = await openFile(blobFile(dataDir, sha256));
      yield* file.createReadStream({ highWaterMark: 1024 * 1024 }) as AsyncIterable<Uint8Array>;
    },
  };
}

function namesOf(columns: readonly Column[]): string {
  return columns.map(column => column.name).join(', ');
}

function tablesOf({ raw }: Connection): readonly Table[] {
  const names = raw
    .prepare("select name from sqlite_master where type = 'table' and name not like 'sqlite%' order by name")
    .pluck()
    .all() as string[];
  const info = raw.prepare('select name, lower(type) as type, pk from pragma_table_info(?) order by cid');
  return names
    .filter(name => !OWN_TABLES.includes(name))
    .map(name => {
      const columns = info.all(name) as (Column & { pk: number })[];
      return {
        name,
        columns: columns.map(column => ({ name: column.name, type: column.type })),
        key: columns
          .filter(column => column.pk > 0)
          .sort((a, b) => a.pk - b.pk)
          .map(column => column.name),
      };
    });
}

/**
 * A store that is made in `dataDir`, of rows with this schema (default: the program's). One that is there is refused with a conflict unless `replace`; it stands aside then as
 * `replyd.db.replaced`.
 */
export async function newSqliteStore(
  dataDir: string,
  { replace, schema = programSchema() }: { readonly replace: boolean; readonly schema?: number },
): Promise<NewStore> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const lock = lockStore(dataDir);
  const file = `${databaseFile(dataDir)}.moving`;
  try {
    if (existsSync(databaseFile(dataDir)) && !replace) {
      throw new ReplydError(
        'conflict',
        `there is a store in ${dataDir} already: name an empty folder, or say --replace to put it aside`,
      );
    }
    await removeDatabase(file);
    await (await open(file, 'wx', 0o600)).close();
  } catch (error) {
    lock.release();
    throw storeFault(error, `cannot make a store in ${dataDir}`);
  }
  return fillFile(dataDir, { file, schema, unlock: () => lock.release() });
}

function fillFile(
  dataDir: string,
  { file, schema, unlock }: { file: string; schema: number; unlock: () => void },
): NewStore {
  const connection = new Connection(openRaw(file, { fileMustExist: true }));
  const { raw } = connection;
  // It is thrown away unless it becomes whole, and goes to disk then.
  raw.pragma('journal_mode = off');
  raw.pragma('synchronous = off');
  raw.pragma('cache_size = -65536');
  migrate(connection, migrationsFolder('sqlite'), schema);
  raw.pragma('foreign_keys = off');
  const source = rowsOf(connection, dataDir);
  // Made when all rows are there, they are made in order, which is many times faster.
  const indexes = raw.prepare("select name, sql from sqlite_master where type = 'index' and sql is not null").all() as {
    name: string;
    sql: string;
  }[];
  for (const { name } of indexes) raw.exec(`drop index ${name}`);
  for (const { name } of source.tables) raw.exec(`delete from ${name}`);
  return {
    tables: source.tables,
    async insert({ name, columns }, rows) {
      const places = columns.map(() => '?').join(', ');
      const insertion = raw.prepare(`insert into ${name} (${namesOf(columns)}) values (${places})`);
      raw.transaction(() => {
        for (const row of rows) insertion.run(...row);
      })();
    },
    async place({ sha256 }, bytes) {
      await writeInPlace(dataDir, sha256, async temporary => {
        const out = await open(temporary, 'wx', 0o600);
        try {
          for await (const chunk of bytes) await out.write(chunk);
          await out.sync();
        } finally {
          await out.close();
        }
      });
    },
    async finish(check, change) {
      for (const { sql } of indexes) raw.exec(sql);
      const [lost] = connection.dangling();
      if (lost !== undefined) {
        throw new ReplydError(
          'unavailable',
          `the copy is not whole: table ${lost.table} refers to a ${lost.parent} that is not there`,
        );
      }
      await check(source);
      migrate(connection);
      await change?.(connection);
      connection.close();
      const made = await open(file, 'r+');
      await made.sync().finally(() => made.close());
      await replaceDatabase(dataDir, file);
    },
    async close() {
      if (raw.open) connection.close();
      await removeDatabase(file);
      unlock();
    },
  };
}
