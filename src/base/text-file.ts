/**
 * Files in the data directory: contents, and small texts that processes leave for one another. Whoever owns the folder can
 * put a pipe there, on which an open would wait for ever: reading one throws, and writing puts a new file in the place of
 * whatever is there.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';

/** The whole text. Throws the system's error when there is no such file, and for what is no file. */
export function readTextFile(file: string): string {
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!fstatSync(descriptor).isFile()) throw new Error(`${file} is no file`);
    return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
}

/** The bytes of a file, which is opened when the first is asked for. Fails with the system's error, and for what is no file. */
export function readFileStream(file: string): Readable {
  return Readable.from(bytesOf(file), { objectMode: false });
}

async function* bytesOf(file: string): AsyncGenerator<Buffer> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!(await handle.stat()).isFile()) throw new Error(`${file} is no file`);
    for await (const chunk of handle.createReadStream({ autoClose: false })) yield chunk as Buffer;
  } finally {
    await handle.close();
  }
}

/** For its owner alone. Readers see the old text or the new one, never a part. */
export function replaceTextFile(file: string, text: string): void {
  const next = `${file}.new`;
  rmSync(next, { force: true });
  writeFileSync(next, text, { mode: 0o600, flag: 'wx' });
  renameSync(next, file);
}
