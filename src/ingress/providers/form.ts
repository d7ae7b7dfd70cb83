/**
 * Reads form posts as a stream: `multipart/form-data` (RFC 7578) and `application/x-www-form-urlencoded`. The field that
 * holds the mail goes to the spool byte for byte: no charset is applied to it, whatever its part says. Other fields of
 * at most 64 KiB are given as text (UTF-8); larger ones and files are read and dropped.
 *
 * Limits: 1000 fields, 1 MiB of them in memory, `maxBody` bytes altogether. A broken form is `malformed`, a client that
 * goes away in the middle `gone`; neither leaves a file or memory behind.
 */
import { once } from 'node:events';
import { PassThrough, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Busboy } from '@fastify/busboy';
import { errorText, isReplydError, ReplydError } from '../../base/errors.js';
import type { Exchange } from '../../base/http.js';
import type { Received } from '../spool.js';
import { drop, type Fault, type ProviderRequest } from './provider.js';

/** What is used of a request. */
export interface FormRequest extends Pick<ProviderRequest, 'maxBody' | 'lowOnSpace' | 'spool'> {
  readonly exchange: Pick<Exchange, 'stream' | 'header'>;
}

export interface FormOptions {
  /** The field that holds a mail. */
  readonly raw: string;
  /** Bytes of its value, decoded. */
  readonly maxRaw: number;
}

export type Form =
  /** `raw` null: there was no such field, or it was empty. */
  { readonly kind: 'form'; readonly fields: ReadonlyMap<string, string>; readonly raw: Received | null } | Fault;

const MAX_FIELD = 64 * 1024;
const MAX_FIELDS = 1000;
const MAX_NAME = 1000;
const MAX_MEMORY = 1024 * 1024;

/** Throws ReplydError 'unavailable' when the disk is nearly full. */
export async function readForm(request: FormRequest, options: FormOptions): Promise<Form> {
  const { stream } = request.exchange;
  const contentType = request.exchange.header('content-type') ?? '';
  const type = contentType.split(';', 1)[0]!.trim().toLowerCase();
  const fields = collectFields(request, options);
  const reader =
    type === 'multipart/form-data'
      ? readMultipart
      : type === 'application/x-www-form-urlencoded'
        ? readUrlencoded
        : null;
  if (reader === null) {
    return {
      kind: 'malformed',
      detail: `The body is "${type.slice(0, 60)}", not a form: multipart/form-data is wanted.`,
    };
  }
  try {
    await reader(bounded(request), contentType, fields);
    const raw = await fields.finish();
    return { kind: 'form', fields: fields.texts, raw };
  } catch (error) {
    await fields.abandon();
    if (isReplydError(error)) throw error;
    if (error === TOO_LARGE) return { kind: 'too_large', detail: 'The post is larger than a mail may make it.' };
    if (stream.readableAborted || stream.errored) return { kind: 'gone' };
    return { kind: 'malformed', detail: `The form can't be read: ${errorText(error)}` };
  }
}

const TOO_LARGE = new Error('too large');

async function* bounded({ exchange, maxBody, lowOnSpace }: FormRequest): AsyncGenerator<Buffer> {
  let size = 0;
  // The connection must live on, or nobody would hear the answer.
  for await (const chunk of exchange.stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBody) throw TOO_LARGE;
    // Anybody can send a form: its proof is known only when it was read.
    if (lowOnSpace()) throw new ReplydError('unavailable', 'no space to receive the post');
    yield chunk;
  }
}

type Reader = (chunks: AsyncIterable<Buffer>, contentType: string, fields: Fields) => Promise<void>;

/** Takes the values of a form as streams, in their order. */
type Fields = ReturnType<typeof collectFields>;

function collectFields({ spool }: FormRequest, { raw, maxRaw }: FormOptions) {
  const texts = new Map<string, string>();
  const open = new Set<Readable>();
  let mail: Promise<Received> | null = null;
  let count = 0;
  let memory = 0;
  return {
    texts: texts as ReadonlyMap<string, string>,
    take(name: string, value: Readable): void {
      value.on('error', ignore);
      if (++count > MAX_FIELDS) throw new Error(`more than ${MAX_FIELDS} fields`);
      open.add(value);
      value.once('close', () => open.delete(value));
      if (name === raw && mail === null) {
        mail = spool.receive(value, { maxSize: maxRaw, cutOffSize: Number.POSITIVE_INFINITY, cutOff: ignore });
        return;
      }
      const parts: Buffer[] = [];
      let size = 0;
      let kept = true;
      value.on('data', (chunk: Buffer) => {
        size += chunk.length;
        memory += chunk.length;
        kept &&= size <= MAX_FIELD && memory <= MAX_MEMORY;
        if (kept) parts.push(chunk);
        else parts.length = 0;
      });
      value.once('end', () => {
        if (kept && !texts.has(name)) texts.set(name, Buffer.concat(parts).toString('utf8'));
      });
    },
    /** After the last byte. */
    async finish(): Promise<Received | null> {
      const received = await mail;
      for (const value of open) if (!value.readableEnded) await once(value, 'close');
      if (received?.kind !== 'complete' || received.size > 0) return received;
      received.release();
      return null;
    },
    /** Ends what is open; nothing is kept. */
    async abandon(): Promise<void> {
      for (const value of open) value.destroy();
      const received = await mail;
      if (received?.kind === 'complete') await drop(received);
    },
  };
}

const readMultipart: Reader = async (chunks, contentType, fields) => {
  const parser = new Busboy({
    headers: { 'content-type': contentType },
    limits: { headerPairs: 50, headerSize: 16 * 1024 },
    // As text a value would be decoded by the charset its part claims.
    isPartAFile: () => true,
  });
  parser.on('file', (name, value) => {
    try {
      fields.take(String(name ?? ''), value);
    } catch (error) {
      parser.destroy(error as Error);
    }
  });
  // Ended when the fields have taken all of it.
  await pipeline(chunks, parser);
};

/** WHATWG URL, section 5.1, on bytes: `+` is a space, `%XX` a byte, anything else itself. */
const readUrlencoded: Reader = async (chunks, _contentType, fields) => {
  let name: Buffer = Buffer.alloc(0);
  let value: PassThrough | null = null;
  let carry: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const bytes = Buffer.concat([carry, chunk]);
    // An escape that is cut in two waits for its rest.
    const cut = bytes.indexOf('%', Math.max(0, bytes.length - 2));
    const whole = cut === -1 ? bytes.length : cut;
    carry = bytes.subarray(whole);
    await split(bytes.subarray(0, whole));
  }
  await split(carry);
  end();

  async function split(bytes: Buffer): Promise<void> {
    for (let at = 0; ; ) {
      const and = bytes.indexOf('&', at);
      await add(bytes.subarray(at, and === -1 ? bytes.length : and));
      if (and === -1) return;
      end();
      at = and + 1;
    }
  }

  /** A part of one field: of its name, of its value, or of both. */
  async function add(bytes: Buffer): Promise<void> {
    const equals = value === null ? bytes.indexOf('=') : -1;
    if (value === null) {
      name = Buffer.concat([name, percentDecode(equals === -1 ? bytes : bytes.subarray(0, equals))]);
      if (name.length > MAX_NAME) throw new Error('the name of a field is too long');
      if (equals === -1) return;
      value = begin();
    }
    if (!value.write(percentDecode(bytes.subarray(equals + 1)))) await once(value, 'drain');
  }

  function begin(): PassThrough {
    const stream = new PassThrough({ highWaterMark: 64 * 1024 });
    fields.take(name.toString('utf8'), stream);
    return stream;
  }

  function end(): void {
    if (value === null && name.length > 0) value = begin();
    value?.end();
    value = null;
    name = Buffer.alloc(0);
  }
};

function percentDecode(bytes: Buffer): Buffer {
  const out = Buffer.allocUnsafe(bytes.length);
  let length = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte === 0x2b) out[length++] = 0x20;
    else if (byte === 0x25) {
      const high = hexDigit(bytes[at + 1]);
      const low = hexDigit(bytes[at + 2]);
      if (high === -1 || low === -1) out[length++] = byte;
      else {
        out[length++] = high * 16 + low;
        at += 2;
      }
    } else out[length++] = byte;
  }
  return out.subarray(0, length);
}

function hexDigit(byte: number | undefined): number {
  if (byte === undefined) return -1;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

function ignore(): void {}
