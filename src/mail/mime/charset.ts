/**
 * Bytes to text, whatever the mail says about its charset and however wrong that is. The result never holds NUL, a lone
 * surrogate or a byte order mark in front.
 *
 * A declared charset is used unless the bytes contradict it. Valid UTF-8 with non-ASCII characters is UTF-8; under a
 * multi-byte name it takes four of them, where one or two may be chance. ISO-8859-1 is read as windows-1252, as every
 * client does, GB2312 as GB18030. Without a usable declaration it tries a byte order mark, ISO-2022-JP escapes, UTF-8,
 * and then windows-1252, which reads any byte. Bytes that do not fit become U+FFFD. Nothing throws.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import iconv from 'iconv-lite';
import { decode, normalizeCharset } from 'libmime/lib/charset.js';

const LAST_RESORT = 'windows-1252';

/** What a declaration is read as: supersets that real mails need, in lower case without `-` and `_`. */
const READ_AS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    iso88591: LAST_RESORT,
    iso88599: 'windows-1254',
    iso885911: 'windows-874',
    tis620: 'windows-874',
    gb2312: 'gb18030',
    gbk: 'gb18030',
    hzgb2312: 'gb18030',
    cp936: 'gb18030',
    ksc56011987: 'cp949',
    euckr: 'cp949',
    big5: 'big5-hkscs',
    iso88598i: 'iso-8859-8',
    iso88598e: 'iso-8859-8',
  }),
);

/** Names that say nothing about the bytes. */
const SAYS_NOTHING = new Set([
  '',
  'usascii',
  'ascii',
  'unknown',
  'unknown8bit',
  'xunknown',
  'default',
  'binary',
  '8bit',
  '7bit',
  'none',
  'utf8',
]);

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
  const name = charsetName(declared);
  const key = name.replaceAll(/[^a-z0-9]/g, '');
  if (SAYS_NOTHING.has(key)) return decodeUndeclared(bytes);
  if (/^utf(?:16|32)(?:le|be)?$/.test(key)) return decodeWide(bytes, key);
  // HTML is sanitised after decoding, so UTF-7 cannot smuggle markup past anybody here.
  if (/^(?:unicode11)?utf7$/.test(key)) return iconv.decode(bytes, 'utf-7');
  if (/^(?:base64|hex|utf7imap|ucs2|binary)$/.test(key)) return decodeUndeclared(bytes);
  if (/^(?:cs)?iso2022jp/.test(key) || /^(?:jis|eucjp)/.test(key)) return orUtf8(bytes, decode(bytes, name));
  const charset = READ_AS.get(key) ?? normalizeCharset(name);
  if (!iconv.encodingExists(charset)) return decodeUndeclared(bytes);
  if (isUtf8(bytes) && sequences(bytes).good >= (isOneByte(charset) ? 1 : 4)) return bytes.toString('utf8');
  return orUtf8(bytes, iconv.decode(bytes, charset));
}

/** The name without what stands around it: quotes, spaces, a language (RFC 2231), a stray semicolon. */
function charsetName(declared: string | null): string {
  return (declared ?? '')
    .toLowerCase()
    .split('*')[0]!
    .replaceAll(/[\s"';,=]/g, '')
    .slice(0, 60);
}

function decodeUndeclared(bytes: Buffer): string {
  if (bytes.length >= 2 && bytes[0]! + bytes[1]! === 0xfe + 0xff && Math.abs(bytes[0]! - bytes[1]!) === 1) {
    return decodeWide(bytes, 'utf16');
  }
  if (isAscii(bytes)) {
    const text = bytes.toString('latin1');
    return text.includes('\x1b$') ? decode(bytes, 'iso-2022-jp') : text;
  }
  if (isUtf8(bytes) || isMostlyUtf8(bytes)) return bytes.toString('utf8');
  return iconv.decode(bytes, LAST_RESORT);
}

/** UTF-16 and UTF-32, but only when the bytes really are: many a mail says so and is ASCII. */
function decodeWide(bytes: Buffer, key: string): string {
  const marked = bytes.length >= 2 && bytes[0]! >= 0xfe && bytes[1]! >= 0xfe;
  if (!marked && !bytes.includes(0) && isUtf8(bytes)) return bytes.toString('utf8');
  return iconv.decode(bytes, key.startsWith('utf32') ? key.replace('utf32', 'utf-32') : key.replace('utf16', 'utf-16'));
}

/** The text, unless it could not be decoded and the bytes are clean UTF-8. */
function orUtf8(bytes: Buffer, text: string): string {
  return text.includes('\ufffd') && isUtf8(bytes) ? bytes.toString('utf8') : text;
}

function isOneByte(charset: string): boolean {
  return /^(?:iso-?8859|windows-?125|windows-?874|koi8|mac|cp(?:125|437|85|86))/i.test(charset);
}

/** UTF-8 that was cut or damaged. */
function isMostlyUtf8(bytes: Buffer): boolean {
  const { good, broken } = sequences(bytes);
  return good > 2 * broken;
}

/** Counts well-formed multi-byte sequences of UTF-8 and bytes above ASCII that belong to none. */
function sequences(bytes: Buffer): { good: number; broken: number } {
  let good = 0;
  let broken = 0;
  for (let index = 0; index < bytes.length; index += 1) {
    const byte = bytes[index]!;
    if (byte < 0x80) continue;
    const length = byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : byte >= 0xc2 ? 1 : 0;
    let follows = 0;
    while (follows < length && (bytes[index + 1 + follows]! & 0xc0) === 0x80) follows += 1;
    if (length > 0 && follows === length) {
      good += 1;
      index += length;
    } else {
      broken += 1;
    }
  }
  return { good, broken };
}
