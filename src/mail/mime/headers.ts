/**
 * A header block (RFC 5322 section 2.2) as fields, and what stands in single fields: encoded words (RFC 2047) and
 * values without comments. Raw 8-bit values are read as UTF-8, else in the charset of the block's Content-Type, else as
 * windows-1252.
 *
 * Lenient: lines that are no field are left out, an mbox line in front is skipped, names may have space before the
 * colon. Linear, nothing throws.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import type { HeaderField } from '../mail.js';
import { cleanText, decodeText } from './charset.js';

const MAX_FIELDS = 500;
const MAX_VALUE = 100_000;

const TAB = 9;
const CR = 13;
const SPACE = 32;
const COLON = 58;
const DELETE = 127;

export interface HeaderBlock {
  /** All fields in their order, at most the first 500. */
  readonly fields: readonly HeaderField[];
  /** Where the first line stands that is neither field nor continuation; -1 without one. */
  readonly stray: number;
  /** 7-bit, without NUL, every line a field or the rest of one, and all of them stand in `fields`. */
  readonly isOrderly: boolean;
}

/** Reads the bytes up to the first blank line. */
export function parseHeaderBlock(bytes: Uint8Array): HeaderBlock {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  return headerBlockIn(text, { from: 0, to: text.length, isSevenBit: isAscii(bytes) });
}

/** A header's place in a text of bytes (latin1); `isSevenBit`: none of its own bytes is above 127. */
export interface HeaderPlace {
  readonly from: number;
  readonly to: number;
  readonly isSevenBit: boolean;
}

/** The same for a header that stands in a longer text. */
export function headerBlockIn(text: string, { from, to, isSevenBit }: HeaderPlace): HeaderBlock {
  const fields: HeaderField[] = [];
  let stray = -1;
  const whole = text.slice(from, to);
  // Only raw 8-bit values ask for it.
  const charset = isSevenBit ? null : (/charset\s{0,9}=\s{0,9}"?([a-z0-9_.:-]{1,40})/i.exec(whole)?.[1] ?? null);
  const isPlain = isSevenBit && !whole.includes('\0');
  let name = '';
  /** The field's value, with the line ends of its folds in it. */
  let valueFrom = 0;
  let valueTo = 0;
  let isFolded = false;
  const finish = () => {
    if (name === '' || fields.length === MAX_FIELDS) return;
    const value =
      isPlain && valueTo - valueFrom <= MAX_VALUE
        ? plainValue(text, valueFrom, valueTo, isFolded)
        : fieldValue(text.slice(valueFrom, valueTo), charset);
    fields.push({ name, value });
  };
  for (let position = from; position < to; ) {
    const end = Math.min(lineEnd(text, position), to);
    const lineStop = text.charCodeAt(end - 1) === CR && end > position ? end - 1 : end;
    if (lineStop === position) break;
    const first = text.charCodeAt(position);
    if (first === SPACE || first === TAB) {
      isFolded = true;
    } else {
      finish();
      const colon = colonOf(text, position, lineStop);
      name = colon < 0 ? '' : nameAt(text, position, colon);
      valueFrom = colon + 1;
      isFolded = false;
      if (colon < 0 && stray < 0 && !(position === from && /^>?From /.test(whole))) stray = position - from;
    }
    valueTo = lineStop;
    position = end + 1;
  }
  finish();
  const isOrderly = isPlain && !/^[ \t]/.test(whole) && stray < 0 && fields.length < MAX_FIELDS;
  return { fields, stray, isOrderly };
}

/**
 * The colon behind a field's name, or -1. RFC 5322 2.2: a name is printable ASCII without the colon; 80 is far above any
 * real one. Up to 8 blanks may follow it.
 */
function colonOf(text: string, from: number, to: number): number {
  let at = from;
  for (; at < to; at += 1) {
    const code = text.charCodeAt(at);
    if (code <= SPACE || code >= DELETE || code === COLON) break;
  }
  if (at === from || at - from > 80) return -1;
  const most = Math.min(to, at + 8);
  while (at < most && (text.charCodeAt(at) === SPACE || text.charCodeAt(at) === TAB)) at += 1;
  return at < to && text.charCodeAt(at) === COLON ? at : -1;
}

/** Names as nearly all programs write them, by their length: these are found without a string of their own. */
const USUAL_NAMES: { readonly written: string; readonly name: string }[][] = [];
for (const written of (
  'Return-Path Received Delivered-To X-Original-To Envelope-To Authentication-Results DKIM-Signature Received-SPF ' +
  'ARC-Seal ARC-Message-Signature ARC-Authentication-Results X-Received X-Google-Smtp-Source From Sender Reply-To To ' +
  'Cc Bcc Subject Date Message-ID Message-Id In-Reply-To References MIME-Version Mime-Version Content-Type ' +
  'Content-Transfer-Encoding Content-Disposition Content-ID Content-Language User-Agent X-Mailer Thread-Topic ' +
  'Thread-Index Accept-Language X-Originating-IP Precedence List-Id List-Unsubscribe Auto-Submitted'
).split(' ')) {
  USUAL_NAMES[written.length] ??= [];
  USUAL_NAMES[written.length]!.push({ written, name: written.toLowerCase() });
}

/** The name that ends at `to`, in lower case. */
function nameAt(text: string, from: number, to: number): string {
  for (const { written, name } of USUAL_NAMES[to - from] ?? []) if (text.startsWith(written, from)) return name;
  return text.slice(from, to).trimEnd().toLowerCase();
}

/** The first field of that name (lower case), or ''. */
export function firstValue(fields: readonly HeaderField[], name: string): string {
  return fields.find(field => field.name === name)?.value ?? '';
}

/** All fields of that name (lower case), in their order. */
export function allValues(fields: readonly HeaderField[], name: string): string[] {
  return fields.filter(field => field.name === name).map(field => field.value);
}

/** The values of several names in one pass, each in its order; a name without a field is not in it. */
export function valuesByName(
  fields: readonly HeaderField[],
  names: ReadonlySet<string>,
): ReadonlyMap<string, readonly string[]> {
  const values = new Map<string, string[]>();
  for (const { name, value } of fields) {
    if (!names.has(name)) continue;
    const before = values.get(name);
    if (before === undefined) values.set(name, [value]);
    else before.push(value);
  }
  return values;
}

/**
 * The value with its encoded words decoded. Words of one charset that stand side by side are decoded together: many
 * programs cut a character between two of them. White space between words goes; a broken word stays as it is.
 */
export function decodeWords(value: string): string {
  if (!value.includes('=?')) return value;
  const out: string[] = [];
  let position = 0;
  let run: { charset: string; bytes: Buffer[] } | undefined;
  const flush = () => {
    if (run !== undefined) out.push(decodeText(Buffer.concat(run.bytes), run.charset));
    run = undefined;
  };
  for (const match of value.matchAll(/=\?([^?\s]{1,60})\?([bq])\?((?:[^?]|\?(?!=)){0,2000})\?=/gi)) {
    const between = value.slice(position, match.index);
    const charset = match[1]!.split('*')[0]!.toLowerCase();
    if (run === undefined || between.trim() !== '' || run.charset !== charset) {
      flush();
      if (between.trim() !== '' || position === 0) out.push(between);
      run = { charset, bytes: [] };
    }
    run.bytes.push(wordBytes(match[2]!, match[3]!));
    position = match.index + match[0].length;
  }
  flush();
  out.push(value.slice(position));
  return cleanText(out.join(''));
}

function wordBytes(encoding: string, text: string): Buffer {
  if (encoding === 'b' || encoding === 'B') return Buffer.from(text, 'base64');
  const plain = text.replaceAll('_', ' ');
  const bytes = Buffer.alloc(Buffer.byteLength(plain));
  let length = 0;
  for (let index = 0; index < plain.length; index += 1) {
    const hex = plain[index] === '=' ? /^[0-9a-f]{2}/i.exec(plain.slice(index + 1, index + 3)) : null;
    if (hex !== null) {
      bytes[length] = Number.parseInt(hex[0], 16);
      length += 1;
      index += 2;
    } else {
      length += bytes.write(plain.charAt(index), length, 'utf8');
    }
  }
  return bytes.subarray(0, length);
}

/** A value in ASCII without NUL. */
function plainValue(text: string, from: number, to: number, isFolded: boolean): string {
  const line = isFolded ? unfolded(text, from, to) : text.slice(text.charCodeAt(from) === SPACE ? from + 1 : from, to);
  return /[\r\t]| {2}/.test(line) ? collapsed(line) : line.trim();
}

/** The lines without the white space at their folds, one space between them. */
function unfolded(text: string, from: number, to: number): string {
  const lines: string[] = [];
  for (let at = from; at < to; ) {
    const end = Math.min(lineEnd(text, at), to);
    let start = at;
    while (start < end && isGap(text.charCodeAt(start))) start += 1;
    let stop = end;
    while (stop > start && isGap(text.charCodeAt(stop - 1))) stop -= 1;
    if (stop > start) lines.push(text.slice(start, stop));
    at = end + 1;
  }
  return lines.join(' ');
}

function isGap(code: number): boolean {
  return code === SPACE || code === TAB || code === CR;
}

function fieldValue(lines: string, charset: string | null): string {
  const raw = lines.replaceAll(/\r?\n/g, ' ').slice(0, MAX_VALUE);
  return collapsed(/[\x80-\xff]/.test(raw) ? eightBitText(Buffer.from(raw, 'latin1'), charset) : cleanText(raw));
}

/** White space as single spaces, and none around it. A single space inside is no match: there are many. */
function collapsed(text: string): string {
  return text.replaceAll(/[\r\n\t][\r\n\t ]*| [\r\n\t ]+/g, ' ').trim();
}

function eightBitText(bytes: Buffer, charset: string | null): string {
  return decodeText(bytes, isUtf8(bytes) ? 'utf-8' : charset);
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.length : end;
}
