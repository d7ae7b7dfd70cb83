/**
 * Mails out of the JSON that a provider posts. Posts of up to 256 KiB are read in this thread; larger ones are read by a
 * worker thread, one at a time, so that parsing and copying 20 MiB does not hold up the sockets.
 *
 * A raw mail in JSON is text; its bytes are that text in UTF-8. A post that is no valid UTF-8 (the provider passed 8-bit
 * mail on as it was) is read byte for byte instead, so that the mail keeps its bytes. What is no JSON, or has not the
 * provider's shape, is `malformed`. Throws ReplydError 'unavailable' when the worker fails.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { errorText, ReplydError } from '../../base/errors.js';
import { type SpaceBudget, withRoom } from '../../base/space.js';
import type { Content } from '../../mail/mail.js';
import { envelopeSender } from '../recipients.js';
import type { Malformed, Post, Provider, Translation } from './provider.js';

export type JsonProvider = Pick<Provider, 'name'> & Required<Pick<Provider, 'readJson'>>;

export type JsonPosts = { readonly kind: 'mails'; readonly mails: readonly Omit<Post, 'release'>[] } | Malformed;

/** What the worker is given; it gives back JsonPosts. */
export interface JsonJob {
  readonly provider: Provider['name'];
  readonly file: string;
  readonly maxSize: number;
  /** Where the mails go: `<place>-0.eml` and so on. */
  readonly place: string;
}

const WORKER_TIME = 120_000;
/** Three times the largest text that is let in, as two-byte characters. */
const WORKER_HEAP_MB = 1024;

/** Reads the posts of one request; `content` stays the caller's. */
export async function readJsonPosts(
  provider: JsonProvider,
  content: Content,
  options: { readonly folder: string; readonly maxSize: number; readonly space: SpaceBudget },
): Promise<Translation> {
  const { maxSize } = options;
  const found =
    'file' in content
      ? await inWorker(provider, content.file, options)
      : decodeJson(provider, content.bytes, { maxSize, keep: bytes => ({ bytes }) });
  if (found.kind !== 'mails') return found;
  return { kind: 'posts', posts: found.mails.map(mail => ({ ...mail, release: ignore })) };
}

/** For the worker too. `keep` puts the bytes of the mail at this place of the list where its post finds them. */
export function decodeJson(
  provider: JsonProvider,
  post: Uint8Array,
  { maxSize, keep }: { readonly maxSize: number; readonly keep: (bytes: Buffer, at: number) => Content },
): JsonPosts {
  let text: string;
  let encoding: 'utf8' | 'bytes' = 'utf8';
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(post);
  } catch {
    text = Buffer.from(post.buffer, post.byteOffset, post.byteLength).toString('latin1');
    encoding = 'bytes';
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { kind: 'malformed', detail: 'The post is no JSON.' };
  }
  const reading = provider.readJson(value);
  if (reading.kind !== 'mails') return reading;
  const mails = reading.mails.map(({ from, rcptTo, raw }, at) => {
    if (raw === null) return { mailFrom: '', rcptTo, raw: 'missing' as const };
    const bytes = encode(raw, encoding);
    const kept = bytes.length > maxSize ? 'too_large' : keep(bytes, at);
    return { mailFrom: envelopeSender(raw, from), rcptTo, raw: kept } as const;
  });
  return { kind: 'mails', mails };
}

function encode(text: string, encoding: 'utf8' | 'bytes'): Buffer {
  // Characters above U+00FF come from escapes; then the text can't stand for single bytes.
  const single = encoding === 'bytes' && !/[^\x00-\xff]/.test(text);
  return Buffer.from(text, single ? 'latin1' : 'utf8');
}

let lastJob: Promise<unknown> = Promise.resolve();

/** One at a time: each may need hundreds of megabytes. */
function inWorker(
  provider: JsonProvider,
  file: string,
  { folder, maxSize, space }: { folder: string; maxSize: number; space: SpaceBudget },
): Promise<JsonPosts> {
  const job: JsonJob = { provider: provider.name, file, maxSize, place: path.join(folder, `http-${randomUUID()}`) };
  // What it writes was in the post.
  const result = lastJob.then(async () => withRoom(space, (await stat(file)).size, () => runWorker(job)));
  lastJob = result.catch(ignore);
  return result;
}

async function runWorker(job: JsonJob): Promise<JsonPosts> {
  const worker = new Worker(new URL('./json-worker.js', import.meta.url), {
    workerData: job,
    resourceLimits: { maxOldGenerationSizeMb: WORKER_HEAP_MB },
  });
  worker.on('error', ignore);
  try {
    const [found] = await once(worker, 'message', { signal: AbortSignal.timeout(WORKER_TIME) });
    return found as JsonPosts;
  } catch (error) {
    await worker.terminate();
    // What it had written when it was stopped belongs to nobody.
    const { dir, base } = path.parse(job.place);
    const left = (await readdir(dir)).filter(name => name.startsWith(`${base}-`));
    for (const name of left) await rm(path.join(dir, name), { force: true }).catch(ignore);
    throw new ReplydError('unavailable', `a large post could not be read: ${errorText(error)}`);
  } finally {
    await worker.terminate();
  }
}

function ignore(): void {}
