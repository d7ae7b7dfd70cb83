/**
 * The policy: from lines with roles to the writer's text, the history and the signature.
 *
 * - History goes: from the first attribution, header block or "original message" line below the new text.
 * - One attributed quote with text below it, or between two texts, goes. Between answers quoted lines stay; only their
 *   attributions and a trailing quote go. A quote without an attribution stays, unless nothing follows it.
 * - A forward with words above it is history; alone it is the text.
 * - What was typed into a copy of our own words is text, whatever stands before it.
 * - A delimiter makes the rest a signature; device lines become signature anywhere.
 * - Where nothing is left, `text` is '' and `quotedText` the whole body; the signature is given as well.
 *
 * Every line goes into exactly one part, except in that last case, so no word is lost. In doubt a line is text.
 */
import type { ReplyText } from '../mail.js';
import { type Classified, excerpt, isSeen, type Role, type RoleLine } from './classify.js';
import { insertedIn } from './inserted.js';
import type { SeenAt } from './known-texts.js';
import { isReplyLine } from './marker.js';

type Part = 'text' | 'quoted' | 'signature';

export interface AssembleOptions {
  /** The subject says that the mail is a forward: a body that begins with a header block is its text. */
  readonly forward: boolean;
  /** Some of the conversation's texts are known, so that quoted mail can be told from anything else. */
  readonly traced: boolean;
}

/** Splits the lines by authorship. */
export function assemble(body: Classified, options: AssembleOptions): ReplyText {
  const { items } = body;
  const parts: Part[] = new Array<Part>(items.length).fill('text');
  const evidence: string[] = [];
  const history = historyStart(items, evidence);
  const delimiter = delimiterBefore(items, history);
  markOwn(body, { from: 0, to: Math.min(history, delimiter) }, parts, evidence);
  markSignature(body, { from: delimiter, to: history }, parts, evidence);
  parts.fill('quoted', history);
  for (let index = 0; index < history; index++) {
    const { role, why } = items[index]!;
    if (role === 'device' && parts[index] === 'text') {
      parts[index] = 'signature';
      evidence.push(`signature: ${why}`);
    } else if (role === 'signature') parts[index] = 'signature';
    else if (role === 'mark') {
      parts[index] = 'quoted';
      evidence.push(`quote: ${why}`);
    }
  }
  const answers = keepAnswers(body, parts, evidence);
  if (!hasText(items, parts) && history < items.length) keepBelow(body, history, { options, parts, evidence });
  return collect(items, { parts, answers, evidence });
}

/** The first line of unquoted history that goes on to the end, or the number of lines. */
function historyStart(items: readonly RoleLine[], evidence: string[]): number {
  for (let index = 0; index < items.length; index++) {
    const item = items[index]!;
    if (!isMarker(item) || item.line.depth > 0) continue;
    const next = nextFilled(items, endOfMarkers(items, index));
    const whole = item.settled && item.role !== 'attribution';
    if (!whole && next < items.length && items[next]!.role === 'quote') {
      index = next;
      continue;
    }
    evidence.push(`quote: ${item.why}`);
    return index;
  }
  return items.length;
}

/** The first delimiter of the writer's own text. A row of dashes above all text delimits nothing. */
function delimiterBefore(items: readonly RoleLine[], history: number): number {
  let filled = false;
  for (let index = 0; index < history; index++) {
    const { role, line } = items[index]!;
    if (role === 'delimiter' && (filled || line.body.trim() === '--')) return index;
    if (role === 'delimiter') items[index]!.role = 'text';
    if (role === 'text' || role === 'quote') filled = true;
  }
  return history;
}

interface Run {
  readonly quote: boolean;
  readonly start: number;
  end: number;
  /** Somebody is named for this quote, or a container holds it. */
  attributed: boolean;
}

/** Decides between text and quote in the writer's part [from, to). */
function markOwn(
  { items, seenAt }: Classified,
  range: { from: number; to: number },
  parts: Part[],
  evidence: string[],
): void {
  const runs = runsOf(items, range);
  const quotes = runs.filter(run => run.quote);
  if (quotes.length === 0) return;
  if (quotes.length === runs.length) {
    const named = quotes.some(run => run.attributed);
    const forwarded = items.slice(range.from, range.to).some(item => item.role === 'forward');
    if (named && !forwarded) parts.fill('quoted', range.from, range.to);
    evidence.push(
      forwarded ? 'text: a bare forward' : named ? `quote: ${whyOf(items, quotes[0]!)}` : 'text: a quote alone',
    );
    return;
  }
  const last = runs.at(-1)!;
  const trails = last.quote && (last.attributed || !isShownPassage(items, last, seenAt));
  if (trails) {
    parts.fill('quoted', last.start, last.end);
    evidence.push(`quote: ${whyOf(items, last)}`);
  }
  const inner = trails ? quotes.slice(0, -1) : quotes;
  // A trailing quote with an attribution of its own is another mail, not the rest of this one.
  const whole = inner.length === 1 && (!trails || isMarker(items[last.start]!));
  for (const run of inner) {
    if (whole && run.attributed) {
      parts.fill('quoted', run.start, run.end);
      evidence.push(`quote: ${whyOf(items, run)}`);
      continue;
    }
    for (let index = run.start; index < run.end; index++) {
      if (isMarker(items[index]!) || items[index]!.settled) parts[index] = 'quoted';
    }
  }
  if (inner.length > 0 && !(whole && inner[0]!.attributed)) evidence.push('text: answers between quoted lines');
}

/** What stands between the writer's words and quotes without a part in either. */
const OF_PROGRAMS: ReadonlySet<Role> = new Set(['blank', 'device', 'signature', 'mark']);

function runsOf(items: readonly RoleLine[], range: { from: number; to: number }): Run[] {
  const runs: Run[] = [];
  for (let index = range.from; index < range.to; index++) {
    const item = items[index]!;
    if (OF_PROGRAMS.has(item.role)) continue;
    const quote = item.role === 'quote' || isMarker(item);
    const last = runs.at(-1);
    const attributed = isMarker(item) || (quote && item.settled);
    if (last === undefined || last.quote !== quote) runs.push({ quote, start: index, end: index + 1, attributed });
    else {
      last.end = index + 1;
      last.attributed ||= attributed;
    }
  }
  return runs;
}

/** A short passage that the writer announces with a colon ("I get this error:"), quoted by hand. */
function isShownPassage(items: readonly RoleLine[], run: Run, seenAt: SeenAt): boolean {
  const lead = lastFilled(items, run.start - 1);
  if (lead < 0 || items[lead]!.role !== 'text' || !/[:：]$/.test(items[lead]!.line.key)) return false;
  if (run.end - run.start > 6) return false;
  for (let index = run.start; index < run.end; index++) if (isSeen(seenAt(index))) return false;
  return true;
}

/** What stands between a delimiter and the history: signature, but for quotes and what was written below them. */
function markSignature(body: Classified, range: { from: number; to: number }, parts: Part[], evidence: string[]): void {
  const { items } = body;
  const { from, to } = range;
  if (from >= to) return;
  evidence.push(`signature: ${items[from]!.why}`);
  parts.fill('signature', from, to);
  for (let index = from; index < to; index++) {
    const item = items[index]!;
    if (item.role !== 'quote' && !isMarker(item)) continue;
    // Answers below or inside a named quote under a signature are the writer's, up to the next delimiter.
    let end = index;
    while (end < to && items[end]!.role !== 'delimiter') end++;
    const runs = runsOf(items, { from: index, to: end });
    if (runs[0]!.attributed) {
      parts.fill('text', index, end);
      markOwn(body, { from: index, to: end }, parts, evidence);
      if (runs.length === 1) parts.fill('quoted', index, end);
    } else {
      for (const run of runs) if (run.quote) parts.fill('quoted', run.start, run.end);
    }
    index = end;
  }
}

/** Nothing stands above the history: a forward is the text itself, and an answer may stand below the quote. */
function keepBelow(
  { items, seenAt }: Classified,
  history: number,
  context: { options: AssembleOptions; parts: Part[]; evidence: string[] },
): void {
  const { options, parts, evidence } = context;
  const marker = items[history]!;
  if (marker.role === 'forward' || (marker.role === 'heading' && options.forward)) {
    evidence.push('text: a bare forward');
    for (let index = 0; index < items.length; index++) if (parts[index] === 'quoted') parts[index] = 'text';
    return;
  }
  if (marker.role !== 'attribution') return;
  const start = endOfMarkers(items, history);
  let end = start;
  while (end < items.length && !isMarker(items[end]!)) end++;
  // Behind the last words that the conversation knows; those above a quote are the client's where it knows one of them.
  const quote = items.findIndex((item, index) => index >= start && item.role === 'quote');
  const most = quote === -1 ? end : Math.min(quote, end);
  let from = start;
  for (let index = start; index < most; index++) if (isSeen(seenAt(index))) from = index + 1;
  if (quote !== -1 && quote < end && (from > start || items.slice(quote, end).some(item => item.role === 'text')))
    return;
  if (from < most && keepTexts(items, { from, to: most }, parts)) {
    evidence.push('text: below an attribution, the only words');
  }
}

/**
 * Answers typed into a copy of our own words, whatever stands in front of their lines; where nothing else is new, also
 * what was typed directly above or below the copy. Returns the lines that lose their quote signs.
 */
function keepAnswers({ items, copies }: Classified, parts: Part[], evidence: string[]): ReadonlySet<number> {
  const answers = new Set<number>();
  if (!parts.includes('quoted')) return answers;
  const recall = copies();
  if (recall === null) return answers;
  const lines = items.map(item => item.line);
  const history = historyLines(items);
  const inserted = insertedIn(lines, recall, {
    isBarrier: index => isMarker(items[index]!),
    isHistory: index => history.has(index),
  });
  const keep = (indexes: readonly number[], why: string): void => {
    for (const index of indexes) {
      if (parts[index] !== 'quoted' || items[index]!.role === 'mark') continue;
      parts[index] = items[index]!.role === 'device' ? 'signature' : 'text';
      answers.add(index);
      evidence.push(`text: ${why}, line ${index + 1}`);
    }
  };
  keep(inserted.within, 'an answer inside the quote');
  if (hasText(items, parts)) return answers;
  const { above, below } = inserted.edges();
  keep(above.length > 0 ? above : below, 'beside the words of the conversation');
  return answers;
}

/** Below our reply line: what our mail quoted, with the lines above each message. */
function historyLines(items: readonly RoleLine[]): ReadonlySet<number> {
  const found = new Set<number>();
  for (let index = 0; index < items.length; index++) {
    const { line } = items[index]!;
    if (!isReplyLine(line)) continue;
    found.add(index);
    for (let at = index + 1; at < items.length; at++) {
      const below = items[at]!;
      const isQuoted = below.line.depth > line.depth;
      if (!isQuoted && below.role !== 'blank' && below.role !== 'attribution') break;
      found.add(at);
      index = at;
    }
  }
  return found;
}

/** Makes unquoted lines text again; false when there is none. */
function keepTexts(items: readonly RoleLine[], range: { from: number; to: number }, parts: Part[]): boolean {
  let kept = false;
  for (let index = range.from; index < range.to; index++) {
    const { role } = items[index]!;
    if (role === 'delimiter') {
      parts.fill('signature', index, range.to);
      return kept;
    }
    if (role === 'text' || role === 'blank') parts[index] = 'text';
    if (role === 'device') parts[index] = 'signature';
    kept ||= role === 'text';
  }
  return kept;
}

function isMarker(item: RoleLine): boolean {
  return item.role === 'attribution' || item.role === 'heading' || item.role === 'forward';
}

/** One past the last of the client's lines that begin here, blank lines between them included. */
function endOfMarkers(items: readonly RoleLine[], start: number): number {
  let end = start;
  for (let index = start; index < items.length; index++) {
    if (isMarker(items[index]!)) end = index + 1;
    else if (items[index]!.role !== 'blank') break;
  }
  return end;
}

function nextFilled(items: readonly RoleLine[], from: number): number {
  let index = from;
  while (index < items.length && items[index]!.role === 'blank') index++;
  return index;
}

function lastFilled(items: readonly RoleLine[], from: number): number {
  let index = from;
  while (index >= 0 && items[index]!.role === 'blank') index--;
  return index;
}

function whyOf(items: readonly RoleLine[], run: Run): string {
  for (let index = run.start; index < run.end; index++) if (items[index]!.why !== '') return items[index]!.why;
  return `quoted lines from line ${run.start + 1} ("${excerpt(items[run.start]!.line.key)}")`;
}

function hasText(items: readonly RoleLine[], parts: readonly Part[]): boolean {
  return items.some((item, index) => parts[index] === 'text' && item.role !== 'blank');
}

/**
 * Joins the lines of each part. Where other lines stood between two pieces of a part, a blank line remains; a device
 * line that stood alone between two lines of text leaves none.
 */
function collect(
  items: readonly RoleLine[],
  { parts, answers, evidence }: { parts: readonly Part[]; answers: ReadonlySet<number>; evidence: readonly string[] },
): ReplyText {
  const lists: Record<Part, string[]> = { text: [], quoted: [], signature: [] };
  let previous: Part | null = null;
  let apart = false;
  for (let index = 0; index < items.length; index++) {
    const { line, role } = items[index]!;
    const part: Part = role === 'blank' ? (previous ?? parts[index]!) : parts[index]!;
    const list = lists[part];
    if (part !== previous && list.length > 0 && list.at(-1)!.trim() !== '' && (apart || part !== 'text')) list.push('');
    list.push(answers.has(index) ? line.body : line.raw);
    apart = part !== 'text' && (apart || role !== 'device');
    previous = part;
  }
  const text = trimmed(lists.text.slice(lists.text.findIndex(line => /[^>\s]/.test(line))));
  const signature = trimmed(lists.signature);
  if (text === '') {
    return { text, quotedText: trimmed(items.map(item => item.line.raw)), signature, evidence };
  }
  return { text, quotedText: trimmed(lists.quoted), signature, evidence };
}

/** Without blank lines around it; the first line keeps its indentation where it is that of a block. */
function trimmed(lines: readonly string[]): string {
  let start = 0;
  let end = lines.length;
  while (start < end && isEmpty(lines[start]!)) start++;
  if (start === end) return '';
  while (isEmpty(lines[end - 1]!)) end--;
  const text = lines.slice(start, end).join('\n').trimEnd();
  let next = start + 1;
  while (next < end && isEmpty(lines[next]!)) next++;
  return next < end && /^\s/.test(lines[next]!) ? text : text.trimStart();
}

function isEmpty(line: string): boolean {
  return !/[^\s\u00ad\u200b-\u200f\u2060\ufeff]/.test(line);
}
