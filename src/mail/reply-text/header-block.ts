/**
 * Header blocks (`From: … Sent: … To: … Subject: …`) and "original message" or "forwarded message" lines, which many
 * clients put above the mail they quote without any quote sign, in every language of `languages.ts`.
 *
 * A block needs two fields, one of them From, Date or Sent, and a sign that it is mail and not a travel plan ("From:
 * Berlin, To: Hamburg"): an address, a subject, a moment, a Sent field, or a line above that announces it. In doubt
 * it is the writer's text.
 */
import { withoutEnd } from '../cut.js';
import { FORWARD_PHRASES, HEADER_LABELS, type HeaderKind, ORIGINAL_PHRASES } from './languages.js';
import { isAscii, isBlank, type Line, lowered } from './lines.js';
import { asciiDigits, hasAddress, hasDate, hasTime } from './moments.js';

/** Where quoted mail begins by such a line or block. `end` is the first line after it. */
export interface Heading {
  readonly start: number;
  readonly end: number;
  readonly forward: boolean;
  /** The words that gave it away, for `mail explain`. */
  readonly what: string;
}

const CONTINUATION_LIMIT = 3;
const BLOCK_LIMIT = 30;

/** The heading that begins at this line, or null. Looks at no more than BLOCK_LIMIT lines. */
export function headingAt(lines: readonly Line[], index: number): Heading | null {
  const line = lines[index]!;
  if (line.mark === 'verbatim' || line.key === '') return null;
  if (line.mark === 'rule' || isRule(line.key)) {
    const next = nextFilled(lines, index + 1, 2);
    const block = next === -1 ? null : headerBlockAt(lines, next, true);
    return block === null ? null : { ...block, start: index };
  }
  const columns = columnsAt(lines, index);
  if (columns !== null) return columns;
  const phrase = phraseOf(line.key, line.mark === 'attribution');
  if (phrase !== null) {
    const next = nextFilled(lines, index + 1, 3);
    const block = next === -1 ? null : headerBlockAt(lines, next, true);
    if (block !== null) return { ...phrase, start: index, end: block.end };
    const fields = next === -1 ? 0 : bareFieldsAt(lines, next);
    if (fields > 0) return { ...phrase, start: index, end: next + fields };
    const quoted = next !== -1 && lines[next]!.depth > line.depth;
    return phrase.framed || quoted ? { ...phrase, start: index, end: index + 1 } : null;
  }
  if (fieldOf(line.key)?.kind === 'other') {
    const block = index + 1 < lines.length ? headerBlockAt(lines, index + 1, false) : null;
    return block === null ? null : { ...block, start: index };
  }
  return headerBlockAt(lines, index, false);
}

/** How many lines from here on are fields without colons, as eM Client writes them below its line; 0 for none. */
function bareFieldsAt(lines: readonly Line[], start: number): number {
  const kinds = new Set<HeaderKind>();
  let index = start;
  for (; index < lines.length && index < start + 8; index++) {
    const { key, depth } = lines[index]!;
    const kind =
      depth === lines[start]!.depth ? HEADER_LABELS.get(lowered(/^\S{1,20}(?= \S)/.exec(key)?.[0] ?? '')) : undefined;
    if (kind === undefined || kinds.has(kind)) break;
    kinds.add(kind);
  }
  return kinds.size >= 3 && kinds.has('from') && kinds.has('subject') ? index - start : 0;
}

/** Kind and value of a header field written as text (`*Von:* Bob`), or null. */
export function fieldOf(key: string): { kind: HeaderKind; label: string; value: string } | null {
  const colon = (key.length > 41 ? key.slice(0, 41) : key).search(/[:：﹕]/);
  if (colon <= 0) return null;
  const name = lowered(key.slice(0, colon).replace(/[_|\s]+/g, ' ')).trim();
  const kind = HEADER_LABELS.get(name);
  return kind === undefined ? null : { kind, label: name, value: key.slice(colon + 1).trim() };
}

/** The same, or as a row of a table (`| From | Ann |`), as NetEase writes below a line that announces it. */
export function announcedFieldOf(key: string): ReturnType<typeof fieldOf> {
  const row = key.startsWith('|') ? /^\| ?([^|:]{1,40}?) ?\| ?([^|]{0,900}?) ?\|?$/.exec(key) : null;
  return row === null ? fieldOf(key) : fieldOf(`${row[1]}: ${row[2]}`);
}

function headerBlockAt(lines: readonly Line[], start: number, announced: boolean): Heading | null {
  const depth = lines[start]!.depth;
  const fieldAt = announced ? announcedFieldOf : fieldOf;
  const first = fieldAt(lines[start]!.key);
  if (first === null || first.kind === 'other' || first.kind === 'cc') return null;
  const kinds = new Set<HeaderKind>();
  let mailLike = announced;
  let continuations = 0;
  let end = start;
  for (let index = start; index < lines.length && index < start + BLOCK_LIMIT; index++) {
    const line = lines[index]!;
    if (line.depth !== depth || line.mark === 'verbatim') break;
    if (isBlank(line)) {
      // Some clients set every field in a paragraph of its own.
      const next = lines[index + 1];
      if (next === undefined || next.depth !== depth || fieldAt(next.key) === null) break;
      continue;
    }
    const field = fieldAt(line.key);
    if (field === null) {
      if (++continuations > CONTINUATION_LIMIT) break;
      if (/[<(]?\S@\S/.test(line.key.slice(0, 300))) mailLike ||= kinds.has('from');
      continue;
    }
    if (kinds.has(field.kind) && field.kind !== 'other' && field.kind !== 'to' && field.kind !== 'date') break;
    kinds.add(field.kind);
    continuations = 0;
    end = index;
    mailLike ||= tellsMail(field.kind, field.value);
  }
  const counted = [...kinds].filter(kind => kind !== 'other').length;
  const anchored = kinds.has('from') || kinds.has('sent') || kinds.has('date');
  if (counted < 2 || !anchored || !mailLike) return null;
  return { start, end: end + 1, forward: false, what: `${first.label}:` };
}

function tellsMail(kind: HeaderKind, value: string): boolean {
  const short = value.slice(0, 300);
  if (kind === 'sent' || kind === 'subject') return true;
  if (kind === 'from' || kind === 'to') return /\S@[^\s@]+\.\S/.test(short);
  return kind === 'date' && /(?<![\d.])\d{1,2}[:.h]\d{2}(?![\d.])/.test(short) && /\d{4}/.test(short);
}

interface Phrase {
  readonly forward: boolean;
  readonly framed: boolean;
  readonly what: string;
}

const LONGEST_PHRASE = 70;

const COLUMN = 20;

/**
 * The header that Lotus Notes writes in columns: sender and date on the left, `To`, `cc` and `Subject` alone on their
 * lines, their values below or behind. It is found by its `To`, so it begins above.
 */
function columnsAt(lines: readonly Line[], index: number): Heading | null {
  const line = lines[index]!;
  if (line.depth > 0 || columnOf(line) !== 'to') return null;
  let subject = index;
  for (let at = index + 1; at < lines.length && at <= index + 12 && subject === index; at++) {
    const kind = columnOf(lines[at]!);
    if (kind === 'subject') subject = at;
    else if (kind !== null && kind !== 'cc') return null;
  }
  if (subject === index) return null;
  let start = index;
  let told = false;
  for (let at = index - 1; at >= 0 && at >= index - 6; at--) {
    const above = lines[at]!;
    if (above.key === '') continue;
    const ascii = asciiDigits(above.key.slice(0, 200));
    if (!/^\s{5}/.test(above.raw) && !hasAddress(ascii) && !(hasDate(ascii) && hasTime(ascii))) break;
    told = true;
    start = at;
  }
  const value = lines[subject]!.key.includes(':') ? -1 : nextFilled(lines, subject + 1, 2);
  const isIndented = /^\s{5}/.test(line.raw);
  if (!told && (!isIndented || line.key.includes(':'))) return null;
  const hasValue = value !== -1 && (!isIndented || /^\s{5}/.test(lines[value]!.raw));
  return { start, end: (hasValue ? value : subject) + 1, forward: false, what: line.key };
}

/** What field a label names that stands alone on its line, far to the right or in a cell, or before its value there. */
function columnOf({ key, raw }: Line): HeaderKind | null {
  if (key.includes(':')) return /^(?:\s{4}|[^\t]{1,20}\t)/.test(raw) ? (fieldOf(key)?.kind ?? null) : null;
  if (key === '' || key.length > COLUMN) return null;
  const kind = HEADER_LABELS.get(lowered(key)) ?? null;
  return kind === null || /^\s/.test(raw) === raw.startsWith(' '.repeat(COLUMN)) ? kind : null;
}

function phraseOf(key: string, byClient: boolean): Phrase | null {
  // Some gateways join the line and the fields below it.
  const joined = key.startsWith('--')
    ? /^[-–—―─‐]{3,}\s*([^-_=–—―─‐]{3,60}?)\s*[-–—―─‐]{3,}\s*(\S.*)$/.exec(key)
    : null;
  if (joined !== null && fieldOf(joined[2]!) !== null) {
    const what = lowered(joined[1]!);
    if (ORIGINAL_PHRASES.has(what)) return { forward: false, framed: true, what };
    if (isForwardPhrase(what) || hasAddress(joined[2]!)) return { forward: true, framed: true, what };
  }
  if (key.length > 300) return null;
  // Most lines are a sentence without any frame.
  if (isWordStart(key.charCodeAt(0)) && isSentenceEnd(key.charCodeAt(key.length - 1))) return bareNoteOf(key);
  const inner = lowered(withoutEnd(key, '-_=~<–—―─‐:： ').replace(/^[-_=~>–—―─‐\s]+/, ''));
  if (inner === '' || inner.length > LONGEST_PHRASE) return null;
  const framed = /^[-_=~>–—―─‐]{2}/.test(key) && /[-_=~<–—―─‐]{2}[:：]?$/.test(key);
  if (isForwardPhrase(inner)) return { forward: true, framed: framed || /[:：]$/.test(key), what: inner };
  if (ORIGINAL_PHRASES.has(inner)) return { forward: false, framed, what: inner };
  // In a language nobody listed: Gmail frames only forwards, and a frame above a header block is told by the block.
  if (/^[-_=–—―─‐]{5}/.test(key) && /[-_=–—―─‐]{5}$/.test(key) && /\p{L}/u.test(inner)) {
    return { forward: byClient, framed: byClient, what: inner };
  }
  // QQ's app. Without a header block it may be a title of the writer's.
  if (key === '---Original---') return { forward: false, framed: false, what: inner };
  return null;
}

/** The same for a line that neither begins nor ends with a sign. */
function bareNoteOf(key: string): Phrase | null {
  // Only composing makes a line shorter.
  if (key.length > LONGEST_PHRASE && isAscii(key)) return null;
  const inner = lowered(key);
  if (inner.length > LONGEST_PHRASE) return null;
  if (isForwardPhrase(inner)) return { forward: true, framed: false, what: inner };
  return ORIGINAL_PHRASES.has(inner) ? { forward: false, framed: false, what: inner } : null;
}

function isForwardPhrase(inner: string): boolean {
  return FORWARD_PHRASES.has(inner) || /^forwarded (?:by|message from) /.test(inner);
}

function isWordStart(code: number): boolean {
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x7a;
}

function isSentenceEnd(code: number): boolean {
  return isWordStart(code) || code === 0x2e || code === 0x2c || code === 0x21 || code === 0x3f;
}

function isRule(key: string): boolean {
  return /^[-_=~*–—―─‐]{2,}$/.test(key);
}

function nextFilled(lines: readonly Line[], from: number, within: number): number {
  for (let index = from; index < lines.length && index <= from + within; index++) {
    if (!isBlank(lines[index]!)) return index;
  }
  return -1;
}
