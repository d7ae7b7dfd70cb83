/**
 * The tokenizer of htmlparser2, which looks at one character at a time, passing over text, quoted values, comments and
 * names in one step each: they are most of a mail, and nothing in them means anything up to the next `<`, `&` or quote.
 * Gives the same tokens; a test holds that. The steps it takes over are not part of the tokenizer's documented interface:
 * its version is pinned.
 *
 * Linear: a place that was found is remembered until it is passed, so no stretch is searched twice for one sign.
 */
import { Tokenizer } from 'htmlparser2';

/** What the tokenizer keeps to itself. */
interface Steps {
  /** The character that is looked at; the loop goes on behind it. */
  index: number;
  readonly buffer: string;
  /** Where the buffer begins. */
  readonly offset: number;
  /** Where the token that is being read begins. */
  sectionStart: number;
  write(chunk: string): void;
  stateText(code: number): void;
  stateInTagName(code: number): void;
  stateInClosingTagName(code: number): void;
  stateInAttributeName(code: number): void;
  handleInAttributeValue(code: number, quote: number): void;
  fastForwardTo(code: number): boolean;
}

const Base = Tokenizer as unknown as new (...args: ConstructorParameters<typeof Tokenizer>) => Steps;

const LESS = 60;
const AND = 38;
const SLASH = 47;
const MORE = 62;
const SPACE = 32;
/** Every sign that is searched for. */
const SIGNS = '<&"\'>-]';

/**
 * Where each of SIGNS stands next in the buffer, as far as it is known. One for all, because every buffer begins anew and
 * is read to its end before another.
 */
const next = new Int32Array(128);

class LeapingTokenizer extends Base {
  override write(chunk: string): void {
    for (let index = 0; index < SIGNS.length; index += 1) next[SIGNS.charCodeAt(index)] = -1;
    super.write(chunk);
  }

  override stateText(code: number): void {
    const sign = code === LESS || code === AND ? code : this.#leap(LESS, AND);
    super.stateText(sign);
    if (sign === LESS) this.#leapTagName();
  }

  override stateInAttributeName(code: number): void {
    const end = this.#nameEnd(this.index - this.offset);
    const isThere = end < this.buffer.length;
    this.index = this.offset + (isThere ? end : this.buffer.length - 1);
    super.stateInAttributeName(isThere ? this.buffer.charCodeAt(end) : code);
  }

  override handleInAttributeValue(code: number, quote: number): void {
    super.handleInAttributeValue(code === quote || code === AND ? code : this.#leap(quote, AND), quote);
  }

  override fastForwardTo(code: number): boolean {
    this.index += 1;
    return this.#leap(code, code) === code;
  }

  /** From a `<` behind the name of the tag, where it has one and the tag's text is HTML as well. */
  #leapTagName(): void {
    const { buffer, offset } = this;
    const less = this.index - offset;
    const isClosing = buffer.charCodeAt(less + 1) === SLASH;
    const start = isClosing ? less + 2 : less + 1;
    const end = this.#nameEnd(start);
    const code = buffer.charCodeAt(end);
    if ((code !== MORE && code !== SPACE) || !isLetter(buffer.charCodeAt(start))) return;
    if (!isClosing && mayBeSpecial(buffer, start)) return;
    this.sectionStart = offset + start;
    this.index = offset + end;
    if (isClosing) super.stateInClosingTagName(code);
    else super.stateInTagName(code);
  }

  /** The first place from here on that may be behind a name, perhaps the buffer's end. */
  #nameEnd(from: number): number {
    let at = from;
    for (let code = this.buffer.charCodeAt(at); isLetter(code) || isNameSign(code); code = this.buffer.charCodeAt(at))
      at += 1;
    return at;
  }

  /** Moves to the nearer of the two signs and gives it; without one to the buffer's last character. */
  #leap(one: number, other: number): number {
    const at = this.index - this.offset;
    const place = Math.min(this.#place(one, at), this.#place(other, at));
    const isThere = place < this.buffer.length;
    this.index = this.offset + (isThere ? place : this.buffer.length - 1);
    return isThere ? this.buffer.charCodeAt(place) : 0;
  }

  #place(sign: number, from: number): number {
    const known = next[sign]!;
    if (known >= from) return known;
    const found = this.buffer.indexOf(String.fromCharCode(sign), from);
    const place = found < 0 ? this.buffer.length : found;
    next[sign] = place;
    return place;
  }
}

/** Script, style, title, textarea and xmp, and whatever begins like them: what is inside is read in another way. */
function mayBeSpecial(buffer: string, start: number): boolean {
  const next = buffer.charCodeAt(start + 1) | 0x20;
  switch (buffer.charCodeAt(start) | 0x20) {
    case 0x73:
      return next === 0x63 || next === 0x74;
    case 0x74:
      return next === 0x69 || next === 0x65;
    case 0x78:
      return true;
    default:
      return false;
  }
}

function isLetter(code: number): boolean {
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x7a;
}

/** Digits, colon and hyphen. */
function isNameSign(code: number): boolean {
  return (code >= 0x30 && code <= 0x3a) || code === 0x2d;
}

/** The tokenizer, as htmlparser2's Parser takes it. */
export const SwiftTokenizer = LeapingTokenizer as unknown as typeof Tokenizer;
