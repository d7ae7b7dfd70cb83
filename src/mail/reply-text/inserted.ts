/**
 * Finds what somebody wrote inside a copy of a known text: we know what we sent, so words between two words that follow
 * one another there are new, whatever marks stand in front of their line.
 *
 * Words are compared, as in `known-texts.ts`; here lines count too that are shorter than a run, where they follow or
 * precede what is known already. A line of a client (`isBarrier`) ends a copy. What clients put behind links and for
 * pictures is nobody's words. Linear: each line is compared with at most SHORT_LINE words in each direction.
 */

import { type Recall, SHORT_LINE, wordsOf } from './known-texts.js';
import type { Line } from './lines.js';
import { hasOwnWords, withoutLinks } from './own-words.js';

/** A copy may lack this share of the words around an answer, which was typed over them. */
const COVERED = 0.7;
/** Words that must be recognised before anything counts as a copy; less where the whole text is shorter. */
const LEAST = 5;
/** Lines in front of a copy's first words, or behind its last, that may be an answer. */
const EDGE_LINES = 30;

export interface Inserted {
  /** Lines that stand inside of a copy and hold words that it has not. */
  readonly within: readonly number[];
  /** Lines directly above the first copy, and directly below it. */
  readonly above: readonly number[];
  readonly below: readonly number[];
}

const NOTHING: Inserted = { within: [], above: [], below: [] };

/** What stands inside and around the copies in these lines. */
export function insertedIn(lines: readonly Line[], recall: Recall, isBarrier: (index: number) => boolean): Inserted {
  if (recall.sequence.length === 0) return NOTHING;
  const places = Int32Array.from(recall.places);
  const used = new Set<number>();
  for (const place of places) if (place !== -1) used.add(place);
  const copy: Copy = { ...recall, places, used, lines, isBarrier };
  if (used.size === 0) anchorLines(copy);
  if (used.size === 0) return NOTHING;
  followOn(copy);
  followBack(copy);
  const within = gapsIn(copy);
  return { within, ...edgesOf(copy) };
}

interface Copy extends Recall {
  /** Places that stand in the body. */
  readonly used: Set<number>;
  readonly lines: readonly Line[];
  readonly isBarrier: (index: number) => boolean;
}

function startOf({ ends }: Copy, index: number): number {
  return index === 0 ? 0 : ends[index - 1]!;
}

/** Where the first and last known word of a line stand, or null. */
function knownOf(copy: Copy, index: number): { first: number; last: number } | null {
  const { places, ends } = copy;
  let first = -1;
  let last = -1;
  for (let at = startOf(copy, index); at < ends[index]!; at++) {
    if (places[at] === -1) continue;
    if (first === -1) first = places[at]!;
    last = places[at]!;
  }
  return first === -1 ? null : { first, last };
}

function place({ places, used }: Copy, { at, count, first }: { at: number; count: number; first: number }): void {
  for (let step = 0; step < count; step++) {
    places[at + step] = first + step;
    used.add(first + step);
  }
}

/** Recognises a text of short lines alone: all of them stand in the body, in their order. */
function anchorLines(copy: Copy): void {
  const { ids, ends, sequence, lineEnds } = copy;
  let begin = 0;
  while (begin < sequence.length) {
    const end = sequence.indexOf(0, begin);
    const bounds = [...lineEnds].filter(at => at > begin && at <= end);
    const found: { at: number; count: number; first: number }[] = [];
    let first = begin;
    for (let index = 0; index < ends.length && found.length < bounds.length; index++) {
      const at = startOf(copy, index);
      const count = bounds[found.length]! - first;
      let step = 0;
      while (step < count && at + step < ends[index]! && sequence[first + step] === ids[at + step]) step++;
      if (step < count || copy.isBarrier(index)) continue;
      found.push({ at, count, first });
      first += count;
    }
    if (bounds.length >= 2 && found.length === bounds.length) for (const each of found) place(copy, each);
    begin = end + 1;
  }
}

/** Recognises short lines by following what is known above them; the rest of such a line may be an answer. */
function followOn(copy: Copy): void {
  const { used, ids, ends, sequence, lineEnds } = copy;
  let expected = -1;
  for (let index = 0; index < ends.length; index++) {
    if (copy.isBarrier(index)) expected = -1;
    const known = knownOf(copy, index);
    if (known !== null) {
      expected = known.last + 1;
      continue;
    }
    if (expected === -1) continue;
    const start = startOf(copy, index);
    const stop = Math.min(ends[index]!, start + SHORT_LINE);
    let count = 0;
    const fits = (at: number): boolean => sequence[expected + at] === ids[start + at] && !used.has(expected + at);
    while (start + count < stop && fits(count)) count++;
    const isWhole = start + count === ends[index] && count > 0;
    if (!isWhole && !(count > 0 && lineEnds.has(expected + count))) continue;
    place(copy, { at: start, count, first: expected });
    expected += count;
  }
}

/** The same upwards, from the first words that are known. */
function followBack(copy: Copy): void {
  const { used, ids, ends, sequence } = copy;
  let wanted = -1;
  for (let index = ends.length - 1; index >= 0; index--) {
    if (copy.isBarrier(index)) wanted = -1;
    const known = knownOf(copy, index);
    if (known !== null) {
      wanted = known.first - 1;
      continue;
    }
    const start = startOf(copy, index);
    const count = ends[index]! - start;
    if (wanted < 0 || sequence[wanted] === 0 || count === 0 || count > SHORT_LINE) continue;
    let step = 0;
    while (step < count && sequence[wanted - step] === ids[ends[index]! - 1 - step] && !used.has(wanted - step)) step++;
    if (step < count) continue;
    place(copy, { at: start, count, first: wanted - count + 1 });
    wanted -= count;
  }
}

/** The lines with unknown words between two places of one text. */
function gapsIn(copy: Copy): number[] {
  const { places, ends, sequence } = copy;
  const found = new Set<number>();
  const covered = coverage(copy);
  let place = -1;
  let pending: number[] = [];
  for (let index = 0; index < ends.length; index++) {
    if (copy.isBarrier(index)) {
      place = -1;
      pending = [];
      continue;
    }
    let isTail = false;
    let known = 0;
    for (let at = startOf(copy, index); at < ends[index]!; at++) {
      const here = places[at]!;
      if (here === -1) {
        if (place !== -1 && pending.at(-1) !== index) pending.push(index);
        continue;
      }
      if (place !== -1 && here === place + 1) for (const line of pending) found.add(line);
      else if (place !== -1 && here > place && covered(place, here)) {
        for (const line of pending) if (knownOf(copy, line) === null) found.add(line);
      }
      pending = [];
      known++;
      place = here;
      isTail = sequence[place + 1] === 0 && known === at + 1 - startOf(copy, index);
    }
    // Words behind the last of a text, on its line.
    if (isTail && pending.at(-1) === index && copy.lines[index]!.key.length < 500) found.add(index);
  }
  return [...found].filter(index => hasNewWords(copy, index));
}

/** Tells of two places whether they stand in one text, most of which stands in the body. */
function coverage({ places, sequence }: Copy): (from: number, to: number) => boolean {
  let sums: Uint32Array | null = null;
  const seen = new Uint8Array(sequence.length + 1);
  for (const place of places) if (place !== -1) seen[place] = 1;
  const bounds = (at: number, step: number): number => {
    let end = at;
    while (end >= 0 && end < sequence.length && sequence[end] !== 0) end += step;
    return end;
  };
  return (from, to) => {
    if (sums === null) {
      sums = new Uint32Array(sequence.length + 1);
      for (let at = 0; at < sequence.length; at++) sums[at + 1] = sums[at]! + seen[at]!;
    }
    if (to - from > 400) return false;
    const start = bounds(from, -1) + 1;
    const end = bounds(from, 1);
    return to < end && sums[end]! - sums[start]! >= COVERED * (end - start);
  };
}

function hasNewWords(copy: Copy, index: number): boolean {
  const key = copy.lines[index]!.body;
  const start = startOf(copy, index);
  let known = 0;
  for (let at = start; at < copy.ends[index]!; at++) if (copy.places[at] !== -1) known++;
  if (known === 0) return hasOwnWords(key) && !/\p{L}[?\ufffd]+\p{L}/u.test(key);
  // A number in front is how a list is shown.
  return wordsOf(withoutLinks(key).replace(/^\s*\d{1,3}[.)]\s/, '')).length > known;
}

/** The unknown lines directly above and below the first copy. */
function edgesOf(copy: Copy): { above: number[]; below: number[] } {
  const { ends, sequence } = copy;
  let first = 0;
  while (first < ends.length && knownOf(copy, first) === null) first++;
  if (first === ends.length) return { above: [], below: [] };
  const above: number[] = [];
  const { depth } = copy.lines[first]!;
  const place = knownOf(copy, first)!.first;
  const isBegun = place > 0 && sequence[place - 1] !== 0;
  for (let index = first - 1; !isBegun && index >= 0 && first - index <= EDGE_LINES; index--) {
    if (copy.isBarrier(index)) break;
    if (copy.lines[index]!.depth === depth && hasNewWords(copy, index)) above.unshift(index);
  }
  let last = first;
  let words = 0;
  for (let index = first; index < ends.length && !copy.isBarrier(index); index++) {
    const known = knownOf(copy, index);
    if (known !== null) last = index;
    if (known !== null) words += known.last - known.first + 1;
  }
  if (words < LEAST) return { above: [], below: [] };
  const below: number[] = [];
  for (let index = last + 1; index < ends.length && !copy.isBarrier(index); index++) {
    const line = copy.lines[index]!;
    if (line.key === '') continue;
    if (line.depth > depth || line.mark === 'quoted' || /^--$|[:：]$/.test(line.key) || below.length >= EDGE_LINES) {
      return { above, below: [] };
    }
    if (line.depth === depth && hasNewWords(copy, index)) below.push(index);
  }
  return { above, below };
}
