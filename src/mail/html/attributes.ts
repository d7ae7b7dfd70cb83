/**
 * Walks through the attributes of hostile HTML as a browser reads them, without a tree: in one pass, in linear time. It
 * never throws.
 */
import { Tokenizer } from 'htmlparser2';

export interface Attribute {
  /** Of its element, in lower case. */
  readonly tag: string;
  /** In lower case. */
  readonly name: string;
  /** Character references undone. */
  readonly value: string;
  /** Where the name begins, and the place behind the value with its quote. */
  readonly from: number;
  readonly to: number;
}

/** What else stands in HTML and is not shown: [from, to) of comments, and of what scripts and styles hold. */
export interface Walk {
  readonly attribute: (attribute: Attribute) => void;
  readonly hidden?: (from: number, to: number) => void;
}

const HOLDS_NO_WORDS = new Set(['style', 'script', 'title']);

export function walkAttributes(html: string, walk: Walk): void {
  let tag = '';
  let held = '';
  let name = '';
  let from = 0;
  let value: string[] = [];
  const nothing = () => {};
  const opened = () => {
    held = HOLDS_NO_WORDS.has(tag) ? tag : '';
  };
  const tokenizer = new Tokenizer(
    { decodeEntities: true },
    {
      onopentagname(start, end) {
        tag = html.slice(start, end).toLowerCase();
      },
      onattribname(start, end) {
        name = end - start > 40 ? '' : html.slice(start, end).toLowerCase();
        from = start;
        value = [];
      },
      onattribdata(start, end) {
        value.push(html.slice(start, end));
      },
      onattribentity(code) {
        value.push(String.fromCodePoint(code));
      },
      onattribend(_quote, end) {
        walk.attribute({ tag, name, value: value.length === 1 ? value[0]! : value.join(''), from, to: end });
      },
      onopentagend: opened,
      onselfclosingtag: opened,
      onclosetag() {
        held = '';
      },
      ontext(start, end) {
        if (held !== '') walk.hidden?.(start, end);
      },
      ontextentity: nothing,
      oncomment(start, end) {
        // With its brackets.
        walk.hidden?.(start - 4, Math.min(end + 1, html.length));
      },
      oncdata: nothing,
      ondeclaration: nothing,
      onprocessinginstruction: nothing,
      onend: nothing,
    },
  );
  tokenizer.write(html);
  tokenizer.end();
}
