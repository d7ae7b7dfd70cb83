/**
 * Reads form posts as a stream: `multipart/form-data` (RFC 7578) and `application/x-www-form-urlencoded`. The field that
 * holds the mail goes to the spool byte for byte: no charset is applied to it, whatever its part says. Other fields of
 * at most 64 KiB are given as text (UTF-8); larger ones and files are read and dropped.
 *
 * Limits: 100 fields, counting those without a name and without anything; 1 MiB of them in memory; `maxBody` bytes
 * altogether, in multipart, which codes nothing, 4 MiB beside the mail; what a client may cost without a proof
 * (`unproven.ts`). The work is done in small pieces, in turn with everything else of this process (`turns.ts`).
 *
 * A broken form is `malformed`, a client that goes away in the middle `gone`; neither leaves a file or memory behind.
 */
import { once } from 'node:events';
import { PassThrough, type Readable } from 'node:stream';
import { errorText, isReplydError, ReplydError } from '../../base/errors.js';
import type { Exchange } from '../../base/http.js';
import type { Received } from '../spool.js';
import { readMultipart } from './multipart.js';
import { drop, type Fault, type ProviderRequest } from './provider.js';
import { spendTurn, takeTurn } from './turns.js';
import { FIELD_COST, TOO_MUCH } from './unproven.js';
import { type Pairs, readUrlencoded, type Sink } from './urlencoded.js';

/** What is used of a request. */
export interface FormRequest extends Pick<ProviderRequest, 'maxBody' | 'lowOnSpace' | 'spool' | 'allowance'> {
  readonly exchange: Pick<Exchange, 'stream' | 'header'>;
}

export interface FormOptions {
  /** The field that holds a mail. */
  readonly raw: string;
  /** Bytes of its value, decoded. */
  readonly maxRaw: number;
  /** Called when another field is known; a fault ends the reading, and is what becomes of the form. */
  readonly check?: (fields: ReadonlyMap<string, string>) => Fault | null;
}

export type Form =
  /** `raw` null: there was no such field, or it was empty. */
  { readonly kind: 'form'; readonly fields: ReadonlyMap<string, string>; readonly raw: Received | null } | Fault;

const MAX_FIELD = 64 * 1024;
const MAX_FIELDS = 100;
const MAX_MEMORY = 1024 * 1024;
/** Of a text that waits for its end: one that comes byte by byte takes no more memory than its sum. */
const MAX_PARTS = 64;
/** What stands beside the mail in multipart: other fields, and the headers of all. */
const MAX_BESIDE = 4 * 1024 * 1024;
/** How much is read at once, so that a fault is noticed soon and others get their turn. */
const PIECE = 16 * 1024;
/** What the work of one field is worth, in bytes of `turns.ts`. */
const FIELD_WORK = 2 * 1024;

/** Throws ReplydError 'unavailable' when the disk is nearly full. */
export async function readForm(request: FormRequest, options: FormOptions): Promise<Form> {
  const { stream } = request.exchange;
  const contentType = request.exchange.header('content-type') ?? '';
  const type = contentType.split(';', 1)[0]!.trim().toLowerCase();
  const isMultipart = type === 'multipart/form-data';
  if (!isMultipart && type !== 'application/x-www-form-urlencoded') {
    return {
      kind: 'malformed',
      detail: `The body is "${type.slice(0, 60)}", not a form: multipart/form-data is wanted.`,
    };
  }
  const fields = collectFields(request, options);
  try {
    const maxBody = isMultipart ? Math.min(request.maxBody, options.maxRaw + MAX_BESIDE) : request.maxBody;
    const pieces = piecesOf({ ...request, maxBody }, fields);
    await (isMultipart ? readMultipart(pieces, contentType, fields) : readUrlencoded(pieces, fields));
    const raw = await fields.finish();
    fields.stopAtFault();
    return { kind: 'form', fields: fields.texts, raw };
  } catch (error) {
    await fields.abandon();
    if (error instanceof Stopped) return error.fault;
    if (isReplydError(error)) throw error;
    if (stream.readableAborted || stream.errored) return { kind: 'gone' };
    return { kind: 'malformed', detail: `The form can't be read: ${errorText(error)}` };
  }
}

/** Ends the reading with what becomes of the form. */
class Stopped extends Error {
  readonly fault: Fault;

  constructor(fault: Fault) {
    super('the form is read no further');
    this.fault = fault;
  }
}

async function* piecesOf(request: FormRequest, fields: Fields): AsyncGenerator<Buffer> {
  const { exchange, maxBody, lowOnSpace, allowance } = request;
  let size = 0;
  // The connection must live on, or nobody would hear the answer.
  for await (const chunk of exchange.stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBody) {
      throw new Stopped({ kind: 'too_large', detail: 'The post is larger than a mail may make it.' });
    }
    if (!allowance.take(chunk.length)) throw new Stopped(TOO_MUCH);
    // Anybody can send a form: its proof is known only when it was read.
    if (lowOnSpace()) throw new ReplydError('unavailable', 'no space to receive the post');
    for (let at = 0; at < chunk.length; at += PIECE) {
      const piece = chunk.subarray(at, at + PIECE);
      await takeTurn(piece.length, allowance.isKnown() ? 'known' : 'strangers');
      yield piece;
      fields.stopAtFault();
    }
  }
}

/** Takes the values of a form, in their order. */
type Fields = ReturnType<typeof collectFields>;

function collectFields({ spool, allowance }: FormRequest, { raw, maxRaw, check }: FormOptions) {
  const texts = new Map<string, string>();
  let value: Readable | null = null;
  let mail: Promise<Received> | null = null;
  let count = 0;
  let memory = 0;
  let fault: Fault | null = null;
  const textOf = (name: string): Sink => {
    let parts: Buffer[] = [];
    let size = 0;
    let kept = true;
    return {
      write(bytes) {
        size += bytes.length;
        memory += bytes.length;
        kept &&= size <= MAX_FIELD && memory <= MAX_MEMORY;
        if (!kept) parts = [];
        else if (parts.push(bytes) === MAX_PARTS) parts = [Buffer.concat(parts)];
        return undefined;
      },
      end() {
        if (!kept || texts.has(name)) return;
        texts.set(name, Buffer.concat(parts).toString('utf8'));
        fault ??= check?.(texts) ?? null;
      },
      isDone: () => !kept,
    };
  };
  const pairs: Pairs = {
    count() {
      if (++count > MAX_FIELDS)
        throw new Error(`more than ${MAX_FIELDS} fields, where a post with the raw mail has a dozen`);
      spendTurn(FIELD_WORK);
      if (!allowance.take(FIELD_COST)) fault ??= TOO_MUCH;
    },
    take(name) {
      if (name !== raw || mail !== null) return textOf(name);
      const stream = new PassThrough({ highWaterMark: 64 * 1024 });
      stream.on('error', ignore);
      value = stream;
      mail = spool.receive(stream, { maxSize: maxRaw, cutOffSize: Number.POSITIVE_INFINITY, cutOff: ignore });
      return {
        write: bytes => (stream.write(bytes) ? undefined : once(stream, 'drain')),
        end: () => void stream.end(),
      };
    },
  };
  return {
    ...pairs,
    texts: texts as ReadonlyMap<string, string>,
    stopAtFault(): void {
      if (fault !== null) throw new Stopped(fault);
    },
    /** After the last byte. */
    async finish(): Promise<Received | null> {
      const received = await mail;
      if (received?.kind !== 'complete' || received.size > 0) return received;
      received.release();
      return null;
    },
    /** Ends what is open; nothing is kept. */
    async abandon(): Promise<void> {
      value?.destroy();
      const received = await mail;
      if (received?.kind === 'complete') await drop(received);
    },
  };
}

function ignore(): void {}
