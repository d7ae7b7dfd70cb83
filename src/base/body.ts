/**
 * The body of an HTTP request: in memory, or in a file when it is large. Whoever reads it removes the file, whose path is
 * put into `files` before it is made. Throws ReplydError 'too_large', and 'unavailable' when the client goes away or the
 * disk is full.
 */
import { randomUUID } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import path from 'node:path';
import { errorText, isReplydError, ReplydError } from './errors.js';
import { NO_BUDGET, noRoom, type SpaceBudget } from './space.js';

/** Of a body, in memory or in a file. */
export type BodyContent = { readonly bytes: Uint8Array } | { readonly file: string };

export interface BodyLimits {
  /** Bytes; more is ReplydError 'too_large'. */
  readonly maxSize: number;
  /** An existing folder for bodies above `memoryLimit`; without one every body stays in memory. */
  readonly folder?: string;
  /** Asked before each write to a file; default: everything fits. */
  readonly space?: SpaceBudget;
  /** Default 256 KiB. */
  readonly memoryLimit?: number;
}

const MEMORY_LIMIT = 256 * 1024;

/**
 * What is too large is still read, so that the client gets to hear its answer; far beyond
 * the limit the connection is left to be cut.
 */
export async function readBody(
  request: IncomingMessage,
  limits: BodyLimits,
  files: string[],
): Promise<{ content: BodyContent; size: number }> {
  const { maxSize, folder, memoryLimit = MEMORY_LIMIT, space = NO_BUDGET } = limits;
  const cutOff = maxSize * 2 + 1024 * 1024;
  const tooLarge = () => new ReplydError('too_large', `The body is larger than ${maxSize} bytes.`);
  if (Number(request.headers['content-length'] ?? 0) > cutOff) throw tooLarge();
  let size = 0;
  let chunks: Buffer[] = [];
  let file: { readonly handle: FileHandle; readonly path: string } | null = null;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > cutOff) break;
      if (size > maxSize) {
        chunks = [];
        continue;
      }
      chunks.push(chunk);
      if (folder === undefined || (file === null && size <= memoryLimit)) continue;
      if (file === null) {
        const place = path.join(folder, `http-${randomUUID()}.body`);
        files.push(place);
        file = { handle: await open(place, 'wx', 0o600), path: place };
      }
      if (!space.take(chunks.reduce((sum, part) => sum + part.length, 0))) throw noRoom();
      for (const part of chunks) await file.handle.writeFile(part);
      chunks = [];
    }
    if (size > maxSize) throw tooLarge();
    return { content: file === null ? { bytes: Buffer.concat(chunks) } : { file: file.path }, size };
  } catch (error) {
    if (isReplydError(error)) throw error;
    const full = ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '');
    throw new ReplydError(full ? 'disk_full' : 'unavailable', `The body could not be read: ${errorText(error)}`, {
      cause: error,
      ...(full ? { details: { reason: 'disk_full' } } : {}),
    });
  } finally {
    await file?.handle.close();
  }
}
