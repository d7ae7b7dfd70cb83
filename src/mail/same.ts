/**
 * Facts of a mail's raw bytes that need no MIME parser: size, hash, hops, and the key that says whether two mails are
 * the same one (product.md section 2). They exist for a mail that no parser can read.
 *
 * The content key is SHA-256 over Message-ID, From, Date and Subject (the first field of each name, unfolded, white
 * space collapsed, '' when missing) and the body with LF line ends and without blank lines at its end. What a transport
 * adds or changes does not matter: Return-Path, Received and Delivered-To fields, an mbox `From ` line and its
 * `>From ` quoting, CRLF, LF or CR line ends.
 *
 * Bytes are pushed as they arrive; memory is bounded (256 KiB of header, 4 KB of body), cost is linear. Fields past
 * the first 256 KiB of a header are not seen. Nothing throws, except push or end after end.
 */
import { createHash, type Hash } from 'node:crypto';
import type { RawFacts } from './mail.js';

const MAX_HEADER = 256 * 1024;
// Small enough to come from Node's buffer pool, which is what a mail of 2 KB notices most.
const BUFFER_SIZE = 4000;
const KEY_FIELDS = ['message-id', 'from', 'date', 'subject'] as const;

const LF = 10;
const CR = 13;
const GREATER = 62;
const MBOX_FROM = Buffer.from('From ');

/** Where the bytes of a mail go. `end` gives the facts, once. */
export interface FactsReader {
  push(chunk: Uint8Array): void;
  end(): RawFacts;
}

export function rawFacts(): FactsReader {
  const whole = createHash('sha256');
  const content = createHash('sha256');
  const header = new HeaderBytes();
  let body: BodyHash | undefined;
  let size = 0;
  let hops = 0;
  const startBody = () => {
    const fields = readHeader(header.text());
    hops = fields.hops;
    content.update(keyOf(fields), 'latin1');
    body = new BodyHash(content, header.blankLines);
    return body;
  };
  return {
    push(chunk) {
      size += chunk.length;
      whole.update(chunk);
      const rest = body === undefined ? header.push(chunk) : 0;
      if (rest >= 0) (body ?? startBody()).push(chunk, rest);
    },
    end() {
      (body ?? startBody()).end();
      return { size, sha256: whole.digest('hex'), contentKey: content.digest('hex'), hops };
    },
  };
}

/** The facts of a mail that comes in pieces. Throws what its source throws. */
export async function factsOfStream(source: AsyncIterable<Uint8Array>): Promise<RawFacts> {
  const facts = rawFacts();
  for await (const chunk of source) facts.push(chunk);
  return facts.end();
}

/** The facts of a whole mail in memory. */
export function factsOf(bytes: Uint8Array): RawFacts {
  return (bytes.length <= MAX_HEADER ? orderlyFacts(bytes) : null) ?? factsByByte(bytes);
}

/**
 * The same for a mail whose line ends are CRLF or LF, in a third of the time; null for any other, which is read byte by
 * byte.
 */
function orderlyFacts(bytes: Uint8Array): RawFacts | null {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = buffer.toString('latin1').replaceAll('\r\n', '\n');
  if (text.includes('\r')) return null;
  const blank = text.startsWith('\n') ? 0 : text.indexOf('\n\n') + 1;
  const headerEnd = blank === 0 && !text.startsWith('\n') ? text.length : blank;
  const fields = readHeader(text.slice(0, headerEnd));
  let body = text.slice(headerEnd + 1);
  if (body.includes('>From ')) body = body.replaceAll(/^>+From /gm, 'From ');
  let end = body.length;
  while (end > 0 && body.charCodeAt(end - 1) === LF) end -= 1;
  const content = createHash('sha256').update(keyOf(fields) + body.slice(0, end), 'latin1');
  return {
    size: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    contentKey: content.digest('hex'),
    hops: fields.hops,
  };
}

function factsByByte(bytes: Uint8Array): RawFacts {
  const reader = rawFacts();
  reader.push(bytes);
  return reader.end();
}

/** Line ends of all forms as one: CRLF, LF, CR; carriage returns in front of a CRLF belong to it. */
class LineEnds {
  #pending = 0;

  /** How many line ends stand before this byte; -1 when the byte is still open (a CR) and 0 is all there is to say. */
  before(byte: number): number {
    if (byte === CR) {
      this.#pending += 1;
      return -1;
    }
    const ends = byte === LF ? 0 : this.#pending;
    this.#pending = 0;
    return ends;
  }
}

/** Collects the header up to its blank line, with LF line ends. */
class HeaderBytes {
  /** Blank lines at the beginning of the body that were seen already (bare CRs only). */
  blankLines = 0;
  #bytes = Buffer.allocUnsafe(2048);
  #length = 0;
  #lineLength = 0;
  readonly #ends = new LineEnds();

  /** Index of the first byte of the body (the chunk's length when the next one begins it); -1: the header goes on. */
  push(chunk: Uint8Array): number {
    for (let index = 0; index < chunk.length; index += 1) {
      const byte = chunk[index]!;
      const ends = this.#ends.before(byte);
      if (ends < 0) continue;
      for (let count = 0; count < ends; count += 1) {
        if (!this.#lineEnd()) continue;
        // Two bare CRs are a blank line: this byte belongs to the body, and so do the CRs between.
        this.blankLines = ends - count - 1;
        return index;
      }
      if (byte !== LF) this.#add(byte);
      else if (this.#lineEnd()) return index + 1;
    }
    return -1;
  }

  text(): string {
    return this.#bytes.toString('latin1', 0, this.#length);
  }

  /** True when the line that ends here was blank. */
  #lineEnd(): boolean {
    if (this.#lineLength === 0) return true;
    this.#add(LF);
    this.#lineLength = 0;
    return false;
  }

  #add(byte: number): void {
    this.#lineLength += 1;
    if (this.#length === MAX_HEADER) return;
    if (this.#length === this.#bytes.length) {
      this.#bytes = Buffer.concat([this.#bytes], Math.min(2 * this.#length, MAX_HEADER));
    }
    this.#bytes[this.#length] = byte;
    this.#length += 1;
  }
}

/** Hashes the body in its canonical form: LF line ends, no mbox quoting, no blank lines at the end. */
class BodyHash {
  readonly #hash: Hash;
  readonly #buffer = Buffer.allocUnsafe(BUFFER_SIZE);
  #used = 0;
  readonly #ends = new LineEnds();
  #blankLines: number;
  /** At a line's start: how many `>` and how much of `From ` were seen and are held back; -1 inside a line. */
  #quotes = 0;
  #matched = 0;
  #atStart = true;

  constructor(hash: Hash, blankLines: number) {
    this.#hash = hash;
    this.#blankLines = blankLines;
  }

  push(chunk: Uint8Array, from: number): void {
    let index = from;
    while (index < chunk.length) {
      const byte = chunk[index]!;
      const ends = this.#ends.before(byte);
      for (let count = 0; count < ends; count += 1) this.#lineEnd();
      if (byte === LF) this.#lineEnd();
      else if (ends >= 0 && this.#atStart) this.#startByte(byte);
      else if (ends >= 0) index = this.#writeRun(chunk, index) - 1;
      index += 1;
    }
  }

  end(): void {
    this.#release();
    this.#flush();
  }

  #lineEnd(): void {
    this.#release();
    this.#blankLines += 1;
    this.#atStart = true;
  }

  #startByte(byte: number): void {
    if (byte === GREATER && this.#matched === 0) {
      this.#quotes += 1;
    } else if (byte === MBOX_FROM[this.#matched]) {
      this.#matched += 1;
      if (this.#matched < MBOX_FROM.length) return;
      this.#quotes = 0;
      this.#release();
    } else {
      this.#release();
      this.#write(byte);
    }
  }

  /** Lets go what was held back at the line's start. */
  #release(): void {
    for (; this.#quotes > 0; this.#quotes -= 1) this.#write(GREATER);
    for (let index = 0; index < this.#matched; index += 1) this.#write(MBOX_FROM[index]!);
    this.#matched = 0;
    this.#atStart = false;
  }

  /** Writes up to the line's end in one go (twice as fast as byte by byte); index behind it. */
  #writeRun(chunk: Uint8Array, from: number): number {
    const most = Math.min(chunk.length, from + BUFFER_SIZE);
    let to = from + 1;
    while (to < most && chunk[to] !== LF && chunk[to] !== CR) to += 1;
    for (; this.#blankLines > 0; this.#blankLines -= 1) this.#put(LF);
    if (this.#used + to - from > BUFFER_SIZE) this.#flush();
    this.#buffer.set(chunk.subarray(from, to), this.#used);
    this.#used += to - from;
    return to;
  }

  #write(byte: number): void {
    for (; this.#blankLines > 0; this.#blankLines -= 1) this.#put(LF);
    this.#put(byte);
  }

  #put(byte: number): void {
    if (this.#used === BUFFER_SIZE) this.#flush();
    this.#buffer[this.#used] = byte;
    this.#used += 1;
  }

  #flush(): void {
    this.#hash.update(this.#buffer.subarray(0, this.#used));
    this.#used = 0;
  }
}

/** What the content key begins with. */
function keyOf({ values, rest }: HeaderFacts): string {
  const fields = `${KEY_FIELDS.map(name => values.get(name) ?? '').join('\n')}\n\n`;
  return rest === '' ? fields : `${fields}${rest}\n\n`;
}

interface HeaderFacts {
  readonly values: ReadonlyMap<string, string>;
  readonly hops: number;
  /** From the first line on that is no field, without the line end; '' when all are. */
  readonly rest: string;
}

function readHeader(text: string): HeaderFacts {
  const values = new Map<string, string>();
  let hops = 0;
  let at = 0;
  let rest: number | null = null;
  let name = '';
  let parts: string[] = [];
  const finish = () => {
    if (name === 'received') hops += 1;
    if ((KEY_FIELDS as readonly string[]).includes(name) && !values.has(name)) {
      values.set(name, parts.join(' ').replaceAll(/\s+/g, ' ').trim());
    }
    name = '';
    parts = [];
  };
  for (const line of text.split('\n')) {
    const start = at;
    at += line.length + 1;
    if (line.startsWith(' ') || line.startsWith('\t')) {
      parts.push(line);
      continue;
    }
    finish();
    const colon = line.indexOf(':');
    // An mbox line, quoted or not, has its colons in the time: "From ann@example.com Mon Jan  1 12:00:00".
    if (line.startsWith('From ') || line.startsWith('>From ')) continue;
    if (colon < 1) {
      if (line !== '') rest ??= start;
      continue;
    }
    name = line.slice(0, colon).trim().toLowerCase();
    parts.push(line.slice(colon + 1));
  }
  finish();
  return { values, hops, rest: rest === null ? '' : text.slice(rest, text.endsWith('\n') ? -1 : undefined) };
}
