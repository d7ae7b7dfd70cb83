/**
 * Large contents as rows of 1 MiB, written before the transaction that names them and read back into a file of this
 * node. Neither holds more than one part in memory.
 *
 * A content without a name stays for a day (`upkeep/clear-files.ts`). Whoever names it holds its row until he commits, and
 * whoever clears takes the row first and looks for names after that: so nothing goes that is about to be named.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import path from 'node:path';
import { ReplydError } from '../../base/errors.js';
import type { Content } from '../../mail/mail.js';
import { openFile } from '../blobs/files.js';
import type { LargeContents, StoreTx } from '../tx.js';

/** Bytes of a row of `large_part`; the last one of a content may have less. */
export const PART = 1024 * 1024;
/** Milliseconds: as long as a content was wanted within that time, wanting it again writes nothing. */
const WANTED = 60 * 60_000;
/** Milliseconds that a file of this node is kept after it was given out last. */
const KEPT = 2 * 60 * 60_000;
/** Of all of them. One that was just given out stays readable for whoever has opened it. */
const KEPT_BYTES = 1024 * 1024 * 1024;

/** What is read back from the database stands here for a while. */
export function fetchedFolder(dataDir: string): string {
  return path.join(dataDir, 'fetched');
}

function fetchedFile(dataDir: string, sha256: string): string {
  return path.join(fetchedFolder(dataDir), sha256);
}

export function largeRows(tx: () => StoreTx): LargeContents {
  return {
    file: sha256 => fetchedFile(tx().dataDir, sha256),
    async touch(sha256) {
      const hash = Buffer.from(sha256, 'hex');
      const touched = await tx().value<number>(
        'select touched_at from large_content where sha256 = $1 for key share',
        hash,
      );
      if (touched === undefined) throw new ReplydError('unavailable', `the content ${sha256} is no longer there`);
      await keepWanted(tx(), hash, touched);
    },
    async hold(hashes) {
      const keys = hashes.map(each => Buffer.from(each, 'hex'));
      await tx().all('select 1 from large_content where sha256 = any($1) order by sha256 for update', keys);
      return { release() {} };
    },
    remove: async (sha256, before) =>
      (await tx().run(
        'delete from large_content where sha256 = $1 and touched_at < $2',
        Buffer.from(sha256, 'hex'),
        before,
      )) > 0,
  };
}

async function keepWanted(tx: StoreTx, hash: Buffer, touched: number): Promise<void> {
  const now = tx.now();
  if (touched > now - WANTED) return;
  await tx.run('update large_content set touched_at = $1 where sha256 = $2', now, hash);
}

/** Writes a content, unless it is there; in a transaction of its own. */
export async function writeLarge(
  tx: StoreTx,
  content: Content,
  facts: { sha256: string; size: number },
): Promise<void> {
  const hash = Buffer.from(facts.sha256, 'hex');
  const came = await tx.insert(
    'large_content',
    { sha256: hash, size: facts.size, touched_at: tx.now() },
    { known: 'kept' },
  );
  if (came === 0) {
    await tx.large.touch(facts.sha256);
    return;
  }
  let position = 0;
  for await (const data of partsOf(content)) {
    // Waited for: what is sent and not yet taken would stand in memory.
    await tx.run('insert into large_part (sha256, position, data) values ($1, $2, $3)', hash, position, data);
    position += 1;
  }
}

async function* partsOf(content: Content): AsyncGenerator<Uint8Array> {
  if ('bytes' in content) {
    for (let at = 0; at < content.bytes.length; at += PART) yield content.bytes.subarray(at, at + PART);
    return;
  }
  const file = await openFile(content.file);
  try {
    for (;;) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(PART), 0, PART, null);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

/**
 * The file of this node with that content, made when it is not there. `part`: reads one, undefined behind the last. Throws
 * not_found when the content is gone.
 */
export async function fetched(
  dataDir: string,
  sha256: string,
  part: (position: number) => Promise<Uint8Array | undefined>,
): Promise<string> {
  const file = fetchedFile(dataDir, sha256);
  const now = new Date();
  if (
    await utimes(file, now, now).then(
      () => true,
      () => false,
    )
  )
    return file;
  await mkdir(fetchedFolder(dataDir), { recursive: true, mode: 0o700 });
  const temporary = `${file}.${randomBytes(6).toString('hex')}`;
  const handle = await open(temporary, 'wx', 0o600);
  try {
    for (let position = 0; ; position += 1) {
      const data = await part(position);
      if (data === undefined && position === 0) throw new ReplydError('not_kept', 'these bytes are no longer kept');
      if (data === undefined) break;
      await handle.writeFile(data);
    }
    // Its name says that it is whole: also when the machine stops now.
    await handle.sync();
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
  await clearFetched(dataDir, { before: now.getTime() - KEPT, most: KEPT_BYTES });
  return file;
}

/** Removes what nobody asked for since `before`, and what was asked for longest ago while all are more than `most` bytes. */
export async function clearFetched(
  dataDir: string,
  { before, most }: { readonly before: number; readonly most: number },
): Promise<void> {
  const folder = fetchedFolder(dataDir);
  const names = await readdir(folder).catch(() => []);
  const found = await Promise.all(
    names.map(async name => {
      const file = path.join(folder, name);
      const known = await stat(file).catch(() => null);
      return { file, size: known?.size ?? 0, asked: known?.mtimeMs ?? 0 };
    }),
  );
  let bytes = 0;
  for (const { file, size, asked } of found.sort((a, b) => b.asked - a.asked)) {
    bytes += size;
    if (asked < before || bytes > most) await rm(file, { force: true });
  }
}

/** The position'th MiB of a content. */
export async function readPart(tx: StoreTx, sha256: string, position: number): Promise<Uint8Array | undefined> {
  return await tx.value<Uint8Array>(
    'select data from large_part where sha256 = $1 and position = $2',
    Buffer.from(sha256, 'hex'),
    position,
  );
}

/** Hashes of contents that were touched last before that, behind the one that is given. */
export async function olderLarge(tx: StoreTx, before: number, after: string): Promise<readonly string[]> {
  const rows = await tx.all<{ sha256: Uint8Array }>(
    'select sha256 from large_content where touched_at < $1 and sha256 > $2 order by sha256 limit 500',
    before,
    Buffer.from(after, 'hex'),
  );
  return rows.map(row => Buffer.from(row.sha256).toString('hex'));
}
