/**
 * A JSON body → its value. The base64 of attachments is decoded and taken out: `content` becomes a place in `parts`.
 * Synchronous and linear in the size. Small bodies are parsed in place, large ones in a thread of their own
 * (body-worker.ts).
 *
 * Long base64 is taken out of the JSON before it is parsed, and decoded piece by piece: beside the body and its decoded
 * attachments there is never a third copy. What is left has at most MAX_JSON bytes and MAX_DEPTH levels: a value of
 * millions of parts is never made. Long base64 that is no attachment counts as JSON.
 *
 * Throws too_large (or nested too deep), invalid_json or invalid (no base64), and says where.
 */
import { hash } from 'node:crypto';
import type { BodyContent } from '../base/body.js';
import { errorText, ReplydError } from '../base/errors.js';

export interface RequestBody {
  readonly value: unknown;
  /** SHA-256 of the bytes, hex. */
  readonly sha256: string;
  /** Contents of attachments, in the order of the body. */
  readonly parts: readonly { readonly content: BodyContent; readonly size: number; readonly sha256: string }[];
  /** The value is as its schema says. */
  readonly checked?: boolean;
}

/** Bytes of JSON beside attachments: the longest text fits in every spelling (`MAX_TEXT` times six). */
export const MAX_JSON = 2 * 1024 * 1024;
/** The largest metadata can't hold as many. */
const MAX_DEPTH = 4096;
/** A text of base64 that is as long may be an attachment. */
const ATTACHMENT = 1024;
/** Of base64, at a time. */
const PIECE = 64 * 1024;
/** Characters of the longest escape. */
const ESCAPE = 6;

/** `keep`: puts a decoded attachment where it is to stay. `check`: throws when the value is not as it should be. */
export function parseBody(
  bytes: Uint8Array,
  keep: (bytes: Uint8Array) => BodyContent,
  check: (value: unknown) => void = () => undefined,
): RequestBody {
  const sha256 = hash('sha256', bytes);
  const json = bytes.length === 0 ? EMPTY : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const { value, contents } = parseWithout(json, sha256);
  const decoded = contents.map((content, index) => decode(content, index));
  check(value);
  const parts = decoded.map(each => ({ content: keep(each), size: each.length, sha256: hash('sha256', each) }));
  return { value, sha256, parts };
}

const EMPTY = Buffer.from('{}');
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BRACKET = 0x5b;
const BRACKET_END = 0x5d;
const BRACE = 0x7b;
const BRACE_END = 0x7d;
/** As JSON may write it. */
const BASE64 = /^[\w+/=\\-]*$/;

/** What stands between two quotes: offsets in the body. */
interface Span {
  readonly from: number;
  readonly to: number;
}

/** Base64, without the escapes of JSON. */
interface Written {
  readonly pieces: Iterable<string>;
  /** Characters of it, or more. */
  readonly length: number;
}

/** Texts that may be attachments, in their order. Goes no further than it has to. */
function longTexts(json: Buffer): readonly Span[] {
  const found: Span[] = [];
  let depth = 0;
  let long = 0;
  for (let at = 0; at < json.length; at++) {
    refuseMuch(at - long);
    const byte = json[at];
    if (byte === BRACKET || byte === BRACE) depth += 1;
    else if (byte === BRACKET_END || byte === BRACE_END) depth -= 1;
    if (depth > MAX_DEPTH) throw new ReplydError('too_large', `The body is nested deeper than ${MAX_DEPTH} levels.`);
    if (byte !== QUOTE) continue;
    const from = at + 1;
    const to = endOfText(json, from);
    if (to === -1) break;
    at = to;
    if (to - from <= ATTACHMENT || !isBase64(json, { from, to })) continue;
    found.push({ from, to });
    long += to - from;
  }
  return found;
}

function refuseMuch(size: number): void {
  if (size <= MAX_JSON) return;
  throw new ReplydError('too_large', `The body has more than ${MAX_JSON} bytes of JSON beside its attachments.`);
}

/** Where the quote is that ends the text; -1: nowhere. */
function endOfText(json: Buffer, from: number): number {
  let at = json.indexOf(QUOTE, from);
  while (at !== -1 && isEscaped(json, at, from)) at = json.indexOf(QUOTE, at + 1);
  return at;
}

/** `from`: a place in the same text where no escape is cut. */
function isEscaped(json: Buffer, at: number, from: number): boolean {
  let first = at;
  while (first > from && json[first - 1] === BACKSLASH) first -= 1;
  return (at - first) % 2 === 1;
}

function isBase64(json: Buffer, { from, to }: Span): boolean {
  for (let at = from; at < to; at += PIECE) {
    if (!BASE64.test(json.toString('latin1', at, Math.min(at + PIECE, to)))) return false;
  }
  return true;
}

/**
 * The value, in which `content` of an attachment is its place in `contents`.
 * `mark` must not stand in it: no body holds its own hash.
 */
function parseWithout(json: Buffer, mark: string): { value: unknown; contents: Written[] } {
  for (let long = longTexts(json); ; ) {
    const value = parseJson(withMarks(json, long, mark));
    const contents: Written[] = [];
    const used: Span[] = [];
    for (const message of [value, ...listAt(value, 'messages')]) {
      for (const attachment of listAt(message, 'attachments')) {
        if (!isObject(attachment) || typeof attachment.content !== 'string') continue;
        const { content } = attachment;
        const span = content.startsWith(mark) ? long[Number(content.slice(mark.length))]! : null;
        if (span !== null) used.push(span);
        contents.push(
          span === null
            ? { pieces: [content], length: content.length }
            : { pieces: piecesOf(json, span), length: span.to - span.from },
        );
        attachment.content = String(contents.length - 1);
      }
    }
    if (used.length === long.length) return { value, contents };
    // The others are no attachments, and belong into the value.
    long = used.sort((one, other) => one.from - other.from);
  }
}

/** The body, with a mark and its number in the place of each long text. */
function withMarks(json: Buffer, long: readonly Span[], mark: string): Buffer {
  refuseMuch(json.length - long.reduce((sum, { from, to }) => sum + to - from, 0));
  const parts: Buffer[] = [];
  let at = 0;
  for (const [index, { from, to }] of long.entries()) {
    parts.push(json.subarray(at, from), Buffer.from(`${mark}${index}`));
    at = to;
  }
  return Buffer.concat([...parts, json.subarray(at)]);
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw noJson(error);
  }
}

function noJson(error: unknown): ReplydError {
  return new ReplydError('invalid_json', `The body is no JSON: ${errorText(error).slice(0, 200)}`, {
    details: { reason: 'no_json' },
  });
}

function* piecesOf(json: Buffer, { from, to }: Span): Generator<string> {
  for (let at = from; at < to; ) {
    let end = Math.min(to, at + PIECE);
    // An escape has at most six characters; one that may be cut waits for the next piece.
    const slash = end - ESCAPE + json.subarray(end - ESCAPE, end).lastIndexOf(BACKSLASH);
    if (end < to && slash >= end - ESCAPE && !isEscaped(json, slash, at)) end = slash;
    const text = json.toString('latin1', at, end);
    yield text.includes('\\') ? withoutEscapes(text) : text;
    at = end;
  }
}

function withoutEscapes(text: string): string {
  try {
    return JSON.parse(`"${text}"`) as string;
  } catch (error) {
    throw noJson(error);
  }
}

function decode({ pieces, length }: Written, index: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(Math.ceil(length / 4) * 3);
  let size = 0;
  let digits = 0;
  let rest = '';
  let isWhole = true;
  let isPadded = false;
  for (const piece of pieces) {
    const [, more = '', padding = ''] = /^([^=]*)(.*)$/s.exec(piece.replaceAll(/[\r\n]/g, ''))!;
    isWhole &&= !(isPadded && more !== '') && !/[^=]/.test(padding);
    isPadded ||= padding !== '';
    digits += more.length;
    rest += more;
    const full = rest.length - (rest.length % 4);
    size += bytes.write(rest.slice(0, full), size, 'base64');
    rest = rest.slice(full);
  }
  size += bytes.write(rest, size, 'base64');
  // The decoder skips what it does not know: then there are fewer bytes than there should be.
  if (!isWhole || size !== Math.floor((digits * 3) / 4) || digits % 4 === 1) {
    throw new ReplydError('invalid', `The content of attachment ${index + 1} is no base64 (RFC 4648).`);
  }
  return bytes.subarray(0, size);
}

function listAt(value: unknown, name: string): readonly unknown[] {
  const list = isObject(value) ? value[name] : undefined;
  return Array.isArray(list) ? list : [];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
