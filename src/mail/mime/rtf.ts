/**
 * The words of RTF as Outlook keeps a body (MS-OXRTFCP, MS-OXRTFEX): decompressed, then as the HTML that is wrapped in
 * it, else as plain text. Pictures, tables of fonts and what else is no word are left out.
 *
 * It is no more than what a mail needs, in one pass. At most 8 MiB are decompressed, 1,000 groups stand in each other, and
 * 30,000 pieces beyond ASCII are decoded: one ends where the charset changes or a character of Unicode stands. What comes
 * behind is left out. Nothing throws.
 */
import { cleanText, decodeText } from './charset.js';

const MAX_SIZE = 8 * 1024 * 1024;
const MAX_DEPTH = 1_000;
const MAX_PIECES = 30_000;

/** What the window of the compression holds before the first byte (MS-OXRTFCP section 2.1.2.1). */
const WINDOW =
  '{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx';
const WINDOW_SIZE = 4096;

/** The RTF in latin1; '' when it is none. */
export function decompressedRtf(bytes: Buffer): string {
  if (bytes.length < 16) return '';
  const size = Math.min(bytes.readUInt32LE(4), MAX_SIZE);
  const kind = bytes.toString('latin1', 8, 12);
  if (kind === 'MELA') return bytes.toString('latin1', 16, 16 + size);
  if (kind !== 'LZFu') return '';
  const window = Buffer.alloc(WINDOW_SIZE, 32);
  let at = window.write(WINDOW, 'latin1');
  const out = Buffer.allocUnsafe(size);
  let length = 0;
  const put = (byte: number) => {
    window[at] = byte;
    at = (at + 1) % WINDOW_SIZE;
    out[length] = byte;
    length += 1;
  };
  for (let from = 16; from < bytes.length && length < size; ) {
    const flags = bytes[from]!;
    from += 1;
    for (let bit = 0; bit < 8 && from < bytes.length && length < size; bit += 1) {
      if ((flags & (1 << bit)) === 0) {
        put(bytes[from]!);
        from += 1;
        continue;
      }
      if (from + 1 >= bytes.length) return out.toString('latin1', 0, length);
      const reference = bytes.readUInt16BE(from);
      from += 2;
      const offset = reference >> 4;
      if (offset === at) return out.toString('latin1', 0, length);
      for (let count = 0; count < (reference & 15) + 2 && length < size; count += 1) {
        put(window[(offset + count) % WINDOW_SIZE]!);
      }
    }
  }
  return out.toString('latin1', 0, length);
}

export interface RtfWords {
  readonly text: string;
  readonly isHtml: boolean;
}

interface Group {
  /** Its words are shown. */
  shown: boolean;
  /** Inside of `\htmlrtf`: what stands there is for RTF alone. */
  rtfOnly: boolean;
  /** Of its font. */
  charset: string;
  /** Characters behind a `\u` that stand for it in old readers. */
  skip: number;
  /** The group is a table of fonts. */
  fonts: boolean;
}

/** Destinations whose words are no words of the mail. */
const HIDDEN = new Set(
  (
    'fonttbl colortbl stylesheet info pict object header headerl headerr footer footerl footerr generator listtable ' +
    'listoverridetable rsidtbl themedata colorschememapping latentstyles datastore xmlnstbl fldinst bkmkstart bkmkend filetbl ' +
    'mmathPr operator author title company upr'
  ).split(' '),
);

const WORDS: Readonly<Record<string, string>> = {
  par: '\n',
  line: '\n',
  sect: '\n\n',
  page: '\n\n',
  row: '\n',
  cell: '\t',
  tab: '\t',
  lquote: '\u2018',
  rquote: '\u2019',
  ldblquote: '\u201c',
  rdblquote: '\u201d',
  bullet: '\u2022',
  endash: '\u2013',
  emdash: '\u2014',
  emspace: ' ',
  enspace: ' ',
  '~': '\u00a0',
  _: '-',
  '\\': '\\',
  '{': '{',
  '}': '}',
  '\n': '\n',
  '\r': '\n',
};

/** Code pages of fonts (`\fcharset`). */
const FONT_CHARSETS: Readonly<Record<number, string>> = {
  77: 'macintosh',
  128: 'shift_jis',
  129: 'cp949',
  134: 'gb18030',
  136: 'big5',
  161: 'windows-1253',
  162: 'windows-1254',
  163: 'windows-1258',
  177: 'windows-1255',
  178: 'windows-1256',
  186: 'windows-1257',
  204: 'windows-1251',
  222: 'windows-874',
  238: 'windows-1250',
};

const LF = 10;
const CR = 13;
const BLANK = 32;
const APOSTROPHE = 39;
const STAR = 42;
const DASH = 45;
const BACKSLASH = 92;
const OPEN = 123;
const CLOSE = 125;

/** A control word with its number; `end` is behind the blank that belongs to it. */
function controlAt(rtf: string, from: number): { word: string; value: number | null; end: number } {
  let end = from;
  while (end < from + 32 && isLetter(rtf.charCodeAt(end))) end += 1;
  const word = rtf.slice(from, end);
  const digits = rtf.charCodeAt(end) === DASH ? end + 1 : end;
  let last = digits;
  while (last < digits + 10 && isDigit(rtf.charCodeAt(last))) last += 1;
  const value = last > digits ? Number(rtf.slice(end, last)) : null;
  if (value !== null) end = last;
  return { word, value, end: rtf.charCodeAt(end) === BLANK ? end + 1 : end };
}

function isLetter(code: number): boolean {
  return (code >= 65 && code <= 90) || (code >= 97 && code <= 122);
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

/** The words of RTF that is given in latin1. */
export function wordsOfRtf(rtf: string): RtfWords {
  const isHtml = /\\fromhtml1/.test(rtf.slice(0, 4096));
  const fonts = new Map<number, string>();
  const out: string[] = [];
  let codePage = 'windows-1252';
  let font = 0;
  let left = 0;
  /** Of one charset, not decoded yet. */
  const bytes = Buffer.allocUnsafe(rtf.length);
  let length = 0;
  let isPlain = true;
  let pieces = 0;
  let charset = codePage;
  let group: Group = { shown: true, rtfOnly: false, charset: '', skip: 1, fonts: false };
  const stack: Group[] = [];
  const flush = () => {
    if (length === 0) return;
    if (!isPlain) pieces += 1;
    out.push(isPlain ? bytes.toString('latin1', 0, length) : decodeText(bytes.subarray(0, length), charset));
    length = 0;
    isPlain = true;
  };
  const isShown = () => group.shown && !(isHtml && group.rtfOnly);
  const append = (byte: number) => {
    const wanted = group.charset || codePage;
    if (charset !== wanted) flush();
    charset = wanted;
    bytes[length] = byte;
    length += 1;
    isPlain &&= byte < 0x80;
  };
  const put = (text: string) => {
    if (!isShown()) return;
    if (text.charCodeAt(0) < 0x80) {
      for (let at = 0; at < text.length; at += 1) append(text.charCodeAt(at));
      return;
    }
    flush();
    out.push(text);
  };
  const putByte = (byte: number) => {
    if (left > 0) left -= 1;
    else if (isShown()) append(byte);
  };
  const putSymbol = (symbol: string) => {
    const text = WORDS[symbol];
    if (text !== undefined) put(text);
  };
  const control = (word: string, value: number | null, isIgnorable: boolean) => {
    if (isIgnorable && !(isHtml && (word === 'htmltag' || word === 'mhtmltag'))) group.shown = false;
    if (word === 'mhtmltag' || HIDDEN.has(word)) group.shown = false;
    const known = WORDS[word];
    if (known !== undefined && Object.hasOwn(WORDS, word)) put(known);
    else if (word === 'htmlrtf') group.rtfOnly = value !== 0;
    else if (word === 'uc') group.skip = Math.min(Math.max(value ?? 1, 0), 16);
    else if (word === 'u' && value !== null) {
      put(String.fromCharCode(value & 0xffff));
      left = group.skip;
    } else if (word === 'ansicpg' && value !== null && value > 0) codePage = `cp${value}`;
    else if (word === 'fonttbl') group.fonts = true;
    else if (word === 'fcharset' && group.fonts && fonts.size < 1_000) fonts.set(font, FONT_CHARSETS[value ?? 0] ?? '');
    else if (word === 'f' && value !== null) {
      font = value;
      if (!group.fonts) group.charset = fonts.get(value) ?? '';
    }
  };
  let isIgnorable = false;
  for (let at = 0; at < rtf.length && pieces < MAX_PIECES; ) {
    const code = rtf.charCodeAt(at);
    const next = code === BACKSLASH ? rtf.charCodeAt(at + 1) : 0;
    at += code === BACKSLASH ? 2 : 1;
    if (code === OPEN) {
      if (stack.length >= MAX_DEPTH) break;
      stack.push(group);
      group = { ...group };
      left = 0;
    } else if (code === CLOSE) {
      group = stack.pop() ?? group;
      left = 0;
    } else if (code === BACKSLASH) {
      if (isLetter(next)) {
        const { word, value, end } = controlAt(rtf, at - 1);
        control(word, value, isIgnorable);
        at = end;
      } else if (next === APOSTROPHE && /^[0-9a-f]{2}$/i.test(rtf.slice(at, at + 2))) {
        putByte(Number.parseInt(rtf.slice(at, at + 2), 16));
        at += 2;
      } else if (next !== STAR && left > 0) left -= 1;
      else if (next !== STAR) putSymbol(String.fromCharCode(next));
    } else if (code !== CR && code !== LF) putByte(code);
    isIgnorable = next === STAR;
  }
  flush();
  return { text: cleanText(out.join('')), isHtml };
}
