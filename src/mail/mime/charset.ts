/**
 * Bytes to text, whatever the mail says about its charset and however wrong that is. The result never holds NUL, a lone
 * surrogate or a byte order mark in front.
 *
 * A declared charset is used unless the bytes contradict it. Valid UTF-8 with non-ASCII characters is UTF-8; under a
 * multi-byte name it takes four of them, where one or two may be chance. `charset-names.ts` says what a name means. Without
 * a usable declaration it tries a byte order mark, ISO-2022 escapes, and then each line as UTF-8 or windows-1252, which
 * reads any byte. Bytes that do not fit become U+FFFD. It is linear, and nothing throws.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import iconv from 'iconv-lite';
import { decode } from 'libmime/lib/charset.js';
import { charsetNamed } from './charset-names.js';
import { decodeSevenBit } from './seven-bit.js';

const LAST_RESORT = 'windows-1252';
const LF = 10;

/** The text of the bytes. `declared` is the charset parameter as it stands in the mail, or null. */
export function decodeText(bytes: Uint8Array, declared: string | null): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return cleanText(decodeBytes(buffer, declared));
}

/** Text that may be stored: no NUL, no lone surrogate (U+FFFD instead), no byte order mark in front. */
export function cleanText(text: string): string {
  return (text.startsWith('\ufeff') ? text.slice(1) : text).toWellFormed().replaceAll('\0', '');
}

function decodeBytes(bytes: Buffer, declared: string | null): string {
  const { charset, isKnown } = charsetOf(declared ?? '');
  if (charset === '') return decodeUndeclared(bytes);
  const wide = /^utf-(?:16|32)(?:[bl]e)?/.exec(charset);
  if (wide !== null) return decodeWide(bytes, wide[0]);
  // HTML is sanitised after decoding, so UTF-7 cannot smuggle markup past anybody here.
  if (charset === 'utf-7') return iconv.decode(bytes, charset);
  if (charset === 'iso-2022-jp' || charset === 'euc-jp') return orUtf8(bytes, decode(bytes, charset));
  if (charset === 'iso-2022-kr' || charset === 'iso-2022-cn' || charset === 'hz') {
    return isAscii(bytes) ? decodeSevenBit(bytes, charset) : decodeEightBit(bytes, EIGHT_BIT[charset]);
  }
  return isKnown ? decodeEightBit(bytes, charset) : decodeUndeclared(bytes);
}

/** Characters of a name that is remembered, and how many of them are. */
const MAX_NAME = 60;
const MAX_NAMES = 1_000;
const names = new Map<string, Charset>();

interface Charset {
  readonly charset: string;
  /** iconv-lite reads it. */
  readonly isKnown: boolean;
}

/**
 * Remembered: the rules for names are many, iconv-lite throws and catches an error for each that it does not know, and a
 * header may have 60,000.
 */
function charsetOf(declared: string): Charset {
  const known = names.get(declared);
  if (known !== undefined) return known;
  const charset = charsetNamed(declared);
  const found = { charset, isKnown: charset !== '' && iconv.encodingExists(charset) };
  if (declared.length > MAX_NAME) return found;
  if (names.size === MAX_NAMES) names.clear();
  names.set(declared, found);
  return found;
}

/** What mails are that call themselves one of seven bits, and are not. */
const EIGHT_BIT = { 'iso-2022-kr': 'cp949', 'iso-2022-cn': 'gb18030', hz: 'gb18030' } as const;

function decodeEightBit(bytes: Buffer, charset: string): string {
  if (isUtf8(bytes) && sequences(bytes, 0, bytes.length).good >= (isOneByte(charset) ? 1 : 4)) {
    return bytes.toString('utf8');
  }
  // A name that gateways put on everything.
  if (charset === LAST_RESORT && sequences(bytes, 0, bytes.length).good > 2) return decodeMixed(bytes);
  return orUtf8(bytes, iconv.decode(bytes, charset));
}

function decodeUndeclared(bytes: Buffer): string {
  if (bytes.length >= 2 && bytes[0]! + bytes[1]! === 0xfe + 0xff && Math.abs(bytes[0]! - bytes[1]!) === 1) {
    return decodeWide(bytes, 'utf-16');
  }
  if (isAscii(bytes)) {
    const text = bytes.toString('latin1');
    if (text.includes('\x1b$)C')) return decodeSevenBit(bytes, 'iso-2022-kr');
    return text.includes('\x1b$') ? decode(bytes, 'iso-2022-jp') : text;
  }
  return isUtf8(bytes) ? bytes.toString('utf8') : decodeMixed(bytes);
}

/**
 * Bytes that are no clean UTF-8, line by line: gateways hang lines of another charset below a mail, and old programs
 * know no other. A line that is UTF-8 is read so, one that has nothing of it as windows-1252. In a line that has both
 * the bytes between its UTF-8 are windows-1252, unless there are more of them than of its UTF-8.
 */
function decodeMixed(bytes: Buffer): string {
  const out: string[] = [];
  for (let from = 0; from < bytes.length; ) {
    const end = bytes.indexOf(LF, from);
    const to = end < 0 ? bytes.length : end + 1;
    const { good, broken } = sequences(bytes, from, to);
    if (broken === 0) out.push(bytes.toString('utf8', from, to));
    else if (good < broken) out.push(iconv.decode(bytes.subarray(from, to), LAST_RESORT));
    else pushMixedLine(out, bytes, { from, to });
    from = to;
  }
  return out.join('');
}

/** The characters of windows-1252. */
const ONE_BYTE = [...iconv.decode(Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)), LAST_RESORT)];

function pushMixedLine(out: string[], bytes: Buffer, { from, to }: { from: number; to: number }): void {
  let good = from;
  for (let at = from; at < to; ) {
    const length = sequenceAt(bytes, at, to);
    if (length > 0) {
      at += length;
      continue;
    }
    if (good < at) out.push(bytes.toString('utf8', good, at));
    const cut = cutSequenceAt(bytes, at, to);
    out.push(cut > 0 ? '\ufffd' : ONE_BYTE[bytes[at]!]!);
    at += Math.max(cut, 1);
    good = at;
  }
  if (good < to) out.push(bytes.toString('utf8', good, to));
}

/** UTF-16 and UTF-32, but only when the bytes really are: many a mail says so and is ASCII. */
function decodeWide(bytes: Buffer, charset: string): string {
  const marked = bytes.length >= 2 && bytes[0]! >= 0xfe && bytes[1]! >= 0xfe;
  return !marked && !bytes.includes(0) && isUtf8(bytes) ? bytes.toString('utf8') : iconv.decode(bytes, charset);
}

/** The text, unless it could not be decoded and the bytes are clean UTF-8. */
function orUtf8(bytes: Buffer, text: string): string {
  return text.includes('\ufffd') && isUtf8(bytes) ? bytes.toString('utf8') : text;
}

function isOneByte(charset: string): boolean {
  return /^(?:iso-?8859|windows-?125|windows-?874|koi8|mac|cp(?:125|437|85|86))/i.test(charset);
}

/** Counts well-formed multi-byte sequences of UTF-8 and bytes above ASCII that belong to none. */
function sequences(bytes: Buffer, from: number, to: number): { good: number; broken: number } {
  let good = 0;
  let broken = 0;
  for (let at = from; at < to; ) {
    const length = sequenceAt(bytes, at, to);
    if (length > 1) good += 1;
    else if (length === 0) broken += 1;
    at += Math.max(length, 1, length === 0 ? cutSequenceAt(bytes, at, to) : 0);
  }
  return { good, broken };
}

/** The length of the character of UTF-8 that stands there; 0 when none does. */
function sequenceAt(bytes: Buffer, at: number, to: number): number {
  const byte = bytes[at]!;
  if (byte < 0x80) return 1;
  const length = lengthBy(byte);
  return length > 0 && at + length <= to && follows(bytes, at, at + length) === length ? length : 0;
}

/** The length of what is left of a character of three or four bytes; 0 for bytes that may as well be windows-1252. */
function cutSequenceAt(bytes: Buffer, at: number, to: number): number {
  const length = lengthBy(bytes[at]!);
  if (length < 3) return 0;
  const left = follows(bytes, at, Math.min(to, at + length));
  return left > 1 || at + 1 === bytes.length ? left : 0;
}

function lengthBy(byte: number): number {
  if (byte >= 0xf5) return 0;
  return byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc2 ? 2 : 0;
}

/** How many bytes from `at` on belong together: the first and what continues it. */
function follows(bytes: Buffer, at: number, to: number): number {
  let end = at + 1;
  while (end < to && (bytes[end]! & 0xc0) === 0x80) end += 1;
  return end - at;
}
