/**
 * Clearing away what crashes and removals leave in `blobs/` and `incoming/`: files that no row names, and files that were
 * being written. Only the daemon's writer unlinks. It looks at row and age again in the transaction, and whoever files a
 * mail touches its files before COMMIT; so a file that somebody is about to name is younger than `AGE` and stays, and if
 * it still went in the moment between look and unlink, that mail's touch fails and the mail is asked for again.
 *
 * While a backup is being made nothing is unlinked. A file that can't be looked at or unlinked stays for the next time.
 */
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { incomingFolder } from '../blobs/blobs.js';
import { isOlder, listBlobFiles, unlinked } from '../blobs/files.js';
import { clearSentCopies, type SentStore } from '../blobs/sent.js';
import type { StoreTx } from '../tx.js';

/** Milliseconds that a file without a row is left alone: nothing waits so long between being written and its row. */
export const AGE = 24 * 60 * 60_000;
/** Files a transaction may unlink before it lets others in. */
const BATCH = 100;

/** Of these hashes those that no row has with a file. */
export async function filesWithoutRow(tx: StoreTx, hashes: readonly string[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const sha256 of hashes) {
    const hash = Buffer.from(sha256, 'hex');
    const row = await tx.get('select 1 from blob where sha256 = $1 and shared = 1 and data is null', hash);
    if (row === undefined) found.push(sha256);
  }
  return found;
}

/** Removes those that still have no row and were last touched before `before`. Returns how many. */
export async function clearFiles(tx: StoreTx, hashes: readonly string[], options: { before: number }): Promise<number> {
  const held = await tx.large.hold(hashes);
  if (held === null) return 0;
  try {
    let cleared = 0;
    for (const sha256 of await filesWithoutRow(tx, hashes))
      if (await tx.large.remove(sha256, options.before)) cleared += 1;
    return cleared;
  } finally {
    held.release();
  }
}

export interface ClearingStore extends SentStore {
  /** Large contents that were last touched before, some at a time. */
  placedBefore(before: number): AsyncIterable<readonly string[]>;
  filesWithoutRow(hashes: readonly string[]): Promise<readonly string[]>;
  clearFiles(hashes: readonly string[], options: { before: number }): Promise<number>;
}

/**
 * Goes once through `blobs/`, `incoming/` and `sent/`, a folder at a time, and returns how many files it cleared away. `now` is
 * the file system's time. `stopped` ends it early.
 */
export async function clearLeftovers(
  store: ClearingStore,
  dataDir: string,
  options: { now: number; stopped?: () => boolean },
): Promise<number> {
  const before = options.now - AGE;
  let cleared = await clearTemporary(await incomingFiles(dataDir), before);
  for await (const files of listBlobFiles(dataDir)) {
    if (options.stopped?.()) break;
    cleared += await clearTemporary(
      files.filter(each => each.temporary).map(each => each.file),
      before,
    );
  }
  for await (const hashes of store.placedBefore(before)) {
    if (options.stopped?.()) break;
    const orphans = await store.filesWithoutRow(hashes);
    for (let from = 0; from < orphans.length; from += BATCH)
      cleared += await store.clearFiles(orphans.slice(from, from + BATCH), { before });
  }
  return cleared + (await clearSentCopies(store, dataDir, options.stopped));
}

async function incomingFiles(dataDir: string): Promise<readonly string[]> {
  const folder = incomingFolder(dataDir);
  const names = await readdir(folder).catch(() => []);
  return names.map(name => path.join(folder, name));
}

/** Files that were being written when their writer died: no row can name them. */
async function clearTemporary(files: readonly string[], before: number): Promise<number> {
  let cleared = 0;
  for (const file of files) {
    if (await isOlder(file, before)) cleared += await unlinked(file);
  }
  return cleared;
}
