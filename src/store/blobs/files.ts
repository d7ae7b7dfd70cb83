/**
 * The folder `blobs/` as a whole: which files stand in it, whether one still holds what its name says, and clearing away
 * those that no row names. Writing and reading single ones is `blobs.ts`.
 *
 * A name is either the SHA-256 of the content or begins with a dot: then it was being written. What can't be read is
 * reported as gone; nothing here throws for a single file, and a missing folder is an empty one.
 */
import { createHash } from 'node:crypto';
import { constants, type Dirent } from 'node:fs';
import { type FileHandle, open, readdir, stat, unlink } from 'node:fs/promises';
import path from 'node:path';
import { errorText } from '../../base/errors.js';

export interface BlobFile {
  readonly file: string;
  /** Null: no name of ours; `temporary` tells whether it was being written. */
  readonly sha256: string | null;
  readonly temporary: boolean;
}

export function blobsFolder(dataDir: string): string {
  return path.join(dataDir, 'blobs');
}

/** The files of one of the folders after the other: `blobs/00`, `blobs/01`, … */
export async function* listBlobFiles(dataDir: string): AsyncGenerator<readonly BlobFile[]> {
  const root = blobsFolder(dataDir);
  for (const folder of await entries(root)) {
    if (!folder.isDirectory()) {
      yield [{ file: path.join(root, folder.name), sha256: null, temporary: false }];
      continue;
    }
    const files = await entries(path.join(root, folder.name));
    yield files.map(({ name }) => ({
      file: path.join(root, folder.name, name),
      sha256: /^[0-9a-f]{64}$/.test(name) && name.startsWith(folder.name) ? name : null,
      temporary: name.startsWith('.'),
    }));
  }
}

async function entries(folder: string): Promise<readonly Dirent[]> {
  try {
    return (await readdir(folder, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Opens a file for reading. Throws the system's error when it is not there, and for what is no file: a pipe would wait. */
export async function openFile(file: string): Promise<FileHandle> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  throw new Error('is no file');
}

/** Size and hash of what stands in a file; the word of the system (`ENOENT`) when it can't be read. */
export async function examineFile(file: string): Promise<{ size: number; sha256: string } | { error: string }> {
  const hash = createHash('sha256');
  let size = 0;
  try {
    const handle = await openFile(file);
    for await (const chunk of handle.createReadStream({ highWaterMark: 1024 * 1024 })) {
      hash.update(chunk as Buffer);
      size += (chunk as Buffer).length;
    }
    return { size, sha256: hash.digest('hex') };
  } catch (error) {
    return { error: (error as NodeJS.ErrnoException).code ?? errorText(error) };
  }
}

/** How many files that were: one, or none when it cannot be unlinked. */
export function unlinked(file: string): Promise<number> {
  return unlink(file).then(
    () => 1,
    () => 0,
  );
}

/** Last touched before `before`, milliseconds of the file system's time. False when it is not there. */
export async function isOlder(file: string, before: number): Promise<boolean> {
  return stat(file).then(
    found => found.mtimeMs < before,
    () => false,
  );
}

/** The contents whose files are that old, a folder at a time. */
export async function* olderContents(dataDir: string, before: number): AsyncGenerator<readonly string[]> {
  for await (const files of listBlobFiles(dataDir)) {
    const old: string[] = [];
    for (const { file, sha256 } of files) if (sha256 !== null && (await isOlder(file, before))) old.push(sha256);
    if (old.length > 0) yield old;
  }
}
