/**
 * Style attributes of hostile HTML. It keeps the properties that colour, size and place words inside their own box,
 * with values of plain words, numbers and colours. It drops everything that loads (`url()`), runs (`expression()`),
 * hides its meaning (escapes, comments) or leaves its box (`position`, negative margins, lengths that no mail needs).
 *
 * It is linear: the text is cut at semicolons once, and an overlong attribute is dropped whole. It never throws.
 */

const STYLE_LIMIT = 4_000;
const DECLARATIONS = 60;

const PROPERTIES: ReadonlySet<string> = new Set(
  (
    'background background-color border border-bottom border-bottom-color border-bottom-style border-bottom-width ' +
    'border-collapse border-color border-left border-left-color border-left-style border-left-width border-radius ' +
    'border-right border-right-color border-right-style border-right-width border-spacing border-style border-top ' +
    'border-top-color border-top-style border-top-width border-width clear color direction display float font ' +
    'font-family font-size font-style font-variant font-weight height letter-spacing line-height list-style ' +
    'list-style-type margin margin-bottom margin-left margin-right margin-top max-height max-width min-height min-width ' +
    'overflow-wrap padding padding-bottom padding-left padding-right padding-top text-align text-decoration ' +
    'text-indent text-transform unicode-bidi vertical-align white-space width word-break word-spacing word-wrap'
  ).split(' '),
);

const DISPLAYS: ReadonlySet<string> = new Set(
  'block inline inline-block list-item none table table-cell table-row table-row-group'.split(' '),
);

/** The safe part of a style attribute, '' when nothing is left. */
export function safeStyle(style: string): string {
  if (style.length > STYLE_LIMIT || /[\\<>{}@]|\/\*/.test(style)) return '';
  const kept: string[] = [];
  for (const declaration of style.split(';').slice(0, DECLARATIONS)) {
    const colon = declaration.indexOf(':');
    if (colon === -1) continue;
    const property = declaration.slice(0, colon).trim().toLowerCase();
    const value = declaration.slice(colon + 1).trim();
    if (PROPERTIES.has(property) && isSafeValue(property, value)) kept.push(`${property}:${value}`);
  }
  return kept.join(';');
}

function isSafeValue(property: string, value: string): boolean {
  if (value === '' || value.length > 200) return false;
  // Functions: colours only. Quotes: font names only.
  if (!/^[\w\s#.,%!"'()+/-]*$/.test(value)) return false;
  if (/\(/.test(value) && !/^[^(]*\b(?:rgb|rgba|hsl|hsla)\([\d\s.,%/]*\)[^(]*$/i.test(value)) return false;
  if (/url|expression|javascript|var\b|attr\b|image/i.test(value)) return false;
  if (property === 'display') return DISPLAYS.has(value.toLowerCase());
  return property === 'font-family' || property === 'font-weight' || hasBoundedLengths(property, value);
}

/** What a length may be at most: in pixels, and in percent of what is around it or of the font. */
const MOST: readonly (readonly [properties: RegExp, pixels: number, percent: number])[] = [
  [/^(?:margin|padding|text-indent|letter-spacing|word-spacing)/, 200, 50],
  [/^(?:width|height|min-|max-)/, 2_000, 100],
  [/^(?:font|line-height)/, 100, 500],
  [/^(?:border|vertical-align)/, 50, 100],
];
const OTHERS_MOST = [/^/, 20, 100] as const;

/** Pixels of a unit. Units of the window are not among them: they know nothing of the box. */
const PIXELS: ReadonlyMap<string, number> = new Map(
  Object.entries({ '': 1, px: 1, pt: 4 / 3, pc: 16, in: 96, cm: 37.8, mm: 3.78, em: 16, rem: 16, ex: 8, ch: 8 }),
);

/** Big or negative lengths make a page of nothing, or move words out of their box. */
function hasBoundedLengths(property: string, value: string): boolean {
  const [, pixels, percent] = MOST.find(([properties]) => properties.test(property)) ?? OTHERS_MOST;
  const withoutColours = value.toLowerCase().replaceAll(/#\w+|\([^)]*\)/g, '');
  for (const [, sign, digits, unit = ''] of withoutColours.matchAll(/(?<![\w.])([+-]?)([\d.]+)([a-z%]*)/g)) {
    const length = Number(digits);
    if (sign === '-' && property !== 'vertical-align') return false;
    const isOfFont = unit === '' && property === 'line-height';
    const most = unit === '%' ? percent : pixels / (isOfFont ? 16 : (PIXELS.get(unit) ?? Number.NaN));
    if (!(length <= most)) return false;
  }
  return true;
}

/** What numbers in attributes may be at most. A browser reads digits behind them as no part of the number. */
const NUMBERS: Readonly<Record<string, number>> = {
  width: 2_000,
  height: 2_000,
  border: 50,
  cellpadding: 200,
  cellspacing: 200,
  colspan: 100,
  rowspan: 100,
  span: 100,
};

/** False for a number that makes its element larger than a mail needs. */
export function isBoundedAttribute(name: string, value: string): boolean {
  const most = NUMBERS[name];
  return most === undefined || !(Number.parseFloat(value) > most);
}
