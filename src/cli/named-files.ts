/**
 * Files that are named on the command line: read and written as whoever runs the verb. Root opens them before it becomes
 * the owner of the data directory, or is root again afterwards.
 *
 * But where that owner decides what a path leads to (it lies in his folder, or a link of his is on the way) root opens it as
 * that owner, so that no link of his makes root read or write another file. Where others may make files, as in /tmp, root
 * follows no link at the end of the path, and puts a new file in the place of one that is there.
 */
import { randomBytes } from 'node:crypto';
import { constants, renameSync, rmSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { ReplydError } from '../base/errors.js';
import { ANYBODY, asOwnerOf, isRoot, ownerForRoot, rulersOf } from './owner.js';

/** Does the owner of `dataDir`, or everybody, decide what root would find at this path? */
export function isOwnersPath(file: string, dataDir: string): boolean {
  const owner = ownerForRoot(dataDir);
  if (owner === null) return false;
  const rulers = rulersOf(file);
  return rulers.has(owner.uid) || rulers.has(ANYBODY);
}

/** Opens the file to read it. Throws the system's error. */
export async function openInput(file: string, dataDir: string): Promise<FileHandle> {
  if (isOwnersPath(file, dataDir)) return asOwnerOf(dataDir, () => openOthers(file));
  return isRoot() && rulersOf(file).size > 0 ? openOthers(file) : open(file, 'r');
}

/** What others may have put there: neither a link nor a pipe that lets root wait. */
async function openOthers(file: string): Promise<FileHandle> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  throw new ReplydError('unavailable', `${file} is no file`);
}

/**
 * Writes the file, which gets `mode` if it is new. Throws a conflict when there is one and it may not be replaced, else the
 * system's error.
 */
export async function writeOutput(
  file: string,
  content: string | Uint8Array,
  {
    dataDir,
    mode,
    replace: mayReplace = true,
  }: { readonly dataDir: string; readonly mode: number; readonly replace?: boolean },
): Promise<void> {
  if (!mayReplace) return writeNew(file, content, { dataDir, mode });
  const replace = async () => replaceFile(file, content, mode);
  if (isOwnersPath(file, dataDir)) return asOwnerOf(dataDir, replace);
  if (isRoot() && rulersOf(file).size > 0) return replace();
  writeNamed(file, content, { mode });
}

/** What goes wrong behind the open, as on a full disk, does not name the file. */
function writeNamed(
  file: string,
  content: string | Uint8Array,
  how: { readonly mode: number; readonly flag?: 'wx' },
): void {
  try {
    writeFileSync(file, content, how);
  } catch (error) {
    throw Object.assign(error as NodeJS.ErrnoException, { path: file });
  }
}

/** An exclusive open follows no link, so root needs to be nobody else for it where only the folder is another's. */
async function writeNew(
  file: string,
  content: string | Uint8Array,
  { dataDir, mode }: { readonly dataDir: string; readonly mode: number },
): Promise<void> {
  const write = async () => writeNamed(file, content, { mode, flag: 'wx' });
  try {
    await (isOwnersPath(file, dataDir) ? asOwnerOf(dataDir, write) : write());
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new ReplydError('conflict', `${file} is there already: name another file, or give --replace`, {
      cause: error,
    });
  }
}

/** Nothing is written into what others may have put there. */
function replaceFile(file: string, content: string | Uint8Array, mode: number): void {
  const next = `${file}.${randomBytes(6).toString('hex')}`;
  writeNamed(next, content, { mode, flag: 'wx' });
  try {
    renameSync(next, file);
  } catch (error) {
    rmSync(next, { force: true });
    throw error;
  }
}
