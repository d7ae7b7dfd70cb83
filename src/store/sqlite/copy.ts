/**
 * The database as a file of its own, for backups: copied as of one moment while everything goes on, looked at, and put in
 * the place of a store's.
 *
 * The copying connection holds a read transaction, so other processes' commits neither show nor make SQLite start again:
 * without it a copy under load never ends.
 */
import { existsSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { ReplydError } from '../../base/errors.js';
import { syncFolder } from '../blobs/blobs.js';
import { Connection, databaseFile, ENDINGS, openDatabase, openRaw } from './database.js';
import { schemaVersions } from './migrate.js';
import { removeSearch } from './search-file.js';

/** Returns the copy, which only reads, and its schema. */
export async function copyDatabase(
  dataDir: string,
  file: string,
): Promise<{ readonly copy: Connection; readonly schema: number }> {
  // Made by us first, so that nobody else can read it for a moment.
  await (await open(file, 'wx', 0o600)).close();
  const source = openDatabase(dataDir);
  try {
    source.onlyRead();
    const { store: schema } = schemaVersions(source);
    source.raw.exec('begin');
    // The first look is what takes the snapshot.
    source.value('select count(*) from account');
    await source.raw.backup(file);
    source.raw.exec('commit');
    return { copy: new Connection(openRaw(file, { readonly: true, fileMustExist: true })), schema };
  } finally {
    source.close();
  }
}

/** Throws unavailable when SQLite finds the file damaged. */
export function refuseDamaged(file: string): void {
  const database = new Connection(openRaw(file, { fileMustExist: true }));
  try {
    const [damage] = database.damages(1);
    if (damage !== undefined) throw new ReplydError('unavailable', `the database in the backup is damaged: ${damage}`);
  } finally {
    database.close();
  }
}

/** The store's own database then stands aside as `replyd.db.replaced`, with its log. Nobody may have it open. */
export async function replaceDatabase(dataDir: string, file: string): Promise<void> {
  const database = databaseFile(dataDir);
  for (const end of ENDINGS) {
    await rm(`${database}.replaced${end}`, { force: true });
    // The old log must be gone before the new database is there: SQLite would write it into that one.
    if (existsSync(database + end)) await rename(database + end, `${database}.replaced${end}`);
  }
  // It is of the store that was there.
  removeSearch(dataDir);
  await rename(file, database);
  await syncFolder(dataDir);
}

/** With what SQLite made beside it. */
export async function removeDatabase(file: string): Promise<void> {
  for (const end of ENDINGS) await rm(file + end, { force: true });
}
