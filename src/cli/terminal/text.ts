/**
 * Makes text from outside safe for a terminal: what it looks like there (`printable`), how many columns it takes
 * (`width`), and cutting and wrapping by columns. Pure.
 *
 * Names, subjects and bodies are hostile: an escape sequence in a subject could rewrite the operator's screen, a
 * direction override could show `exe.pdf` for `fdp.exe`. So controls become visible signs and overrides go. Every
 * function is linear in its input; graphemes are never cut in two.
 */

/**
 * Text in which each code unit is a grapheme of one column, and nothing a terminal would act on: Latin, Greek, Cyrillic,
 * punctuation, lines of tables. Making the segmenter, which all other text needs, takes a verb 16 ms.
 */
const PLAIN =
  /^[\x20-\x7e\xa0-\xac\xae-\u02ff\u0370-\u0482\u048a-\u052f\u2010-\u2027\u2030-\u205e\u20a0-\u20bf\u2500-\u257f]*$/;
const MARKS =
  /^(?:\p{Mn}|\p{Me}|\p{Variation_Selector}|[\u200b-\u200f\u2060-\u2064\u1160-\u11ff\ud7b0-\ud7ff\ufeff\u{e0000}-\u{e0fff}])$/u;
const EMOJI = /\p{Emoji_Presentation}|\ufe0f/u;
// East Asian Wide and Fullwidth (UAX 11) outside of the emoji.
const WIDE =
  /^[\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{16fe0}-\u{18dff}\u{1aff0}-\u{1b2ff}\u{1f200}-\u{1f265}\u{20000}-\u{3fffd}]$/u;
// Embeddings, overrides, isolates and marks of direction; the text's own direction stays.
const DIRECTION = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
/** Stacked marks beyond this many are dropped: they take no column, but any amount of screen. */
const MAX_MARKS = 8;

/** Code units the segmenter sees at a time. */
const PIECE = 512;

let segmenter: Intl.Segmenter | undefined;

/** The text without anything a terminal would act on. Line feeds stay, tabs become spaces, controls visible signs. */
export function printable(text: string): string {
  if (PLAIN.test(text)) return text;
  return text
    .replace(/\r\n?|[\u2028\u2029]/g, '\n')
    .replaceAll('\t', '    ')
    .replace(/[\x00-\x09\x0b-\x1f]/g, control => String.fromCharCode(0x2400 + control.charCodeAt(0)))
    .replaceAll('\x7f', '\u2421')
    .replace(/[\x80-\x9f\ufff9-\ufffb]|\p{Cs}/gu, '\ufffd')
    .replace(DIRECTION, '');
}

/** `printable` on one line: line ends and runs of white space become one space. */
export function oneLine(text: string): string {
  return printable(text).replace(/\s+/g, ' ').trim();
}

/** Columns that printable one-line text takes. */
export function width(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let columns = 0;
  for (const grapheme of graphemes(text)) columns += graphemeWidth(grapheme);
  return columns;
}

/** The text in at most `columns` columns; what is cut off is marked by `…`. */
export function cut(text: string, columns: number): string {
  if (text.length <= columns && PLAIN.test(text)) return text;
  // A grapheme of more code units than this is noise; the bound keeps a megabyte of subject cheap.
  const kept = fit(text.slice(0, columns * 64), columns);
  return kept.length === text.length ? text : `${fit(kept, columns - 1)}…`;
}

/** The text with spaces to fill `columns`. */
export function pad(text: string, columns: number, align: 'left' | 'right' = 'left'): string {
  const space = ' '.repeat(Math.max(0, columns - width(text)));
  return align === 'left' ? text + space : space + text;
}

/**
 * Printable text in lines of at most `columns`, broken at spaces; a word that is longer is broken where it must be.
 * Indentation of a line is kept on its first piece, empty lines stay.
 */
export function wrap(text: string, columns: number): string[] {
  return text.split('\n').flatMap(line => wrapLine(line.trimEnd(), columns));
}

/** `wrap` for remarks: a command in backquotes is there to be copied, so a line never breaks inside of it. */
export function wrapRemark(text: string, columns: number): string[] {
  return text.split('\n').flatMap(line => {
    const commands = line.match(/`[^`]*`/g) ?? [];
    if (commands.some(command => width(command) > columns)) return [line];
    const whole = line.replace(/`[^`]*`/g, command => command.replaceAll(' ', '\u00a0'));
    return wrapLine(whole, columns).map(piece => piece.replaceAll('\u00a0', ' '));
  });
}

function wrapLine(line: string, columns: number): string[] {
  if (line.length <= columns && PLAIN.test(line)) return [line];
  const lines: string[] = [];
  const indent = /^ */.exec(line)![0].slice(0, Math.floor(columns / 2));
  let current = indent;
  let used = indent.length;
  let empty = true;
  const flush = () => {
    lines.push(current);
    current = '';
    used = 0;
    empty = true;
  };
  for (const word of line.trimStart().split(/ +/)) {
    const wide = width(word);
    if (!empty && used + 1 + wide > columns) flush();
    if (!empty) {
      current += ' ';
      used += 1;
    }
    if (used + wide <= columns) {
      current += word;
      used += wide;
      empty = false;
      continue;
    }
    for (const grapheme of graphemes(word)) {
      const step = graphemeWidth(grapheme);
      if (!empty && used + step > columns) flush();
      current += grapheme;
      used += step;
      empty = false;
    }
  }
  lines.push(current);
  return lines;
}

function fit(text: string, columns: number): string {
  let used = 0;
  let kept = '';
  for (const grapheme of graphemes(text)) {
    used += graphemeWidth(grapheme);
    if (used > columns) break;
    kept += grapheme;
  }
  return kept;
}

function* graphemes(text: string): Generator<string> {
  if (PLAIN.test(text)) {
    yield* text;
    return;
  }
  segmenter ??= new Intl.Segmenter('und', { granularity: 'grapheme' });
  for (const segment of segments(text, segmenter)) {
    if (segment.length <= MAX_MARKS + 2) yield segment;
    else yield EMOJI.test(segment) ? segment.slice(0, 64) : [...segment].slice(0, MAX_MARKS).join('');
  }
}

/**
 * Piece by piece, because each step of the segmenter costs as much as its input is long. The last grapheme of a piece
 * may go on in the next one, so that one begins there; a grapheme that fills a whole piece is noise and is cut.
 */
function* segments(text: string, by: Intl.Segmenter): Generator<string> {
  for (let start = 0; start < text.length; ) {
    const piece = text.slice(start, start + PIECE);
    const found = Array.from(by.segment(piece), each => each.segment);
    if (start + PIECE < text.length && found.length > 1) found.pop();
    for (const segment of found) {
      start += segment.length;
      yield segment;
    }
  }
}

function graphemeWidth(grapheme: string): number {
  if (grapheme.length === 1 && PLAIN.test(grapheme)) return 1;
  if (EMOJI.test(grapheme)) return 2;
  let columns = 0;
  for (const character of grapheme) columns += MARKS.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  return columns;
}
