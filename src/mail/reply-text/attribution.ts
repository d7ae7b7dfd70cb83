/**
 * Attribution lines: what a client writes above a quote (`On Mon, 3 May 2027 at 10:00, Bob <bob@example.com> wrote:`).
 *
 * A verb of `languages.ts` in the right place makes one or, in any language, its shape: an address, a moment and a
 * colon. It may be wrapped over four lines. It may share its first line with the reply, or its last with the quote. A
 * person's sentence ("On 3 May you wrote:") looks alike: without a quote directly below, a line needs what only a
 * client writes. In doubt it is the writer's text.
 */
import { withoutEnd } from '../cut.js';
import { CLOSING_VERBS, MIDDLE_VERBS, OPENERS, PRONOUNS } from './languages.js';
import { isBlank, keyOf, type Line, lowered } from './lines.js';
import { asciiDigits, hasAddress, hasDate, hasTime, isAddressLast, isBracketed, isTold } from './moments.js';

// Thai, kana, Han, Hangul.
const UNSPACED = /[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]/;

/** The last characters of the verbs of scripts without spaces; such a line may end without a colon. */
const UNSPACED_ENDINGS: ReadonlySet<string> = new Set(CLOSING_VERBS.filter(isUnspaced).map(verb => verb.slice(-1)));

export interface Attribution {
  /** First and one past the last line. */
  readonly start: number;
  readonly end: number;
  /** Text of the writer in front of it on its first line; '' when none. */
  readonly before: string;
  /** What follows on its last line; '' when none. */
  readonly after: string;
}

const LINE_SPAN = 4;
const LENGTH_LIMIT = 600;
const COLON_END = /[:：﹕]\s*[_"]*$/;
/** `"Ann Lee" ann@example.com – May 3, 2027 10:02 AM`, as Nextcloud writes, without a colon. */
const NEXTCLOUD = /^"[^"]{0,120}" [^\s@"<>]{1,64}@[^\s@"<>]{1,255} – [^"@]{6,60}$/;

/** True when an attribution may end on this line. */
export function mayEnd(line: Line): boolean {
  return line.mark !== 'verbatim' && endingOf(line) !== null;
}

/** The attribution that ends on this line, or null. `addresses` are reply addresses of the conversation. */
export function attributionEndingAt(
  lines: readonly Line[],
  index: number,
  addresses: readonly string[],
): Attribution | null {
  const last = lines[index]!;
  const ending = endingOf(last);
  if (ending === null) return null;
  const glued = ending.after.startsWith('>');
  const quoted = glued || (ending.after === '' && quoteFollows(lines, index));
  let joined = '';
  for (let start = index; start >= 0 && start > index - LINE_SPAN; start--) {
    const line = lines[start]!;
    if (line.mark !== last.mark || line.depth !== last.depth || line.key === '') break;
    joined = start === index ? ending.key : `${line.key} ${joined}`;
    const tail = joined.slice(-LENGTH_LIMIT);
    const strict = ending.after !== '' && !glued;
    if (strict ? !isStrictAttribution(tail) : !isAttribution(tail, quoted, addresses)) continue;
    const first = extend(lines, start, index);
    const before = sharedText(lines, first, index);
    // A sentence that ends in a quotation of somebody is not split in the middle of its own line.
    return { start: first, end: index + 1, before, after: ending.after };
  }
  return null;
}

/** True when the text as a whole is an attribution; `quoted` when a quote stands directly below it. */
function isAttribution(text: string, quoted: boolean, addresses: readonly string[] = []): boolean {
  const { inner, framed } = unframed(text);
  const colon = COLON_END.test(inner);
  const ascii = asciiDigits(inner);
  const address = hasAddress(ascii);
  if (quoted && NEXTCLOUD.test(inner) && hasDate(ascii) && hasTime(ascii)) return true;
  if ((colon || quoted) && addresses.length > 0 && address) {
    const lower = inner.toLowerCase();
    if (addresses.some(address => lower.includes(address))) return true;
  }
  if (
    !colon &&
    !framed &&
    !(quoted && address && /[>)]$|\d:\d\d$/.test(inner) && hasDate(ascii)) &&
    !(address && endsInUnspacedVerb(inner))
  ) {
    return false;
  }
  const sentence = withoutEnd(inner, ':：﹕ _."');
  const closing = closingVerb(sentence);
  const personal = PERSONAL.test(sentence);
  if (closing !== null) {
    if (quoted && colon && ((!personal && isTold(ascii)) || sentence.split(' ').length <= 6)) return true;
    // The Bat! speaks to its reader: `Monday, May 3, 2027, 10:02:14 AM, you wrote:`.
    if (quoted && colon && hasDate(ascii) && hasTime(ascii)) return true;
    const others = !personal && !isPersons(sentence.slice(0, -closing.length));
    if (others && (address || (hasTime(ascii) && (framed || hasDate(ascii))))) return true;
  }
  if (closing === null && (quoted || !personal) && middleVerb(sentence, quoted, ascii)) return true;
  if (framed && hasDate(ascii) && (address || (text.startsWith('>>') && hasTime(ascii)))) return true;
  if (!address) return false;
  const bracketed = isBracketed(ascii);
  const last = isAddressLast(ascii);
  const shaped = (bracketed || last) && hasDate(ascii) && (last || hasTime(ascii));
  if (shaped && (quoted || (bracketed && isPlainSentence(sentence, personal)))) return true;
  return quoted && colon && !personal && bracketed;
}

// I, we and you in some languages: a client never speaks so.
const PERSONAL =
  /(?:^|[\s,(])(?:I|my|[Ww]e|[Oo]ur|[Yy]ou|[Yy]our|[Ii]hre?|[Mm]eine?|[Uu]nsere?|[Vv]otre|[Nn]otre|[Uu]w|[Mm]ijn|[Ii]ch|[Ww]ir|[Nn]ous|[Vv]ous|[Jj]['’]ai|[Yy]o|[Ii]k|[Ww]ij|[Jj]ag|[Яя]|[Мм]ы|[Вв]ы)(?=$|[\s,)])/u;

/** No line of a log and nothing a person says. */
function isPlainSentence(sentence: string, personal: boolean): boolean {
  return !personal && !/[=;{}|\\]|\[\d/.test(sentence) && sentence.split(' ').length <= 25;
}

/** Without the dashes around it, or the arrows of GroupWise (`>>> Ann Lee 5/3/2027 10:02 AM >>>`). */
function unframed(text: string): { inner: string; framed: boolean } {
  const start = /^(?:[-=_–—‐]{2,}|>{2,})\s*/.exec(text)?.[0].length ?? 0;
  const end = /\s*(?:[-=_–—‐]{2,}|>{2,})[:\s]*$/.exec(text.slice(-40))?.[0].length ?? 0;
  if (start === 0 || end === 0) return { inner: text.replace(/^[-=_–—‐\s]+/, '').trim(), framed: false };
  return { inner: text.slice(start, text.length - end).trim(), framed: true };
}

/** The closing verb a sentence ends with, or null. Scripts without spaces have no word boundary to ask for. */
function closingVerb(sentence: string): string | null {
  const lower = lowered(sentence);
  let best: string | null = null;
  for (const verb of CLOSING_VERBS) {
    if (!lower.endsWith(verb) || (best !== null && verb.length <= best.length)) continue;
    const before = lower.charAt(lower.length - verb.length - 1);
    if (before === '' || isUnspaced(verb) || !/[\p{L}\p{N}]/u.test(before)) best = verb;
  }
  return best;
}

function endsInUnspacedVerb(text: string): boolean {
  const verb = closingVerb(text);
  return verb !== null && verb.length > 1 && isUnspaced(verb);
}

function isUnspaced(verb: string): boolean {
  return UNSPACED.test(verb);
}

/** True when a pronoun is the subject of the verb that follows: no client writes so. */
function isPersons(before: string): boolean {
  const words = before.toLowerCase().replace(/[,;]/g, ' ').trim().split(/\s+/);
  return (
    PRONOUNS.has(words.at(-1) ?? '') ||
    (PRONOUNS.has(words.at(-2) ?? '') && /^(have|had|has|me|us|hatten|haben|m'|avez)$/.test(words.at(-1)!))
  );
}

function middleVerb(sentence: string, quoted: boolean, ascii: string): boolean {
  if (!isTold(ascii)) return false;
  const lower = lowered(sentence);
  for (const verb of MIDDLE_VERBS) {
    const at = lower.lastIndexOf(verb);
    if (at === -1 || /[\p{L}\p{N}]/u.test(lower.charAt(at - 1)) || /[\p{L}\p{N}]/u.test(lower.charAt(at + verb.length)))
      continue;
    const before = sentence.slice(0, at);
    const after = sentence.slice(at + verb.length).trim();
    // The same with the moment behind the verb.
    if (isPersons(before) && !(quoted && hasDate(ascii) && hasTime(ascii))) return false;
    if (quoted || isNameOrMoment(after, before)) return true;
  }
  return false;
}

function isNameOrMoment(after: string, before: string): boolean {
  if (/@(?<=[<([]\s*[^\s@]+@)[^\s@]+[>)\]]/.test(after) || after.startsWith('(')) return true;
  const moment = asciiDigits(after);
  if (
    hasDate(moment) &&
    (before.includes('@') || (hasTime(moment) && before.trim() !== '' && after.split(' ').length <= 7))
  )
    return true;
  const words = after.replace(/["'“”„«»]/g, '').split(/\s+/);
  if (words.length > 7 || after === '') return false;
  const particles =
    /^(von|van|de|der|den|del|della|di|da|du|le|la|al|el|bin|af|av|zu|zur|zum|ter|ten|i|og|y|e|via|from|\(.*\)|[-–|/&])$/;
  return words.every(word => particles.test(word) || !/^\p{Ll}/u.test(word) || word.includes('@'));
}

function isStrictAttribution(text: string): boolean {
  const { inner } = unframed(text);
  const ascii = asciiDigits(inner);
  return hasAddress(ascii) && hasDate(ascii) && hasTime(ascii) && closingVerb(withoutEnd(inner, ':： ')) !== null;
}

/** How a line may end an attribution: whole, or after a verb and colon with more text behind them. */
function endingOf(line: Line): { key: string; after: string } | null {
  if (line.mark === 'verbatim' || line.key === '') return null;
  const key = line.key;
  const last = key.slice(-1);
  if (last !== ':' && key.startsWith('"') && NEXTCLOUD.test(key)) return { key, after: '' };
  // The same with brackets.
  if (/\d/.test(last) && /^[^<]{0,80}<[^\s@]+@[^\s@]+>\s[^<]{0,60}\d{1,2}:\d{2}$/.test(key)) return { key, after: '' };
  if ('-–—>)'.includes(last) || UNSPACED_ENDINGS.has(last) || COLON_END.test(key)) return { key, after: '' };
  if (key.length >= 1_000 || !(key.includes(':') || key.includes('：'))) return null;
  let colon = key.search(/[:：][\s>]/);
  for (let tries = 0; colon !== -1 && tries < 12; tries++) {
    const head = key.slice(0, colon).trimEnd();
    if (closingVerb(head) !== null) return { key: key.slice(0, colon + 1), after: key.slice(colon + 1).trim() };
    const next = key.slice(colon + 1).search(/[:：][\s>]/);
    colon = next === -1 ? -1 : colon + 1 + next;
  }
  return null;
}

/** Moves the start up to the line that opens the attribution, when it was wrapped. `end` is its last line. */
function extend(lines: readonly Line[], start: number, end: number): number {
  const first = lines[start]!;
  if (!isAbove(lines[start - 1], first)) return start;
  const all = lines.slice(start, end + 1).map(line => line.key);
  const ascii = asciiDigits(all.join(' '));
  let address = hasAddress(ascii);
  // A line that begins with its date may still follow a name: `Ann <a@example.com> wrote on Mon,` / `3 May 2027 10:02:`.
  const dated = opens(first.key) && hasDate(asciiDigits(first.key));
  if (dated && (address || !/^\p{Nd}/u.test(first.key))) return start;
  const hasNoDate = !hasDate(ascii);
  let best = start;
  for (let index = start - 1; index >= 0 && index > end - LINE_SPAN; index--) {
    const line = lines[index]!;
    if (!isAbove(line, first)) break;
    if (/[!?。]$/.test(line.key) || line.key.length > LENGTH_LIMIT) break;
    if (sharedAt(line.body) !== -1) return index;
    const above = asciiDigits(line.key);
    if (opens(line.key) && hasDate(above)) return index;
    if (!address && hasAddress(above)) {
      best = index;
      address = true;
    } else if (/^[<(]/.test(lines[best]!.key) && index === best - 1) best = index;
    else if (hasNoDate && /^\S{1,14}\s/.test(line.key) && hasDate(asciiDigits(line.key.slice(0, 40)))) best = index;
  }
  return best;
}

/** True for a filled line that may be the wrapped beginning of an attribution whose next line is `first`. */
function isAbove(line: Line | undefined, first: Line): boolean {
  return line !== undefined && line.key !== '' && line.depth === first.depth && line.mark === first.mark;
}

function opens(key: string): boolean {
  const lower = lowered(key.slice(0, 60).replace(/^[-=_–—\s]+/, ''));
  if (/^\p{Nd}/u.test(lower)) return true;
  return OPENERS.some(
    opener =>
      lower.startsWith(opener) &&
      (/\s/.test(lower.charAt(opener.length)) || isUnspaced(opener) || opener.endsWith('-')),
  );
}

/** The writer's words in front of an attribution on its first line, or ''. */
function sharedText(lines: readonly Line[], start: number, end: number): string {
  const body = lines[start]!.body;
  const at = sharedAt(start === end || body.length > 400 ? body : `${body} ${lines[start + 1]!.key}`);
  return at === -1 || at >= body.length ? '' : body.slice(0, at).trimEnd();
}

/** Offset at which an attribution begins inside a line behind other words, or -1. */
function sharedAt(text: string): number {
  const from = Math.max(0, text.length - LENGTH_LIMIT);
  const tail = asciiDigits(text.slice(from));
  // `At 10:02 AM 5/3/2027, …` opens once: without the end of a sentence before it, a second opener is a part of it.
  const opened = opens(tail);
  if (opened && !/[.!?]\s/.test(tail)) return -1;
  // Where words may end, and where an address does: looked for once, because many capitals may follow.
  const words = endOf(/[\p{L}\p{N}].*?[\p{L}\p{N}!?.)]/u, tail);
  const address = endOf(/\S@\S/, tail);
  let found = -1;
  for (const { index } of tail.matchAll(/(?<=\s)(?=[\p{Lu}\p{Lo}])/gu)) {
    // A name with an address in front belongs to the attribution itself.
    if (index < words || index >= address) continue;
    const rest = tail.slice(index, index + 60);
    if (!opens(rest) || !hasDate(rest.slice(0, 45))) continue;
    const head = tail.slice(0, index).trim();
    if (OPENERS.includes(head.toLowerCase()) || (opened && !'.!?'.includes(head.slice(-1)))) continue;
    found = index;
  }
  return found === -1 ? -1 : from + found;
}

/** Where the first match ends; beyond all texts without one. */
function endOf(pattern: RegExp, text: string): number {
  const match = pattern.exec(text);
  return match === null ? Number.POSITIVE_INFINITY : match.index + match[0].length;
}

/** Initials as a quote sign, as The Bat! writes them. */
const INITIALS = /^ ?\p{Lu}{1,3}> ?\S/u;

function quoteFollows(lines: readonly Line[], index: number): boolean {
  const depth = lines[index]!.depth;
  if (depth > 0) return (lines[index + 1]?.depth ?? 0) >= depth;
  for (let next = index + 1; next < lines.length && next <= index + 3; next++) {
    const line = lines[next]!;
    if (line.depth > depth || line.mark === 'quoted') return true;
    if (!isBlank(line))
      return (
        INITIALS.test(line.raw) ||
        (/^\s*[|:}»]\s?\S/.test(line.raw) && keyOf(line.raw).length > 3 && line.raw.trim().startsWith('|'))
      );
  }
  return false;
}
