/**
 * A header block (RFC 5322 section 2.2) as fields, and encoded words in their values (RFC 2047). Raw 8-bit values are
 * read as UTF-8, else in the charset of the block's Content-Type, else as windows-1252.
 *
 * It is lenient: a line that is no field is left out, an mbox line in front is skipped, a name may have space before
 * its colon. It is linear and never throws.
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
  readonly malformedAt: number;
}

/** Reads the bytes up to the first blank line. */
export function parseHeaderBlock(bytes: Uint8Array): HeaderBlock {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  // Only raw 8-bit values ask for it.
  const charset = isAscii(bytes) ? null : (/charset\s{0,9}=\s{0,9}"?([a-z0-9_.:-]{1,40})/i.exec(text)?.[1] ?? null);
  const fields: HeaderField[] = [];
  let malformedAt = -1;
  let name = '';
  let valueFrom = 0;
  let valueTo = 0;
  const finish = () => {
    if (name === '' || fields.length === MAX_FIELDS) return;
    fields.push({ name, value: fieldValue(text.slice(valueFrom, valueTo), charset) });
  };
  for (let position = 0; position < text.length; ) {
    const end = lineEnd(text, position);
    const lineStop = text.charCodeAt(end - 1) === CR && end > position ? end - 1 : end;
    if (lineStop === position) break;
    const first = text.charCodeAt(position);
    if (first !== SPACE && first !== TAB) {
      finish();
      const colon = colonOf(text, position, lineStop);
      name = colon < 0 ? '' : text.slice(position, colon).trimEnd().toLowerCase();
      valueFrom = colon + 1;
      if (colon < 0 && malformedAt < 0 && !(position === 0 && /^>?From /.test(text))) malformedAt = position;
    }
    valueTo = lineStop;
    position = end + 1;
  }
  finish();
  return { fields, malformedAt };
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

/** One encoded word: [from, to) of the value. */
export interface EncodedWord {
  readonly from: number;
  readonly to: number;
  readonly charset: string;
  /** `b` or `q`, in any case. */
  readonly encoding: string;
  readonly text: string;
}

const MAX_WORD = 2_000;

/** The encoded words of a value in their order. Their ends are looked for once: many words may begin, and none end. */
export function* encodedWords(value: string): Generator<EncodedWord> {
  const begin = /=\?([^?\s]{1,60})\?([bq])\?/gi;
  let end = 0;
  for (let found = begin.exec(value); found !== null; found = begin.exec(value)) {
    const text = begin.lastIndex;
    if (end < text) end = value.indexOf('?=', text);
    if (end < 0) return;
    if (end - text > MAX_WORD) {
      begin.lastIndex = found.index + 2;
      continue;
    }
    yield { from: found.index, to: end + 2, charset: found[1]!, encoding: found[2]!, text: value.slice(text, end) };
    begin.lastIndex = end + 2;
  }
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
  for (const word of encodedWords(value)) {
    const between = value.slice(position, word.from);
    const charset = word.charset.split('*')[0]!.toLowerCase();
    if (run === undefined || between.trim() !== '' || run.charset !== charset) {
      flush();
      if (between.trim() !== '' || position === 0) out.push(between);
      run = { charset, bytes: [] };
    }
    run.bytes.push(wordBytes(word.encoding, word.text));
    position = word.to;
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

function fieldValue(lines: string, charset: string | null): string {
  const raw = lines.slice(0, MAX_VALUE);
  // Old Japanese and Korean programs write ISO-2022 without encoded words.
  const isPlain = !/[\x80-\xff]|\x1b\$/.test(raw);
  return collapsed(isPlain ? cleanText(raw) : eightBitText(Buffer.from(raw, 'latin1'), charset));
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
