/**
 * A body as a list of lines: what stood there, how deep it is quoted, what the HTML around it says of it. Plain text
 * and HTML meet here; everything behind works on these lines alone, in their order.
 *
 * Only the first LINE_LIMIT lines are read one by one. The rest is one last line without a role of its own; it goes
 * with what stands before it. So no word is lost, and hostile input costs no more.
 */

import { withoutMoved } from '../html/symbols.js';

/**
 * What a container in the HTML says of a line:
 * `attribution` a client's own line above a quote; `history` the quoted mail begins here and goes on to the end;
 * `forwarded` the same for a forwarded mail;
 * `wrapped` above the blockquote in a container that holds a client's line and a blockquote;
 * `quoted` inside a container of quoted mail; `signature` inside a signature element; `verbatim` preformatted or
 * between code fences, never interpreted; `rule` a horizontal line.
 */
export type LineMark =
  | 'attribution'
  | 'wrapped'
  | 'history'
  | 'quoted'
  | 'signature'
  | 'verbatim'
  | 'rule'
  | 'forwarded';

export interface Line {
  /** As typed, quote signs and all. */
  readonly raw: string;
  /** Without quote signs. */
  readonly body: string;
  /** `body` for matching: one space between words, no emphasis signs, no invisible characters, at most 1,000 units. */
  readonly key: string;
  /** Number of quote signs; 0 is the writer's own level. */
  readonly depth: number;
  readonly mark: LineMark | null;
}

/** Lines looked at one by one. */
export const LINE_LIMIT = 3_000;
const KEY_LIMIT = 1_000;

// Zero-width characters, soft hyphens, byte order marks and direction marks, which clients put anywhere.
const INVISIBLE = /[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;

// Whatever keyOf may have to change inside a line; most hold none of it.
const UNEVEN = /[^\x20-\x29\x2b-\x7e]| {2}/;

/** Lines of a plain text part. */
export function plainLines(written: string): Line[] {
  const text = withoutMoved(written);
  const lines: Line[] = [];
  let at = 0;
  const end = text.length;
  while (at <= end && lines.length < LINE_LIMIT) {
    let stop = text.indexOf('\n', at);
    if (stop === -1) stop = end;
    const raw = text.slice(at, text.charCodeAt(stop - 1) === 13 && stop > at ? stop - 1 : stop);
    lines.push(plainLine(raw));
    at = stop + 1;
  }
  if (at <= end) lines.push(verbatimLine(text.slice(at)));
  const mailed = text.includes('>From ') ? withoutMboxQuotes(lines) : lines;
  const unquoted = text.includes('-----BEGIN PGP SIGNED') ? withoutDashEscapes(mailed) : mailed;
  return text.includes('```') || text.includes('~~~') ? withFences(unquoted) : unquoted;
}

/** A line of text at a quote depth given by its own signs. */
export function plainLine(raw: string): Line {
  // GroupWise writes `>>> Ann Lee 5/3/2027 10:02 AM >>>` above a quote without signs.
  const arrows = raw.startsWith('>>>') && /^>>> ?\S.{5,200}>>>\s*$/.test(raw);
  const { depth, start } = arrows ? { depth: 0, start: 0 } : quotePrefix(raw);
  const body = start === 0 ? raw : raw.slice(start);
  return { raw, body, key: keyOf(body), depth, mark: null };
}

/** A line that no rule may read anything into. */
export function verbatimLine(raw: string): Line {
  return { raw, body: raw, key: keyOf(raw), depth: 0, mark: 'verbatim' };
}

/** The text of a line as it is matched. */
export function keyOf(text: string): string {
  const cut = text.length > KEY_LIMIT ? text.slice(0, KEY_LIMIT) : text;
  if (!UNEVEN.test(cut)) return cut.startsWith(' ') || cut.endsWith(' ') ? cut.trim() : cut;
  return cut
    .replace(INVISIBLE, '')
    .replace(/[*\s]+/g, ' ')
    .trim();
}

/** In lower case and composed, as the tables of `languages.ts` are; a Turkish İ becomes i. */
export function lowered(text: string): string {
  return isAscii(text) ? text.toLowerCase() : text.normalize('NFC').toLowerCase().replaceAll('i\u0307', 'i');
}

/** True for text without any character above U+007F: nothing in it changes its length with its case or form. */
export function isAscii(text: string): boolean {
  return !/[^\x00-\x7f]/.test(text);
}

/** True when a line holds nothing to see. */
export function isBlank(line: Line): boolean {
  // Asterisks are no part of a key, but they are something to see.
  return line.key === '' && !line.body.includes('*');
}

function quotePrefix(raw: string): { depth: number; start: number } {
  let depth = 0;
  let start = 0;
  let at = 0;
  let spaces = 0;
  for (; at < raw.length; at++) {
    const char = raw.charCodeAt(at);
    if (char === 0x3e) {
      depth++;
      start = at + 1;
      spaces = 0;
    } else if (char === 0x20 || char === 0x09 || char === 0xa0) {
      spaces++;
      // Four columns in front of the first sign are code, not a quote; inside, `> > >` is one prefix.
      if (spaces > 3) break;
    } else break;
  }
  // An arrow or a face (`>:(`, `>_<`, `>=`) is no quote sign; a delimiter (`>--`) is quoted.
  if (
    depth > 0 &&
    !/^(?:--|__)/.test(raw.slice(start, start + 2)) &&
    spaces === 0 &&
    raw.trimEnd().length - start <= 3 &&
    /^[:;=_.^<-][^\p{L}\p{N}]*$/u.test(raw.slice(start).trim())
  ) {
    return { depth: 0, start: 0 };
  }
  if (depth > 0 && (raw.charCodeAt(start) === 0x20 || raw.charCodeAt(start) === 0xa0)) start++;
  return { depth, start };
}

/** Mail spools write `>From` where a line begins with `From`: alone between unquoted lines it is no quote. */
function withoutMboxQuotes(lines: readonly Line[]): Line[] {
  return lines.map((line, index) => {
    if (!line.raw.startsWith('>From ')) return line;
    const alone = (lines[index - 1]?.depth ?? 0) === 0 && (lines[index + 1]?.depth ?? 0) === 0;
    return alone ? { ...line, body: line.raw, depth: 0, mark: 'verbatim' as const } : line;
  });
}

/** Undoes the dashes that OpenPGP puts in front of signed lines that begin with one (RFC 9580 section 7.2). */
function withoutDashEscapes(lines: readonly Line[]): Line[] {
  let signed = false;
  return lines.map(line => {
    if (line.raw.startsWith('-----BEGIN PGP ')) signed = line.raw.startsWith('-----BEGIN PGP SIGNED MESSAGE-----');
    return signed && line.raw.startsWith('- ') ? plainLine(line.raw.slice(2)) : line;
  });
}

/** Marks what stands between a pair of Markdown code fences; a fence that is never closed is text. */
function withFences(lines: Line[]): Line[] {
  const fence = /^ {0,3}(`{3,}|~{3,})/;
  let open = -1;
  let sign = '';
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index]!;
    const found = line.depth === 0 && line.mark === null ? fence.exec(line.raw)?.[1] : undefined;
    if (found === undefined) continue;
    if (open === -1) {
      open = index;
      sign = found;
    } else if (found.startsWith(sign) && line.key === found) {
      for (let inside = open; inside <= index; inside++) {
        const old = lines[inside]!;
        lines[inside] = { ...old, body: old.raw, depth: 0, mark: 'verbatim' };
      }
      open = -1;
    }
  }
  return lines;
}
