/**
 * Opens the SQLite file the one way it may be opened: WAL, every commit fsynced (synchronous=FULL, read back, because
 * the library is compiled with a laxer default for WAL), foreign keys on, deleted content overwritten. Statements are
 * prepared once per connection and kept by their text.
 *
 * SQLite's own errors leave as ReplydError('unavailable'): our trouble, always temporary.
 */
import { mkdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import type Database from 'better-sqlite3';
import { ReplydError } from '../../base/errors.js';
import { storeFault } from '../fault.js';

const require = createRequire(import.meta.url);

/** Pages of the log from which on SQLite copies it into the file within a commit: 64 MiB. See `checkpoints.ts`. */
const LOG_LIMIT = 16_384;
/** Bytes that a log which grew beyond them gives back to the disk when it restarts. */
const LOG_KEPT = 32 * 1024 * 1024;

/**
 * Older ones could damage the file when one connection restarted the log while another copied it
 * (https://sqlite.org/wal.html#walresetbug): a command of the CLI alongside the daemon, or the daemon's own threads.
 */
const OLDEST_SQLITE = [3, 51, 3] as const;

/** How long a writer waits for another process's transaction. */
export const BUSY_TIMEOUT = 10_000;

interface Prepared {
  readonly statement: Database.Statement;
  /** The names of what it gives back. */
  readonly columns: readonly string[];
  /** Which of the given values stands at each place; null: each at its own, in their order. */
  readonly places: readonly number[] | null;
  /** Some of the values are arrays. */
  readonly takesSets: boolean;
}

/** A row of one table and one set of columns. */
interface Insertion {
  readonly columns: readonly string[];
  readonly kept: boolean;
  readonly text: string;
}

/**
 * Statements number their values (`$1`), which the library takes for names: that costs an object a call. Here each stands
 * for a `?`, and the values are put in the order of the places.
 *
 * The plus in front changes no value. Without it SQLite compiles many statements, joins above all, again for each call
 * (25 µs): its planner wants to know whether a bare parameter is 0 or 1 (since 3.54), or how much a `limit` is, and asks
 * again whenever the library has cleared the values of the call before.
 *
 * An array goes over as JSON, which SQLite reads as a table.
 */
function placed(text: string): { sql: string; places: readonly number[] | null; takesSets: boolean } {
  const places: number[] = [];
  const withPlaces = text.replaceAll(/[$?](\d+)|\?/g, (_, number?: string) => {
    places.push(number === undefined ? places.length : Number(number) - 1);
    return '+?';
  });
  const sql = withPlaces.replaceAll('= any(+?)', 'in (select value from json_each(?))');
  return { sql, places: places.every((at, index) => at === index) ? null : places, takesSets: sql !== withPlaces };
}

function bound({ places, takesSets }: Prepared, values: readonly unknown[]): readonly unknown[] {
  const inPlace = places === null ? values : places.map(at => values[at]);
  return takesSets ? inPlace.map(value => (Array.isArray(value) ? JSON.stringify(value) : value)) : inPlace;
}

function sameColumns(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((name, index) => name === other[index]);
}

/** The library could make it too, but asks for each column's name again in each row: that takes twice as long. */
function rowOf(columns: readonly string[], values: readonly unknown[]): unknown {
  const row: Record<string, unknown> = {};
  for (let i = 0; i < columns.length; i += 1) row[columns[i]!] = values[i];
  return row;
}

export class Connection {
  readonly raw: Database.Database;
  readonly #statements = new Map<string, Prepared>();
  readonly #insertions = new Map<string, Insertion[]>();
  #onlyReads = false;

  constructor(raw: Database.Database) {
    this.raw = raw;
  }

  #prepared(text: string): Prepared {
    let prepared = this.#statements.get(text);
    if (!prepared) {
      const { sql, places, takesSets } = placed(text);
      const statement = this.raw.prepare(sql);
      const columns = statement.reader ? statement.columns().map(column => column.name) : [];
      if (statement.reader) statement.raw(true);
      prepared = { statement, columns, places, takesSets };
      this.#statements.set(text, prepared);
    }
    return prepared;
  }

  /** The first row, or undefined. */
  get<Row>(text: string, ...values: unknown[]): Row | undefined {
    const prepared = this.#prepared(text);
    const found = prepared.statement.get(...bound(prepared, values)) as readonly unknown[] | undefined;
    return found === undefined ? undefined : (rowOf(prepared.columns, found) as Row);
  }

  all<Row>(text: string, ...values: unknown[]): Row[] {
    const prepared = this.#prepared(text);
    const found = prepared.statement.all(...bound(prepared, values)) as (readonly unknown[])[];
    return found.map(each => rowOf(prepared.columns, each) as Row);
  }

  /** Runs a statement; returns how many rows it changed. */
  run(text: string, ...values: unknown[]): number {
    const prepared = this.#prepared(text);
    return prepared.statement.run(...bound(prepared, values)).changes;
  }

  /** Inserts one row by its columns; `kept`: one with the same primary key stays as it is. Returns how many came. */
  insert(table: string, row: object, { kept = false } = {}): number {
    const columns = Object.keys(row);
    let known = this.#insertions.get(table);
    if (known === undefined) {
      known = [];
      this.#insertions.set(table, known);
    }
    let insertion = known.find(each => each.kept === kept && sameColumns(each.columns, columns));
    if (insertion === undefined) {
      const places = columns.map(() => '?').join(', ');
      const text = `insert into ${table} (${columns.join(', ')}) values (${places})${kept ? ' on conflict do nothing' : ''}`;
      insertion = { columns, kept, text };
      known.push(insertion);
    }
    return this.run(insertion.text, ...Object.values(row));
  }

  /** Changes columns of the row with this key, those that are not undefined. Returns how many rows that were. */
  update(table: string, key: number, change: object): number {
    const columns = Object.entries(change).filter(([, value]) => value !== undefined);
    if (columns.length === 0) return 0;
    const text = `update ${table} set ${columns.map(([name]) => `${name} = ?`).join(', ')} where key = ?`;
    return this.run(text, ...columns.map(([, value]) => value), key);
  }

  /** The first column of the first row. */
  value<T>(text: string, ...values: unknown[]): T | undefined {
    const prepared = this.#prepared(text);
    return (prepared.statement.get(...bound(prepared, values)) as readonly T[] | undefined)?.[0];
  }

  /** From now on it only reads. (Mapping the file instead of reading it made queries twice as slow under writes.) */
  onlyRead(): void {
    this.raw.pragma('query_only = on');
    this.#onlyReads = true;
  }

  /**
   * Reads one state of the store, and locks it once for all statements of `work`. A connection that only reads keeps that
   * state until this turn of the event loop ends: each state begins with an empty page cache, and under load many read it
   * in one turn.
   */
  async reading<T>(work: () => Promise<T>): Promise<T> {
    if (this.raw.inTransaction) return work();
    this.run('begin');
    if (this.#onlyReads) {
      setImmediate(() => this.endSnapshot());
      return work();
    }
    try {
      return await work();
    } finally {
      // A fault may have ended it; left open it would show one old state for ever.
      if (this.raw.inTransaction) this.run('commit');
    }
  }

  /** The next read sees the latest state: to be called when something was written elsewhere. Never throws. */
  endSnapshot(): void {
    if (!this.#onlyReads || !this.raw.open || !this.raw.inTransaction) return;
    try {
      this.run('commit');
    } catch {
      // Nothing was written. Whatever is wrong with the file shows at the next look.
      if (this.raw.inTransaction) this.raw.exec('rollback');
    }
  }

  pages(): number {
    return this.value<number>('pragma page_count')!;
  }

  /** What is wrong with the file, up to so many. */
  damages(limit: number): readonly string[] {
    const found = this.all<{ integrity_check: string }>(`pragma integrity_check(${limit})`);
    return found.map(row => row.integrity_check).filter(text => text !== 'ok');
  }

  /** Rows that refer to a row of `parent` that is not there. */
  dangling(): readonly { readonly table: string; readonly key: number | null; readonly parent: string }[] {
    return this.all<{ table: string; rowid: number | null; parent: string }>('pragma foreign_key_check').map(
      ({ rowid: key, ...row }) => ({ ...row, key }),
    );
  }

  /** Pages that stand in the log. */
  logPages(): number {
    return this.get<{ log: number }>('pragma wal_checkpoint(noop)')!.log;
  }

  /** Copies what stands in the log into the file, as far as nobody reads an older state; waits for nobody. */
  checkpoint(): void {
    this.get('pragma wal_checkpoint(passive)');
  }

  get inTransaction(): boolean {
    return this.raw.inTransaction;
  }

  close(): void {
    this.endSnapshot();
    this.#statements.clear();
    this.raw.close();
  }
}

export function databaseFile(dataDir: string): string {
  return path.join(dataDir, 'replyd.db');
}

/**
 * Opens `dataDir`/replyd.db; `create` makes the folder (0700) and the file.
 * Throws unavailable when the file is missing, not ours to open, or no database.
 */
export function openDatabase(dataDir: string, options: { create?: boolean } = {}): Connection {
  const file = databaseFile(dataDir);
  try {
    if (options.create) mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    const raw = openRaw(file, { fileMustExist: !options.create, timeout: BUSY_TIMEOUT });
    try {
      prepareConnection(raw);
    } catch (error) {
      raw.close();
      throw error;
    }
    return new Connection(raw);
  } catch (error) {
    throw storeFault(error, `cannot open the store ${file}`);
  }
}

/** `require` spares Node's look for the names that a CommonJS package exports (5 ms): every short verb pays them. */
export function openRaw(file: string, options: Database.Options): Database.Database {
  for (const end of ENDINGS) refuseOtherThings(file + end);
  const Library = require('better-sqlite3') as typeof Database;
  return new Library(file, options);
}

/** Of the files of a database: SQLite makes the others beside it. */
export const ENDINGS = ['', '-wal', '-shm', '-journal'] as const;

/** SQLite would wait for ever on a pipe. */
function refuseOtherThings(file: string): void {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found !== undefined && !found.isFile()) throw new ReplydError('unavailable', `${file} is no file: move it away`);
}

/** Throws unavailable, with what to install, for a version of SQLite that must not be trusted with a store. */
export function refuseOldSqlite(version: string): void {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
  const [oldMajor, oldMinor, oldPatch] = OLDEST_SQLITE;
  if ((major - oldMajor || minor - oldMinor || patch - oldPatch) >= 0) return;
  throw new ReplydError(
    'unavailable',
    `SQLite ${version} can damage a store that several connections write to; ${OLDEST_SQLITE.join('.')} is the first that does not: install a newer better-sqlite3 (\`npm ci\` does)`,
  );
}

function prepareConnection(raw: Database.Database): void {
  refuseOldSqlite(raw.prepare('select sqlite_version()').pluck().get() as string);
  const mode = raw.pragma('journal_mode = wal', { simple: true });
  if (mode !== 'wal')
    throw new ReplydError('unavailable', `the file system does not support SQLite's WAL mode (${mode})`);
  raw.pragma('synchronous = full');
  if (raw.pragma('synchronous', { simple: true }) !== 2) {
    throw new ReplydError('unavailable', 'SQLite did not take synchronous=FULL: commits would not be durable');
  }
  raw.pragma('foreign_keys = on');
  raw.pragma('secure_delete = on');
  // KiB. Not more: at most commits SQLite looks through the whole cache (a b-tree that was balanced left it a page number
  // beyond the end); with 64 MiB that took a quarter of a millisecond, and what is not here is in the system's own cache.
  raw.pragma('cache_size = -4096');
  raw.pragma('temp_store = memory');
  raw.pragma(`wal_autocheckpoint = ${LOG_LIMIT}`);
  raw.pragma(`journal_size_limit = ${LOG_KEPT}`);
}

/** Another process held the store longer than a writer waits: the fault itself, or what `storeFault` made of it. */
export function isBusy(error: unknown): boolean {
  const code = error instanceof ReplydError ? error.details.reason : (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && code.startsWith('SQLITE_BUSY');
}
