/**
 * Bytes, each with its hash; but for raw mails (`rawKey`) the same bytes stand once. Up to 128 KiB they stand in a row
 * and are committed with what refers to them; larger ones stand in `blobs/ab/<sha256>`: written next to their place,
 * fsynced, renamed, the folder fsynced, and only then the row.
 * A crash leaves at worst a file without a row, never a row without its file; `clear-files.ts` clears those away.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, utimesSync } from 'node:fs';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { ReplydError } from '../../base/errors.js';
import type { StoredContent, StoredContentRef } from '../../conversation/filing.js';
import type { Content } from '../../mail/mail.js';
import { storeFault } from '../fault.js';
import type { StoreTx } from '../tx.js';
import { openFile } from './files.js';

export const INLINE_LIMIT = 128 * 1024;

/** What stands for bytes that are no longer kept. */
export const NOTHING: StoredContent = {
  sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  size: 0,
  bytes: new Uint8Array(0),
};

export function blobFile(dataDir: string, sha256: string): string {
  return path.join(dataDir, 'blobs', sha256.slice(0, 2), sha256);
}

/** Where mails and attachments are written while they arrive; emptied when the daemon starts. */
export function incomingFolder(dataDir: string): string {
  return path.join(dataDir, 'incoming');
}

/**
 * Puts content into the store's keeping. Small content is read into memory to go with its row; large content is in
 * place and on disk when this returns. A file that was handed over is gone afterwards.
 */
export async function placeContent(
  dataDir: string,
  content: Content,
  // Whoever has them has more with them, which is not to travel to the writer with each mail.
  { sha256, size, inRow = size <= INLINE_LIMIT }: { sha256: string; size: number; inRow?: boolean },
): Promise<StoredContent> {
  try {
    if (inRow) {
      if ('bytes' in content) return { sha256, size, bytes: content.bytes };
      const bytes = await readFile(content.file);
      await rm(content.file, { force: true });
      return { sha256, size, bytes };
    }
    await writeInPlace(dataDir, sha256, async temporary => {
      const file = 'bytes' in content ? await open(temporary, 'wx', 0o600) : await open(content.file, 'r+');
      try {
        if ('bytes' in content) await file.writeFile(content.bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      if ('file' in content) await rename(content.file, temporary);
    });
    return { sha256, size, placed: true };
  } catch (error) {
    throw storeFault(error, 'cannot write to the blobs folder');
  }
}

/** `write` makes the file it is given; then that is renamed to the content's place, and all of it is on disk. */
export async function writeInPlace(
  dataDir: string,
  sha256: string,
  write: (temporary: string) => Promise<void>,
): Promise<void> {
  const place = blobFile(dataDir, sha256);
  const folder = path.dirname(place);
  const made = await mkdir(folder, { recursive: true, mode: 0o700 });
  const temporary = path.join(folder, `.${sha256.slice(0, 16)}.${randomBytes(6).toString('hex')}`);
  try {
    await write(temporary);
    await rename(temporary, place);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(folder);
  // A new folder is only safe once its own entry is.
  if (made !== undefined)
    for (let up = folder; up !== dataDir; up = path.dirname(up)) await syncFolder(path.dirname(up));
}

export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The key of the row for this content, made when it is new. Inside a transaction. */
export async function blobKey(tx: StoreTx, content: StoredContent): Promise<number> {
  const known = await tx.get<{ key: number; inline: number }>(
    'select key, case when data is null then 0 else 1 end as inline from blob where sha256 = $1 and shared = 1',
    Buffer.from(content.sha256, 'hex'),
  );
  if (known ? known.inline === 0 : 'placed' in content) touch(blobFile(tx.dataDir, content.sha256));
  return known?.key ?? (await insertBlob(tx, content, { shared: true }));
}

/**
 * For a mail that is filed for the first time: hardly ever are its bytes there already, and a query and an entry by
 * their hash would cost every mail a page of a large index. Small ones stand in a row of their own; large ones stand in a
 * file, which has one row however many name it.
 */
export async function rawKey(tx: StoreTx, content: StoredContent): Promise<number> {
  return 'bytes' in content ? await insertBlob(tx, content, { shared: false }) : await blobKey(tx, content);
}

async function insertBlob(tx: StoreTx, content: StoredContent, as: { readonly shared: boolean }): Promise<number> {
  const key = tx.key();
  await tx.insert('blob', {
    key,
    sha256: Buffer.from(content.sha256, 'hex'),
    size: content.size,
    data: 'bytes' in content ? content.bytes : null,
    created_at: tx.now(),
    shared: as.shared ? 1 : 0,
  });
  return key;
}

/**
 * Before COMMIT, so that whoever clears away unreferenced files sees that it is wanted again. Throws when the file is
 * not there: then no row may name it, and whoever brought it is asked to bring it again.
 */
function touch(file: string): void {
  // The file system's own time, as the one who clears reads it; not the tx's clock.
  const now = Date.now() / 1000;
  utimesSync(file, now, now);
}

/** Names the bytes of a row, for `readContent`. */
export async function blobRef(tx: StoreTx, key: number): Promise<StoredContentRef> {
  const row = await tx.get<{ sha256: Uint8Array; size: number; inline: number }>(
    'select sha256, size, case when data is null then 0 else 1 end as inline from blob where key = $1',
    key,
  );
  if (!row) throw new ReplydError('not_kept', 'these bytes are no longer kept');
  const sha256 = Buffer.from(row.sha256).toString('hex');
  return { key, sha256, size: row.size, file: row.inline ? null : blobFile(tx.dataDir, sha256) };
}

/** Names bytes that are no longer kept: reading them is not_found. */
export function goneRef(size: number): StoredContentRef {
  return { key: null, sha256: '', size, file: null };
}

/** The bytes themselves. Throws not_found when they are gone. */
export async function readContent(tx: StoreTx, ref: StoredContentRef): Promise<Uint8Array> {
  if (ref.file !== null) {
    try {
      const file = await openFile(ref.file);
      return await file.readFile().finally(() => file.close());
    } catch (error) {
      throw storeFault(error, `cannot read the blob ${ref.file}`);
    }
  }
  const data = await tx.value<Uint8Array>('select data from blob where key = $1', ref.key);
  if (!data) throw new ReplydError('not_kept', 'these bytes are no longer kept');
  return data;
}

/** Empties the incoming folder; only the daemon does, at start, when nobody can be using it. */
export async function clearIncoming(dataDir: string): Promise<void> {
  const folder = incomingFolder(dataDir);
  await rm(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
}
