/**
 * Facts of a mail's raw bytes that need no MIME parser: size, hash, hops, and the key that says whether two mails are
 * the same one (docs/contract.md section 2). They exist for a mail that no parser can read.
 *
 * The content key is SHA-256 over Message-ID, From, Date and Subject (the first field of each name, unfolded, white
 * space collapsed, '' when missing) and the body with LF line ends and without blank lines at its end. What a transport
 * adds or changes does not matter: Return-Path, Received and Delivered-To fields, an mbox `From ` line and its
 * `>From ` quoting, CRLF, LF or CR line ends.
 *
 * Bytes are pushed as they arrive; memory is bounded (256 KiB of header, 4 KB of body), cost is linear. Fields past
 * the first 256 KiB of a header are not seen. Nothing throws, except push or end after end.
 */
import { createHash, type Hash, hash } from 'node:crypto';
import type { RawFacts } from './mail.js';

const MAX_HEADER = 256 * 1024;
// Small enough to come from Node's buffer pool, which is what a mail of 2 KB notices most.
const BUFFER_SIZE = 4000;
const KEY_FIELDS: readonly string[] = ['message-id', 'from', 'date', 'subject'];

const TAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 32;
const GREATER = 62;
const MBOX_FROM = Buffer.from('From ');
/** 1 for the letters that none of the names we look for begins with. */
const OF_NO_INTEREST = new Uint8Array(256);
for (const letter of 'abceghijklnopqtuvwxyz') {
  OF_NO_INTEREST[letter.charCodeAt(0)] = 1;
  OF_NO_INTEREST[letter.toUpperCase().charCodeAt(0)] = 1;
}

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
    const facts = readHeader(header.text());
    hops = facts.hops;
    content.update(facts.key, 'latin1');
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

/** Room for a key and a body: mails come one after the other, and most are small. */
const ROOM = Buffer.allocUnsafeSlow(64 * 1024);

/**
 * The same for a mail whose line ends are CRLF or LF, in a fifth of the time; null for any other and for one that an mbox
 * quoted, which are read byte by byte.
 */
function orderlyFacts(bytes: Uint8Array): RawFacts | null {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  const { key, hops, bodyAt } = readHeader(text);
  if (hasQuotedFrom(text, bodyAt)) return null;
  const most = key.length + text.length;
  const room = most <= ROOM.length ? ROOM : Buffer.allocUnsafeSlow(most);
  room.write(key, 'latin1');
  room.set(bytes, key.length);
  // The body moves up to the key, and its lines together: half the cost of a string without the CRs.
  let from = bodyAt;
  let length = key.length;
  for (let cr = text.indexOf('\r'); cr >= 0; cr = text.indexOf('\r', cr + 1)) {
    if (text.charCodeAt(cr + 1) !== LF) return null;
    if (cr < bodyAt) continue;
    room.copyWithin(length, key.length + from, key.length + cr);
    length += cr - from;
    from = cr + 1;
  }
  room.copyWithin(length, key.length + from, most);
  length += text.length - from;
  while (length > key.length && room[length - 1] === LF) length -= 1;
  return {
    size: bytes.length,
    sha256: hash('sha256', bytes),
    contentKey: hash('sha256', room.subarray(0, length)),
    hops,
  };
}

/** True when a line of the body begins like one that an mbox quoted. */
function hasQuotedFrom(text: string, bodyAt: number): boolean {
  for (let at = text.indexOf('From ', bodyAt); at >= 0; at = text.indexOf('From ', at + 1)) {
    let start = at;
    while (start > bodyAt && text.charCodeAt(start - 1) === GREATER) start -= 1;
    if (start < at && (start === bodyAt || text.charCodeAt(start - 1) === LF)) return true;
  }
  return false;
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

interface HeaderFacts {
  /** What the content key begins with: the values of its fields, and what is no field; bytes as latin1. */
  readonly key: string;
  readonly hops: number;
  readonly bodyAt: number;
}

/** Reads a header in LF or CRLF line ends, up to its blank line. */
function readHeader(text: string): HeaderFacts {
  const values: (string | undefined)[] = KEY_FIELDS.map(() => undefined);
  let hops = 0;
  /** Where the first line stands that is no field; -1 when all are. */
  let stray = -1;
  /** The key's field that is being read, and where its value begins; -1 for any other. */
  let field = -1;
  let valueAt = 0;
  let colon = -1;
  let at = 0;
  let bodyAt = text.length;
  while (at < text.length) {
    const end = text.indexOf('\n', at);
    const next = end < 0 ? text.length : end + 1;
    const first = text.charCodeAt(at);
    if (end === at || (end === at + 1 && first === CR)) {
      bodyAt = next;
      break;
    }
    if (first !== SPACE && first !== TAB) {
      if (field >= 0) values[field] = fieldValue(text, valueAt, at);
      field = -1;
      // Looked for once, however many lines have none.
      if (colon < at) colon = text.indexOf(':', at);
      if (colon < 0) colon = text.length;
      // An mbox line, quoted or not, has its colons in the time: "From ann@example.com Mon Jan  1 12:00:00".
      if (!text.startsWith('From ', at) && !text.startsWith('>From ', at)) {
        if (colon === at || colon >= next) {
          if (stray < 0) stray = at;
        } else if (OF_NO_INTEREST[first] === 0) {
          const name = text.slice(at, colon).trim().toLowerCase();
          if (name === 'received') hops += 1;
          const place = KEY_FIELDS.indexOf(name);
          if (place >= 0 && values[place] === undefined) {
            field = place;
            valueAt = colon + 1;
          }
        }
      }
    }
    at = next;
  }
  if (field >= 0) values[field] = fieldValue(text, valueAt, at);
  const key = `${values.join('\n')}\n\n`;
  if (stray < 0) return { key, hops, bodyAt };
  const rest = text.slice(stray, at).replaceAll('\r\n', '\n');
  return { key: `${key}${rest.endsWith('\n') ? rest.slice(0, -1) : rest}\n\n`, hops, bodyAt };
}

function fieldValue(text: string, from: number, to: number): string {
  const value = text.slice(from, to).trim();
  return /\s\s|[^\S ]/.test(value) ? value.replaceAll(/\s+/g, ' ') : value;
}
