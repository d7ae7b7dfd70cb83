/**
 * Text → the words by which it is found. Pure, and the same for what is kept and for what is asked, so that both meet.
 *
 * Text is folded: NFKC (Unicode UAX #15), lower case, without accents (Latin, Greek, Cyrillic) and without the vowel points
 * of Arabic and Hebrew. A word is a run of letters and digits. Scripts that put no space between words (Chinese, Japanese,
 * Thai, …), and Korean, whose words have endings, are kept as pairs of signs, so that a word of two signs is found inside
 * a longer run; the last sign of a run stands for itself too, so that one sign is found wherever it stands.
 * An address is a word as a whole (`ada@example.com`), as its domain (`@example.com`), and in its parts.
 *
 * What looks like a token of a reply address is left out: whoever may ask for beginnings of words could else find out,
 * sign by sign, an address that he may not read. Everything is bounded, and linear in what it is given.
 */

/** Characters of a message's text that are looked at, and of a field beside it. */
export const TEXT_LOOKED_AT = 32_768;
const FIELD_LOOKED_AT = 1_000;
/** Different words of a message, and their characters. */
export const MAX_WORDS = 500;
const MAX_CHARACTERS = 12_000;
/** Of a longer word its beginning counts. */
export const MAX_WORD = 40;
const MAX_NAMES = 50;
const MAX_LOCAL_PART = 64;
const MAX_DOMAIN = 255;

const RUNS = /[\p{L}\p{N}\p{M}]+/gu;
const ASCII_RUNS = /[a-z0-9]+/g;
/** Scripts that are kept in pairs; U+30FC lengthens a Japanese vowel and belongs to no script. */
const SIGNS =
  /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}\p{sc=Tibetan}\u30fc]+/gu;
const HAS_SIGNS =
  /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}\p{sc=Tibetan}\u30fc]/u;
const POINTS = /[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0640\u064b-\u065f\u0670]/g;
const LETTERS: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  ł: 'l',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ı: 'i',
  ς: 'σ',
};
/** 32 hex digits or a UUID. */
const TOKENS = /[0-9a-f]{8}(?:[0-9a-f]{24,}|(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/g;
/** What an address has behind a separator when it holds another system's token (`conversation/token.ts`). */
const TOKEN_IN_ADDRESS = /[+=].*|-(?=[^@]*\d)[a-z0-9._-]{16,}$/;

/** Case, accents and forms of the same sign are one. */
export function fold(text: string): string {
  if (/^[\x00-\x7f]*$/.test(text)) return text.toLowerCase();
  return text
    .normalize('NFKC')
    .toLowerCase()
    .normalize('NFD')
    .replace(POINTS, '')
    .normalize('NFC')
    .replace(/[ßæœøłđðþıς]/g, letter => LETTERS[letter]!);
}

/** What a text is made of, in its order: a word, or a run of signs that are kept in pairs. */
export type Unit =
  | { readonly kind: 'word'; readonly text: string; readonly at: number; readonly end: number }
  | { readonly kind: 'signs'; readonly text: string; readonly at: number; readonly end: number };

/** Of a text that was folded. */
export function unitsOf(folded: string): readonly Unit[] {
  const units: Unit[] = [];
  const word = (text: string, at: number) => {
    if (text !== '') units.push({ kind: 'word', text: cutWord(text), at, end: at + text.length });
  };
  for (const run of folded.matchAll(RUNS)) {
    const [text] = run;
    if (!HAS_SIGNS.test(text)) {
      word(text, run.index);
      continue;
    }
    let after = 0;
    for (const signs of text.matchAll(SIGNS)) {
      word(text.slice(after, signs.index), run.index + after);
      after = signs.index + signs[0].length;
      units.push({ kind: 'signs', text: signs[0], at: run.index + signs.index, end: run.index + after });
    }
    word(text.slice(after), run.index + after);
  }
  return units;
}

/** The words of a run of signs. `whole`: with the last sign. */
export function pairsOf(signs: string, { whole }: { readonly whole: boolean }): readonly string[] {
  const each = [...signs];
  const pairs = each.slice(1).map((sign, index) => each[index]! + sign);
  return whole || each.length === 1 ? [...pairs, each.at(-1)!] : pairs;
}

/** A text as phrases are looked for in it: all its words and signs, each between spaces. */
export function spelled(text: string): string {
  const units = unitsOf(withoutTokens(fold(text.slice(0, TEXT_LOOKED_AT))));
  return ` ${units.map(unit => (unit.kind === 'word' ? unit.text : [...unit.text].join(' '))).join(' ')} `;
}

/** A folded text without what may be a token. */
export function withoutTokens(folded: string): string {
  const shown = TOKENS.test(folded) ? folded.replace(TOKENS, ' ') : folded;
  // The regular expression is global: its place is a state.
  TOKENS.lastIndex = 0;
  return shown.includes('@') ? splitAddresses(shown).rest : shown;
}

/** What a message is found by. */
export interface Searched {
  readonly text: string;
  readonly subjects: readonly (string | null)[];
  readonly author: Person;
  readonly contact: Person;
  readonly number: number;
  readonly filenames: readonly string[];
}

interface Person {
  readonly name: string;
  readonly email: string | null;
}

/** The mark in front of the author's words, and of a conversation's number. */
export const FROM = 'f:';
export const NUMBER = '#';

/** The words of a message, each once. */
export function searchWords(message: Searched): readonly string[] {
  const words = new Set<string>([NUMBER + message.number]);
  let left = MAX_CHARACTERS;
  const add = (word: string) => {
    if (words.size >= MAX_WORDS || left < word.length || words.has(word)) return;
    words.add(word);
    left -= word.length;
  };
  for (const word of wordsOf(personText(message.author))) {
    add(word);
    add(FROM + word);
  }
  const fields = [
    ...message.subjects,
    personText(message.contact),
    ...message.filenames.slice(0, MAX_NAMES).map(name => name.slice(0, 255)),
  ];
  for (const field of fields) {
    if (field !== null) addWords(field.slice(0, FIELD_LOOKED_AT), add);
  }
  addWords(message.text.slice(0, TEXT_LOOKED_AT), add);
  return [...words];
}

function personText({ name, email }: Person): string {
  return `${name.slice(0, FIELD_LOOKED_AT / 2)} ${(email ?? '').slice(0, FIELD_LOOKED_AT / 2)}`;
}

/** Of any text; an address as a whole and its domain come first. */
export function wordsOf(text: string): readonly string[] {
  const words: string[] = [];
  addWords(text, word => words.push(word));
  return words;
}

function addWords(text: string, add: (word: string) => void): void {
  let folded = fold(text);
  if (TOKENS.test(folded)) folded = folded.replace(TOKENS, ' ');
  TOKENS.lastIndex = 0;
  if (folded.includes('@')) {
    const { addresses, rest } = splitAddresses(folded);
    folded = rest;
    for (const { local, domain } of addresses) {
      if (local !== null) add(cutAddress(`${local}@${domain}`));
      add(cutAddress(`@${domain}`));
    }
  }
  if (/^[\x00-\x7f]*$/.test(folded)) {
    for (const word of folded.match(ASCII_RUNS) ?? []) add(cutWord(word));
    return;
  }
  for (const unit of unitsOf(folded)) {
    if (unit.kind === 'word') add(unit.text);
    else for (const pair of pairsOf(unit.text, { whole: true })) add(pair);
  }
}

export function cutWord(word: string): string {
  return word.length > MAX_WORD ? word.slice(0, MAX_WORD) : word;
}

/** A whole address is longer than a word. */
export function cutAddress(address: string): string {
  return address.slice(0, 2 * MAX_WORD).replaceAll(/['`]/g, '_');
}

interface FoundAddress {
  /** Null: it may hold a token. */
  readonly local: string | null;
  readonly domain: string;
}

/** The addresses in a folded text, and the text in which those that may hold a token have only what is known of them. */
export function splitAddresses(folded: string): { readonly addresses: readonly FoundAddress[]; readonly rest: string } {
  const addresses: FoundAddress[] = [];
  let rest = '';
  let after = 0;
  for (let at = folded.indexOf('@'); at !== -1; at = folded.indexOf('@', at + 1)) {
    let start = at;
    while (start > after && at - start < MAX_LOCAL_PART && isLocal(folded.charCodeAt(start - 1))) start -= 1;
    let end = at + 1;
    while (end < folded.length && end - at < MAX_DOMAIN && isDomain(folded.charCodeAt(end))) end += 1;
    const local = folded.slice(start, at);
    const domain = folded.slice(at + 1, end).replace(/[.-]+$/, '');
    if (domain === '') continue;
    const known = local.replace(TOKEN_IN_ADDRESS, '');
    addresses.push({ local: local === '' || known !== local ? null : local, domain });
    rest += `${folded.slice(after, start)}${known} ${folded.slice(at + 1, end)}`;
    after = end;
  }
  return { addresses, rest: rest + folded.slice(after) };
}

/** A letter or digit, one of `!#$%&'*+-./=?^_{|}~` and the backtick, or beyond ASCII (RFC 5322 section 3.2.3, RFC 6531). */
function isLocal(code: number): boolean {
  return isDomain(code) || LOCAL_SIGNS.has(code);
}

const LOCAL_SIGNS = new Set([..."!#$%&'*+/=?^_`{|}~"].map(sign => sign.charCodeAt(0)));

function isDomain(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) ||
    (code >= 0x30 && code <= 0x39) ||
    code === 0x2d ||
    code === 0x2e ||
    (code > 0xa0 && (code < 0x2000 || code > 0x206f) && (code < 0x3000 || code > 0x303f) && code < 0xff00)
  );
}
