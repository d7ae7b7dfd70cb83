/**
 * HTML made safe for display where nothing in it raises a question: known elements with harmless attributes around words,
 * which is what most replies are. The sanitiser has a frame of its own for every element and takes many times as long.
 *
 * Only elements and attributes that the policy allows are written, every value and every word escaped; at the first
 * thing beyond (a limit, an odd address, an attribute without value) the answer is null and the sanitiser reads it all.
 * Where there is an answer it is the sanitiser's, character by character; a test holds that. Hence elements are closed as
 * htmlparser2's parser closes them, on which the sanitiser runs.
 */
import { SwiftTokenizer } from './tokens.js';

export interface PlainPolicy {
  /** Greatest nesting, and most elements. */
  readonly depth: number;
  readonly elements: number;
  /** Elements that are shown. All others are left out, and what is inside of them stays. */
  readonly tags: ReadonlySet<string>;
  /** Elements that are left out with the text inside. */
  readonly withoutText: ReadonlySet<string>;
  /** The attributes of all elements, and those of some. */
  readonly everywhere: readonly string[];
  readonly attributes: ReadonlyMap<string, readonly string[]>;
  /** The safe part of a style, or ''. It is written behind the other attributes. */
  readonly styleOf: (style: string) => string;
}

type Attributes = Readonly<Record<string, string>>;

/** What an element's allowed attributes become but for its style, or null when that takes a closer look. */
export type AttributesOf = (tag: string, attributes: Attributes) => Attributes | null;

/** Elements without text to show in which the tokenizer sees no others. */
const HIDDEN: ReadonlySet<string> = new Set(['style', 'title', 'script']);
/** Elements in which other rules hold. */
const FOREIGN: ReadonlySet<string> = new Set(['svg', 'math']);
/** Elements without end, and those of them that are written so. */
const VOID: ReadonlySet<string> = new Set(
  'area base basefont br col command embed frame hr img input isindex keygen link meta param source track wbr'.split(
    ' ',
  ),
);
const WRITTEN_VOID: ReadonlySet<string> = new Set(['br', 'hr', 'img']);

const FIELDS = 'input option optgroup select button datalist textarea';
/** For some elements, which others end where they begin. */
const ENDS: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  (
    [
      ['tr', 'tr th td'],
      ['th', 'th'],
      ['td', 'thead th td'],
      ['tbody tfoot', 'thead tbody'],
      ['body', 'head link script'],
      ['li', 'li'],
      ['option', 'option'],
      ['optgroup', 'optgroup option'],
      ['dd dt', 'dd dt'],
      ['rt rp', 'rt rp'],
      ['select input output button datalist textarea', FIELDS],
      [
        'p h1 h2 h3 h4 h5 h6 address article aside blockquote details div dl fieldset figcaption figure footer form',
        'p',
      ],
      ['header hr main nav ol pre section table ul', 'p'],
    ] as const
  ).flatMap(([names, ended]) => names.split(' ').map(name => [name, new Set(ended.split(' '))] as const)),
);

const NO_NAMES: ReadonlySet<string> = new Set();
const NO_ATTRIBUTES: Attributes = {};

/** What becomes of the elements of one name. */
interface Kind {
  readonly name: string;
  readonly isShown: boolean;
  readonly isHidden: boolean;
  readonly isVoid: boolean;
  readonly ends: ReadonlySet<string>;
  readonly attributes: ReadonlySet<string>;
}

/** The reader of a policy: the safe HTML, or null. Linear; the limit on size is the caller's. */
export function plainReader(policy: PlainPolicy): (html: string, attributesOf: AttributesOf) => string | null {
  const kindNamed = (name: string): Kind => ({
    name,
    isShown: policy.tags.has(name),
    isHidden: policy.withoutText.has(name),
    isVoid: VOID.has(name),
    ends: ENDS.get(name) ?? NO_NAMES,
    attributes: policy.tags.has(name)
      ? new Set([...policy.everywhere, ...(policy.attributes.get(name) ?? [])])
      : NO_NAMES,
  });
  const kinds = new Map(
    [...policy.tags, ...HIDDEN, ...VOID, 'html', 'head', 'body', 'o:p'].map(name => [name, kindNamed(name)]),
  );
  const kindOf = (written: string): Kind => {
    const known = kinds.get(written);
    if (known !== undefined) return known;
    const name = written.toLowerCase();
    return kinds.get(name) ?? kindNamed(name);
  };
  return (html, attributesOf) => read(html, { policy, kindOf, attributesOf });
}

function read(
  html: string,
  rules: { policy: PlainPolicy; kindOf: (written: string) => Kind; attributesOf: AttributesOf },
): string | null {
  const { policy, kindOf, attributesOf } = rules;
  const open: Kind[] = [];
  let out = '';
  let isPlain = true;
  let isHidden = false;
  let elements = 0;
  // The tag that is being read, and those of its attributes that are shown; '' for another.
  let kind = kindOf('p');
  let given: Record<string, string> | null = null;
  let attribute = '';
  let value = '';

  const stop = (): void => {
    isPlain = false;
    tokenizer.pause();
  };
  const begin = (next: Kind): void => {
    kind = next;
    given = null;
    while (open.length > 0 && kind.ends.has(open.at(-1)!.name)) close();
    elements += 1;
    if (open.length >= policy.depth || elements > policy.elements || FOREIGN.has(kind.name)) stop();
  };
  const enter = (): void => {
    // One that hides nothing after all, as `<style/>` does.
    if (isHidden) stop();
    const { name, isShown, isVoid } = kind;
    if (isShown && !writeTag()) stop();
    if (kind.isHidden) {
      isHidden = true;
      if (!HIDDEN.has(name)) stop();
    }
    if (!isVoid) open.push(kind);
    else if (isShown && !WRITTEN_VOID.has(name)) out += `</${name}>`;
  };
  const writeTag = (): boolean => {
    const { name } = kind;
    const attributes = attributesOf(name, given ?? NO_ATTRIBUTES);
    if (attributes === null) return false;
    out += `<${name}`;
    for (const key of Object.keys(attributes)) {
      if (key === 'style' || !kind.attributes.has(key)) continue;
      const text = attributes[key]!;
      if (text === '' && key !== 'alt') return false;
      out += ` ${key}="${escapedValue(text)}"`;
    }
    const style = attributes.style === undefined ? '' : policy.styleOf(attributes.style);
    if (style !== '') out += ` style="${escapedValue(style)}"`;
    out += WRITTEN_VOID.has(name) ? ' />' : '>';
    return true;
  };
  const close = (): void => {
    const { name, isShown } = open.pop()!;
    isHidden = false;
    if (isShown) out += `</${name}>`;
  };

  const tokenizer = new SwiftTokenizer(
    { decodeEntities: true },
    {
      onopentagname(start, end) {
        begin(kindOf(html.slice(start, end)));
      },
      onattribname(start, end) {
        const name = html.slice(start, end).toLowerCase();
        attribute = kind.attributes.has(name) ? name : '';
        value = '';
      },
      onattribdata(start, end) {
        if (attribute !== '') value += html.slice(start, end);
      },
      onattribentity(code) {
        if (attribute !== '') value += String.fromCodePoint(code);
      },
      onattribend() {
        if (attribute === '') return;
        given ??= {};
        if (!Object.hasOwn(given, attribute)) given[attribute] = value;
      },
      onopentagend: enter,
      onselfclosingtag: enter,
      onclosetag(start, end) {
        const { name, isVoid } = kindOf(html.slice(start, end));
        const at = isVoid ? -1 : open.findLastIndex(element => element.name === name);
        if (at !== -1) while (open.length > at) close();
        else if (name === 'br' || name === 'p') {
          // One that was never opened stands for the whole element.
          begin(kindOf(name));
          enter();
          if (name === 'p' && isPlain) close();
        }
      },
      ontext(start, end) {
        if (!isHidden) out += escaped(html.slice(start, end));
      },
      ontextentity(code) {
        if (!isHidden) out += escaped(String.fromCodePoint(code));
      },
      oncdata() {},
      oncomment() {},
      ondeclaration() {},
      onprocessinginstruction() {},
      onend() {
        while (open.length > 0) close();
      },
    },
  );
  tokenizer.write(html);
  if (!isPlain) return null;
  tokenizer.end();
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
