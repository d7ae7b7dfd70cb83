/**
 * A mail in memory to its MIME entities (RFC 2045, RFC 2046): each header, read once, and the bytes that belong to it.
 *
 * Gives what the stream of the MIME parser (`split-stream.ts`) gives for the same bytes, limits and oddities included; a
 * test holds that. The parser is made for streams: its buffers and events, a small buffer for each line, and a header
 * that it reads before we read it again cost more than everything here. A header that is not in plain order is still
 * shown to the parser's own reader.
 *
 * Linear: of a body only lines that begin like a delimiter are looked at. Above the limits (1,000 parts, 1 MiB of
 * header) iteration throws, after everything that stands in front.
 */
import { isAscii } from 'node:buffer';
import { MimeNode } from '@zone-eu/mailsplit';
import { type HeaderBlock, headerBlockIn } from './headers.js';
import { soundLineEnds } from './line-ends.js';
import { type Structured, structured } from './structured.js';

export const MAX_PARTS = 1000;
/** Of one header, in bytes; a line counts for at least LINE_COST of them. */
export const MAX_HEADER = 1024 * 1024;
const LINE_COST = 64;
/** `--` before and after, white space (RFC 2046 5.1.1) as much as a line holds (RFC 5322 2.1.1), CRLF. */
const AROUND_BOUNDARY = 2 + 2 + 998 + 2;

const TAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 32;
const DASH = 45;

export interface Entity {
  readonly parent: Entity | null;
  readonly header: HeaderBlock;
  /** The header as it came, with its blank line. */
  readonly headerBytes: Uint8Array;
  readonly contentType: Structured;
  /** In lower case; `text/plain` where nothing is said, '' where it is empty. */
  readonly mediaType: string;
  readonly hasMediaType: boolean;
  /** '' without one. */
  readonly boundary: string;
}

export interface EntityWithContent {
  readonly entity: Entity;
  /** Encoded. Of a multipart: what stands before its first part. */
  readonly content: Uint8Array;
}

/** The entities in the order of the mail, parents before their children. */
export function* splitAtOnce(source: Uint8Array): Generator<EntityWithContent> {
  const given = Buffer.from(source.buffer, source.byteOffset, source.byteLength);
  const asGiven = given.toString('latin1');
  const text = soundLineEnds(asGiven);
  const bytes = text === asGiven ? given : Buffer.from(text, 'latin1');
  const scan: Scan = { bytes, text, isSevenBit: isAscii(bytes), suspect: -1 };
  let next: Next | null = { parent: null, at: 0 };
  for (let count = 1; next !== null; count += 1) {
    if (count > MAX_PARTS) throw new Error('Max allowed child nodes exceeded');
    const { parent, at }: Next = next;
    const { end, found } = headAt(scan.text, at, parent);
    if (found === null) {
      const entity = entityAt(scan, { from: at, to: end, parent });
      const body = bodyOf(scan, entity, end);
      yield { entity, content: bytes.subarray(end, body.end) };
      next = body.next;
    } else {
      // A delimiter in the middle of a header: only the end of a multipart leaves its last part standing.
      if (found.isEnd && end > at) {
        yield { entity: entityAt(scan, { from: at, to: end, parent }), content: bytes.subarray(end, end) };
      }
      next = nextAfter(scan, found, null);
    }
  }
}

interface Scan {
  readonly bytes: Buffer;
  /** The bytes, one a character. */
  readonly text: string;
  readonly isSevenBit: boolean;
  /** The latest line that was found to begin with dashes; the text's length when none is left. */
  suspect: number;
}

/** Where an entity begins, and what it is a part of. */
interface Next {
  readonly parent: Entity | null;
  readonly at: number;
}

/** A line that delimits: [from, to). */
interface Delimiter {
  readonly from: number;
  readonly to: number;
  readonly owner: Entity;
  /** `--boundary--` */
  readonly isEnd: boolean;
}

/** The header from `from` on; `found` when a delimiter ends it, and no blank line or the end of the mail. */
function headAt(text: string, from: number, parent: Entity | null): { end: number; found: Delimiter | null } {
  let cost = 0;
  let at = from;
  while (at < text.length) {
    const to = lineAfter(text, at);
    const first = text.charCodeAt(at);
    const found = parent !== null && (first === DASH || first === CR) ? delimiterAt(text, at, to, parent) : null;
    if (found !== null) return { end: at, found };
    const isBlank = first === LF || (first === CR && to === at + 2 && text.charCodeAt(at + 1) === LF);
    cost += isBlank ? to - at : Math.max(to - at, LINE_COST);
    if (cost > MAX_HEADER) throw new Error('Max header size for a MIME node exceeded');
    at = to;
    if (isBlank) break;
  }
  return { end: at, found: null };
}

/** The entity whose header stands at [from, to). */
function entityAt(scan: Scan, { from, to, parent }: { from: number; to: number; parent: Entity | null }): Entity {
  const headerBytes = scan.bytes.subarray(from, to);
  const isSevenBit = scan.isSevenBit || isAscii(headerBytes);
  const header = headerBlockIn(scan.text, { from, to, isSevenBit });
  const contentType = structured(header.fields, 'content-type');
  const { mediaType, hasMediaType, boundary } = plainStructure(header, contentType) ?? parsedStructure(headerBytes);
  return { parent, header, headerBytes, contentType, mediaType, hasMediaType, boundary };
}

type Structure = Pick<Entity, 'mediaType' | 'hasMediaType' | 'boundary'>;

/** The structure where there are no two ways to read it; else null. */
function plainStructure(header: HeaderBlock, { value, params }: Structured): Structure | null {
  if (!header.isOrderly) return null;
  const boundary = params.boundary ?? '';
  // White space inside is kept by the parser and collapsed by us.
  if (!/^[!-~]*$/.test(value) || !/^[!-~]*$/.test(boundary)) return null;
  if (value !== '') return { mediaType: value.toLowerCase(), hasMediaType: true, boundary };
  // A file's name stands in for a type that is missing.
  const isSaid = header.fields.some(({ name }) => name === 'content-type' || name === 'content-disposition');
  return isSaid ? null : { mediaType: 'text/plain', hasMediaType: false, boundary: '' };
}

function parsedStructure(headerBytes: Uint8Array): Structure {
  const node = new MimeNode(false);
  node.addHeaderChunk(Buffer.from(headerBytes.buffer, headerBytes.byteOffset, headerBytes.byteLength));
  node.parseHeaders();
  return {
    mediaType: node.contentType === false ? '' : node.contentType,
    hasMediaType: node.headers !== false && node.headers.hasHeader('content-type'),
    boundary: node._boundary === false ? '' : node._boundary.toString('latin1'),
  };
}

/** Where the content ends that begins at `from`, and what stands behind it. */
function bodyOf(scan: Scan, entity: Entity, from: number): { end: number; next: Next | null } {
  if (isMultipart(entity)) return preambleOf(scan, entity, from);
  const { text } = scan;
  const found = findDelimiter(scan, from, entity, false);
  if (found === null) return { end: text.length, next: null };
  const next = nextAfter(scan, found, entity);
  if (entity.parent === null) return { end: found.from, next };
  const isLast = !isWhole(scan, found);
  // The parser looks at a last line with the line end before it, and there a CR more hides the dashes.
  if (isLast && found.from > from && text.charCodeAt(found.from) === CR) return { end: text.length, next: null };
  // RFC 2046 5.1.1: the line end in front of a delimiter belongs to it; a body of nothing else keeps it.
  const end = withoutLineEnd(text, from, found.from);
  return { end: end === from && !found.isEnd && !isLast ? found.from : end, next };
}

/** The same for a multipart. One without parts goes on over the end of what it stands in: words may be lost there. */
function preambleOf(scan: Scan, entity: Entity, from: number): { end: number; next: Next | null } {
  const { text } = scan;
  let current = entity;
  let found = findDelimiter(scan, from, entity, false);
  while (found !== null) {
    const isOwn = found.owner === entity;
    if (!found.isEnd || (!isOwn && found.from === from)) {
      return { end: found.from, next: nextAfter(scan, found, current) };
    }
    if (!isWhole(scan, found)) return { end: isOwn ? found.to : found.from, next: null };
    const next = findDelimiter(scan, found.to, found.owner, !isOwn);
    if (!isMultipart(found.owner) && next?.from !== found.to) {
      return { end: found.to, next: next && nextAfter(scan, next, found.owner) };
    }
    current = found.owner;
    found = next;
  }
  return { end: current === entity ? text.length : text.lastIndexOf('\n') + 1, next: null };
}

/** The entity that begins behind this delimiter or, when that ends a multipart, behind the next one that ends none. */
function nextAfter(scan: Scan, first: Delimiter, entity: Entity | null): Next | null {
  let found: Delimiter | null = first;
  let isEpilogue = false;
  while (found?.isEnd === true) {
    // What calls itself the end before there was any part is none.
    isEpilogue ||= found.owner !== entity;
    found = findDelimiter(scan, found.to, found.owner, isEpilogue);
  }
  return found === null || !isWhole(scan, found) ? null : { parent: found.owner, at: found.to };
}

function isMultipart({ mediaType }: Entity): boolean {
  return mediaType.startsWith('multipart/') && mediaType.length > 'multipart/'.length;
}

/** False for a last line without a line end. */
function isWhole({ text }: Scan, line: Delimiter): boolean {
  return text.charCodeAt(line.to - 1) === LF;
}

/** The first line from `from` on, the beginning of one, that delimits; `isEpilogue`: the entity's own parts are over. */
function findDelimiter(scan: Scan, from: number, entity: Entity, isEpilogue: boolean): Delimiter | null {
  let at = from;
  while (at < scan.text.length) {
    const line = suspectLine(scan, at);
    if (line < 0) return null;
    const to = lineAfter(scan.text, line);
    const found = delimiterAt(scan.text, line, to, isEpilogue ? entity.parent : entity);
    if (found !== null) return found;
    at = to;
  }
  return null;
}

/** The first line from `at` on, the beginning of one, that begins with dashes or a bare CR and dashes; -1 without one. */
function suspectLine(scan: Scan, at: number): number {
  const { text } = scan;
  if (scan.suspect < at) scan.suspect = lineOfDashes(text, at);
  return scan.suspect === text.length ? -1 : scan.suspect;
}

/** Dashes are fewer than line ends, so they are looked for first. */
function lineOfDashes(text: string, from: number): number {
  for (let at = text.indexOf('--', from); at >= 0; at = text.indexOf('--', at)) {
    const start = at > from && text.charCodeAt(at - 1) === CR ? at - 1 : at;
    if (start === from || text.charCodeAt(start - 1) === LF) return start;
    while (text.charCodeAt(at) === DASH) at += 1;
  }
  return text.length;
}

/** The delimiter that the line [from, to) is, of this entity or of one around it; else null. */
function delimiterAt(text: string, from: number, to: number, innermost: Entity | null): Delimiter | null {
  const dashes = text.charCodeAt(from) === CR ? from + 1 : from;
  if (!text.startsWith('--', dashes)) return null;
  for (let owner = innermost; owner !== null; owner = owner.parent) {
    const { boundary } = owner;
    if (boundary === '' || !text.startsWith(boundary, dashes + 2)) continue;
    const length = to - dashes - boundary.length;
    const isEnd = length <= AROUND_BOUNDARY ? endsMultipart(text, dashes + 2 + boundary.length, to) : null;
    if (isEnd !== null) return { from, to, owner, isEnd };
  }
  return null;
}

/** What stands behind a boundary: true for the end's dashes, false for a line end alone, null for anything else. */
function endsMultipart(text: string, from: number, to: number): boolean | null {
  let at = from;
  const isEnd = text.startsWith('--', at);
  if (isEnd) at += 2;
  while (at < to && (text.charCodeAt(at) === SPACE || text.charCodeAt(at) === TAB)) at += 1;
  // Only the end of all may end the mail without a line end.
  if (at === to) return isEnd ? true : null;
  while (at < to && text.charCodeAt(at) === CR) at += 1;
  if (at < to && text.charCodeAt(at) === LF) at += 1;
  return at === to ? isEnd : null;
}

function lineAfter(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.length : end + 1;
}

function withoutLineEnd(text: string, from: number, to: number): number {
  if (to <= from || text.charCodeAt(to - 1) !== LF) return to;
  const end = to - 1;
  return end > from && text.charCodeAt(end - 1) === CR ? end - 1 : end;
}
