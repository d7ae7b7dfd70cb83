/**
 * Mails out of the JSON that a provider posts. Posts of up to 256 KiB are read in this thread; larger ones are read by a
 * worker thread, one at a time, so that parsing and copying 20 MiB does not hold up the sockets.
 *
 * A raw mail in JSON is text; its bytes are that text in UTF-8. A post that is no valid UTF-8 (the provider passed 8-bit
 * mail on as it was) is read byte for byte instead, so that the mail keeps its bytes. What is no JSON, or has not the
 * provider's shape, is `malformed`. Throws ReplydError 'unavailable' when the worker fails.
 */
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { errorText, ReplydError } from '../../base/errors.js';
import type { Content } from '../../mail/mail.js';
import { envelopeSender } from '../recipients.js';
import type { Post, Provider, Translation } from './provider.js';

export type JsonProvider = Pick<Provider, 'name'> & Required<Pick<Provider, 'readJson'>>;

export interface DecodedMail extends Pick<Post, 'mailFrom' | 'rcptTo'> {
  readonly raw: Buffer | 'missing';
}

export type Decoded = { readonly mails: readonly DecodedMail[] } | { readonly fault: string };

/** What the worker is given, and gives back. */
export interface JsonJob {
  readonly provider: Provider['name'];
  readonly file: string;
  readonly maxSize: number;
  /** Where the mails go: `<place>-0.eml` and so on. */
  readonly place: string;
}
export type JsonJobResult =
  | { readonly mails: readonly (Pick<Post, 'mailFrom' | 'rcptTo'> & { readonly raw: Post['raw'] })[] }
  | { readonly fault: string };

const WORKER_TIME = 120_000;
/** Three times the largest text that is let in, as two-byte characters. */
const WORKER_HEAP_MB = 1024;

/** Reads the posts of one request; `content` stays the caller's. */
export async function readJsonPosts(
  provider: JsonProvider,
  content: Content,
  options: { readonly folder: string; readonly maxSize: number },
): Promise<Translation> {
  const result =
    'file' in content ? await inWorker(provider, content.file, options) : here(provider, content.bytes, options);
  if ('fault' in result) return { kind: 'malformed', detail: result.fault };
  return { kind: 'posts', posts: result.mails.map(mail => ({ ...mail, release: ignore })) };
}

/** For the worker too. */
export function decodeJson(provider: JsonProvider, bytes: Uint8Array): Decoded {
  let text: string;
  let encoding: 'utf8' | 'bytes' = 'utf8';
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
    encoding = 'bytes';
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { fault: 'The post is no JSON.' };
  }
  const reading = provider.readJson(value);
  if ('fault' in reading) return reading;
  return {
    mails: reading.mails.map(({ from, rcptTo, raw }) =>
      raw === null
        ? { mailFrom: '', rcptTo, raw: 'missing' }
        : { mailFrom: envelopeSender(raw, from), rcptTo, raw: encode(raw, encoding) },
    ),
  };
}

function encode(text: string, encoding: 'utf8' | 'bytes'): Buffer {
  // Characters above U+00FF come from escapes; then the text can't stand for single bytes.
  const single = encoding === 'bytes' && !/[^\x00-\xff]/.test(text);
  return Buffer.from(text, single ? 'latin1' : 'utf8');
}

function here(provider: JsonProvider, bytes: Uint8Array, { maxSize }: { maxSize: number }): JsonJobResult {
  const decoded = decodeJson(provider, bytes);
  if ('fault' in decoded) return decoded;
  return {
    mails: decoded.mails.map(({ raw, ...envelope }) => {
      if (raw === 'missing') return { ...envelope, raw };
      return { ...envelope, raw: raw.length > maxSize ? 'too_large' : { bytes: raw } };
    }),
  };
}

let lastJob: Promise<unknown> = Promise.resolve();

/** One at a time: each may need hundreds of megabytes. */
function inWorker(
  provider: JsonProvider,
  file: string,
  { folder, maxSize }: { folder: string; maxSize: number },
): Promise<JsonJobResult> {
  const job: JsonJob = { provider: provider.name, file, maxSize, place: path.join(folder, `http-${randomUUID()}`) };
  const result = lastJob.then(() => runWorker(job));
  lastJob = result.catch(ignore);
  return result;
}

function runWorker(job: JsonJob): Promise<JsonJobResult> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./json-worker.js', import.meta.url), {
      workerData: job,
      resourceLimits: { maxOldGenerationSizeMb: WORKER_HEAP_MB },
    });
    const timer = setTimeout(() => void worker.terminate(), WORKER_TIME);
    let failure = 'it took too long';
    let result: JsonJobResult | null = null;
    worker.on('message', (message: JsonJobResult) => {
      result = message;
    });
    worker.on('error', error => {
      failure = errorText(error);
    });
    worker.on('exit', () => {
      clearTimeout(timer);
      if (result !== null) resolve(result);
      else {
        // A first mail may have been written before it ended.
        void rm(`${job.place}-0.eml`, { force: true }).catch(ignore);
        reject(new ReplydError('unavailable', `a large post could not be read: ${failure}`));
      }
    });
  });
}

function ignore(): void {}
