/**
 * A backup as rows (format 2), which either engine can be restored from: written from one moment of a store while
 * everything goes on, in pieces of some MiB. A row is a line of JSON, its values in the order of the columns that the
 * manifest names, bytes in base64.
 *
 * A content that the store has lost already is left out and named in the manifest; the backup is made all the same.
 */
import type { FileHandle } from 'node:fs/promises';
import { ReplydError } from '../../base/errors.js';
import { readEntry, type TarWriter, writeTar } from '../../base/tar.js';
import { type BackupOptions, manifestEntry, one, writeFile } from './backup-file.js';
import { entryName, pieceName, type RowsManifest, type VerifiedBackup } from './manifest.js';
import { doing, TELL_NOBODY } from './progress.js';
import {
  type Column,
  lineOf,
  type RowSink,
  type RowSource,
  type Table,
  type TableRow,
  transfer,
  type Value,
} from './rows.js';

/** Characters of a piece; one row more may come on top. */
const PIECE = 8 * 1024 * 1024;
/** A piece with the largest row there can be. */
const MAX_PIECE = 512 * 1024 * 1024;

/** Makes the backup of what the source reads. Throws as `writeFile` does. */
export function makeArchive(source: RowSource, file: string, options: BackupOptions): Promise<RowsManifest> {
  return writeFile(file, options, async out => {
    const tar = writeTar(out, options.now);
    const pieces = writePieces(tar);
    const { tables, contents, bytes, missing } = await transfer(
      source,
      pieces.sink(source.tables),
      doing('copying', options.progress ?? TELL_NOBODY),
    );
    await pieces.end();
    const manifest: RowsManifest = {
      format: 2,
      replyd: options.version,
      schema: source.schema,
      made_at: new Date(options.now).toISOString(),
      tables: source.tables.map(table => ({ ...table, ...tables[table.name]! })),
      files: contents,
      bytes,
      missing,
    };
    await manifestEntry(tar, manifest);
    await tar.end();
    return manifest;
  });
}

function writePieces(tar: TarWriter): { sink(tables: readonly Table[]): RowSink; end(): Promise<void> } {
  let at: { readonly table: string; number: number } | null = null;
  let text = '';
  const end = async () => {
    if (at === null || text === '') return;
    const bytes = Buffer.from(text);
    text = '';
    at.number += 1;
    await tar.add({ name: pieceName(at.table, at.number), size: bytes.length }, one(bytes));
  };
  return {
    sink: tables => ({
      tables,
      async insert({ name }, rows) {
        if (at?.table !== name) {
          await end();
          at = { table: name, number: 0 };
        }
        for (const row of rows) {
          text += lineOf(row);
          if (text.length > PIECE) await end();
        }
      },
      place: ({ sha256, size }, bytes) => placeEntry(tar, { sha256, size }, bytes),
    }),
    end,
  };
}

/** Of what can't be read whole, nothing may stand in the file: it is read once before. */
async function placeEntry(
  tar: TarWriter,
  { sha256, size }: { sha256: string; size: number },
  bytes: AsyncIterable<Uint8Array>,
): Promise<void> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of bytes) {
    chunks.push(Buffer.from(chunk));
    length += chunk.length;
  }
  if (length !== size)
    throw new ReplydError('unavailable', `the content ${sha256} has ${length} bytes instead of ${size}`);
  await tar.add({ name: entryName(sha256), size }, of(chunks));
}

async function* of(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

/** The rows of a backup that was verified. */
export function archiveSource(backup: FileHandle, { entries }: VerifiedBackup, manifest: RowsManifest): RowSource {
  const read = async (name: string) => {
    const entry = entries.get(name);
    if (entry === undefined) return null;
    if (entry.size > MAX_PIECE) throw new ReplydError('unavailable', `the backup is damaged: ${name} is too large`);
    const chunks: Uint8Array[] = [];
    for await (const chunk of readEntry(backup, entry)) chunks.push(chunk);
    return Buffer.concat(chunks).toString('utf8');
  };
  return {
    schema: manifest.schema,
    tables: manifest.tables,
    count: async ({ name }) => manifest.tables.find(table => table.name === name)!.rows,
    async *rows(table) {
      for (let number = 1; ; number += 1) {
        const text = await read(pieceName(table.name, number));
        if (text === null) return;
        yield text
          .split('\n')
          .filter(line => line !== '')
          .map(line => rowOf(line, table));
      }
    },
    content: sha256 => contentIn(backup, entries, sha256),
  };
}

/** A content that stands in a backup of either format. Throws when it does not. */
export async function* contentIn(
  backup: FileHandle,
  entries: VerifiedBackup['entries'],
  sha256: string,
): AsyncGenerator<Uint8Array> {
  const entry = entries.get(entryName(sha256));
  if (entry === undefined) throw new ReplydError('not_kept', `the content ${sha256} is not in the backup`);
  yield* readEntry(backup, entry);
}

function rowOf(line: string, { name, columns }: Table): TableRow {
  const row: unknown = JSON.parse(line);
  if (!Array.isArray(row) || row.length !== columns.length) {
    throw new ReplydError('unavailable', `the backup is damaged: table ${name} has a row with other columns`);
  }
  return row.map((value, index) => decoded(value, columns[index]!, name));
}

function decoded(value: unknown, { name, type }: Column, table: string): Value {
  if (value === null || (type === 'integer' && Number.isSafeInteger(value))) return value as Value;
  if (typeof value === 'string' && type === 'text') return value;
  if (typeof value === 'string' && type === 'blob') return Buffer.from(value, 'base64');
  throw new ReplydError('unavailable', `the backup is damaged: ${table}.${name} has a value of another type`);
}
