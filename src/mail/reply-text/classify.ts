/**
 * Gives every line of a body its role. It asks three sources in this order: the texts that we know of the conversation,
 * the containers of the HTML, the tables of languages. It only names lines; `assemble.ts` decides what becomes of them.
 *
 * A line that an attribution shares with the reply or the quote is cut here, so more lines may come back than went in;
 * their words are the same. It never throws.
 */

import type { KnownTexts } from '../mail.js';
import { attributionEndingAt, mayEnd } from './attribution.js';
import { fieldOf, headingAt } from './header-block.js';
import { type Known, knownIn, type Seen, type SeenAt } from './known-texts.js';
import { isBlank, type Line, plainLine } from './lines.js';
import { isReplyLine } from './marker.js';
import { hasOwnWords } from './own-words.js';
import { isDelimiter, isDeviceLine } from './signature.js';
import { settleWrapped } from './wrapper.js';

/**
 * `blank`; `text` the writer's; `quote` quoted line; `attribution` a client's line about a quote; `heading` a header
 * block or "original message" line, and our own reply line; `forward` the same for a forwarded mail; `mark` a reply
 * line with nothing above it, which says nothing; `delimiter`; `device`; `signature` settled by a container.
 */
export type Role =
  | 'blank'
  | 'text'
  | 'quote'
  | 'attribution'
  | 'heading'
  | 'forward'
  | 'mark'
  | 'delimiter'
  | 'device'
  | 'signature';

export interface RoleLine {
  readonly line: Line;
  role: Role;
  /** In a container that holds nothing but quoted mail, or quoted by a client's own line: no doubt about it. */
  settled: boolean;
  /** Why, for the lines that decide something. */
  why: string;
}

/** From this share on a line counts as known. */
const SEEN = 0.8;
/** So many known words in a row are a quote at the end of a body, and so many with other words below them. */
const QUOTE_WORDS = 12;
const INNER_QUOTE_WORDS = 20;
/** Lines that end like an attribution are looked at this often in one body. */
const ATTRIBUTION_TRIES = 1_500;

/** A body's lines by their roles, in order, and what the conversation's earlier messages tell of their words. */
export interface Classified extends Known {
  readonly items: readonly RoleLine[];
}

/** Roles of all lines. */
export function classify(read: readonly Line[], knownTexts: KnownTexts): Classified {
  const input = settleWrapped(read);
  const addresses = knownTexts.replyAddresses.map(address => address.toLowerCase());
  const out = nameAttributions(input, addresses);
  takeInitials(out);
  const lines = out.map(item => item.line);
  const known = knownIn(lines, knownTexts.texts);
  const { seenAt } = known;
  nameHeadings(out, lines, seenAt);
  nameOtherSigns(out);
  nameWrapped(out, seenAt);
  namePgp(out);
  nameSeen(out, seenAt);
  nameOnTop(out, seenAt);
  nameSignatures(out, lines);
  return { items: out, ...known };
}

/**
 * New words inside a container of quoted mail, above the client's line: they are the writer's where he wrote nothing
 * outside.
 */
function nameOnTop(items: readonly RoleLine[], seenAt: SeenAt): void {
  const first = items.findIndex(item => item.role !== 'blank');
  if (first === -1 || items[first]!.line.mark !== 'quoted' || items[first]!.role !== 'quote') return;
  const marker = items.findIndex(item => LEADS.has(item.role));
  if (marker === -1 || items.some(item => item.role === 'text' && hasOwnWords(item.line.key))) return;
  for (let index = first; index < marker; index++) {
    const item = items[index]!;
    if (item.role === 'quote' && item.line.depth === 0 && !isSeen(seenAt(index))) item.role = 'text';
  }
}

/** Names delimiters and device lines, from below: what stands under a line says what it is. */
function nameSignatures(items: readonly RoleLine[], lines: readonly Line[]): void {
  // One past the last line that may belong to a signature.
  let end = items.length;
  // Only lines of programs stand below, down to there.
  let last = true;
  for (let index = items.length - 1; index >= 0; index--) {
    const item = items[index]!;
    if (item.role === 'blank') continue;
    if (item.role !== 'text') {
      if (item.role !== 'device' && item.role !== 'signature') end = index;
      last = true;
      continue;
    }
    if (isDeviceLine(item.line, last ? { apart: items[index - 1]?.role === 'blank' } : undefined)) {
      item.role = 'device';
      item.why = `device line ("${excerpt(item.line.key)}")`;
    } else if (isDelimiter(lines, index, end)) {
      item.role = 'delimiter';
      item.why = `delimiter line ("${excerpt(item.line.body.trim())}")`;
      last = true;
    } else last = false;
  }
}

/** True when the words of a line are known from the conversation. */
export function isSeen(seen: Seen): boolean {
  return seen.share >= SEEN;
}

/** The beginning of a line, to show. With three dots: one character beyond Latin-1 doubles the size of a whole reading. */
export function excerpt(text: string): string {
  return text.length > 60 ? `${text.slice(0, 59)}...` : text;
}

function roleOf(line: Line): RoleLine {
  const { mark } = line;
  if (line.depth === 0 && mark !== 'history' && isBlank(line)) return item(line, 'blank', mark === 'quoted');
  if (mark === 'quoted') return item(line, 'quote', true);
  if (line.depth > 0) return item(line, 'quote');
  if (mark === null || mark === 'verbatim' || mark === 'rule') return item(line, 'text');
  if (mark === 'attribution') return item(line, 'attribution', true, `HTML attribution ("${excerpt(line.key)}")`);
  if (mark === 'history') return item(line, 'heading', true, 'HTML container of the quoted mail');
  if (mark === 'forwarded') return item(line, 'forward', true, 'HTML container of a forward');
  return item(line, 'signature', false, 'HTML signature');
}

function item(line: Line, role: Role, settled = false, why = ''): RoleLine {
  return { line, role, settled, why };
}

/** Finds attributions and cuts the reply off the lines they share with it. */
function nameAttributions(input: readonly Line[], addresses: readonly string[]): RoleLine[] {
  const base = input.map(roleOf);
  const out: RoleLine[] = [];
  let taken = 0;
  let tries = 0;
  for (let index = 0; index < input.length; index++) {
    const item = base[index]!;
    const open =
      item.role === 'text' || item.role === 'attribution' || (item.role === 'quote' && isBlockHead(base, index));
    if (!open || !mayEnd(item.line)) continue;
    if (++tries > ATTRIBUTION_TRIES) break;
    const found = attributionEndingAt(input, index, addresses);
    if (found === null || found.start < taken) continue;
    for (; taken < found.start; taken++) out.push(base[taken]!);
    const why = `attribution line ${found.start + 1} ("${excerpt(input[found.start]!.key.slice(found.before.length).trim())}")`;
    for (; taken < found.end; taken++) {
      let line = input[taken]!;
      if (taken === found.start && found.before !== '') {
        const before = line.raw.slice(0, line.raw.length - line.body.length + found.before.length);
        out.push({
          ...roleOf(plainLine(before)),
          line: { ...plainLine(before), mark: line.mark === 'attribution' ? null : line.mark },
        });
        line = plainLine(line.body.slice(found.before.length).trimStart());
      }
      const settled = base[taken]!.settled;
      out.push({ line, role: 'attribution', settled, why });
    }
  }
  for (; taken < input.length; taken++) out.push(base[taken]!);
  return out;
}

/** True when only blank quoted lines stand above this line in its block of quoted lines (at most a few). */
function isBlockHead(items: readonly RoleLine[], index: number): boolean {
  for (let at = index - 1; at >= 0 && at >= index - 5; at--) {
    const { line, role } = items[at]!;
    if (role !== 'quote') return true;
    if (line.key !== '' && at < index - 3) return false;
    if (line.key !== '' && line.depth !== items[index]!.line.depth) return false;
  }
  return index <= 5;
}

function nameHeadings(items: readonly RoleLine[], lines: readonly Line[], seenAt: SeenAt): void {
  let written = false;
  let looked = 0;
  /** The writer's own words stand above. Asked only for a reply line, because most bodies have none. */
  const isWrittenAbove = (index: number): boolean => {
    for (; looked < index && !written; looked++) {
      const { role, line } = items[looked]!;
      written = role === 'text' && hasOwnWords(line.key) && !isDeviceLine(line);
    }
    return written;
  };
  for (let index = 0; index < items.length; index++) {
    const item = items[index]!;
    const line = item.line;
    if (isReplyLine(line) && line.mark !== 'verbatim') {
      // The customer's own help desk puts such a line on top of its mails.
      const isOnTop = line.depth === 0 && !isWrittenAbove(index) && !isOursBelow(items, index, seenAt);
      if (line.depth === 0) item.role = isOnTop ? 'mark' : 'heading';
      item.settled = true;
      item.why = isOnTop ? 'a reply line on top' : 'our own reply line';
      continue;
    }
    const open = item.role === 'text' || line.mark === 'rule' || (item.role === 'attribution' && item.settled);
    // Two fields look like an attribution, too.
    const field = item.role === 'attribution' && line.depth > 0 && fieldOf(line.key) !== null;
    const head = (item.role === 'quote' || field) && !item.settled && line.key !== '' && isBlockHead(items, index);
    const heading = (open && line.depth === 0) || head ? headingAt(lines, index) : null;
    if (heading === null) continue;
    written ||= item.role === 'text' && hasOwnWords(line.key);
    for (let at = heading.start; at < heading.end; at++) {
      const named = items[at]!;
      if (named.role === 'blank' && line.mark !== 'rule') continue;
      named.role = heading.forward ? 'forward' : 'heading';
      named.why = `${heading.forward ? 'forward line' : 'header block'} ${index + 1} ("${excerpt(heading.what)}")`;
    }
    index = heading.end - 1;
  }
}

/** True when the next line is our own. */
function isOursBelow(items: readonly RoleLine[], index: number, seenAt: SeenAt): boolean {
  let next = index + 1;
  while (next < items.length && items[next]!.role === 'blank') next++;
  return next >= items.length || isSeen(seenAt(next));
}

/** Gives lines that were wrapped out of a quote back to it. */
function nameWrapped(items: readonly RoleLine[], seenAt: SeenAt): void {
  for (let index = 1; index < items.length; index++) {
    const item = items[index]!;
    const above = items[index - 1]!;
    if (item.role !== 'text' || above.role !== 'quote' || item.line.mark !== null) continue;
    if (isSeen(seenAt(index))) item.role = 'quote';
    if (item.role === 'quote' || above.line.depth === 0) continue;
    const below = items[index + 1];
    const inside = below?.role === 'quote' && below.line.depth > 0;
    if (inside ? looksWrapped(above.line, item.line, below.line) : looksCutOff(above.line, item.line, below)) {
      item.role = 'quote';
    }
  }
}

/** A rest of a sentence under a full line, directly followed by more of the quote. */
function looksWrapped(above: Line, line: Line, below: Line): boolean {
  if (below.key === '' || above.raw.length < 55 || line.key.length > above.raw.length) return false;
  if (endsSentence(above)) return false;
  return above.raw.length >= 68 || /^[\p{Ll}\p{N}(]/u.test(line.key);
}

/** The same at the end of a quote: only what can be nothing else. */
function looksCutOff(above: Line, line: Line, below: RoleLine | undefined): boolean {
  if (below !== undefined && below.role !== 'blank') return false;
  if (above.raw.length < 68 || line.key.length > 40 || endsSentence(above)) return false;
  return /^\p{Ll}/u.test(line.key);
}

function endsSentence(line: Line): boolean {
  return /[.!?:;。！？…)]["'”»]?$/.test(line.key);
}

/** Bars in front of the lines below an attribution are quote signs as well. */
function nameOtherSigns(items: readonly RoleLine[]): void {
  for (let index = 0; index + 1 < items.length; index++) {
    if (items[index]!.role !== 'attribution') continue;
    let next = index + 1;
    while (items[next]?.role === 'blank') next++;
    const sign = /^\s{0,3}[|:}»](?=\s|$)/.exec(items[next]?.line.raw ?? '')?.[0].trim();
    if (sign === undefined || items[next]!.role !== 'text') continue;
    for (let at = next; at < items.length; at++) {
      const item = items[at]!;
      if (item.role === 'text' && item.line.raw.trimStart().startsWith(sign)) item.role = 'quote';
      else if (item.role !== 'blank') break;
    }
  }
}

/** The Bat! writes the initials of the quoted writer in front of its signs (`AL> `), right below the line about him. */
function takeInitials(items: RoleLine[]): void {
  for (let index = 0; index + 1 < items.length; index++) {
    if (items[index]!.role !== 'attribution') continue;
    let next = index + 1;
    while (items[next]?.role === 'blank') next++;
    const sign = /^\s{0,3}\p{L}{1,4}>(?=\s|$)/u.exec(items[next]?.line.raw ?? '')?.[0].trim();
    if (sign === undefined || items[next]!.role !== 'text') continue;
    for (let at = next; at < items.length && /^(?:blank|text)$/.test(items[at]!.role); at++) {
      const { line, role } = items[at]!;
      if (role === 'blank' || !line.raw.trimStart().startsWith(sign)) continue;
      const { body, key } = plainLine(line.raw.slice(line.raw.indexOf(sign) + sign.length - 1));
      items[at] = item({ ...line, body, key, depth: 1 }, 'quote');
    }
    index = next;
  }
}

/**
 * Makes quotes of our own words that stand in a body without any sign and above every line of a client; and of the
 * few lines that lead to them. A body of nothing else is somebody's who says the same again.
 */
function nameSeen(items: readonly RoleLine[], seenAt: SeenAt): void {
  const marker = items.findIndex(item => item.line.depth === 0 && LEADS.has(item.role));
  const end = marker === -1 ? items.length : marker;
  for (let index = 0; index < end; index++) {
    if (items[index]!.role !== 'text' || !isSeen(seenAt(index))) continue;
    let last = index;
    let words = 0;
    let next = index;
    for (; next < end; next++) {
      const item = items[next]!;
      if (item.role !== 'text' || !isSeen(seenAt(next))) {
        if (item.role === 'blank' || (item.role === 'text' && seenAt(next).share === -1)) continue;
        break;
      }
      last = next;
      words += item.line.key.split(' ').length;
    }
    const least = next >= items.length ? QUOTE_WORDS : INNER_QUOTE_WORDS;
    const others = items.some(
      (item, at) => (at < index || at > last) && item.role === 'text' && seenAt(at).share !== -1,
    );
    if (words >= least && (others || marker !== -1)) nameSeenRun(items, index, last);
    index = last;
  }
}

function nameSeenRun(items: readonly RoleLine[], first: number, last: number): void {
  let start = first;
  let lead = first - 1;
  while (lead >= 0 && items[lead]!.role === 'blank') lead--;
  if (lead >= 0 && items[lead]!.role === 'text' && /[:：]$|\d{4}|\S@\S/.test(items[lead]!.line.key)) {
    start = lead;
    while (
      start > 0 &&
      lead - start < 3 &&
      items[start - 1]!.role === 'text' &&
      /[\d@]/.test(items[start - 1]!.line.key)
    )
      start--;
    if (!items.slice(0, start).some(item => item.role === 'text')) start = first;
  }
  for (let at = start; at <= last; at++) {
    const item = items[at]!;
    if (item.role !== 'text') continue;
    item.role = at < first && at <= lead ? 'attribution' : 'quote';
    item.settled = true;
    item.why = `the conversation's own words from line ${start + 1}`;
  }
}

const LEADS: ReadonlySet<Role> = new Set(['attribution', 'heading', 'forward']);

/** OpenPGP armour around and below signed words (RFC 9580 section 7). */
function namePgp(items: readonly RoleLine[]): void {
  for (let index = 0; index < items.length; index++) {
    const item = items[index]!;
    if (item.role !== 'text' || !item.line.key.startsWith('-----BEGIN')) continue;
    if (!/^-----BEGIN PGP (?:SIGNED MESSAGE|SIGNATURE)-----$/.test(item.line.key)) continue;
    const head = item.line.key.includes('SIGNED');
    for (let at = index; at < items.length; at++) {
      const inside = items[at]!;
      if (head && inside.role === 'blank') break;
      if (inside.role === 'text') {
        inside.role = 'device';
        inside.why = 'OpenPGP armour';
      }
      if (!head && /^-----END PGP SIGNATURE-----$/.test(inside.line.key)) break;
    }
  }
}
