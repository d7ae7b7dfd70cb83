/**
 * Puts a backup (`backup.ts`) in the place of a store. All of it is read and checked first: the manifest, every hash, the
 * schema, SQLite's own integrity check. Only then is anything written, and the database comes last: a restore that is cut
 * off has put files there that nobody names, and can be run again.
 *
 * No daemon may run: its lock is held meanwhile. A store that is there is refused unless `replace`; its database then
 * stands aside as `replyd.db.replaced`, with its log, until somebody removes it. What was waiting to be sent when the
 * backup was made may have been sent since: such a queue is paused, for a person to look at.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises';
import path from 'node:path';
import { ReplydError } from '../../base/errors.js';
import { writeInPlace } from '../blobs/blobs.js';
import { storeFault } from '../fault.js';
import { SMARTHOST } from '../rows.js';
import { refuseDamaged, removeDatabase, replaceDatabase } from '../sqlite/copy.js';
import { databaseFile, openDatabase } from '../sqlite/database.js';
import { lockStore } from '../sqlite/lock.js';
import { programSchema, refuseNewer } from '../sqlite/migrate.js';
import { UNFINISHED } from '../verbs/unfinished.js';
import { DATABASE_ENTRY, entryName, MANIFEST_ENTRY, type Manifest } from './backup.js';
import { readEntry, readTar, type TarEntry } from './tar.js';

export interface Restored {
  readonly manifest: Manifest;
  /** Mails that wait to be sent; the queue is paused when there are any. */
  readonly waiting: number;
}

const MAX_MANIFEST = 1024 * 1024 * 1024;
const PAUSED =
  'restored from a backup: what waits here may have been sent already (`replyd queue list`, `replyd queue resume`)';

/** Throws conflict (a store or a daemon is there) or unavailable (no backup, damaged, newer), with what to do. */
export async function restoreBackup(
  dataDir: string,
  backup: FileHandle,
  options: { replace: boolean },
): Promise<Restored> {
  const { manifest, entries } = await verifyBackup(backup);
  const database = databaseFile(dataDir);
  const made = await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const lock = lockStore(dataDir);
  const incoming = `${database}.restoring`;
  try {
    if (made === undefined && existsSync(database) && !options.replace) {
      throw new ReplydError(
        'conflict',
        `there is a store in ${dataDir} already: restore into an empty data_dir, or say --replace to put it aside`,
      );
    }
    for (const [name, entry] of entries) {
      if (name === DATABASE_ENTRY) await extract(backup, entry, incoming);
      else await extractBlob(dataDir, backup, entry);
    }
    refuseDamaged(incoming);
    await replaceDatabase(dataDir, incoming);
    return { manifest, waiting: pauseQueue(dataDir) };
  } catch (error) {
    throw storeFault(error, 'cannot restore');
  } finally {
    await removeDatabase(incoming);
    lock.release();
  }
}

/** Reads everything. Throws unavailable unless it is complete, undamaged and not from a newer replyd. */
export async function verifyBackup(
  backup: FileHandle,
): Promise<{ manifest: Manifest; entries: ReadonlyMap<string, TarEntry> }> {
  const entries = new Map<string, TarEntry>();
  const hashes = new Map<string, string>();
  let manifest: Manifest | null = null;
  for await (const entry of readTar(backup)) {
    if (manifest !== null) throw new ReplydError('unavailable', `the backup goes on after its end: ${entry.name}`);
    if (entry.name === MANIFEST_ENTRY) manifest = await readManifest(backup, entry);
    else {
      const sha256 = await hashOf(backup, entry);
      const known = entry.name === DATABASE_ENTRY || entry.name === entryName(sha256);
      if (!known) throw new ReplydError('unavailable', `the backup is damaged: ${entry.name} is not what was put in`);
      hashes.set(entry.name, sha256);
      entries.set(entry.name, entry);
    }
  }
  if (manifest === null) throw new ReplydError('unavailable', 'the backup is not complete: it has no manifest');
  refuseNewer(manifest.schema, programSchema());
  if (hashes.get(DATABASE_ENTRY) !== manifest.database.sha256 || entries.size !== manifest.files + 1) {
    throw new ReplydError('unavailable', 'the backup is damaged: its contents are not those of its manifest');
  }
  return { manifest, entries };
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
  const { format, schema, files, database } = (manifest ?? {}) as Partial<Manifest>;
  if (format !== 1) {
    throw new ReplydError(
      'unavailable',
      `this is a backup of another format (${String(format)}): use the replyd that made it`,
    );
  }
  if (!Number.isInteger(schema) || !Number.isInteger(files) || typeof database?.sha256 !== 'string') {
    throw new ReplydError('unavailable', 'the backup is damaged: its manifest is not complete');
  }
  return manifest as Manifest;
}

async function hashOf(backup: FileHandle, entry: TarEntry): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of readEntry(backup, entry)) hash.update(chunk);
  return hash.digest('hex');
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
function pauseQueue(dataDir: string): number {
  const db = openDatabase(dataDir);
  try {
    const waiting =
      db.value<number>(`select count(*) from delivery where destination = $1 and ${UNFINISHED}`, SMARTHOST) ?? 0;
    if (waiting > 0) {
      db.run(
        `insert into destination (name, paused, reason) values ($1, 'operator', $2)
         on conflict (name) do update set paused = 'operator', reason = excluded.reason, next_probe_at = null`,
        SMARTHOST,
        PAUSED,
      );
    }
    return waiting;
  } finally {
    db.close();
  }
}
