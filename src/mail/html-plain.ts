/**
 * HTML made safe for display where nothing in it raises a question: known elements with harmless attributes around words,
 * which is what most replies are. The sanitiser has a frame of its own for every element and takes four times as long.
 *
 * Only elements and attributes that the policy allows are written, every value and every word escaped; at the first
 * thing beyond (a limit, an odd address, an attribute without value) the answer is null and
 * the sanitiser reads it all. Where there is an answer it is the sanitiser's, character by character; a test holds that.
 */
import { Parser } from 'htmlparser2';
import { SwiftTokenizer } from './html-tokens.js';

export interface PlainPolicy {
  /** Greatest nesting, and most elements. */
  readonly depth: number;
  readonly elements: number;
  /** Elements that are shown. All others are left out, and what is inside of them stays. */
  readonly tags: ReadonlySet<string>;
  /** Elements that are left out with the text inside. */
  readonly withoutText: ReadonlySet<string>;
  /** The attributes of all elements, and those of some. */
  readonly everywhere: ReadonlySet<string>;
  readonly attributes: ReadonlyMap<string, ReadonlySet<string>>;
  /** The safe part of a style, or ''. It is written behind the other attributes. */
  readonly styleOf: (style: string) => string;
  /** What an element's attributes become but for its style, or null when that takes a closer look. */
  readonly attributesOf: (
    tag: string,
    attributes: Readonly<Record<string, string>>,
  ) => Readonly<Record<string, string>> | null;
}

/** Elements without text to show in which the parser sees no others. */
const HIDDEN: ReadonlySet<string> = new Set(['style', 'title', 'script']);
const VOID: ReadonlySet<string> = new Set(['br', 'hr', 'img']);

/** The safe HTML, or null. Linear; the limit on size is the caller's. */
export function plainHtml(html: string, policy: PlainPolicy): string | null {
  const open: string[] = [];
  let out = '';
  let isPlain = true;
  let isHidden = false;
  let elements = 0;
  let depth = 0;
  const parser = new Parser(
    {
      onopentagname() {
        depth += 1;
        elements += 1;
        if (depth > policy.depth || elements > policy.elements) stop();
      },
      onopentag(tag, given) {
        if (!isPlain) return;
        // One that hides nothing after all, as `<style/>` does.
        if (isHidden) return stop();
        open.push(tag);
        if (!policy.tags.has(tag)) {
          isHidden = policy.withoutText.has(tag);
          if (isHidden && !HIDDEN.has(tag)) stop();
          return;
        }
        const attributes = policy.attributesOf(tag, given);
        if (attributes === null) return stop();
        out += `<${tag}`;
        const own = policy.attributes.get(tag);
        for (const name of Object.keys(attributes)) {
          if (name === 'style' || (!policy.everywhere.has(name) && own?.has(name) !== true)) continue;
          const value = attributes[name]!;
          if (value === '' && name !== 'alt') return stop();
          out += ` ${name}="${escapedValue(value)}"`;
        }
        const style = attributes.style === undefined ? '' : policy.styleOf(attributes.style);
        if (style !== '') out += ` style="${escapedValue(style)}"`;
        out += VOID.has(tag) ? ' />' : '>';
      },
      ontext(text) {
        if (!isHidden) out += escaped(text);
      },
      onclosetag(tag) {
        depth -= 1;
        // The parser closes even a tag that the text ends in, which was never opened.
        if (open.at(-1) !== tag) return;
        open.pop();
        isHidden = false;
        if (policy.tags.has(tag) && !VOID.has(tag)) out += `</${tag}>`;
      },
    },
    { decodeEntities: true, Tokenizer: SwiftTokenizer },
  );
  const stop = () => {
    isPlain = false;
    parser.pause();
  };
  parser.write(html);
  if (!isPlain) return null;
  parser.end();
  return isPlain ? out : null;
}

function escapedValue(value: string): string {
  const safe = escaped(value);
  return safe.includes('"') ? safe.replaceAll('"', '&quot;') : safe;
}

function escaped(text: string): string {
  if (!text.includes('&') && !text.includes('<') && !text.includes('>')) return text;
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
