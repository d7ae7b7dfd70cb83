/**
 * Files that are attached to an answer. Files that together exceed `outbound.max_size` are refused before they are read;
 * the store checks the size of the whole mail when the message is added.
 */
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { isReplydError, ReplydError, reasonText } from '../base/errors.js';
import type { Config } from '../config/keys.js';
import type { NewMessage, Store } from '../conversation/store.js';
import { usageError } from './errors.js';
import { openInput } from './named-files.js';
import { sizeText } from './terminal/render.js';

export interface LocalFile {
  readonly filename: string;
  readonly bytes: Uint8Array;
}

/**
 * Reads the files, as the caller may (`named-files.ts`). Throws a usage error for what is no file, too_large for more than
 * `outbound.max_size` in all.
 */
export async function readFiles(
  files: readonly string[],
  { dataDir, outbound }: Config,
): Promise<readonly LocalFile[]> {
  const opened: { readonly file: string; readonly handle: FileHandle }[] = [];
  try {
    let size = 0;
    for (const file of files) {
      const handle = await openInput(file, dataDir).catch(error => {
        throw usageError(`can't attach ${file}: ${isReplydError(error) ? 'it is no file' : reasonText(error)}`);
      });
      opened.push({ file, handle });
      const found = await handle.stat();
      if (!found.isFile()) throw usageError(`can't attach ${file}: it is no file`);
      size += found.size;
    }
    if (size > outbound.maxSize) {
      throw new ReplydError(
        'too_large',
        `the attachments have ${sizeText(size)}, more than outbound.max_size (${sizeText(outbound.maxSize)}): send a link instead`,
      );
    }
    return await Promise.all(
      opened.map(async ({ file, handle }) => ({ filename: path.basename(file), bytes: await handle.readFile() })),
    );
  } finally {
    for (const { handle } of opened) await handle.close();
  }
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
