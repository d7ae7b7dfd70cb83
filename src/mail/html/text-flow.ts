/**
 * How the words of an HTML part flow into lines: white space, ends of lines and blocks, bullets, cells, quote signs in
 * front. `lines.ts` walks the elements and says what they mean; this file says what their words look like as text.
 *
 * It looks only at what is added, never back into a line, so that a line costs its length.
 */

import { withoutEnd } from '../cut.js';
import { keyOf, LINE_LIMIT, type Line, type LineMark, plainLine, verbatimLine } from '../reply-text/lines.js';
import { withoutMoved } from './symbols.js';

/** Quote signs put in front of a line at most. */
const DEPTH_SHOWN = 10;
/** Longest address of a link, and most of its words, that are looked at. */
const LINK_LIMIT = 500;

/** White space that is no single space: there are many of those. */
const UNEVEN = /[\t\n\r\f][ \t\n\r\f]*| [ \t\n\r\f]+/g;

export interface Flow {
  readonly lines: Line[];
  /** What stands behind LINE_LIMIT lines. */
  readonly rest: string[];
  text: string;
  /** Stands between the text so far and the next word. Kept apart, because looking into a long line costs its length. */
  separator: '' | ' ' | '\t';
  /** Links around, and the words of the innermost one, as far as they matter. */
  links: number;
  link: string;
  /** Something stands on this line, if only a no-break space: such a block is a blank line. */
  filled: boolean;
  /** Something is to be seen on this line. */
  written: boolean;
  /** A blank line is due before the next words. */
  gap: boolean;
  bullet: string;
  /** Blockquotes around. */
  depth: number;
  /** How many elements of each meaning stand around. */
  pre: number;
  broken: number;
  hidden: number;
  quoted: number;
  signature: number;
  attribution: number;
  /** Containers of an attribution and a blockquote; `used` when the blockquote has begun. */
  readonly wrappers: { used: boolean }[];
  /** A mark for the next line that is not empty. */
  pending: LineMark | 'border' | null;
  settled: boolean;
}

export function newFlow(): Flow {
  return {
    lines: [],
    rest: [],
    text: '',
    separator: '',
    links: 0,
    link: '',
    filled: false,
    written: false,
    gap: false,
    bullet: '',
    depth: 0,
    pre: 0,
    broken: 0,
    hidden: 0,
    quoted: 0,
    signature: 0,
    attribution: 0,
    wrappers: [],
    pending: null,
    settled: false,
  };
}

/** The lines, the last one ended. */
export function finish(flow: Flow): readonly Line[] {
  endLine(flow);
  if (flow.rest.length > 0) flow.lines.push(verbatimLine(flow.rest.join('\n')));
  return flow.lines;
}

export function addText(flow: Flow, text: string): void {
  if (flow.hidden > 0) return;
  if (flow.pre > 0 || flow.broken > 0) {
    const pieces = text.replaceAll('\r', '').split('\n');
    pieces.forEach((piece, index) => {
      if (index > 0) breakLine(flow);
      flow.text += flow.pre > 0 ? piece : piece.replaceAll('\u00a0', ' ');
      flow.written ||= piece.trim() !== '';
      if (flow.links > 0 && piece !== '' && flow.link.length < LINK_LIMIT) flow.link += piece;
    });
    return;
  }
  // All words at once; their order, and what stands between them, is all that counts.
  const even = text.replaceAll(UNEVEN, ' ');
  const start = even.startsWith(' ') ? 1 : 0;
  const end = even.length - (even.length > start && even.endsWith(' ') ? 1 : 0);
  if (start > 0 && flow.text !== '' && flow.separator === '') flow.separator = ' ';
  if (start === end) return;
  const words = (flow.separator + even.slice(start, end)).replaceAll('\u00a0', ' ');
  flow.text += words;
  flow.written ||= words.trim() !== '';
  if (flow.links > 0 && flow.link.length < LINK_LIMIT) flow.link += wordsUpTo(words, LINK_LIMIT - flow.link.length);
  flow.separator = end < even.length ? ' ' : '';
  flow.filled = true;
}

/** The words up to the one with which that length is reached. */
function wordsUpTo(words: string, length: number): string {
  if (words.length <= length) return words;
  const end = words.indexOf(' ', length);
  return end === -1 ? words : words.slice(0, end);
}

export function addPicture(flow: Flow, alt: string): void {
  const words = alt.replace(/\s+/g, ' ').trim();
  if (words === '' || words.length > 200) return;
  // Pictures that stand for a character (emoji) carry it as their alternative text.
  addText(flow, /[\p{L}\p{N}]/u.test(words) ? `[image: ${words}]` : words);
}

export function addRule(flow: Flow): void {
  endLine(flow);
  emit(flow, '', 'rule');
}

export function separateCells(flow: Flow): void {
  if (flow.text !== '') flow.separator = '\t';
}

/** The words from here on are a link's. */
export function openLink(flow: Flow): void {
  flow.links++;
  flow.link = '';
}

/** Puts a link's address behind its words, unless the words are the address. */
export function closeLink(flow: Flow, target: string): void {
  flow.links--;
  const href = target.trim();
  const words = flow.link.trim();
  if (words === '' || flow.text === '' || href.length > LINK_LIMIT) return;
  if (/^(?:https?:\/\/|www\.)\S+$/i.test(words)) return;
  const bare = (value: string): string =>
    withoutEnd(value, ' \t/')
      .toLowerCase()
      .replace(/^https?:\/\/(?:www\.)?|^www\./, '');
  if (/^https?:/i.test(href)) {
    if (bare(words) !== bare(href)) flow.text += ` <${href}>`;
  } else if (/^mailto:/i.test(href)) {
    const address = href.slice(7).replace(/\?.*$/, '');
    if (!words.toLowerCase().includes(address.toLowerCase())) flow.text += ` <${address}>`;
  }
}

/** Ends the line when it holds something. */
export function endLine(flow: Flow): void {
  if (flow.hidden > 0) return;
  if (!flow.filled && flow.text === '') {
    flow.separator = '';
    return;
  }
  if (flow.filled || flow.written) breakLine(flow);
  clear(flow);
}

function clear(flow: Flow): void {
  flow.text = '';
  flow.separator = '';
  flow.filled = false;
  flow.written = false;
}

/** Ends the line, empty or not. */
export function breakLine(flow: Flow): void {
  if (flow.hidden > 0) return;
  const text = flow.text.trimEnd();
  clear(flow);
  const bullet = text === '' ? '' : flow.bullet;
  if (text !== '') flow.bullet = '';
  emit(flow, bullet + text, markOf(flow, text));
}

function markOf(flow: Flow, text: string): LineMark | null {
  if (text === '') return flow.quoted > 0 ? 'quoted' : null;
  if (flow.pending !== null && flow.depth === 0) {
    const pending = flow.pending;
    flow.pending = null;
    if (pending !== 'border') return pending;
    if (/^\s*[^:：]{1,30}[:：]/.test(text)) {
      flow.settled = true;
      return 'history';
    }
  }
  if (flow.quoted > 0) return 'quoted';
  if (flow.depth > 0) return null;
  // A client's line is no sentence, a person's words before it are.
  if (flow.attribution > 0) return /[.!?。！？]$/.test(text) ? 'wrapped' : 'attribution';
  // Until a wrapper shows its blockquote, its lines are what the client wrote above it.
  if (flow.wrappers.at(-1)?.used === false) {
    flow.settled = true;
    return 'wrapped';
  }
  if (flow.signature > 0) return 'signature';
  return flow.pre > 0 ? 'verbatim' : null;
}

function emit(flow: Flow, text: string, mark: LineMark | null): void {
  const previous = flow.lines.at(-1);
  if (flow.gap && text !== '' && previous !== undefined && previous.body !== '' && mark !== 'rule') {
    push(flow, '', Math.min(previous.depth, flow.depth), flow.quoted > 0 ? 'quoted' : null);
  }
  if (text !== '') flow.gap = false;
  push(flow, text, flow.depth, mark);
}

function push(flow: Flow, text: string, quotes: number, mark: LineMark | null): void {
  const body = withoutMoved(text);
  // Quote signs typed into the HTML, as gateways make them of plain text.
  const typed = mark === null && body.startsWith('>') ? plainLine(body) : null;
  const raw = quotes === 0 ? body : `${'> '.repeat(Math.min(quotes, DEPTH_SHOWN))}${body}`.trimEnd();
  const depth = quotes + (typed?.depth ?? 0);
  if (flow.lines.length >= LINE_LIMIT) flow.rest.push(raw);
  else flow.lines.push({ raw, body: typed?.body ?? body, key: typed?.key ?? keyOf(body), depth, mark });
}
