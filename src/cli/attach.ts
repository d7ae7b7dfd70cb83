/**
 * Files that are attached to an answer. Files that together exceed `outbound.max_size` are refused before they are read;
 * the store checks the size of the whole mail when the message is added.
 */
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { ReplydError, systemText } from '../base/errors.js';
import type { NewMessage, Store } from '../conversation/store.js';
import { usageError } from './errors.js';
import { sizeText } from './terminal/render.js';

export interface LocalFile {
  readonly filename: string;
  readonly bytes: Uint8Array;
}

/** Reads the files. Throws a usage error for what is no file, too_large for more than `maxSize` bytes in all. */
export function readFiles(files: readonly string[], maxSize: number): readonly LocalFile[] {
  const size = files.reduce((sum, file) => sum + fileSize(file), 0);
  if (size > maxSize) {
    throw new ReplydError(
      'too_large',
      `the attachments have ${sizeText(size)}, more than outbound.max_size (${sizeText(maxSize)}): send a link instead`,
    );
  }
  return files.map(file => ({ filename: path.basename(file), bytes: readFileSync(file) }));
}

/** Puts the files into the store's keeping, ready to go with a message. The media type is that of the file's extension. */
export async function placeFiles(
  store: Store,
  files: readonly LocalFile[],
): Promise<NonNullable<NewMessage['attachments']>> {
  const { default: libmime } = await import('libmime');
  return Promise.all(
    files.map(async ({ filename, bytes }) => ({
      filename,
      content_type: libmime.detectMimeType(filename),
      content: await store.place(
        { bytes },
        { sha256: createHash('sha256').update(bytes).digest('hex'), size: bytes.length },
      ),
    })),
  );
}

function fileSize(file: string): number {
  try {
    const found = statSync(file);
    if (found.isFile()) return found.size;
  } catch (error) {
    throw usageError(`can't attach ${systemText(error) ?? file}`);
  }
  throw usageError(`can't attach ${file}: it is no file`);
}
