/**
 * Finds what somebody wrote inside a copy of a known text: we know what we sent, so words between two words that follow
 * one another there are new, whatever marks stand in front of their line.
 *
 * Words are compared, as in `known-texts.ts`; here lines count too that are shorter than a run, where they follow or
 * precede what is known already. A line of a client (`isBarrier`) ends a copy. What clients put behind links and for
 * pictures is nobody's words. Linear: each line is compared with at most SHORT_LINE words in each direction.
 */

import { type Memory, type Recall, SHORT_LINE, wordsOf } from './known-texts.js';
import type { Line } from './lines.js';
import { hasOwnWords, withoutLinks } from './own-words.js';

/** Characters of a line that is looked into for links. */
const LONG_LINE = 2_000;
/** A copy may lack this share of the words around an answer, which was typed over them. */
const COVERED = 0.5;
/** Words that must be recognised before anything counts as a copy; less where the whole text is shorter. */
const LEAST = 5;
/** Lines of a text that may be missing before one that is known again. */
const SKIPPED = 3;
/** Lines in front of a copy's first words, or behind its last, that may be an answer. */
const EDGE_LINES = 30;

/** What gateways put on top of mail from outside, in the languages of most of them. */
const BANNER =
  /don['’]t often get e?mail|originated (?:from )?outside|outside (?:of )?(?:your|the) organi[sz]ation|external (?:e-?mail|sender|mail|message)|^\W*(?:caution|warning|extern(?:al|e)?|achtung|attention|atenci[oó]n|attenzione|let op|uwaga|внимание)\b|externe(?:r|n)? (?:e-?mail|absender|nachricht)|exp[eé]diteur externe|remitente externo|nicht oft e-?mails? von|recevez pas souvent|no suele recibir/iu;

export interface Inserted {
  /** Lines that stand inside of a copy and hold words that it has not. */
  readonly within: readonly number[];
  readonly edges: () => Edges;
}

/** Unknown lines directly above the first copy, and directly below it. */
export interface Edges {
  readonly above: readonly number[];
  readonly below: readonly number[];
}

const NOTHING: Inserted = { within: [], edges: () => ({ above: [], below: [] }) };

/** What lines are besides their words. */
export interface Bounds {
  /** A line of a client. */
  readonly isBarrier: (index: number) => boolean;
  /** What our mail quoted itself: nobody's answer, and no end of the copy. */
  readonly isHistory: (index: number) => boolean;
}

/** What stands inside and around the copies in these lines. */
export function insertedIn(lines: readonly Line[], recall: Recall, bounds: Bounds): Inserted {
  const { ids, ends, memory, seen } = recall;
  const copy: Copy = {
    ...memory,
    ids,
    ends,
    places: recall.places.slice(),
    used: new Uint8Array(memory.sequence.length),
    firsts: seen.map(({ first }) => first),
    lasts: seen.map(({ last }) => last),
    lines,
    ...bounds,
  };
  if (recall.found) for (const place of copy.places) if (place !== -1) copy.used[place] = 1;
  if (!recall.found && !anchorLines(copy)) return NOTHING;
  followOn(copy);
  followBack(copy);
  return { within: gapsIn(copy), edges: () => edgesOf(copy) };
}

interface Copy extends Pick<Recall, 'ids' | 'ends'>, Memory, Bounds {
  readonly places: Int32Array;
  /** Places that stand in the body. */
  readonly used: Uint8Array;
  /** By line, as in `Seen`. */
  readonly firsts: number[];
  readonly lasts: number[];
  readonly lines: readonly Line[];
}

function startOf({ ends }: Copy, index: number): number {
  return index === 0 ? 0 : ends[index - 1]!;
}

/** Words of this line, from `at` on, stand at `first` and behind. */
function place(
  copy: Copy,
  { index, at, count, first }: { index: number; at: number; count: number; first: number },
): void {
  for (let step = 0; step < count; step++) {
    copy.places[at + step] = first + step;
    copy.used[first + step] = 1;
  }
  copy.firsts[index] = first;
  copy.lasts[index] = first + count - 1;
}

/** Recognises a text of short lines alone: all of them stand in the body, in their order. */
function anchorLines(copy: Copy): boolean {
  let isAny = false;
  const { ids, ends, sequence, lineEnds, short } = copy;
  for (const begin of short) {
    const end = sequence.indexOf(0, begin);
    const bounds = [...lineEnds].filter(at => at > begin && at <= end);
    const found: { index: number; at: number; count: number; first: number }[] = [];
    let first = begin;
    for (let index = 0; index < ends.length && found.length < bounds.length; index++) {
      const at = startOf(copy, index);
      const count = bounds[found.length]! - first;
      let step = 0;
      while (step < count && at + step < ends[index]! && sequence[first + step] === ids[at + step]) step++;
      if (step < count || copy.isBarrier(index)) continue;
      found.push({ index, at, count, first });
      first += count;
    }
    if (bounds.length < 2 || found.length < bounds.length) continue;
    for (const each of found) place(copy, each);
    isAny = true;
  }
  return isAny;
}

/** Recognises short lines by following what is known above them; the rest of such a line may be an answer. */
function followOn(copy: Copy): void {
  const { used, ids, ends, sequence, lineEnds } = copy;
  let expected = -1;
  for (let index = 0; index < ends.length; index++) {
    if (copy.isBarrier(index)) expected = -1;
    if (copy.lasts[index] !== -1) {
      expected = copy.lasts[index]! + 1;
      continue;
    }
    if (expected === -1) continue;
    const start = startOf(copy, index);
    const stop = Math.min(ends[index]!, start + SHORT_LINE);
    // Lines of the text may be missing or broken; the next few are looked at as well.
    let from = expected;
    for (let skipped = 0; skipped <= SKIPPED && sequence[from] !== 0; skipped++) {
      const fits = (at: number): boolean => sequence[from + at] === ids[start + at] && used[from + at] === 0;
      let count = 0;
      while (start + count < stop && fits(count)) count++;
      const isWhole = start + count === ends[index] && count > 0 && (skipped === 0 || lineEnds.has(from + count));
      if (isWhole || (count > 0 && lineEnds.has(from + count))) {
        place(copy, { index, at: start, count, first: from });
        expected = from + count;
        break;
      }
      from++;
      const most = from + 10 * SHORT_LINE;
      while (sequence[from] !== 0 && from < most && !lineEnds.has(from)) from++;
    }
  }
}

/** The same upwards, from the first words that are known. */
function followBack(copy: Copy): void {
  const { used, ids, ends, sequence } = copy;
  let wanted = -1;
  for (let index = ends.length - 1; index >= 0; index--) {
    if (copy.isBarrier(index)) wanted = -1;
    if (copy.firsts[index] !== -1) {
      wanted = copy.firsts[index]! - 1;
      continue;
    }
    const start = startOf(copy, index);
    const count = ends[index]! - start;
    if (wanted < 0 || sequence[wanted] === 0 || count === 0 || count > SHORT_LINE) continue;
    let step = 0;
    while (step < count && sequence[wanted - step] === ids[ends[index]! - 1 - step] && used[wanted - step] === 0)
      step++;
    if (step < count) continue;
    place(copy, { index, at: start, count, first: wanted - count + 1 });
    wanted -= count;
  }
}

/** The lines with unknown words between two places of one text, or below a place that is not its last. */
function gapsIn(copy: Copy): number[] {
  const { places, ends, sequence } = copy;
  const found = new Set<number>();
  const covered = coverage(copy);
  let place = -1;
  // The line of that place.
  let depth = 0;
  let pending: number[] = [];
  // The rest of a text is missing: what stands there instead, as deep as the text, is an answer to its last line.
  const cutOff = (): void => {
    if (place === -1 || sequence[place + 1] === 0 || pending.length > EDGE_LINES || !covered(place, place)) return;
    for (const line of pending) if (copy.lines[line]!.depth === depth) found.add(line);
  };
  for (let index = 0; index < ends.length; index++) {
    if (copy.isBarrier(index)) {
      cutOff();
      place = -1;
      pending = [];
      continue;
    }
    const start = startOf(copy, index);
    let isTail = false;
    let known = 0;
    for (let at = start; at < ends[index]!; at++) {
      const here = places[at]!;
      if (here === -1) {
        if (pending.at(-1) !== index) pending.push(index);
        continue;
      }
      const isFirst = here === 0 || sequence[here - 1] === 0;
      if (place !== -1 && here === place + 1) for (const line of pending) found.add(line);
      else if (place !== -1 && here > place && covered(place, here)) {
        for (const line of pending) if (copy.firsts[line] === -1) found.add(line);
      } else if (isFirst && at > start && pending.at(-1) === index) found.add(index);
      pending = [];
      known++;
      place = here;
      depth = copy.lines[index]!.depth;
      isTail = sequence[place + 1] === 0 && known === at + 1 - start;
    }
    // Words behind the last of a text, on its line.
    if (isTail && pending.at(-1) === index && copy.lines[index]!.key.length < 500) found.add(index);
  }
  cutOff();
  return [...found].filter(index => hasNewWords(copy, index));
}

/** Tells of two places whether they stand in one text, half of which stands in the body. */
function coverage({ used, sequence }: Copy): (from: number, to: number) => boolean {
  let sums: Uint32Array | null = null;
  const bound = (at: number, step: number): number => {
    let end = at;
    while (end >= 0 && end < sequence.length && sequence[end] !== 0) end += step;
    return end;
  };
  let start = 0;
  let end = 0;
  return (from, to) => {
    if (sums === null) {
      sums = new Uint32Array(sequence.length + 1);
      for (let at = 0; at < sequence.length; at++) sums[at + 1] = sums[at]! + used[at]!;
    }
    if (from < start || from >= end) {
      start = bound(from, -1) + 1;
      end = bound(from, 1);
    }
    return to < end && sums[end]! - sums[start]! >= COVERED * (end - start);
  };
}

function hasNewWords(copy: Copy, index: number): boolean {
  const key = copy.lines[index]!.body;
  const start = startOf(copy, index);
  const end = copy.ends[index]!;
  let known = 0;
  for (let at = start; at < end; at++) if (copy.places[at] !== -1) known++;
  // Such a line is no client's note for a link.
  if (key.length > LONG_LINE) return known < end - start;
  // An address that stands alone is an answer; clients put theirs behind words.
  if (known === 0)
    return (hasOwnWords(key) || /^[\s>*-]*https?:\S+\s*$/.test(key)) && !/\p{L}[?\ufffd]+\p{L}/u.test(key);
  // A number in front is how a list is shown.
  return wordsOf(withoutLinks(key).replace(/^\s*\d{1,3}[.)]\s/, '')).length > known;
}

function nextFilled(lines: readonly Line[], from: number): number {
  let index = from;
  while (index < lines.length && lines[index]!.key === '') index++;
  return index;
}

/** True for a line whose words are a whole line of a known text. */
function isKnownLine({ ids, ends, sequence, lineEnds }: Copy, index: number): boolean {
  if (index >= ends.length) return false;
  const start = index === 0 ? 0 : ends[index - 1]!;
  const count = ends[index]! - start;
  if (count < 2 || count > SHORT_LINE) return false;
  for (const end of lineEnds) {
    const first = end - count;
    if (first < 0 || !(first === 0 || lineEnds.has(first) || sequence[first - 1] === 0)) continue;
    let step = 0;
    while (step < count && sequence[first + step] === ids[start + step]) step++;
    if (step === count) return true;
  }
  return false;
}

/** The unknown lines directly above and below the first copy. */
function edgesOf(copy: Copy): Edges {
  const { ends, sequence, lines, firsts } = copy;
  const first = firsts.findIndex(place => place !== -1);
  if (first === -1) return { above: [], below: [] };
  const above: number[] = [];
  const { depth } = lines[first]!;
  const isBegun = firsts[first]! > 0 && sequence[firsts[first]! - 1] !== 0;
  for (let index = first - 1; !isBegun && index >= 0 && first - index <= EDGE_LINES; index--) {
    if (copy.isBarrier(index)) break;
    if (lines[index]!.depth !== depth || BANNER.test(lines[index]!.key)) continue;
    if (hasNewWords(copy, index)) above.unshift(index);
  }
  let last = first;
  let words = 0;
  const isEnd = (index: number): boolean => copy.isBarrier(index) && !copy.isHistory(index);
  for (let index = first; index < ends.length && !isEnd(index); index++) {
    if (firsts[index] === -1 || copy.isHistory(index)) continue;
    last = index;
    words += copy.lasts[index]! - firsts[index]! + 1;
  }
  if (words < LEAST) return { above: [], below: [] };
  const below: number[] = [];
  let looked = 0;
  for (let index = last + 1; index < ends.length && looked < 4 * EDGE_LINES && !isEnd(index); index++) {
    if (copy.isHistory(index)) continue;
    looked++;
    const line = lines[index]!;
    // Our footer stands below a delimiter of its own.
    const isFooter = line.key === '--' && isKnownLine(copy, nextFilled(lines, index + 1));
    if (line.key === '' || line.mark === 'quoted' || isFooter || isKnownLine(copy, index)) continue;
    if (below.length > 0 && line.key === '--') break;
    const isFrame = below.length === 0 && /^--$|[:：]$/.test(line.key);
    if (line.depth > depth || isFrame || below.length >= EDGE_LINES) return { above, below: [] };
    if (hasNewWords(copy, index)) below.push(index);
  }
  return { above, below };
}
