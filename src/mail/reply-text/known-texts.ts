/**
 * Finds the lines of a body that repeat known texts: those of the conversation's messages. It finds them with any signs
 * in front of their lines and with other line breaks, because it compares words alone: a word counts as seen when a run
 * of RUN words around it stands in one of the known texts in the same order.
 *
 * The cost is linear in the body and bounded in what is known (KNOWN_LIMIT). A text of fewer than RUN words is never
 * found. Nothing throws.
 */
import type { Line } from './lines.js';

const RUN = 5;
/** Words of a line that is known by its neighbours. */
export const SHORT_LINE = 12;
const KNOWN_LIMIT = 131_072;
/** Words of a body that are looked up; what stands behind counts as unknown. */
const BODY_LIMIT = 262_144;
/** So many kinds of words are told apart before a run is looked at as a whole; a power of two. */
const WORD_KINDS = 1_024;

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

export const NOTHING_SEEN: Seen = { share: 0, first: -1, last: -1 };

/** Tells of each line, by its index, what is known of its words. */
export type SeenAt = (index: number) => Seen;

/** A body's words beside those of the known texts. */
export interface Recall {
  /** By line; [] where nothing is known. */
  readonly seen: readonly Seen[];
  /** A number for each word of the body, and by line one past its last word. */
  readonly ids: readonly number[];
  readonly ends: readonly number[];
  /** Where each word of the body stands in `sequence`, -1 for nowhere. */
  readonly places: Int32Array;
  /** The words of all texts by place; 0 in the gaps between them. */
  readonly sequence: readonly number[];
  /** One past the last word of each of their lines. */
  readonly lineEnds: ReadonlySet<number>;
}

const NO_RECALL: Recall = {
  seen: [],
  ids: [],
  ends: [],
  places: new Int32Array(0),
  sequence: [],
  lineEnds: new Set(),
};

/** What `texts` tell of each line. */
export function recallIn(lines: readonly Line[], texts: readonly string[]): Recall {
  if (texts.length === 0) return NO_RECALL;
  const ids: number[] = [];
  const ends: number[] = [];
  for (const { body } of lines) {
    if (ids.length < BODY_LIMIT) addIds(body.length > BODY_LIMIT ? body.slice(0, BODY_LIMIT) : body, ids);
    ends.push(ids.length);
  }
  const known = knownRuns(texts, ids);
  const { sequence, lineEnds } = known;
  if (known.runs.size === 0)
    return { ...NO_RECALL, ids, ends, places: new Int32Array(ids.length).fill(-1), sequence, lineEnds };
  const places = placesOf(ids, known);
  const seen: Seen[] = [];
  let start = 0;
  let expected = -1;
  for (const stop of ends) {
    // The short lines a text ends with are too few words for a run; they are known by following the last known word.
    if (expected !== -1 && stop - start <= SHORT_LINE && isNext(ids, { start, end: stop }, sequence, expected)) {
      for (let at = start; at < stop; at++) places[at] = expected + at - start;
    }
    let count = 0;
    let first = -1;
    let last = -1;
    for (let at = start; at < stop; at++) {
      if (places[at] === -1) continue;
      count++;
      if (first === -1) first = places[at]!;
      last = places[at]!;
    }
    const share = stop === start ? -1 : count / (stop - start);
    if (last !== -1) expected = last + 1;
    start = stop;
    seen.push({ share, first, last });
  }
  return { seen, ids, ends, places, sequence, lineEnds };
}

/** Where each word stands in the known texts, -1 for nowhere. */
function placesOf(ids: readonly number[], { runs, sequence, firsts }: Known): Int32Array {
  const places = new Int32Array(ids.length).fill(-1);
  let last = -1;
  for (let at = 0; at + RUN <= ids.length; at++) {
    // In the middle of a quote one more word says as much as looking up all RUN again.
    const follows = last !== -1 && firsts.has(last + 1) && sequence[last + RUN] === ids[at + RUN - 1];
    last = follows ? last + 1 : (runs.get(hashOf(ids, at)) ?? -1);
    if (follows) places[at + RUN - 1] = last + RUN - 1;
    else if (last !== -1) for (let step = 0; step < RUN; step++) places[at + step] = last + step;
  }
  return places;
}

function isNext(
  ids: readonly number[],
  { start, end }: { start: number; end: number },
  sequence: readonly number[],
  expected: number,
): boolean {
  for (let at = start; at < end; at++) if (sequence[expected + at - start] !== ids[at]) return false;
  return end > start;
}

/** The words of a text, in order, lower case. */
export function wordsOf(text: string): string[] {
  return text.toLowerCase().match(WORD) ?? [];
}

/**
 * Adds a number for each word of the text, the same for the same word in lower case and never 0. Two words in four
 * thousand million share one, and a run of RUN of them is what counts.
 */
function addIds(text: string, ids: number[]): void {
  for (const word of wordsOf(text)) ids.push(idOf(word));
}

function idOf(word: string): number {
  let id = 0;
  for (let at = 0; at < word.length; at++) {
    id = Math.imul(id ^ word.charCodeAt(at), 0x9e3779b1);
    id = id ^ (id >>> 15) || 1;
  }
  return id;
}

interface Known extends Pick<Recall, 'sequence' | 'lineEnds'> {
  readonly runs: ReadonlyMap<number, number>;
  /** The places that `runs` tells. */
  readonly firsts: ReadonlySet<number>;
}

/** Which kinds of words stand in the body; kept, because it is filled anew for each. */
const inBody = new Uint8Array(WORD_KINDS);

/**
 * The runs of RUN words of the texts that stand in the body as well, as far as a look at their words tells, with the
 * place of their first word. Between two texts lies a gap.
 */
function knownRuns(texts: readonly string[], body: readonly number[]): Known {
  inBody.fill(0);
  for (const id of body) inBody[id & (WORD_KINDS - 1)] = 1;
  const runs = new Map<number, number>();
  const sequence: number[] = [];
  const firsts = new Set<number>();
  const lineEnds = new Set<number>();
  let budget = KNOWN_LIMIT;
  for (const text of texts) {
    const place = sequence.length;
    if (budget <= 0) break;
    for (const line of (text.length > budget ? text.slice(0, budget) : text).split('\n')) {
      addIds(line, sequence);
      lineEnds.add(sequence.length);
    }
    budget -= text.length;
    // How many words up to here, one after the other, stand in the body.
    let row = 0;
    for (let next = place; next < sequence.length; next++) {
      row = inBody[sequence[next]! & (WORD_KINDS - 1)] === 1 ? row + 1 : 0;
      if (row < RUN) continue;
      const at = next - RUN + 1;
      const hash = hashOf(sequence, at);
      if (runs.has(hash)) continue;
      runs.set(hash, at);
      firsts.add(at);
    }
    sequence.push(0);
  }
  return { runs, sequence, firsts, lineEnds };
}

/** A number for RUN ids in order. */
function hashOf(ids: readonly number[], at: number): number {
  let hash = 0;
  for (let step = 0; step < RUN; step++) {
    hash = Math.imul(hash, 0x9e3779b1) ^ Math.imul(ids[at + step]!, 0x85ebca6b);
    hash ^= hash >>> 15;
  }
  return hash;
}
