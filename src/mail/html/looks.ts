/**
 * What a style attribute of a mail says about its words: whether a reader sees them, in which font of symbols they are
 * set, whether their line ends are line ends. Pure; linear in the style.
 *
 * Senders hide the words that a list of mails shows behind the subject (a preheader) in many ways. A size of 0 and a
 * missing visibility go on to the elements inside until one of them says otherwise; the other ways hide all inside.
 */
import { type SymbolFont, symbolFontOf } from './symbols.js';

export interface Look {
  /** Nothing inside is seen. */
  readonly hidden: boolean;
  /** False for words without size or visibility, true where they have both again, null where nothing is said. */
  readonly seen: boolean | null;
  /** The font of symbols, null for another font, undefined where no font is named. */
  readonly font: SymbolFont | null | undefined;
  /** Line ends in its text are line ends (`white-space: pre-wrap`). */
  readonly broken: boolean;
  /** No space below it. */
  readonly tight: boolean;
}

export const NO_LOOK: Look = { hidden: false, seen: null, font: undefined, broken: false, tight: false };

const ZERO = String.raw`\s*:\s*0(?:\.0*)?(?:px|pt|em|rem|%|in|cm|mm)?\s*(?:!\s*important\s*)?(?:;|$)`;
const HIDDEN = new RegExp(
  `(?:^|[;\\s])(?:display\\s*:\\s*none|mso-hide\\s*:\\s*all|max-height${ZERO}|opacity${ZERO}|color\\s*:\\s*transparent|text-indent\\s*:\\s*-\\d{3}|(?:left|top)\\s*:\\s*-\\d{4}|clip\\s*:\\s*rect\\(\\s*0)`,
  'i',
);
const TINY = new RegExp(`(?:^|[;\\s])font-size${ZERO}`, 'i');
const FLAT = new RegExp(`(?:^|[;\\s])(?:height|width|max-width)${ZERO}`, 'i');

/** What this style says. */
export function lookOf(style: string): Look {
  const font = /font/i.test(style) ? symbolFontOf(style) : undefined;
  return {
    hidden: HIDDEN.test(style) || (/overflow\s*:\s*hidden/i.test(style) && FLAT.test(style)),
    seen: isSeen(style),
    font,
    broken: /white-space\s*:\s*(?:pre|break-spaces)/i.test(style),
    tight: /margin(?:-bottom)?\s*:\s*0/i.test(style),
  };
}

function isSeen(style: string): boolean | null {
  if (TINY.test(style) || /visibility\s*:\s*(?:hidden|collapse)/i.test(style)) return false;
  return /font-size\s*:\s*[^;\s]|visibility\s*:\s*visible/i.test(style) ? true : null;
}
