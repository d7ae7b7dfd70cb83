/**
 * A store as rows, whatever engine keeps it: what moving it, backing it up and restoring it have in common. Which tables and
 * columns there are is asked of the store itself; both engines have the same (test/store/postgres/schema.test.ts).
 *
 * `transfer` copies all rows, table by table in the order of their keys, and each content that stands outside of its row.
 * It gives a summary: for each table how many rows came and a hash of them all. The summary of the copy has to be the same
 * (`refuseDifferent`). A content that the store has lost already is left out and named.
 */
import { createHash, type Hash } from 'node:crypto';
import { isAway, ReplydError } from '../../base/errors.js';
import { TELL_NOBODY, type Tell } from './progress.js';

export type Value = number | string | Uint8Array | null;

/** The values in the order of the table's columns. */
export type TableRow = readonly Value[];

export interface Column {
  readonly name: string;
  readonly type: 'integer' | 'text' | 'blob';
}

export interface Table {
  readonly name: string;
  readonly columns: readonly Column[];
  /** The columns of its primary key. */
  readonly key: readonly string[];
}

/** The rows of a store as of one moment. */
export interface RowSource {
  readonly schema: number;
  /** Those that are the store's, by name; not what an engine keeps for itself (`OWN_TABLES`). */
  readonly tables: readonly Table[];
  count(table: Table): Promise<number>;
  /** In pieces of a few MiB, rising by the primary key. */
  rows(table: Table): AsyncIterable<readonly TableRow[]>;
  /** The bytes of a content that stands outside of its row. Throws when it is not there. */
  content(sha256: string): AsyncIterable<Uint8Array>;
}

export interface RowSink {
  readonly tables: readonly Table[];
  /** May return before they are there: the next call, or reading, waits. */
  insert(table: Table, rows: readonly TableRow[]): Promise<void>;
  /** Keeps a content outside of its row. When reading the bytes throws, it keeps nothing and throws the same. */
  place(content: { readonly sha256: string; readonly size: number }, bytes: AsyncIterable<Uint8Array>): Promise<void>;
}

/** A source that nobody else writes to while it is read. */
export interface MovedSource extends RowSource {
  /** Marks the store: from then on nobody opens it. Durable when this returns. */
  markMoved(to: string): Promise<void>;
  /** Lets others in again. */
  close(): Promise<void>;
}

/** A connection to a store that is made. */
export interface Ask {
  value<T extends number | string>(text: string, ...values: readonly unknown[]): T | undefined | Promise<T | undefined>;
  run(text: string, ...values: readonly unknown[]): number | Promise<number>;
}

/** A store that is made: nobody sees anything of it before `finish` has returned. */
export interface NewStore extends RowSink {
  /**
   * Makes indexes, lets `check` read what came and `change` change it, and puts the store in its place, with the schema of
   * the program. When anything throws there is none.
   */
  finish(check: (made: RowSource) => Promise<void>, change?: (ask: Ask) => Promise<void>): Promise<void>;
  /** Without `finish` nothing is left. */
  close(): Promise<void>;
}

/**
 * What an engine keeps for itself: its migrations, contents in pieces, the mark of a store that was moved, its nodes, and the
 * index of the search, which is made anew.
 */
export const OWN_TABLES: readonly string[] = [
  ...['migration', 'large_content', 'large_part', 'moved', 'node', 'leader'],
  ...['search', 'search_place', 'search_again'],
];

export interface TableSummary {
  readonly rows: number;
  /** Of the lines of all rows (`lineOf`), in the order of their keys. */
  readonly sha256: string;
}

export interface Summary {
  readonly tables: Readonly<Record<string, TableSummary>>;
  /** Of what stands outside of its row. */
  readonly contents: number;
  readonly bytes: number;
  /** Hashes of contents that were not there, or damaged. */
  readonly missing: readonly string[];
}

/** A row as a line of JSON: bytes in base64. The same for both engines, and what an archive holds. */
export function lineOf(row: TableRow): string {
  return `${JSON.stringify(row.map(value => (value instanceof Uint8Array ? base64(value) : value)))}\n`;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

/** PostgreSQL keeps no NUL in a text. What stands for it is the same wherever the row comes from. */
export function withoutNul(row: TableRow): TableRow {
  return row.some(value => typeof value === 'string' && value.includes('\0'))
    ? row.map(value => (typeof value === 'string' ? value.replaceAll('\0', '\uFFFD') : value))
    : row;
}

/** Copies everything. Throws what source and sink throw, and unavailable when their tables are not the same. */
export async function transfer(source: RowSource, sink: RowSink, progress: Tell = TELL_NOBODY): Promise<Summary> {
  refuseOtherTables(source.tables, sink.tables);
  return walk(source, source.tables, {
    progress,
    rows: (table, rows) => sink.insert(table, rows),
    content: (content, bytes) => sink.place(content, bytes),
  });
}

/** Reads everything, to compare. `tables`: those that were copied, with their columns in that order. */
export function summarize(source: RowSource, tables: readonly Table[], progress: Tell = TELL_NOBODY): Promise<Summary> {
  return walk(source, tables, {
    progress,
    rows: async () => {},
    async content(_, bytes) {
      for await (const _chunk of bytes);
    },
  });
}

/** Throws unavailable, naming the first table that is not the same. */
export function refuseDifferent(made: Summary, wanted: Summary): void {
  for (const [name, { rows, sha256 }] of Object.entries(wanted.tables)) {
    const copy = made.tables[name];
    if (copy?.rows === rows && copy.sha256 === sha256) continue;
    const what = copy?.rows === rows ? `${rows} rows, but not the same` : `${copy?.rows ?? 0} rows instead of ${rows}`;
    throw new ReplydError('unavailable', `the copy is not like the original: table ${name} has ${what}`);
  }
  const lost = made.missing.find(sha256 => !wanted.missing.includes(sha256));
  if (lost !== undefined) throw new ReplydError('unavailable', `the copy has lost the content ${lost}`);
  if (made.contents !== wanted.contents || made.bytes !== wanted.bytes) {
    throw new ReplydError('unavailable', `the copy has ${made.contents} contents instead of ${wanted.contents}`);
  }
}

interface Steps {
  readonly progress: Tell;
  rows(table: Table, rows: readonly TableRow[]): Promise<void>;
  content(content: { sha256: string; size: number }, bytes: AsyncIterable<Uint8Array>): Promise<void>;
}

async function walk(source: RowSource, tables: readonly Table[], steps: Steps): Promise<Summary> {
  const summaries: Record<string, TableSummary> = {};
  const found = { contents: 0, bytes: 0, missing: [] as string[] };
  for (const table of tables) {
    const total = await source.count(table);
    const hash = createHash('sha256');
    const outside = table.name === 'blob' ? outsideOf(table) : null;
    let count = 0;
    for await (const batch of source.rows(table)) {
      const rows = batch.map(withoutNul);
      addLines(hash, rows);
      await steps.rows(table, rows);
      if (outside !== null) {
        for (const content of outside(rows)) await walkContent(source, content, { steps, found });
      }
      count += rows.length;
      steps.progress({ doing: table.name, done: count, total });
    }
    summaries[table.name] = { rows: count, sha256: hash.digest('hex') };
  }
  return { tables: summaries, ...found };
}

/** How many rows a source reads together, when those before had this many bytes each. */
export function rowsAtOnce(bytes: number, rows: number): number {
  const each = rows === 0 ? LARGE_ROW : bytes / rows;
  return each < LARGE_ROW / 100 ? 2000 : each < LARGE_ROW / 10 ? 200 : 20;
}
const LARGE_ROW = 128 * 1024;

/** Roughly, in memory and on the wire. */
export function sizeOf(row: TableRow): number {
  let size = 0;
  for (const value of row) size += typeof value === 'string' || value instanceof Uint8Array ? value.length : 8;
  return size;
}

function addLines(hash: Hash, rows: readonly TableRow[]): void {
  let text = '';
  for (const row of rows) text += lineOf(row);
  hash.update(text);
}

/** Of rows of `blob` those whose bytes stand elsewhere. */
function outsideOf(table: Table): (rows: readonly TableRow[]) => readonly { sha256: string; size: number }[] {
  const at = (name: string) => table.columns.findIndex(column => column.name === name);
  const [sha256, size, data] = [at('sha256'), at('size'), at('data')];
  return rows =>
    rows
      .filter(row => row[data] === null)
      .map(row => ({ sha256: Buffer.from(row[sha256] as Uint8Array).toString('hex'), size: row[size] as number }));
}

/** What the source has not, or has with other bytes, is missing there already. All else that is thrown is a fault. */
async function walkContent(
  source: RowSource,
  content: { sha256: string; size: number },
  { steps, found }: { steps: Steps; found: { contents: number; bytes: number; missing: string[] } },
): Promise<void> {
  let isMissing = false;
  async function* bytes(): AsyncGenerator<Uint8Array> {
    const hash = createHash('sha256');
    try {
      for await (const chunk of source.content(content.sha256)) {
        hash.update(chunk);
        yield chunk;
      }
      if (hash.digest('hex') !== content.sha256)
        throw new ReplydError('unavailable', 'it has other bytes than its name says');
    } catch (error) {
      isMissing = !isRefusedForNow(error);
      throw error;
    }
  }
  try {
    await steps.content(content, bytes());
  } catch (error) {
    if (!isMissing) throw error;
    found.missing.push(content.sha256);
    return;
  }
  found.contents += 1;
  found.bytes += content.size;
}

/** It may be there all the same: this process may not read it, or can't just now, or its database is away. */
function isRefusedForNow(error: unknown): boolean {
  return isAway(error) || REFUSALS.has(String((error as { code?: unknown } | null)?.code));
}
const REFUSALS: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EMFILE', 'ENFILE', 'ENOMEM']);

function refuseOtherTables(ones: readonly Table[], others: readonly Table[]): void {
  const shape = (tables: readonly Table[]) =>
    new Map(
      tables.map(({ name, columns }) => [
        name,
        columns
          .map(column => `${column.name} ${column.type}`)
          .sort()
          .join(),
      ]),
    );
  const [one, other] = [shape(ones), shape(others)];
  const name = [...one.keys(), ...other.keys()].find(table => one.get(table) !== other.get(table));
  if (name !== undefined) {
    throw new ReplydError(
      'unavailable',
      `table ${name} is not the same in both stores: bring both up to date (\`replyd migrate\`)`,
    );
  }
}
