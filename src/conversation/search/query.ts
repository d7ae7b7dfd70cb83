/**
 * What somebody types into a search → what is looked up. Pure.
 *
 *   words            all of them stand in the message, its subject, its names and addresses, or its files' names
 *   "in this order"  one behind the other, in one of these
 *   from:ada         written by somebody with this word in name or address
 *   #12              in the conversation with this number
 *
 * The last word may be the beginning of one, from three characters on. A word with signs in it (`AB-1234`) is looked for as
 * a phrase. A query of more words than MAX_ASKED, and one without any, is refused (invalid): it says what is wrong with it,
 * and nothing of what is kept.
 */
import { ReplydError } from '../../base/errors.js';
import { cutAddress, cutWord, FROM, fold, NUMBER, pairsOf, splitAddresses, unitsOf, withoutTokens } from './words.js';

export const MAX_QUERY = 500;
const MAX_ASKED = 16;
/** Words of the index that are asked for at once: a long run of signs has many. */
const MAX_TERMS = 24;
const MAX_PREFIXES = 3;
const LEAST_PREFIX = 3;

export interface SearchPlan {
  /** Words of the index: the message has them all. */
  readonly terms: readonly string[];
  /** It has a word that begins so, for each. */
  readonly prefixes: readonly string[];
  /** As `spelled` has them; without a space at the end: the last word may go on. */
  readonly phrases: readonly string[];
  /** What is shown as found. */
  readonly marks: Marks;
}

export interface Marks {
  readonly words: readonly string[];
  readonly prefixes: readonly string[];
  /** Found wherever they stand. */
  readonly pieces: readonly string[];
}

interface Asked {
  readonly kind: 'words' | 'phrase' | 'from' | 'number';
  readonly text: string;
}

/** Throws invalid. */
export function planOf(query: string): SearchPlan {
  const asked = askedOf(query.slice(0, MAX_QUERY));
  if (asked.length > MAX_ASKED)
    throw new ReplydError('invalid', `A search has at most ${MAX_ASKED} words: leave some out.`);
  const plan = new Planned();
  for (const [index, each] of asked.entries()) plan.add(each, { last: index === asked.length - 1 });
  if (plan.terms.size === 0 && plan.prefixes.size === 0)
    throw new ReplydError('invalid', 'A search needs a word: letters, digits, an address or #number.');
  return {
    terms: [...plan.terms].slice(0, MAX_TERMS),
    prefixes: [...plan.prefixes].slice(0, MAX_PREFIXES),
    phrases: [...plan.phrases],
    marks: { words: [...plan.marked], prefixes: [...plan.begun], pieces: [...plan.pieces] },
  };
}

/** Quotation marks of other languages are quotation marks. */
function askedOf(query: string): readonly Asked[] {
  const asked: Asked[] = [];
  for (const match of query.matchAll(/["“”„«»「」]([^"“”„«»「」]*)["“”„«»「」]?|([^\s"“”„«»「」]+)/g)) {
    const [, quoted, bare] = match;
    if (quoted !== undefined) asked.push({ kind: 'phrase', text: quoted });
    else if (/^#\d{1,15}$/.test(bare!)) asked.push({ kind: 'number', text: bare!.slice(1) });
    else if (/^from:./i.test(bare!)) asked.push({ kind: 'from', text: bare!.slice('from:'.length) });
    else asked.push({ kind: 'words', text: bare! });
  }
  return asked;
}

class Planned {
  readonly terms = new Set<string>();
  readonly prefixes = new Set<string>();
  readonly phrases = new Set<string>();
  readonly marked = new Set<string>();
  readonly begun = new Set<string>();
  readonly pieces = new Set<string>();

  add({ kind, text }: Asked, { last }: { readonly last: boolean }): void {
    const folded = fold(text);
    if (kind === 'number') this.terms.add(NUMBER + Number(text));
    else if (kind === 'from') this.#addFrom(folded, last);
    else if (!this.#addAddress(folded, '', last && kind === 'words')) this.#addWords(folded, kind, last);
  }

  /** An address, or the domain of some (`@example.com`). False: it is none. */
  #addAddress(folded: string, mark: string, last: boolean): boolean {
    if (!folded.includes('@')) return false;
    const [address, more] = splitAddresses(folded).addresses;
    if (address === undefined || more !== undefined) return false;
    const whole = cutAddress(`${address.local ?? ''}@${address.domain}`);
    if (last && address.domain.length > 1) this.prefixes.add(mark + whole);
    else this.terms.add(mark + whole);
    this.pieces.add(whole);
    return true;
  }

  #addFrom(folded: string, last: boolean): void {
    if (this.#addAddress(folded, FROM, last)) return;
    const units = unitsOf(withoutTokens(folded));
    for (const [index, unit] of units.entries()) {
      if (unit.kind === 'signs') this.#addSigns(unit.text, FROM);
      else if (last && index === units.length - 1 && unit.text.length >= LEAST_PREFIX)
        this.prefixes.add(FROM + unit.text);
      else this.terms.add(FROM + unit.text);
    }
  }

  #addWords(folded: string, kind: 'words' | 'phrase', last: boolean): void {
    const units = unitsOf(withoutTokens(folded));
    const opens = last && kind === 'words';
    let open = false;
    for (const [index, unit] of units.entries()) {
      if (unit.kind === 'signs') {
        this.#addSigns(unit.text, '');
        this.pieces.add(unit.text);
        continue;
      }
      const word = cutWord(unit.text);
      open = opens && index === units.length - 1 && word.length >= LEAST_PREFIX;
      if (open) {
        this.prefixes.add(word);
        this.begun.add(word);
      } else {
        this.terms.add(word);
        this.marked.add(word);
      }
    }
    const spelled = units.flatMap(unit => (unit.kind === 'word' ? [unit.text] : [...unit.text]));
    const pairs = units.length === 1 && units[0]!.kind === 'signs' && spelled.length < 3;
    if (spelled.length > 1 && !pairs) this.phrases.add(` ${spelled.join(' ')}${open ? '' : ' '}`);
  }

  #addSigns(signs: string, mark: string): void {
    const pairs = pairsOf(signs, { whole: false });
    if ([...signs].length === 1) this.prefixes.add(mark + signs);
    else for (const pair of pairs) this.terms.add(mark + pair);
  }
}
