/**
 * Which lines of a body are our own words coming back: the texts of the conversation's messages, found whatever was
 * put in front of their lines and however they were wrapped again. Works on words alone: a word counts as seen when
 * some run of RUN words around it stands in one of the known texts in the same order.
 *
 * Linear in the body and bounded in what is known (TRACE_LIMIT). Texts shorter than RUN words leave no trace.
 */
import type { Line } from './lines.js';

const RUN = 5;
const SHORT_LINE = 12;
const TRACE_LIMIT = 131_072;
/** Words of a body that are looked up; what stands behind counts as unknown. */
const BODY_LIMIT = 262_144;

// Scripts without spaces count each character as a word.
const WORD = /[\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]|[\p{L}\p{N}]+/gu;

/** What is known of a line's words. */
export interface Seen {
  /** The share (0 to 1) of its words that stand in a known text; -1 for a line without words. */
  readonly share: number;
  /** Where in the known texts its first and its last seen word stand, counted in words; -1 when none is seen. */
  readonly first: number;
  readonly last: number;
}

/** What `texts` tell of each line. */
export function seenIn(lines: readonly Line[], texts: readonly string[]): Seen[] {
  const known = knownRuns(texts);
  if (known === null) return lines.map(() => ({ share: 0, first: -1, last: -1 }));
  const ids: number[] = [];
  const ends: number[] = [];
  for (const line of lines) {
    const body = ids.length < BODY_LIMIT ? line.body.slice(0, BODY_LIMIT) : '';
    for (const word of body.match(WORD) ?? []) ids.push(known.ids.get(word.toLowerCase()) ?? 0);
    ends.push(ids.length);
  }
  const places = new Int32Array(ids.length).fill(-1);
  for (let at = 0; at + RUN <= ids.length; at++) {
    const hash = hashOf(ids, at);
    const place = hash === null ? undefined : known.runs.get(hash);
    if (place === undefined) continue;
    for (let step = 0; step < RUN; step++) places[at + step] = place + step;
  }
  let start = 0;
  let expected = -1;
  return ends.map(end => {
    // The short lines a text ends with are too few words for a run; they are known by following the last known word.
    if (expected !== -1 && end - start <= SHORT_LINE && isNext(ids.slice(start, end), known.sequence, expected)) {
      for (let at = start; at < end; at++) places[at] = expected + at - start;
    }
    let count = 0;
    let first = -1;
    let last = -1;
    for (let at = start; at < end; at++) {
      if (places[at] === -1) continue;
      count++;
      if (first === -1) first = places[at]!;
      last = places[at]!;
    }
    const share = end === start ? -1 : count / (end - start);
    if (last !== -1) expected = last + 1;
    start = end;
    return { share, first, last };
  });
}

function isNext(ids: readonly number[], sequence: readonly number[], expected: number): boolean {
  return ids.length > 0 && ids.every((id, step) => id !== 0 && sequence[expected + step] === id);
}

/** The words of a text, in order, lower case. */
export function wordsOf(text: string): string[] {
  return text.toLowerCase().match(WORD) ?? [];
}

interface Known {
  readonly ids: ReadonlyMap<string, number>;
  readonly runs: ReadonlyMap<number, number>;
  /** The words of all texts by place; 0 in the gaps. */
  readonly sequence: readonly number[];
}

/** Every run of RUN words of the texts, with the place of its first word; between two texts lies a gap. */
function knownRuns(texts: readonly string[]): Known | null {
  const ids = new Map<string, number>();
  const runs = new Map<number, number>();
  const sequence: number[] = [];
  let budget = TRACE_LIMIT;
  for (const text of texts) {
    const place = sequence.length;
    if (budget <= 0) break;
    const list: number[] = [];
    for (const word of wordsOf(text.slice(0, budget))) {
      let id = ids.get(word);
      if (id === undefined) {
        id = ids.size + 1;
        ids.set(word, id);
      }
      list.push(id);
    }
    budget -= text.length;
    for (let at = 0; at + RUN <= list.length; at++) {
      const hash = hashOf(list, at)!;
      if (!runs.has(hash)) runs.set(hash, place + at);
    }
    for (const id of list) sequence.push(id);
    sequence.push(0);
  }
  return runs.size === 0 ? null : { ids, runs, sequence };
}

/** A number for RUN ids in order, or null when one of the words is unknown. Collisions cost at worst a kept quote. */
function hashOf(ids: readonly number[], at: number): number | null {
  let hash = 0;
  for (let step = 0; step < RUN; step++) {
    const id = ids[at + step]!;
    if (id === 0) return null;
    hash = (Math.imul(hash, 0x9e3779b1) ^ Math.imul(id, 0x85ebca6b)) >>> 0;
    hash ^= hash >>> 15;
  }
  return hash >>> 0;
}
