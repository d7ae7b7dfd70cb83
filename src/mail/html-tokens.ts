/**
 * The tokenizer of htmlparser2, which looks at one character at a time, passing over text, quoted values and comments in
 * one step each: they are most of a mail, and nothing in them means anything up to the next `<`, `&` or quote.
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
  write(chunk: string): void;
  stateText(code: number): void;
  handleInAttributeValue(code: number, quote: number): void;
  fastForwardTo(code: number): boolean;
}

const Base = Tokenizer as unknown as new (...args: ConstructorParameters<typeof Tokenizer>) => Steps;

const LESS = 60;
const AND = 38;
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
    super.stateText(code === LESS || code === AND ? code : this.#leap(LESS, AND));
  }

  override handleInAttributeValue(code: number, quote: number): void {
    super.handleInAttributeValue(code === quote || code === AND ? code : this.#leap(quote, AND), quote);
  }

  override fastForwardTo(code: number): boolean {
    this.index += 1;
    return this.#leap(code, code) === code;
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

/** The tokenizer, as htmlparser2's Parser takes it. */
export const SwiftTokenizer = LeapingTokenizer as unknown as typeof Tokenizer;
