/**
 * The piece of a message's text that shows why it was found: about two lines around the first place, as plain text, and
 * where in it the words stand. Pure; linear in the text that was looked at.
 */
import type { Marks } from './query.js';
import { fold, TEXT_LOOKED_AT, unitsOf } from './words.js';

export interface Snippet {
  /** Plain text on one line; … stands for what was left out. */
  readonly text: string;
  /** Places of what was asked for, in UTF-16 code units, rising. */
  readonly hits: readonly { readonly at: number; readonly length: number }[];
}

const SIZE = 160;
const BEFORE = 40;
/** A long text is looked at in pieces, which overlap by more than a word. */
const PIECE = 2_048;
const OVERLAP = 96;
const MAX_HITS = 20;

export function snippetOf(text: string, marks: Marks): Snippet {
  const looked = text.slice(0, TEXT_LOOKED_AT);
  const first = firstPlace(looked, marks) ?? 0;
  const from = first <= BEFORE ? 0 : afterSpace(looked, first - BEFORE, first);
  const to = Math.min(text.length, from + SIZE);
  const cut = wholeCharacters(text, from, to).replaceAll(/\s+/g, ' ').trim();
  const shown = `${from > 0 ? '…' : ''}${cut}${to < text.trimEnd().length ? '…' : ''}`;
  return { text: shown, hits: places(shown, marks).slice(0, MAX_HITS) };
}

function firstPlace(text: string, marks: Marks): number | null {
  for (let from = 0; from < text.length; from += PIECE - OVERLAP) {
    const [first] = places(text.slice(from, from + PIECE), marks);
    if (first !== undefined) return from + first.at;
  }
  return null;
}

/** All places in a short text. */
function places(text: string, marks: Marks): readonly { readonly at: number; readonly length: number }[] {
  const folded = fold(text);
  const found = [...placesIn(folded, marks)];
  if (found.length === 0) return [];
  const original = folded.length === text.length ? null : originalPlaces(text);
  const spans = found.map(([at, end]) =>
    original === null ? ([at, end] as const) : ([original[at] ?? text.length, original[end] ?? text.length] as const),
  );
  const apart: { at: number; length: number }[] = [];
  let after = -1;
  for (const [at, end] of spans.toSorted((a, b) => a[0] - b[0] || b[1] - a[1])) {
    if (at < after || end <= at) continue;
    apart.push({ at, length: end - at });
    after = end;
  }
  return apart;
}

function* placesIn(folded: string, { words, prefixes, pieces }: Marks): Iterable<readonly [number, number]> {
  const wanted = new Set(words);
  for (const unit of unitsOf(folded)) {
    if (unit.kind !== 'word') continue;
    if (wanted.has(unit.text) || prefixes.some(prefix => unit.text.startsWith(prefix))) yield [unit.at, unit.end];
  }
  for (const piece of pieces) {
    for (let at = folded.indexOf(piece); at !== -1; at = folded.indexOf(piece, at + piece.length))
      yield [at, at + piece.length];
  }
}

/** For each place of the folded text the one in the text, character by character. */
function originalPlaces(text: string): readonly number[] {
  const original: number[] = [];
  let at = 0;
  for (const character of text) {
    for (let count = fold(character).length; count > 0; count -= 1) original.push(at);
    at += character.length;
  }
  original.push(at);
  return original;
}

/** The first place behind a space, so that no word is cut; where there is none, the place itself. */
function afterSpace(text: string, at: number, end: number): number {
  const space = text.slice(at, end).search(/\s/);
  return space === -1 ? at : at + space + 1;
}

/** Without half of a character at either end. */
function wholeCharacters(text: string, from: number, to: number): string {
  return text
    .slice(from, to)
    .replace(/^[\udc00-\udfff]/, '')
    .replace(/[\ud800-\udbff]$/, '');
}
