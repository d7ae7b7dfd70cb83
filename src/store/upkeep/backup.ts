/**
 * One file with the whole store, made while everything goes on: a tar file with `replyd.db`, `blobs/ab/<sha256>` for
 * every content that stands in a file, and last `manifest.json`, which proves that it is complete.
 *
 * The database is copied as of one moment (`sqlite/copy.ts`), next to the result, or in the data directory where the one
 * who writes the result may not touch the store and its owner not the result. No file is cleared away meanwhile.
 * The result is written next to its place, fsynced and renamed: there is never half a backup under its name. A content
 * that the store has lost already is left out and named in the manifest; the backup is made all the same.
 */
import { type FileHandle, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { ReplydError } from '../../base/errors.js';
import { writeTar } from '../../base/tar.js';
import { blobFile } from '../blobs/blobs.js';
import { examineFile, openFile } from '../blobs/files.js';
import { copyDatabase, removeDatabase } from '../sqlite/copy.js';
import type { Connection } from '../sqlite/database.js';
import { lockFiles } from '../sqlite/lock.js';
import { type BackupOptions, manifestEntry, writeFile } from './backup-file.js';
import { DATABASE_ENTRY, type DatabaseManifest, entryName } from './manifest.js';

const LOCK_TIMEOUT = 30_000;
/** How copies in the data directory begin. */
const COPY = '.backup-';
const PAGE = 500;

/** Runs what touches the data directory; the rest happens outside of it. */
export type AsOwner = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * Makes the backup. Throws conflict when the file exists (unless `replace`) or another backup is being made, unavailable
 * when the store can't be read or the file not written; then nothing is left behind.
 */
export async function makeBackup(
  dataDir: string,
  file: string,
  options: BackupOptions & { readonly asOwner?: AsOwner },
): Promise<DatabaseManifest> {
  const { asOwner } = options;
  return writeFile(file, options, (out, mark) => {
    const database = asOwner === undefined ? `${file}.${mark}.db` : path.join(dataDir, `${COPY}${mark}.db`);
    const work = () => fillLocked(out, { ...options, dataDir, database });
    return asOwner === undefined ? work() : asOwner(work);
  });
}

interface Filling extends BackupOptions {
  readonly dataDir: string;
  /** Where the database is copied to for a while. */
  readonly database: string;
}

async function fillLocked(out: FileHandle, options: Filling): Promise<DatabaseManifest> {
  const lock = lockFiles(options.dataDir, LOCK_TIMEOUT);
  if (lock === null) throw new ReplydError('conflict', 'another backup of this store is being made');
  try {
    // The copy of a backup that was killed: with the lock there is no other one.
    for (const name of await readdir(options.dataDir)) {
      if (name.startsWith(COPY)) await rm(path.join(options.dataDir, name), { force: true });
    }
    return await fill(out, options);
  } finally {
    await removeDatabase(options.database);
    lock.release();
  }
}

async function fill(out: FileHandle, options: Filling): Promise<DatabaseManifest> {
  const tar = writeTar(out, options.now);
  options.progress?.({ doing: 'copying the database', done: 0, total: null });
  const { copy, schema } = await copyDatabase(options.dataDir, options.database);
  const missing: string[] = [];
  let files = 0;
  let bytes = 0;
  let database: DatabaseManifest['database'];
  try {
    const examined = await examineFile(options.database);
    if ('error' in examined) throw new ReplydError('unavailable', `cannot read the copy: ${examined.error}`);
    database = examined;
    await tar.add({ name: DATABASE_ENTRY, size: examined.size }, (await openFile(options.database)).createReadStream());
    const total = copy.value<number>('select count(*) from blob where data is null') ?? 0;
    for (const sha256 of filesNamed(copy)) {
      const file = blobFile(options.dataDir, sha256);
      const found = await examineFile(file);
      if ('error' in found || found.sha256 !== sha256) {
        missing.push(sha256);
        continue;
      }
      options.progress?.({ doing: 'copying files', done: files, total });
      await tar.add({ name: entryName(sha256), size: found.size }, (await openFile(file)).createReadStream());
      files += 1;
      bytes += found.size;
    }
  } finally {
    copy.close();
  }
  const manifest: DatabaseManifest = {
    format: 1,
    replyd: options.version,
    schema,
    made_at: new Date(options.now).toISOString(),
    database,
    files,
    bytes,
    missing,
  };
  await manifestEntry(tar, manifest);
  await tar.end();
  return manifest;
}

/** Hashes of the contents that stand in files. */
function* filesNamed(db: Connection): Generator<string> {
  for (let after = -1; ; ) {
    const rows = db.all<{ key: number; sha256: Uint8Array }>(
      'select key, sha256 from blob where key > $1 and data is null order by key limit $2',
      after,
      PAGE,
    );
    for (const row of rows) yield Buffer.from(row.sha256).toString('hex');
    if (rows.length < PAGE) return;
    after = rows.at(-1)!.key;
  }
}
