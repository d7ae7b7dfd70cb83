/**
 * Finds the lines of a body that repeat known texts: those of the conversation's messages. It finds them with any signs
 * in front of their lines and with other line breaks, because it compares words alone: a word counts as seen when a run
 * of RUN words around it stands in one of the known texts in the same order.
 *
 * The cost is linear in the body and bounded in what is known (KNOWN_LIMIT). A text of fewer than RUN words is never
 * found. Nothing throws.
 */
import { isAscii, type Line } from './lines.js';

const RUN = 5;
/** Words of a line that is known by its neighbours. */
export const SHORT_LINE = 12;
/** Characters of known texts that are looked at. */
export const KNOWN_LIMIT = 131_072;
/** Words of a body that are looked up; what stands behind counts as unknown. */
const BODY_LIMIT = 262_144;
/** So many kinds of words are told apart before a run is looked at as a whole; a power of two. */
const WORD_KINDS = 1_024;

// Scripts without spaces count each character as a word.
const WORD = /[\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]|[\p{L}\p{N}]+/gu;

/** Characters of a body that is looked up whole. */
const SHORT_BODY = 4_000;
/** Words of a text by which its copies are found. */
const LONG_WORD = /[^\s\x21-\x40\x5b-\x60\x7b-\x7f]{5,}/g;
const LONG_WORDS = 12;
/** So many of them are looked for in one body. */
const LOOKS = 150;

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
  /** By line. */
  readonly seen: readonly Seen[];
  /** A number for each word of the body, and by line one past its last word. */
  readonly ids: readonly number[];
  readonly ends: readonly number[];
  /** Where each word of the body stands in `sequence`, -1 for nowhere. */
  readonly places: Int32Array;
  /** Some word has a place. */
  readonly found: boolean;
  readonly memory: Memory;
}

/** The words of the known texts. */
export interface Memory {
  /** By place; 0 in the gaps between the texts. */
  readonly sequence: readonly number[];
  /** One past the last word of each of their lines. */
  readonly lineEnds: ReadonlySet<number>;
  /** First place of each text whose lines are all shorter than a run. */
  readonly short: readonly number[];
}

/** What is known of a body. */
export interface Known {
  readonly seenAt: SeenAt;
  /** All of its words beside those of the texts; null where no copy of a text can stand in it. */
  readonly copies: () => Recall | null;
}

/**
 * What `texts` tell of each line. Nearly always only the writer's own lines are asked about, which stand on top: in a
 * long body the words of the quoted lines below the last of them are looked up only when somebody asks for one of those,
 * or when a long word of a text stands in the body, so that a copy may.
 */
export function knownIn(lines: readonly Line[], texts: readonly string[]): Known {
  if (texts.length === 0) return { seenAt: () => NOTHING_SEEN, copies: () => null };
  let size = 0;
  for (const line of lines) size += line.body.length;
  const isShort = size <= SHORT_BODY;
  const own = isShort ? lines.length : lines.findLastIndex(line => line.depth === 0 && line.key !== '') + 1;
  let memory: Memory | null = null;
  let recall: Recall | null = null;
  const upTo = (end: number): Recall => {
    memory ??= memoryOf(texts);
    recall = recallBefore(end, lines, memory);
    return recall;
  };
  return {
    seenAt(index) {
      const found = recall !== null && index < recall.seen.length ? recall : upTo(index < own ? own : lines.length);
      return found.seen[index]!;
    },
    copies() {
      if (!isShort && !mayHold(lines, texts)) return null;
      const whole = recall?.seen.length === lines.length ? recall : upTo(lines.length);
      return whole.found || whole.memory.short.length > 0 ? whole : null;
    },
  };
}

/** False when no longer word of any text stands in the body as it was written. */
function mayHold(lines: readonly Line[], texts: readonly string[]): boolean {
  let body = '';
  for (const line of lines) body += `${line.body.length > BODY_LIMIT ? line.body.slice(0, BODY_LIMIT) : line.body}\n`;
  const missing = new Set<string>();
  return texts.some(text => {
    const long = text.slice(0, KNOWN_LIMIT).match(LONG_WORD)?.slice(0, LONG_WORDS) ?? [];
    for (const word of long) {
      if (missing.has(word)) continue;
      if (missing.size >= LOOKS || body.includes(word)) return true;
      missing.add(word);
    }
    return long.length === 0;
  });
}

/** What is known of the lines before `end`; a run may reach into the lines behind. */
function recallBefore(end: number, lines: readonly Line[], memory: Memory): Recall {
  const ids: number[] = [];
  const ends: number[] = [];
  for (let index = 0; index < lines.length; index++) {
    if (index >= end && ids.length >= ends[end - 1]! + RUN - 1) break;
    const { body } = lines[index]!;
    if (ids.length < BODY_LIMIT) addIds(body.length > BODY_LIMIT ? body.slice(0, BODY_LIMIT) : body, ids);
    ends.push(ids.length);
  }
  const runs = runsIn(memory.sequence, ids);
  if (runs === null) {
    const seen = new Array<Seen>(end).fill(NOTHING_SEEN);
    return { seen, ids, ends, places: new Int32Array(ids.length).fill(-1), found: false, memory };
  }
  const { sequence } = memory;
  const places = placesOf(ids, sequence, runs);
  const seen: Seen[] = [];
  let start = 0;
  let expected = -1;
  let found = false;
  for (const stop of ends.slice(0, end)) {
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
    found ||= last !== -1;
    start = stop;
    seen.push({ share, first, last });
  }
  return { seen, ids, ends, places, found, memory };
}

/** Where each word stands in the known texts, -1 for nowhere. */
function placesOf(ids: readonly number[], sequence: readonly number[], { runs, firsts }: Runs): Int32Array {
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
  if (!isAscii(text)) {
    for (const word of wordsOf(text)) ids.push(idOf(word));
    return;
  }
  // The same without a string for each word.
  let id = 0;
  for (let at = 0; at < text.length; at++) {
    const lower = LOWERED[text.charCodeAt(at)]!;
    if (lower !== 0) {
      id = nextId(id, lower);
    } else if (id !== 0) {
      ids.push(id);
      id = 0;
    }
  }
  if (id !== 0) ids.push(id);
}

/** By the code of an ASCII character: that of a letter in lower case or of a digit; 0 for what is neither. */
const LOWERED = Uint8Array.from({ length: 0x80 }, (_, code) => {
  const lower = String.fromCharCode(code).toLowerCase();
  return /[a-z0-9]/.test(lower) ? lower.charCodeAt(0) : 0;
});

function nextId(id: number, code: number): number {
  const mixed = Math.imul(id ^ code, 0x9e3779b1);
  return mixed ^ (mixed >>> 15) || 1;
}

function idOf(word: string): number {
  let id = 0;
  for (let at = 0; at < word.length; at++) id = nextId(id, word.charCodeAt(at));
  return id;
}

/** Which kinds of words stand in the body; kept, because it is filled anew for each. */
const inBody = new Uint8Array(WORD_KINDS);

function memoryOf(texts: readonly string[]): Memory {
  const sequence: number[] = [];
  const lineEnds = new Set<number>();
  const short: number[] = [];
  let budget = KNOWN_LIMIT;
  for (const text of texts) {
    if (budget <= 0) break;
    const begin = sequence.length;
    let longest = 0;
    for (const line of (text.length > budget ? text.slice(0, budget) : text).split('\n')) {
      const before = sequence.length;
      addIds(line, sequence);
      lineEnds.add(sequence.length);
      if (sequence.length - before > longest) longest = sequence.length - before;
    }
    if (longest < RUN) short.push(begin);
    budget -= text.length;
    sequence.push(0);
  }
  return { sequence, lineEnds, short };
}

interface Runs {
  /** Run → place of its first word. */
  readonly runs: ReadonlyMap<number, number>;
  /** The places that `runs` tells. */
  readonly firsts: ReadonlySet<number>;
}

/**
 * The runs of RUN words of the texts that stand in the body as well, as far as a look at their words tells; null without
 * any.
 */
function runsIn(sequence: readonly number[], body: readonly number[]): Runs | null {
  inBody.fill(0);
  for (const id of body) inBody[id & (WORD_KINDS - 1)] = 1;
  const runs = new Map<number, number>();
  const firsts = new Set<number>();
  // How many words up to here, one after the other, stand in the body.
  let row = 0;
  for (let next = 0; next < sequence.length; next++) {
    const id = sequence[next]!;
    row = id !== 0 && inBody[id & (WORD_KINDS - 1)] === 1 ? row + 1 : 0;
    if (row < RUN) continue;
    const at = next - RUN + 1;
    const hash = hashOf(sequence, at);
    if (runs.has(hash)) continue;
    runs.set(hash, at);
    firsts.add(at);
  }
  return runs.size === 0 ? null : { runs, firsts };
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
