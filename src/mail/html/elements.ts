/** What the elements of HTML are to the flow of words, by their names. An unknown one is a span. */

const BLOCKS = (
  'address article aside blockquote body center dd details dialog dir div dl dt fieldset figcaption figure footer form ' +
  'h1 h2 h3 h4 h5 h6 header hgroup hr html li main menu nav ol p pre section summary table tbody tfoot thead tr ul ' +
  'includetail'
).split(' ');
const SPACED = 'p h1 h2 h3 h4 h5 h6'.split(' ');
const VOID = 'area base basefont br col command embed frame hr img input link meta param source track wbr'.split(' ');
/** The tokenizer reads no tags inside of these, and a browser shows none of it. */
const HIDDEN = 'script style title iframe noembed noframes'.split(' ');
const CELLS = ['td', 'th', 'caption', 'table'];
const OTHERS = 'a b i u span font o:p strong em head'.split(' ');

/** What the elements of one name are to the flow of words. */
export interface Kind {
  readonly tag: string;
  readonly isBlock: boolean;
  readonly isSpaced: boolean;
  readonly isVoid: boolean;
  readonly isHidden: boolean;
  readonly isCell: boolean;
  /** A cell or what cells stand in. */
  readonly isTabular: boolean;
}

function kindNamed(tag: string): Kind {
  const isCell = CELLS.includes(tag);
  return {
    tag,
    isBlock: BLOCKS.includes(tag),
    isSpaced: SPACED.includes(tag),
    isVoid: VOID.includes(tag),
    isHidden: HIDDEN.includes(tag),
    isCell,
    isTabular: isCell || ['tr', 'tbody', 'thead', 'tfoot'].includes(tag),
  };
}

const KINDS: ReadonlyMap<string, Kind> = new Map(
  [...BLOCKS, ...SPACED, ...VOID, ...HIDDEN, ...CELLS, ...OTHERS].map(tag => [tag, kindNamed(tag)]),
);

/** By the name as it is written. */
export function kindOf(name: string): Kind {
  const known = KINDS.get(name);
  if (known !== undefined) return known;
  const tag = name.toLowerCase();
  return KINDS.get(tag) ?? kindNamed(tag);
}
