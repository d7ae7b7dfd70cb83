/**
 * What an agent wrote above the marker of a notification (`markerLine`). Nothing from the marker on is in it: the lines
 * below are not even looked at. The marker is found by its bracket, whatever a program did to it: quoted with any signs,
 * wrapped, escaped, with other blanks. What stands above it is read as every reply is: attribution and signature go.
 *
 * `remains` says why words of the notification may still stand above the marker: a program that puts the quote on top,
 * answers between quoted lines, a header of a quote in a language that nobody knows. It errs on that side.
 *
 * Pure and linear. Nothing throws.
 */
import { htmlLines } from '../html/lines.js';
import { knownIn, wordsOf } from './known-texts.js';
import { type Line, plainLines } from './lines.js';
import { isReplyLine, type MarkedPlace, REPLY_LINES } from './marker.js';
import { bodyLines, split } from './reply-text.js';

/** What the notification held that must not come back. */
export interface Notified {
  /** What customers and colleagues said, and our fixed words. */
  readonly texts: readonly string[];
  /** Reply addresses, links: strings that nobody else may see, in lower case. */
  readonly secrets: readonly string[];
  /** Addresses that stand in the header of a quoted notification. */
  readonly addresses: readonly string[];
}

export interface AgentAnswer {
  /** Null: no marker is there. */
  readonly marker: MarkedPlace | null;
  /** What stands above it; without a marker the whole body. */
  readonly text: string;
  /** Why words of the notification may be in the text; null: none are. */
  readonly remains: string | null;
}

export function answerAbove(
  body: { readonly plain: string | null; readonly html: string | null },
  notified: Notified,
): AgentAnswer {
  const read = bodyLines(body).lines;
  const found = markerIn(read) ?? (body.html === null ? null : markerIn(htmlLines(body.html).lines));
  if (found === null) return { marker: null, text: textOf(read), remains: null };
  const { above, marker, flattened } = found;
  const own = split([...above, QUOTE], NOTHING_KNOWN).text;
  // Alone it would be the text.
  const text = own === QUOTE.raw ? '' : own;
  const remains = flattened ? 'words stand before the marker in its line' : remainsIn(text, marker, notified);
  return { marker, text, remains };
}

const PICTURE = /<img\b[^>]{0,4000}?\bsrc\s{0,20}=\s{0,20}["']?cid:([^"'\s>]{1,500})[^>]{0,4000}>/gi;

/**
 * Content ids of the pictures that the HTML names outside of his words alone: in his signature, or from the marker on. Each
 * stands as a word where it is, and goes with the lines around it.
 */
export function picturesBeside(html: string): ReadonlySet<string> {
  const ids: string[] = [];
  const word = (number: number) => `picture${number}of${html.length}`;
  const named = html.replaceAll(PICTURE, (_, id: string) => ` ${word(ids.push(id) - 1)} `);
  if (ids.length === 0) return new Set();
  const { lines } = htmlLines(named);
  const above = markerIn(lines)?.above ?? lines;
  const own = new Set(wordsOf(split([...above, QUOTE], NOTHING_KNOWN).text));
  const inWords = new Set(ids.filter((_, number) => own.has(word(number))));
  return new Set(ids.filter(id => !inWords.has(id)));
}

const NOTHING_KNOWN = { knownTexts: { texts: [], replyAddresses: [] }, forward: false };

/** Stands for the marker and everything below it, as the quote that a header of a quote has below it. */
const QUOTE: Line = { raw: '> …', body: '…', key: '…', depth: 1, mark: null };

const BRACKET = /\[([a-z0-9][a-z0-9-]{0,62})#(\d{1,15})\/(\d{1,15})\]/gi;
/** Blanks of any kind, invisible signs, and what a program escapes with. */
const SKIPPED = /[\s\\\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202f\u2060-\u2069\ufeff]/;
const ENTITY = /&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(nbsp|lbrack|lsqb|rbrack|rsqb|num|sol));/iy;
const NAMED: Readonly<Record<string, string>> = {
  nbsp: ' ',
  lbrack: '[',
  lsqb: '[',
  rbrack: ']',
  rsqb: ']',
  num: '#',
  sol: '/',
};
/** Signs in front of a quoted line, also with the initials of whom it quotes. */
const QUOTE_SIGNS = /^(?:\s*[\p{L}]{0,4}\s*[>|:*•│┃»}\]]+)*\s*[-–—_=\s*\\]*$/u;

interface FoundMarker {
  readonly above: readonly Line[];
  readonly marker: MarkedPlace;
  /** Something else than signs stands before it in its line. */
  readonly flattened: boolean;
}

/** The topmost marker. */
function markerIn(lines: readonly Line[]): FoundMarker | null {
  const { text, places } = condensed(lines);
  BRACKET.lastIndex = 0;
  const match = BRACKET.exec(text);
  if (match === null) return null;
  const at = places[startOfWords({ text, places }, match.index)]!;
  const line = lines[at.line]!;
  const before = line.body.slice(0, at.column);
  return {
    above: lines.slice(0, at.line),
    marker: { account: match[1]!.toLowerCase(), number: Number(match[2]), seq: Number(match[3]) },
    flattened: !QUOTE_SIGNS.test(before),
  };
}

/** True for a text that a marker stands in, whatever a program did to it. */
export function holdsMarker(text: string): boolean {
  return markerIn(plainLines(text)) !== null;
}

interface Place {
  readonly line: number;
  readonly column: number;
}

interface Condensed {
  readonly text: string;
  readonly places: readonly Place[];
}

/** All signs of the lines but blanks, and where each stands. */
function condensed(lines: readonly Line[]): Condensed {
  const signs: string[] = [];
  const places: Place[] = [];
  for (const [line, { body }] of lines.entries()) {
    for (let column = 0; column < body.length; column += 1) {
      let sign = body[column]!;
      const from = column;
      if (sign === '&') {
        ENTITY.lastIndex = column;
        const entity = ENTITY.exec(body);
        if (entity !== null) {
          sign = signOf(entity);
          column = ENTITY.lastIndex - 1;
        }
      }
      if (SKIPPED.test(sign)) continue;
      signs.push(sign);
      places.push({ line, column: from });
    }
  }
  return { text: signs.join(''), places };
}

/** One UTF-16 unit, so that places stay right. */
function signOf([, decimal, hex, name]: RegExpExecArray): string {
  if (name !== undefined) return NAMED[name.toLowerCase()]!;
  const code = decimal === undefined ? Number.parseInt(hex!, 16) : Number(decimal);
  return code > 0 && code < 0x10000 ? String.fromCharCode(code) : ' ';
}

const WORDS = Object.values(REPLY_LINES).map(lettersOf);
const LONGEST = 4 * Math.max(...WORDS.map(words => words.length));

/** Where the words in front of the bracket begin, with the dashes in their line. */
function startOfWords({ text, places }: Condensed, bracket: number): number {
  let start = bracket;
  const from = Math.max(0, bracket - LONGEST);
  for (let at = bracket - 1; at >= from && start === bracket; at -= 1) {
    if (WORDS.includes(lettersOf(text.slice(at, bracket)))) start = at;
  }
  const { line } = places[start]!;
  while (start > 0 && places[start - 1]!.line === line && /[-–—_=*]/.test(text[start - 1]!)) start -= 1;
  return start;
}

function lettersOf(text: string): string {
  return text
    .normalize('NFC')
    .toLowerCase()
    .replaceAll(/[^\p{L}]/gu, '');
}

function textOf(lines: readonly Line[]): string {
  return lines
    .map(line => line.raw)
    .join('\n')
    .trim();
}

/** A line of so many words is one of the notification when so many of them stand there in this order. */
const LEAST_WORDS = 5;
const SHARE = 0.6;
/** A header of a quote stands directly above it. */
const LAST_LINES = 4;

function remainsIn(text: string, marker: MarkedPlace, { texts, secrets, addresses }: Notified): string | null {
  const lines = plainLines(text);
  const lower = text.toLowerCase();
  if (secrets.some(secret => lower.includes(secret))) return 'a reply address or link of ours stands above the marker';
  const signs = condensed(lines).text.toLowerCase();
  if (signs.includes(`[${marker.account}#${marker.number}`))
    return 'the subject of the notification stands above the marker';
  const letters = lettersOf(text);
  if (WORDS.some(words => letters.includes(words)) || lines.some(isReplyLine)) {
    return 'words of the marker stand above it';
  }
  if (lines.some(line => line.depth > 0 && line.key !== '')) return 'a quote stands above the marker';
  const filled = lines.filter(line => line.key !== '');
  const last = filled.slice(-LAST_LINES);
  if (last.some(line => addresses.some(address => line.key.toLowerCase().includes(address)))) {
    return 'the header of a quote stands above the marker';
  }
  const lowest = last.at(-1)?.key ?? '';
  if (/[:：]\s*$/.test(lowest) && /@|\d{1,2}[:.]\d{2}|\b\d{4}\b/.test(lowest)) {
    return 'the header of a quote stands above the marker';
  }
  const { seenAt } = knownIn(lines, texts);
  const copied = lines.some((line, index) => wordsOf(line.body).length >= LEAST_WORDS && seenAt(index).share >= SHARE);
  return copied ? 'words of the notification stand above the marker' : null;
}
