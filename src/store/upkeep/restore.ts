/**
 * Puts a backup (`manifest.ts`) in the place of a store, of either engine. All of it is read and checked first: the manifest,
 * every hash, the schema. Only then is anything written.
 *
 * SQLite: no daemon may run, its lock is held meanwhile. The database comes last: a restore that is cut off has put files
 * there that nobody names, and can be run again. A store that is there is refused unless `replace`; its database then
 * stands aside as `replyd.db.replaced`, with its log, until somebody removes it. PostgreSQL: into an empty database, in
 * one transaction.
 *
 * What was waiting to be sent when the backup was made may have been sent since: such a queue is paused, for a person to
 * look at.
 */
import { existsSync } from 'node:fs';
import { type FileHandle, mkdir, mkdtemp, open, rm } from 'node:fs/promises';
import path from 'node:path';
import { ReplydError } from '../../base/errors.js';
import { readEntry, type TarEntry } from '../../base/tar.js';
import { writeInPlace } from '../blobs/blobs.js';
import { storeFault } from '../fault.js';
import { newStore } from '../open.js';
import type { StorePlace } from '../opener.js';
import { SMARTHOST } from '../rows.js';
import { refuseDamaged, removeDatabase, replaceDatabase } from '../sqlite/copy.js';
import { Connection, databaseFile, openDatabase, openRaw } from '../sqlite/database.js';
import { lockStore } from '../sqlite/lock.js';
import { migrate } from '../sqlite/migrate.js';
import { rowsOf } from '../sqlite/rows.js';
import { UNFINISHED } from '../verbs/unfinished.js';
import { archiveSource, contentIn } from './archive.js';
import { DATABASE_ENTRY, type Manifest, type VerifiedBackup, verifyBackup } from './manifest.js';
import { doing, TELL_NOBODY, type Tell } from './progress.js';
import { type Ask, type RowSource, refuseDifferent, type Summary, summarize, transfer } from './rows.js';

export interface Restored {
  readonly manifest: Manifest;
  /** Mails that wait to be sent; the queue is paused when there are any. */
  readonly waiting: number;
}

export interface RestoreOptions {
  readonly replace: boolean;
  /** A folder of this process, for what is unpacked for a while. */
  readonly scratch: string;
  readonly progress?: Tell;
}

const PAUSED =
  'restored from a backup: what waits here may have been sent already (`replyd queue list`, `replyd queue resume`)';

/** Throws conflict (a store or a daemon is there) or unavailable (no backup, damaged, newer), with what to do. */
export async function restoreBackup(place: StorePlace, backup: FileHandle, options: RestoreOptions): Promise<Restored> {
  const verified = await verifyBackup(backup, options.progress);
  const { manifest } = verified;
  if (manifest.format === 2) {
    const waiting = await fill(place, archiveSource(backup, verified, manifest), { ...options, wanted: manifest });
    return { manifest, waiting };
  }
  if (place.kind === 'sqlite')
    return { manifest, waiting: await unpack(place.dataDir, backup, { verified, ...options }) };
  await mkdir(options.scratch, { recursive: true, mode: 0o700 });
  const folder = await mkdtemp(path.join(options.scratch, '.restore-'));
  try {
    const file = path.join(folder, DATABASE_ENTRY);
    await extract(backup, verified.entries.get(DATABASE_ENTRY)!, file);
    refuseDamaged(file);
    const connection = new Connection(openRaw(file, { fileMustExist: true }));
    try {
      migrate(connection);
      const source: RowSource = {
        ...rowsOf(connection, folder),
        content: sha256 => contentIn(backup, verified.entries, sha256),
      };
      return { manifest, waiting: await fill(place, source, options) };
    } finally {
      connection.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Makes a store of the rows, which is there when it was read again. Gives how many mails wait. */
async function fill(
  place: StorePlace,
  source: RowSource,
  { replace, wanted, progress = TELL_NOBODY }: RestoreOptions & { readonly wanted?: Manifest & { readonly format: 2 } },
): Promise<number> {
  const made = await newStore(place, { replace, schema: source.schema });
  let waiting = 0;
  try {
    const copied = await transfer(source, made, doing('copying', progress));
    if (wanted !== undefined) refuseDifferent(copied, summaryOf(wanted));
    progress({ doing: 'making indexes', done: 0, total: null });
    await made.finish(
      async copy => refuseDifferent(await summarize(copy, source.tables, doing('comparing', progress)), copied),
      async ask => {
        waiting = await pauseQueue(ask);
      },
    );
    return waiting;
  } catch (error) {
    throw storeFault(error, 'cannot restore');
  } finally {
    await made.close();
  }
}

function summaryOf({ tables, files, bytes, missing }: Manifest & { readonly format: 2 }): Summary {
  return {
    tables: Object.fromEntries(tables.map(({ name, rows, sha256 }) => [name, { rows, sha256 }])),
    contents: files,
    bytes,
    missing,
  };
}

/** Puts database and files of a backup in their places. */
async function unpack(
  dataDir: string,
  backup: FileHandle,
  { verified: { entries }, replace, progress = TELL_NOBODY }: RestoreOptions & { readonly verified: VerifiedBackup },
): Promise<number> {
  const database = databaseFile(dataDir);
  const made = await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const lock = lockStore(dataDir);
  const incoming = `${database}.restoring`;
  try {
    if (made === undefined && existsSync(database) && !replace) {
      throw new ReplydError(
        'conflict',
        `there is a store in ${dataDir} already: restore into an empty data_dir, or say --replace to put it aside`,
      );
    }
    let done = 0;
    for (const [name, entry] of entries) {
      if (name === DATABASE_ENTRY) await extract(backup, entry, incoming);
      else await extractBlob(dataDir, backup, entry);
      done += 1;
      progress({ doing: 'unpacking files', done, total: entries.size });
    }
    refuseDamaged(incoming);
    await replaceDatabase(dataDir, incoming);
    const db = openDatabase(dataDir);
    try {
      return await pauseQueue(db);
    } finally {
      db.close();
    }
  } catch (error) {
    throw storeFault(error, 'cannot restore');
  } finally {
    await removeDatabase(incoming);
    lock.release();
  }
}

/** Writes an entry to a file, which is on disk when this returns. */
async function extract(backup: FileHandle, entry: TarEntry, file: string): Promise<void> {
  await rm(file, { force: true });
  const out = await open(file, 'wx', 0o600);
  try {
    for await (const chunk of readEntry(backup, entry)) await out.write(chunk);
    await out.sync();
  } finally {
    await out.close();
  }
}

async function extractBlob(dataDir: string, backup: FileHandle, entry: TarEntry): Promise<void> {
  const sha256 = path.posix.basename(entry.name);
  // Also over a file that is there: it may be the damaged one.
  await writeInPlace(dataDir, sha256, temporary => extract(backup, entry, temporary));
}

/** How many mails wait to be sent; with any the queue is paused. */
async function pauseQueue(ask: Ask): Promise<number> {
  const waiting = await ask.value<number>(
    `select count(*) from delivery where destination = $1 and ${UNFINISHED}`,
    SMARTHOST,
  );
  if (waiting === undefined || waiting === 0) return 0;
  await ask.run(
    `insert into destination (name, paused, reason) values ($1, 'operator', $2)
     on conflict (name) do update set paused = 'operator', reason = excluded.reason, next_probe_at = null`,
    SMARTHOST,
    PAUSED,
  );
  return waiting;
}
