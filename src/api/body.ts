/**
 * Bodies of requests. Small ones are parsed at once; large ones by a thread of their own, one at a time, so that 20 MiB of
 * base64 hold up no socket. `discard` removes the files of attachments that nobody took.
 *
 * Throws too_large, invalid_json, invalid (no base64), or unavailable when the thread fails or takes too long.
 */
import { rm } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { errorText, ReplydError } from '../base/errors.js';
import type { Exchange } from '../base/http.js';
import type { StoredContent } from '../conversation/filing.js';
import { parseBody, sha256 } from './body-parse.js';
import type { BodyJob, BodyResult, WrittenContent } from './body-worker.js';

export interface RequestBody {
  readonly value: unknown;
  /** SHA-256 of the bytes, hex. */
  readonly sha256: string;
  /** Puts an attachment into the store's keeping. */
  content(place: string, keep: Keep): Promise<StoredContent>;
  discard(): Promise<void>;
}

type Keep = (
  content: { bytes: Uint8Array } | { file: string },
  facts: { sha256: string; size: number },
) => Promise<StoredContent>;

const PARSE_TIME = 60_000;
let turn: Promise<unknown> = Promise.resolve();

export async function readRequestBody(
  exchange: Exchange,
  limits: { readonly maxSize: number; readonly folder: string },
): Promise<RequestBody> {
  const { content } = await exchange.body(limits);
  if ('bytes' in content) {
    const parsed = parseBody(content.bytes);
    return {
      value: parsed.value,
      sha256: parsed.sha256,
      async content(place, keep) {
        const bytes = at(parsed.contents, place);
        return keep({ bytes }, { sha256: sha256(bytes), size: bytes.length });
      },
      async discard() {},
    };
  }
  const job = { file: content.file, folder: limits.folder };
  const mine = turn.then(() => parseInThread(job));
  turn = mine.catch(() => undefined);
  const { value, contents, sha256: hash } = await mine;
  return {
    value,
    sha256: hash,
    async content(place, keep) {
      const { file, size, sha256: fileHash } = at(contents, place);
      return keep({ file }, { sha256: fileHash, size });
    },
    async discard() {
      for (const { file } of contents) await rm(file, { force: true }).catch(() => undefined);
    },
  };
}

function at<T>(list: readonly T[], place: string): T {
  const found = /^\d+$/.test(place) ? list[Number(place)] : undefined;
  if (found === undefined) throw new ReplydError('invalid', 'An attachment has no content.');
  return found;
}

async function parseInThread(
  job: BodyJob,
): Promise<{ value: unknown; contents: readonly WrittenContent[]; sha256: string }> {
  const worker = new Worker(new URL('./body-worker.js', import.meta.url), { workerData: job });
  const timer = setTimeout(() => void worker.terminate(), PARSE_TIME);
  try {
    const result = await new Promise<BodyResult>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
      worker.once('exit', () => reject(new Error('reading the body took too long')));
    });
    if ('error' in result) {
      throw new ReplydError(result.code, result.error, { details: result.details });
    }
    return result;
  } catch (error) {
    if (error instanceof ReplydError) throw error;
    throw new ReplydError('unavailable', `The body could not be read: ${errorText(error)}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}
