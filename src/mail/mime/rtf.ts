/**
 * The words of RTF as Outlook keeps a body (MS-OXRTFCP, MS-OXRTFEX): decompressed, then as the HTML that is wrapped in
 * it, else as plain text. Pictures, tables of fonts and what else is no word are left out.
 *
 * It is no more than what a mail needs, in one pass. At most 8 MiB are decompressed and 1,000 groups stand in each other;
 * what comes behind is left out. Nothing throws.
 */
import { decodeText } from './charset.js';

const MAX_SIZE = 8 * 1024 * 1024;
const MAX_DEPTH = 1_000;

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

/** The words of RTF that is given in latin1. */
export function wordsOfRtf(rtf: string): RtfWords {
  const isHtml = /\\fromhtml1/.test(rtf.slice(0, 4096));
  const fonts = new Map<number, string>();
  const out: string[] = [];
  let codePage = 'windows-1252';
  let font = 0;
  let left = 0;
  let bytes: number[] = [];
  let group: Group = { shown: true, rtfOnly: false, charset: '', skip: 1, fonts: false };
  const stack: Group[] = [];
  const flush = () => {
    if (bytes.length > 0) out.push(decodeText(Buffer.from(bytes), group.charset || codePage));
    bytes = [];
  };
  const isShown = () => group.shown && !(isHtml && group.rtfOnly);
  const put = (text: string) => {
    if (!isShown()) return;
    flush();
    out.push(text);
  };
  const putByte = (byte: number) => {
    if (left > 0) left -= 1;
    else if (isShown()) bytes.push(byte);
  };
  const control = (word: string, value: number | null, isIgnorable: boolean) => {
    if (isIgnorable && !(isHtml && (word === 'htmltag' || word === 'mhtmltag'))) group.shown = false;
    if (word === 'mhtmltag' || HIDDEN.has(word)) group.shown = false;
    const known = WORDS[word];
    if (known !== undefined && Object.hasOwn(WORDS, word)) put(known);
    else if (word === 'htmlrtf') {
      flush();
      group.rtfOnly = value !== 0;
    } else if (word === 'uc') group.skip = Math.min(Math.max(value ?? 1, 0), 16);
    else if (word === 'u' && value !== null) {
      put(String.fromCharCode(value & 0xffff));
      left = group.skip;
    } else if (word === 'ansicpg' && value !== null && value > 0) codePage = `cp${value}`;
    else if (word === 'fonttbl') group.fonts = true;
    else if (word === 'fcharset' && group.fonts && fonts.size < 1_000) fonts.set(font, FONT_CHARSETS[value ?? 0] ?? '');
    else if (word === 'f' && value !== null) {
      font = value;
      if (group.fonts) return;
      flush();
      group.charset = fonts.get(value) ?? '';
    }
  };
  const pattern = /[{}]|\\(?:'([0-9a-f]{2})|([a-z]{1,32})(-?\d{1,10})? ?|(\*)|([^a-z]))|[\r\n]+|[^\\{}\r\n]+/gi;
  let isIgnorable = false;
  for (const match of rtf.matchAll(pattern)) {
    const [token, hex, word, value, star, symbol] = match;
    if (token === '{') {
      if (stack.length >= MAX_DEPTH) break;
      flush();
      stack.push(group);
      group = { ...group };
      left = 0;
    } else if (token === '}') {
      flush();
      group = stack.pop() ?? group;
      left = 0;
    } else if (hex !== undefined) putByte(Number.parseInt(hex, 16));
    else if (word !== undefined) {
      control(word, value === undefined ? null : Number(value), isIgnorable);
    } else if (symbol !== undefined) {
      if (left > 0) left -= 1;
      else if (symbol in WORDS) put(WORDS[symbol]!);
    } else if (star === undefined && token[0] !== '\r' && token[0] !== '\n') {
      for (let at = 0; at < token.length; at += 1) putByte(token.charCodeAt(at));
    }
    isIgnorable = star !== undefined;
  }
  flush();
  return { text: out.join(''), isHtml };
}
