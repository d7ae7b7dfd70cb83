/**
 * The bytes of a mail to its MIME parts (RFC 2045, RFC 2046): each part with the bytes that belong to it, parents before
 * their children. Nothing is copied: a content is a view of the mail.
 *
 * It reads what it can: a multipart without its end ends with the one around it or with the mail, an end before any
 * part ends nothing, and a header that a delimiter cuts off is a part without content. It is linear: of a body it looks
 * only at lines that begin like a delimiter. Above the limits (1,000 parts, 1 MiB of one header, 50 levels) the
 * iteration throws, after everything that stands in front.
 */
import { normalizeLineEndings } from './line-ends.js';
import { type Part, partOf } from './parts.js';

const MAX_PARTS = 1000;
/** Of one header, in bytes. */
const MAX_HEADER = 1024 * 1024;
/** Behind a boundary: dashes, white space (RFC 2046 5.1.1) as much as a line holds (RFC 5322 2.1.1), CRLF. */
const MAX_BEHIND = 2 + 998 + 2;

const LF = 10;
const CR = 13;
const DASH = 45;
const DASHES = Buffer.from('--');

export interface PartWithContent {
  readonly part: Part;
  /** Encoded. Of a multipart: what stands before its first part, usually words for old programs. */
  readonly content: Uint8Array;
}

export function* splitMail(source: Uint8Array): Generator<PartWithContent> {
  const bytes = normalizeLineEndings(Buffer.from(source.buffer, source.byteOffset, source.byteLength));
  const scan: Scan = { bytes, dashes: -1 };
  let next: Next | null = { parent: null, at: 0 };
  for (let count = 1; next !== null; count += 1) {
    if (count > MAX_PARTS) throw new Error(`The mail has more than ${MAX_PARTS} parts`);
    const { parent, at }: Next = next;
    const { end, cutBy } = headerAt(bytes, at, parent);
    if (cutBy === null) {
      const part = partOf(bytes.subarray(at, end), parent);
      const found = endOfContent(scan, end, part);
      const to = found === null ? bytes.length : part.isMultipart ? found.from : withoutLineEnd(bytes, end, found.from);
      yield { part, content: bytes.subarray(end, to) };
      next = nextPart(scan, found);
    } else {
      if (end > at) yield { part: partOf(bytes.subarray(at, end), parent), content: bytes.subarray(end, end) };
      next = nextPart(scan, cutBy);
    }
  }
}

interface Scan {
  readonly bytes: Buffer;
  /** The latest line that was found to begin with dashes; the number of bytes when none is left. */
  dashes: number;
}

/** Where a part begins, and what it is a part of. */
interface Next {
  readonly parent: Part | null;
  readonly at: number;
}

/** A line that delimits: [from, to). */
interface Delimiter {
  readonly from: number;
  readonly to: number;
  readonly owner: Part;
  /** `--boundary--` */
  readonly isEnd: boolean;
}

/** Where the header ends that begins at `from`; `cutBy` when a delimiter ends it, and no blank line or the mail's end. */
function headerAt(bytes: Buffer, from: number, parent: Part | null): { end: number; cutBy: Delimiter | null } {
  let at = from;
  while (at < bytes.length) {
    const to = lineAfter(bytes, at);
    const cutBy = beginsWithDashes(bytes, at) ? delimiterAt(bytes, { from: at, to }, parent) : null;
    if (cutBy !== null) return { end: at, cutBy };
    if (to - from > MAX_HEADER) throw new Error(`A header is longer than ${MAX_HEADER} bytes`);
    const isBlank = bytes[at] === LF || (bytes[at] === CR && bytes[at + 1] === LF);
    at = to;
    if (isBlank) break;
  }
  return { end: at, cutBy: null };
}

/** The delimiter that ends the content from `from` on; null when the mail's end does. */
function endOfContent(scan: Scan, from: number, part: Part): Delimiter | null {
  let found = findDelimiter(scan, from, part);
  // What calls itself the end before there was any part is none.
  while (found?.isEnd === true && found.owner === part) found = findDelimiter(scan, found.to, part);
  return found;
}

/** The part that begins behind this delimiter or, when that ends a multipart, behind the next one that ends none. */
function nextPart(scan: Scan, first: Delimiter | null): Next | null {
  let found = first;
  while (found?.isEnd === true) found = findDelimiter(scan, found.to, found.owner.parent);
  return found === null || found.to === scan.bytes.length ? null : { parent: found.owner, at: found.to };
}

/** The first line from `from` on, the beginning of one, that delimits `innermost` or a part around it. */
function findDelimiter(scan: Scan, from: number, innermost: Part | null): Delimiter | null {
  const { bytes } = scan;
  for (let at = from; at < bytes.length && innermost !== null; ) {
    if (scan.dashes < at) scan.dashes = lineOfDashes(bytes, at);
    if (scan.dashes === bytes.length) return null;
    const line = { from: scan.dashes, to: lineAfter(bytes, scan.dashes) };
    const found = delimiterAt(bytes, line, innermost);
    if (found !== null) return found;
    at = line.to;
  }
  return null;
}

/** The first line from `from` on that begins with dashes. Dashes are rarer than line ends, so they are looked for first. */
function lineOfDashes(bytes: Buffer, from: number): number {
  for (let at = bytes.indexOf(DASHES, from); at >= 0; at = bytes.indexOf(DASHES, at)) {
    const start = at > from && bytes[at - 1] === CR ? at - 1 : at;
    if (start === from || bytes[start - 1] === LF) return start;
    while (bytes[at] === DASH) at += 1;
  }
  return bytes.length;
}

function beginsWithDashes(bytes: Buffer, at: number): boolean {
  const start = bytes[at] === CR ? at + 1 : at;
  return bytes[start] === DASH && bytes[start + 1] === DASH;
}

/** The delimiter that this line of dashes is, of this part or of one around it; else null. */
function delimiterAt(bytes: Buffer, line: { from: number; to: number }, innermost: Part | null): Delimiter | null {
  const start = bytes[line.from] === CR ? line.from + 3 : line.from + 2;
  const text = bytes.toString('latin1', start, line.to);
  for (let owner = innermost; owner !== null; owner = owner.parent) {
    const { boundary } = owner;
    if (boundary === '' || !text.startsWith(boundary) || text.length - boundary.length > MAX_BEHIND) continue;
    const behind = /^(--)?[ \t]*\r*\n?$/.exec(text.slice(boundary.length));
    if (behind !== null) return { ...line, owner, isEnd: behind[1] !== undefined };
  }
  return null;
}

function lineAfter(bytes: Buffer, from: number): number {
  const end = bytes.indexOf(LF, from);
  return end < 0 ? bytes.length : end + 1;
}

/** RFC 2046 5.1.1: the line end in front of a delimiter belongs to it. */
function withoutLineEnd(bytes: Buffer, from: number, to: number): number {
  if (to <= from || bytes[to - 1] !== LF) return to;
  const end = to - 1;
  return end > from && bytes[end - 1] === CR ? end - 1 : end;
}
