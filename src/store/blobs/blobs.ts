/**
 * Bytes, each with its hash; but for raw mails (`rawKey`) the same bytes stand once. Up to 128 KiB they stand in a row
 * and are committed with what refers to them; larger ones stand in `blobs/ab/<sha256>`: written next to their place,
 * fsynced, renamed, the folder fsynced, and only then the row.
 * A crash leaves at worst a file without a row, never a row without its file; `clear-files.ts` clears those away.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { ReplydError } from '../../base/errors.js';
import type { StoredContent, StoredContentRef } from '../../conversation/filing.js';
import type { Content } from '../../mail/mail.js';
import { storeFault } from '../fault.js';
import type { StoreTx } from '../tx.js';

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
  return (await blobKeys(tx, [content]))[0]!.key;
}

/** Contents looked for in one statement, when there are several. */
const AT_ONCE = 8;

function blobsByHash(count: number): string {
  const places = Array.from({ length: count }, (_, index) => `$${index + 1}`).join(', ');
  return `select key, sha256, case when data is null then 0 else 1 end as inline from blob
    where sha256 in (${places}) and shared = 1`;
}
const BLOB_BY_HASH = blobsByHash(1);
const BLOBS_BY_HASH = blobsByHash(AT_ONCE);

/** The same for several, in their order; `isNew`: it was not there before. */
export async function blobKeys(
  tx: StoreTx,
  contents: readonly StoredContent[],
): Promise<readonly { readonly key: number; readonly isNew: boolean }[]> {
  const found = new Map<string, { readonly key: number; readonly isNew: boolean }>();
  const byHash = [...new Map(contents.map(content => [content.sha256, content])).values()];
  for (let from = 0; from < byHash.length; from += AT_ONCE) {
    const some = byHash.slice(from, from + AT_ONCE).map(content => Buffer.from(content.sha256, 'hex'));
    const rows = await tx.all<{ key: number; sha256: Uint8Array; inline: number }>(
      some.length === 1 ? BLOB_BY_HASH : BLOBS_BY_HASH,
      ...(some.length === 1 ? some : Array.from({ length: AT_ONCE }, (_, index) => some[index] ?? some[0])),
    );
    for (const { key, sha256, inline } of rows) {
      const hash = Buffer.from(sha256).toString('hex');
      found.set(hash, { key, isNew: false });
      if (inline === 0) await tx.large.touch(hash);
    }
  }
  const rows = [];
  for (const content of byHash) {
    if (found.has(content.sha256)) continue;
    if ('placed' in content) await tx.large.touch(content.sha256);
    const row = blobRow(tx, content, { shared: true });
    rows.push(row);
    found.set(content.sha256, { key: row.key, isNew: true });
  }
  if (rows.length > 0) await tx.insertAll('blob', rows);
  return contents.map(content => found.get(content.sha256)!);
}

/**
 * For a mail that is filed for the first time: hardly ever are its bytes there already, and a query and an entry by
 * their hash would cost every mail a page of a large index. Small ones stand in a row of their own; large ones stand in a
 * file, which has one row however many name it.
 */
export async function rawKey(tx: StoreTx, content: StoredContent): Promise<number> {
  if (!('bytes' in content)) return blobKey(tx, content);
  const row = blobRow(tx, content, { shared: false });
  await tx.insert('blob', row);
  return row.key;
}

function blobRow(tx: StoreTx, content: StoredContent, as: { readonly shared: boolean }) {
  return {
    key: tx.key(),
    sha256: Buffer.from(content.sha256, 'hex'),
    size: content.size,
    data: 'bytes' in content ? content.bytes : null,
    created_at: tx.now(),
    shared: as.shared ? 1 : 0,
  };
}

/** Returns how many bytes of rows went; those in a file are the clearing's. */
export async function removeBlobIfUnused(tx: StoreTx, blobKey: number): Promise<number> {
  return (
    (await tx.value<number>(
      `delete from blob where key = $1
         and not exists (select 1 from mail where blob_key = $1)
         and not exists (select 1 from attachment where blob_key = $1)
         and not exists (select 1 from outgoing_mail where blob_key = $1)
       returning coalesce(length(data), 0)`,
      blobKey,
    )) ?? 0
  );
}

/** Names the bytes of a row, for `Store.content`. */
export async function blobRef(tx: StoreTx, key: number): Promise<StoredContentRef> {
  const row = await tx.get<{ sha256: Uint8Array; size: number; inline: number }>(
    'select sha256, size, case when data is null then 0 else 1 end as inline from blob where key = $1',
    key,
  );
  if (!row) throw new ReplydError('not_kept', 'these bytes are no longer kept');
  const sha256 = Buffer.from(row.sha256).toString('hex');
  return { key, sha256, size: row.size, large: row.inline === 0 };
}

/** Names bytes that are no longer kept: reading them is not_found. */
export function goneRef(size: number): StoredContentRef {
  return { key: null, sha256: '', size, large: false };
}

/** The bytes that stand in a row. Throws not_found when they are gone. */
export async function smallContent(tx: StoreTx, ref: StoredContentRef): Promise<Uint8Array> {
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
