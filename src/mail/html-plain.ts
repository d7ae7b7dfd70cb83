/**
 * HTML made safe for display where nothing in it raises a question: known elements with harmless attributes around words,
 * which is what most replies are. The sanitiser has a frame of its own for every element and takes four times as long.
 *
 * Only elements and attributes that the policy allows are written, every value and every word escaped; at the first
 * thing beyond (an element nobody knows, a picture, an odd address, an attribute without value) the answer is null and
 * the sanitiser reads it all. Where there is an answer it is the sanitiser's, character by character; a test holds that.
 */
import { Parser } from 'htmlparser2';

export interface PlainPolicy {
  readonly tags: ReadonlySet<string>;
  /** Attributes by element, `*` for all. */
  readonly attributes: Readonly<Record<string, readonly string[]>>;
  /** What an element's attributes become, or null when that takes a closer look. */
  readonly attributesOf: (
    tag: string,
    attributes: Readonly<Record<string, string>>,
  ) => Readonly<Record<string, string>> | null;
}

/** Elements that are left out while what is inside stays. */
const LEFT_OUT: ReadonlySet<string> = new Set(['html', 'head', 'body', 'meta']);
const VOID: ReadonlySet<string> = new Set(['br', 'hr']);

/** The safe HTML, or null. Linear; limits on size and nesting are the caller's. */
export function plainHtml(html: string, policy: PlainPolicy): string | null {
  const everywhere = policy.attributes['*'] ?? [];
  const open: string[] = [];
  let out = '';
  let isPlain = true;
  const parser = new Parser(
    {
      onopentag(tag, given) {
        if (!isPlain) return;
        open.push(tag);
        if (LEFT_OUT.has(tag)) return;
        const attributes = policy.tags.has(tag) ? policy.attributesOf(tag, given) : null;
        if (attributes === null) return stop();
        out += `<${tag}`;
        const own = policy.attributes[tag];
        for (const name of Object.keys(attributes)) {
          if (!everywhere.includes(name) && own?.includes(name) !== true) continue;
          const value = attributes[name]!;
          if (value === '') return stop();
          out += ` ${name}="${escaped(value).replaceAll('"', '&quot;')}"`;
        }
        out += VOID.has(tag) ? ' />' : '>';
      },
      ontext(text) {
        out += escaped(text);
      },
      onclosetag(tag) {
        // The parser closes even a tag that the text ends in, which was never opened.
        if (open.at(-1) !== tag) return;
        open.pop();
        if (policy.tags.has(tag) && !VOID.has(tag)) out += `</${tag}>`;
      },
    },
    { decodeEntities: true },
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

function escaped(text: string): string {
  return /[&<>]/.test(text) ? text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;') : text;
}
