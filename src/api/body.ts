/**
 * Bodies of requests. Small ones are parsed at once; large ones by a thread of their own, one at a time, so that 20 MiB of
 * base64 hold up no socket. Who has read a body calls `discardParts` at its end: it removes the files that nobody took.
 *
 * Throws too_large, invalid_json, invalid (no base64), or unavailable when the thread fails or takes too long.
 */
import { rm } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { errorText, ReplydError } from '../base/errors.js';
import type { Exchange } from '../base/http.js';
import { type SpaceBudget, withRoom } from '../base/space.js';
import { parseBody, type RequestBody } from './body-parse.js';
import type { BodyJob, BodyResult } from './body-worker.js';

const PARSE_TIME = 60_000;
let turn: Promise<unknown> = Promise.resolve();

export async function readRequestBody(
  exchange: Exchange,
  limits: { readonly maxSize: number; readonly folder: string; readonly space: SpaceBudget },
): Promise<RequestBody> {
  const { content, size } = await exchange.body(limits);
  if ('bytes' in content) return parseBody(content.bytes, bytes => ({ bytes }));
  const job = { file: content.file, folder: limits.folder };
  // What it writes was in the body.
  const mine = turn.then(() => withRoom(limits.space, size, () => parseInThread(job)));
  turn = mine.catch(() => undefined);
  return mine;
}

export async function discardParts({ parts }: RequestBody): Promise<void> {
  for (const { content } of parts) {
    if ('file' in content) await rm(content.file, { force: true }).catch(() => undefined);
  }
}

async function parseInThread(job: BodyJob): Promise<RequestBody> {
  const worker = new Worker(new URL('./body-worker.js', import.meta.url), { workerData: job });
  const timer = setTimeout(() => void worker.terminate(), PARSE_TIME);
  const result = await new Promise<BodyResult>((resolve, reject) => {
    const failed = (reason: string) => reject(new ReplydError('unavailable', `The body could not be read: ${reason}`));
    worker.once('message', resolve);
    worker.once('error', error => failed(errorText(error)));
    worker.once('exit', () => failed('reading the body took too long'));
  }).finally(() => clearTimeout(timer));
  if (result.kind === 'read') return result.body;
  throw new ReplydError(result.code, result.message, { details: result.details });
}
