/**
 * Just enough of a tar file (POSIX.1-1988 ustar, sizes beyond 8 GiB as GNU writes them) to put files into one and take
 * them out again: regular files only, names up to 100 bytes. Whatever else reads tar files can read these.
 *
 * Reading checks each header's sum and throws unavailable on a file that is cut or no tar file. Contents are streamed.
 */
import type { FileHandle } from 'node:fs/promises';
import { ReplydError } from './errors.js';

const BLOCK = 512;
const CHUNK = 1024 * 1024;
const OCTAL_LIMIT = 8 ** 11;

export interface TarEntry {
  readonly name: string;
  readonly size: number;
  /** Where its content begins. */
  readonly at: number;
}

export interface TarWriter {
  /** Exactly `size` bytes must come. */
  add(entry: { name: string; size: number }, content: AsyncIterable<Uint8Array>): Promise<void>;
  end(): Promise<void>;
}

/** What stands behind the last entry. */
export const TAR_END: Uint8Array = Buffer.alloc(2 * BLOCK);

/** Writes from the file's beginning. `now` in milliseconds is every entry's time. */
export function writeTar(file: FileHandle, now: number): TarWriter {
  return {
    async add(entry, content) {
      for await (const bytes of tarEntry({ ...entry, now }, content)) await file.write(bytes);
    },
    async end() {
      await file.write(TAR_END);
    },
  };
}

/** The bytes of an entry. Throws unavailable when its content has not `size` bytes. */
export async function* tarEntry(
  entry: { readonly name: string; readonly size: number; readonly now: number },
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield header(entry, entry.now);
  let written = 0;
  for await (const chunk of content) {
    written += chunk.length;
    yield chunk;
  }
  if (written !== entry.size) {
    throw new ReplydError('unavailable', `${entry.name} has ${written} bytes instead of ${entry.size}`);
  }
  const rest = entry.size % BLOCK;
  if (rest > 0) yield Buffer.alloc(BLOCK - rest);
}

function header(entry: { name: string; size: number }, now: number): Buffer {
  if (Buffer.byteLength(entry.name) > 100) throw new ReplydError('invalid', `${entry.name}: too long for a tar file`);
  const block = Buffer.alloc(BLOCK);
  block.write(entry.name, 0);
  block.write('0000600\0', 100);
  block.write('0000000\0', 108);
  block.write('0000000\0', 116);
  if (entry.size < OCTAL_LIMIT) block.write(`${entry.size.toString(8).padStart(11, '0')}\0`, 124);
  else {
    block[124] = 0x80;
    block.writeBigUInt64BE(BigInt(entry.size), 128);
  }
  block.write(
    `${Math.floor(now / 1000)
      .toString(8)
      .padStart(11, '0')}\0`,
    136,
  );
  block.write('0', 156);
  block.write('ustar\x0000', 257);
  block.write(`${sumOf(block).toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

/** Of all bytes, with the field of the sum itself as blanks. */
function sumOf(block: Buffer): number {
  let sum = 0;
  for (const [at, byte] of block.entries()) sum += at >= 148 && at < 156 ? 0x20 : byte;
  return sum;
}

/** The entries in their order. Throws unavailable where the file is cut or not a tar file. */
export async function* readTar(file: FileHandle): AsyncGenerator<TarEntry> {
  const block = Buffer.alloc(BLOCK);
  for (let at = 0; ; ) {
    const { bytesRead } = await file.read(block, 0, BLOCK, at);
    if (bytesRead < BLOCK) throw new ReplydError('unavailable', 'it is cut off, or no backup at all');
    if (block.every(byte => byte === 0)) return;
    if (Number.parseInt(textAt(block, 148, 8), 8) !== sumOf(block)) {
      throw new ReplydError('unavailable', 'it is no backup, or damaged');
    }
    const size = block[124] === 0x80 ? Number(block.readBigUInt64BE(128)) : Number.parseInt(textAt(block, 124, 12), 8);
    if (!Number.isSafeInteger(size) || size < 0) throw new ReplydError('unavailable', 'it is damaged');
    at += BLOCK;
    yield { name: textAt(block, 0, 100), size, at };
    at += Math.ceil(size / BLOCK) * BLOCK;
  }
}

function textAt(block: Buffer, from: number, length: number): string {
  const text = block.toString('latin1', from, from + length);
  const end = text.indexOf('\0');
  return (end === -1 ? text : text.slice(0, end)).trim();
}

/** The content of an entry. Throws unavailable when the file ends within it. */
export async function* readEntry(file: FileHandle, entry: TarEntry): AsyncGenerator<Uint8Array> {
  for (let done = 0; done < entry.size; ) {
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK, entry.size - done));
    const { bytesRead } = await file.read(chunk, 0, chunk.length, entry.at + done);
    if (bytesRead === 0) throw new ReplydError('unavailable', `it is cut off in ${entry.name}`);
    done += bytesRead;
    yield chunk.subarray(0, bytesRead);
  }
}
