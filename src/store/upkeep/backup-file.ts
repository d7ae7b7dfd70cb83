/** A backup's file: written next to its place, fsynced and renamed, so that there is never half a backup under its name. */
import { randomBytes } from 'node:crypto';
import { type FileHandle, lstat, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { ReplydError } from '../../base/errors.js';
import type { TarWriter } from '../../base/tar.js';
import { syncFolder } from '../blobs/blobs.js';
import { storeFault } from '../fault.js';
import { MANIFEST_ENTRY, type Manifest } from './manifest.js';
import type { Tell } from './progress.js';

export interface BackupOptions {
  readonly version: string;
  readonly replace?: boolean;
  readonly now: number;
  readonly progress?: Tell;
}

/**
 * `fill` writes it; `mark` is in the names of what is made for a while. Throws conflict when the file exists (unless
 * `replace`), and what `fill` throws; then nothing is left behind.
 */
export async function writeFile<Made>(
  file: string,
  options: BackupOptions,
  fill: (out: FileHandle, mark: string) => Promise<Made>,
): Promise<Made> {
  if (!options.replace && (await exists(file))) {
    throw new ReplydError('conflict', `${file} exists already: name another file, or say --replace`);
  }
  const mark = randomBytes(6).toString('hex');
  const partial = `${file}.${mark}.partial`;
  try {
    const out = await open(partial, 'wx', 0o600);
    let made: Made;
    try {
      made = await fill(out, mark);
      await out.sync();
    } finally {
      await out.close();
    }
    await rename(partial, file);
    await syncFolder(path.dirname(path.resolve(file)));
    return made;
  } catch (error) {
    throw storeFault(error, `cannot make the backup ${file}`);
  } finally {
    await rm(partial, { force: true });
  }
}

/** The last entry. */
export async function manifestEntry(tar: TarWriter, manifest: Manifest): Promise<void> {
  const text = Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`);
  await tar.add({ name: MANIFEST_ENTRY, size: text.length }, one(text));
}

export async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function exists(file: string): Promise<boolean> {
  return lstat(file).then(
    () => true,
    () => false,
  );
}
