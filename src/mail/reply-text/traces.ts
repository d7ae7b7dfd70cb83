/**
 * Which lines of a body are our own words coming back: the texts of the conversation's messages, found whatever was
 * put in front of their lines and however they were wrapped again. Works on words alone: a word counts as seen when
 * some run of RUN words around it stands in one of the known texts in the same order.
 *
 * Linear in the body and bounded in what is known (TRACE_LIMIT). Texts shorter than RUN words leave no trace.
 */
import type { Line } from './lines.js';

const RUN = 5;
const TRACE_LIMIT = 131_072;

// Scripts without spaces count each character as a word.
const WORD = /[\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]|[\p{L}\p{N}]+/gu;

/** The share (0 to 1) of each line's words that stands in one of `texts`; 0 for lines without words. */
export function sharesSeen(lines: readonly Line[], texts: readonly string[]): Float32Array {
  const shares = new Float32Array(lines.length);
  const known = knownRuns(texts);
  if (known === null) return shares;
  const ids: number[] = [];
  const owners: number[] = [];
  lines.forEach((line, index) => {
    for (const match of line.body.matchAll(WORD)) {
      ids.push(known.ids.get(match[0].toLowerCase()) ?? 0);
      owners.push(index);
    }
  });
  const seen = new Uint8Array(ids.length);
  for (let at = 0; at + RUN <= ids.length; at++) {
    const hash = hashOf(ids, at);
    if (hash !== null && known.runs.has(hash)) seen.fill(1, at, at + RUN);
  }
  const totals = new Float32Array(lines.length);
  for (let at = 0; at < ids.length; at++) {
    const owner = owners[at]!;
    totals[owner] = totals[owner]! + 1;
    if (seen[at] === 1) shares[owner] = shares[owner]! + 1;
  }
  for (let index = 0; index < shares.length; index++) {
    if (totals[index]! > 0) shares[index] = shares[index]! / totals[index]!;
  }
  return shares;
}

/** The words of a text, in order, lower case. */
export function wordsOf(text: string): string[] {
  return Array.from(text.matchAll(WORD), match => match[0].toLowerCase());
}

function knownRuns(texts: readonly string[]): { ids: Map<string, number>; runs: Set<number> } | null {
  const ids = new Map<string, number>();
  const runs = new Set<number>();
  let budget = TRACE_LIMIT;
  for (const text of texts) {
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
    for (let at = 0; at + RUN <= list.length; at++) runs.add(hashOf(list, at)!);
  }
  return runs.size === 0 ? null : { ids, runs };
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
