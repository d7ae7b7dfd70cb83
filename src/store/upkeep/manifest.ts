/**
 * What a backup is: a tar file whose last entry, `manifest.json`, proves that it is complete. Format 1 has SQLite's database
 * as a file; format 2 has the rows of each table, in pieces. Large contents stand beside both, each under its hash.
 *
 * `verifyBackup` reads all of it and throws unavailable unless it is whole, undamaged and not a newer program's.
 */
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { ReplydError } from '../../base/errors.js';
import { readEntry, readTar, type TarEntry } from '../../base/tar.js';
import { programSchema, refuseNewer } from '../migrations.js';
import { TELL_NOBODY, type Tell } from './progress.js';
import type { Column, Table, TableSummary } from './rows.js';

interface AnyManifest {
  readonly replyd: string;
  readonly schema: number;
  readonly made_at: string;
  readonly files: number;
  /** Of the files beside database or rows. */
  readonly bytes: number;
  /** Hashes of contents that the store named but no longer had, or had damaged. */
  readonly missing: readonly string[];
}

/** Of a store on SQLite. */
export interface DatabaseManifest extends AnyManifest {
  readonly format: 1;
  readonly database: { readonly size: number; readonly sha256: string };
}

/** Of a store on PostgreSQL. */
export interface RowsManifest extends AnyManifest {
  readonly format: 2;
  readonly tables: readonly (Table & TableSummary)[];
}

export type Manifest = DatabaseManifest | RowsManifest;

export interface VerifiedBackup {
  readonly manifest: Manifest;
  /** By name, but for the manifest. */
  readonly entries: ReadonlyMap<string, TarEntry>;
}

export const DATABASE_ENTRY = 'replyd.db';
export const MANIFEST_ENTRY = 'manifest.json';
const MAX_MANIFEST = 1024 * 1024 * 1024;

export function entryName(sha256: string): string {
  return `blobs/${sha256.slice(0, 2)}/${sha256}`;
}

/** The piece of a table's rows: lines of JSON. Numbers begin at 1. */
export function pieceName(table: string, number: number): string {
  return `tables/${table}/${String(number).padStart(6, '0')}.jsonl`;
}

/** Reads everything. */
export async function verifyBackup(backup: FileHandle, progress: Tell = TELL_NOBODY): Promise<VerifiedBackup> {
  const entries = new Map<string, TarEntry>();
  const found: Found = { database: null, tables: new Map(), contents: 0 };
  let manifest: Manifest | null = null;
  const total = mebibytes((await backup.stat()).size);
  let read = 0;
  for await (const entry of readTar(backup)) {
    read += entry.size;
    progress({ doing: 'reading the backup, MiB', done: mebibytes(read), total });
    if (manifest !== null) throw new ReplydError('unavailable', `the backup goes on after its end: ${entry.name}`);
    if (entry.name === MANIFEST_ENTRY) manifest = await readManifest(backup, entry);
    else {
      if (entries.has(entry.name) || !(await look(backup, entry, found))) {
        throw new ReplydError('unavailable', `the backup is damaged: ${entry.name} is not what was put in`);
      }
      entries.set(entry.name, entry);
    }
  }
  if (manifest === null) throw new ReplydError('unavailable', 'the backup is not complete: it has no manifest');
  refuseNewer(manifest.schema, programSchema());
  if (!isAsSaid(manifest, found)) {
    throw new ReplydError('unavailable', 'the backup is damaged: its contents are not those of its manifest');
  }
  return { manifest, entries };
}

function mebibytes(bytes: number): number {
  return Math.ceil(bytes / 2 ** 20);
}

interface Found {
  database: string | null;
  readonly tables: Map<string, { pieces: number; rows: number; readonly hash: ReturnType<typeof createHash> }>;
  contents: number;
}

const LINE_END = 0x0a;

/** False: it is nothing that a backup has there. */
async function look(backup: FileHandle, entry: TarEntry, found: Found): Promise<boolean> {
  const [, name] = /^tables\/(\w+)\//.exec(entry.name) ?? [];
  if (name !== undefined) {
    const table = found.tables.get(name) ?? { pieces: 0, rows: 0, hash: createHash('sha256') };
    found.tables.set(name, table);
    table.pieces += 1;
    if (entry.name !== pieceName(name, table.pieces)) return false;
    for await (const chunk of readEntry(backup, entry)) {
      table.hash.update(chunk);
      for (const byte of chunk) if (byte === LINE_END) table.rows += 1;
    }
    return true;
  }
  const hash = createHash('sha256');
  for await (const chunk of readEntry(backup, entry)) hash.update(chunk);
  const sha256 = hash.digest('hex');
  if (entry.name === DATABASE_ENTRY) found.database = sha256;
  else found.contents += 1;
  return entry.name === DATABASE_ENTRY || entry.name === entryName(sha256);
}

function isAsSaid(manifest: Manifest, found: Found): boolean {
  if (found.contents !== manifest.files) return false;
  if (manifest.format === 1) return found.database === manifest.database.sha256 && found.tables.size === 0;
  const hashes = new Map(
    [...found.tables].map(([name, { rows, hash }]) => [name, { rows, sha256: hash.digest('hex') }]),
  );
  const none = { rows: 0, sha256: createHash('sha256').digest('hex') };
  return (
    found.database === null &&
    [...hashes.keys()].every(name => manifest.tables.some(table => table.name === name)) &&
    manifest.tables.every(({ name, rows, sha256 }) => {
      const has = hashes.get(name) ?? none;
      return has.rows === rows && has.sha256 === sha256;
    })
  );
}

async function readManifest(backup: FileHandle, entry: TarEntry): Promise<Manifest> {
  if (entry.size > MAX_MANIFEST)
    throw new ReplydError('unavailable', 'the backup is damaged: its manifest is too large');
  const chunks: Uint8Array[] = [];
  for await (const chunk of readEntry(backup, entry)) chunks.push(chunk);
  let manifest: unknown;
  try {
    manifest = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch (error) {
    throw new ReplydError('unavailable', 'the backup is damaged: its manifest is no JSON', { cause: error });
  }
  const { format, schema, files, ...more } = (manifest ?? {}) as Partial<Manifest>;
  if (format !== 1 && format !== 2) {
    throw new ReplydError(
      'unavailable',
      `this is a backup of another format (${String(format)}): use the replyd that made it`,
    );
  }
  const { database, tables } = more as { database?: { sha256?: unknown }; tables?: unknown };
  const isComplete = format === 1 ? typeof database?.sha256 === 'string' : isTables(tables);
  if (!Number.isInteger(schema) || !Number.isInteger(files) || !isComplete) {
    throw new ReplydError('unavailable', 'the backup is damaged: its manifest is not complete');
  }
  return manifest as Manifest;
}

/** Names stand in statements. */
function isTables(tables: unknown): boolean {
  const isName = (name: unknown) => typeof name === 'string' && /^[a-z_][a-z0-9_]*$/.test(name);
  const isColumn = (column: Partial<Column> | null) =>
    isName(column?.name) && ['integer', 'text', 'blob'].includes(column?.type as string);
  return (
    Array.isArray(tables) &&
    tables.every(
      (table: Partial<Table> | null) =>
        isName(table?.name) &&
        Array.isArray(table?.columns) &&
        table.columns.every(isColumn) &&
        Array.isArray(table.key) &&
        table.key.every(isName),
    )
  );
}
