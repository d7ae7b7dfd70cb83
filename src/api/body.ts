/**
 * Bodies of requests. Small ones are parsed at once; only those with attachments may be large, and are parsed by a thread of
 * their own, WORKERS at a time and one of each account, so that 20 MiB of base64 hold up no socket. Who has read a body
 * calls `discardParts` at its end: it removes the files that nobody took.
 *
 * Throws too_large, invalid_json, invalid (no base64, not as its schema says), or unavailable when the thread fails or
 * takes too long.
 */
import { rm } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { errorText, ReplydError } from '../base/errors.js';
import type { Exchange } from '../base/http.js';
import { type SpaceBudget, withRoom } from '../base/space.js';
import { parseBody, type RequestBody } from './body-parse.js';
import type { BodyJob, BodyResult } from './body-worker.js';
import type { LargeBody } from './schema.js';

/** Bytes of a body without attachments. */
export const SMALL_BODY = 256 * 1024;
const PARSE_TIME = 60_000;
const WORKERS = 2;
/** MiB of a thread's heap. The JSON fits many times, as whatever values; attachments are not in it. */
const HEAP = 128;

let working = 0;
/** By account, in the order in which they came. */
const waiting = new Map<string, (() => void)[]>();
const busy = new Set<string>();

export async function readRequestBody(
  exchange: Exchange,
  options: {
    readonly maxSize: number;
    readonly folder: string;
    /** The body's schema, when it may be large. */
    readonly large: LargeBody | null;
    /** The account. */
    readonly owner: string;
    readonly space: SpaceBudget;
  },
): Promise<RequestBody> {
  const { folder, large, owner, space } = options;
  const { content, size } = await exchange.body(
    large === null ? { maxSize: Math.min(options.maxSize, SMALL_BODY) } : { maxSize: options.maxSize, folder, space },
  );
  if ('bytes' in content) return parseBody(content.bytes, bytes => ({ bytes }));
  await turnOf(owner);
  try {
    const job = { file: content.file, folder, large: large! };
    // What it writes was in the body.
    return await withRoom(space, size, () => parseInThread(job));
  } finally {
    endTurn(owner);
  }
}

export async function discardParts({ parts }: RequestBody): Promise<void> {
  for (const { content } of parts) {
    if ('file' in content) await rm(content.file, { force: true }).catch(() => undefined);
  }
}

function turnOf(owner: string): Promise<void> {
  return new Promise(resolve => {
    const queue = waiting.get(owner) ?? [];
    waiting.set(owner, queue);
    queue.push(resolve);
    beginTurns();
  });
}

function endTurn(owner: string): void {
  working -= 1;
  busy.delete(owner);
  beginTurns();
}

function beginTurns(): void {
  for (const [owner, queue] of waiting) {
    if (working >= WORKERS) return;
    if (busy.has(owner)) continue;
    working += 1;
    busy.add(owner);
    const begin = queue.shift()!;
    // Behind the others, for its next one.
    waiting.delete(owner);
    if (queue.length > 0) waiting.set(owner, queue);
    begin();
  }
}

async function parseInThread(job: BodyJob): Promise<RequestBody> {
  const worker = new Worker(new URL('./body-worker.js', import.meta.url), {
    workerData: job,
    resourceLimits: { maxOldGenerationSizeMb: HEAP },
  });
  const timer = setTimeout(() => void worker.terminate(), PARSE_TIME);
  const result = await new Promise<BodyResult>((resolve, reject) => {
    const failed = (reason: string) => reject(new ReplydError('unavailable', `The body could not be read: ${reason}`));
    worker.once('message', resolve);
    worker.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ERR_WORKER_OUT_OF_MEMORY') failed(errorText(error));
      else reject(new ReplydError('too_large', 'The body needs too much memory.'));
    });
    worker.once('exit', () => failed('reading the body took too long'));
  }).finally(() => clearTimeout(timer));
  if (result.kind === 'read') return result.body;
  throw new ReplydError(result.code, result.message, { details: result.details });
}
