/**
 * One daemon per store: `lock.db` in the data directory is held by an exclusive SQLite transaction for as long as the
 * daemon lives. The kernel frees it with the process, so kill -9 leaves nothing to clean up.
 */
import path from 'node:path';
import type Database from 'better-sqlite3';
import { ReplydError } from '../../base/errors.js';
import { readTextFile, replaceTextFile } from '../../base/text-file.js';
import { storeFault } from '../fault.js';
import { openRaw } from './database.js';

export interface Lock {
  release(): void;
}

/** Takes the lock or throws conflict, naming the process that has it. */
export function lockStore(dataDir: string): Lock {
  const lock = take(lockFile(dataDir), { timeout: 0 });
  if (lock === null) {
    const pid = holder(dataDir);
    const other = pid ? ` (process ${pid})` : '';
    throw new ReplydError('conflict', `another replyd${other} serves the store in ${dataDir}`, { details: { pid } });
  }
  replaceTextFile(pidFile(dataDir), `${process.pid}\n`);
  return lock;
}

/**
 * Held by whoever reads all blobs (a backup) or unlinks some, so that they take turns: nothing that a backup's database
 * names is cleared away under its hands. Waits up to `timeout` milliseconds; null when somebody else still has it.
 */
export function lockFiles(dataDir: string, timeout: number): Lock | null {
  return take(path.join(dataDir, 'files.lock.db'), { timeout });
}

/** Null: somebody else has it. */
function take(file: string, options: Database.Options): Lock | null {
  let database: Database.Database | undefined;
  try {
    const held = openRaw(file, options);
    database = held;
    held.exec('begin exclusive');
    return { release: () => held.close() };
  } catch (error) {
    database?.close();
    if ((error as { code?: string }).code === 'SQLITE_BUSY') return null;
    throw storeFault(error, `cannot take the lock ${file}`);
  }
}

function lockFile(dataDir: string): string {
  return path.join(dataDir, 'lock.db');
}

function pidFile(dataDir: string): string {
  return path.join(dataDir, 'replyd.pid');
}

/** Is a daemon serving this store? Tells its process id when it left one. */
export function lockHolder(dataDir: string): { held: boolean; pid: number | null } {
  try {
    const lock = take(lockFile(dataDir), { timeout: 0, fileMustExist: true });
    lock?.release();
    return lock === null ? { held: true, pid: holder(dataDir) } : { held: false, pid: null };
  } catch {
    return { held: false, pid: null };
  }
}

/** The same as a guess, by the process id that was left: for remarks that are not worth taking the lock for a moment. */
export function seemsServed(dataDir: string): boolean {
  const pid = holder(dataDir);
  if (pid === null) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function holder(dataDir: string): number | null {
  try {
    return Number.parseInt(readTextFile(pidFile(dataDir)), 10) || null;
  } catch {
    return null;
  }
}
