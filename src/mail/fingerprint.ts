/**
 * Facts of a mail's raw bytes that need no MIME parser: size, hash, hops, and the key that says whether two mails are
 * the same one (docs/contract.md section 2). They exist for a mail that no parser can read.
 *
 * The content key is SHA-256 over Message-ID, From, Date and Subject (the first field of each name, unfolded, white
 * space collapsed, '' when missing), the header's lines from the first one that is no field, and the body with LF line
 * ends and without blank lines at its end. What a transport adds or changes does not matter: Return-Path, Received and
 * Delivered-To fields, an mbox `From ` line and its `>From ` quoting, CRLF, LF or CR line ends.
 *
 * Bytes are pushed as they arrive. The cost is linear. Memory is bounded by the longest line and 256 KiB of header;
 * fields behind them are not seen. Nothing throws, except push or end after end.
 */
import { createHash } from 'node:crypto';
import type { RawFacts } from './mail.js';

const MAX_HEADER = 256 * 1024;
/** A mail in memory is read in pieces of this size, so that a large one is not copied as a whole. */
const PIECE = 64 * 1024;
const KEY_FIELDS: readonly string[] = ['message-id', 'from', 'date', 'subject'];
const LF = 10;
const CR = 13;

/** Where the bytes of a mail go. `end` gives the facts, once. */
export interface FactsReader {
  push(chunk: Uint8Array): void;
  end(): RawFacts;
}

export function rawFacts(): FactsReader {
  const whole = createHash('sha256');
  const content = createHash('sha256');
  let size = 0;
  let hops = 0;
  /** Null as soon as the body begins. */
  let header: string | null = '';
  /** The beginning of a line whose end has not come yet. */
  let open: Uint8Array[] = [];
  /** Line ends that count only if more of the body follows. */
  let held = 0;

  const endHeader = (text: string) => {
    const facts = readHeader(text);
    hops = facts.hops;
    content.update(facts.key, 'latin1');
    header = null;
  };
  const addBody = (text: string) => {
    const lines = text.includes('>From ') ? text.replaceAll(/^>+(?=From )/gm, '') : text;
    let end = lines.length;
    while (end > 0 && lines.charCodeAt(end - 1) === LF) end -= 1;
    if (end > 0) {
      content.update('\n'.repeat(held) + lines.slice(0, end), 'latin1');
      held = 0;
    }
    held += lines.length - end;
  };
  /** Whole lines; the last ones of a mail may lack their end. */
  const add = (lines: Buffer) => {
    const text = withLineFeeds(lines.toString('latin1'));
    if (header === null) return addBody(text);
    const blank = text.startsWith('\n') ? 0 : text.indexOf('\n\n') + 1;
    const isEnd = blank > 0 || text.startsWith('\n');
    const known = (header + (isEnd ? text.slice(0, blank) : text)).slice(0, MAX_HEADER);
    if (!isEnd) {
      header = known;
      return;
    }
    endHeader(known);
    addBody(text.slice(blank + 1));
  };

  return {
    push(chunk) {
      size += chunk.length;
      whole.update(chunk);
      const end = endOfLines(chunk);
      if (end > 0) {
        add(joined([...open, chunk.subarray(0, end)]));
        open = [];
      }
      if (end < chunk.length) open.push(chunk.subarray(end));
    },
    end() {
      if (open.length > 0) add(joined(open));
      if (header !== null) endHeader(header);
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

/** The facts of a mail in memory. */
export function factsOf(bytes: Uint8Array): RawFacts {
  const facts = rawFacts();
  for (let at = 0; at < bytes.length; at += PIECE) facts.push(bytes.subarray(at, at + PIECE));
  return facts.end();
}

function joined(pieces: readonly Uint8Array[]): Buffer {
  const first = pieces[0]!;
  return pieces.length === 1 ? Buffer.from(first.buffer, first.byteOffset, first.byteLength) : Buffer.concat(pieces);
}

/** Line ends of all forms as LF. Carriage returns in front of a CRLF belong to it. */
function withLineFeeds(text: string): string {
  const unix = text.replaceAll('\r\n', '\n');
  return unix.includes('\r') ? unix.replaceAll(/(?<!\r)\r+\n/g, '\n').replaceAll('\r', '\n') : unix;
}

/** Behind the last line end that cannot be half of one: an LF, else a CR with something else behind it. 0 without one. */
function endOfLines(bytes: Uint8Array): number {
  const end = bytes.lastIndexOf(LF) + 1;
  if (end > 0) return end;
  let at = bytes.length - 2;
  while (at >= 0 && (bytes[at] !== CR || bytes[at + 1] === CR)) at -= 1;
  return at + 1;
}

/** What the content key begins with, and the number of Received fields. `text` has LF line ends and no blank line. */
function readHeader(text: string): { readonly key: string; readonly hops: number } {
  const values = new Map<string, string>();
  let hops = 0;
  let field = '';
  let at = 0;
  /** Where the first line stands that is no field; -1 when all are. */
  let malformedAt = -1;
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':');
    if (/^[ \t]/.test(line)) {
      if (field !== '') values.set(field, `${values.get(field)}\n${line}`);
    } else if (line === '' || /^>?From /.test(line)) {
      // An mbox line has colons in its time: "From ann@example.com Mon Jan  1 12:00:00".
      field = '';
    } else if (colon < 1) {
      field = '';
      if (malformedAt < 0) malformedAt = at;
    } else {
      const name = line.slice(0, colon).trim().toLowerCase();
      if (name === 'received') hops += 1;
      field = KEY_FIELDS.includes(name) && !values.has(name) ? name : '';
      if (field !== '') values.set(field, line.slice(colon + 1));
    }
    at += line.length + 1;
  }
  const known = KEY_FIELDS.map(name => values.get(name)?.trim().replaceAll(/\s+/g, ' '));
  const key = `${known.join('\n')}\n\n`;
  return { key: malformedAt < 0 ? key : `${key}${text.slice(malformedAt).replace(/\n$/, '')}\n\n`, hops };
}
