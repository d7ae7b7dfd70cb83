/**
 * Style attributes of hostile HTML. It keeps the properties that colour, size and place words inside their own box,
 * with values of plain words, numbers and colours. It drops everything that loads (`url()`), runs (`expression()`),
 * hides its meaning (escapes, comments) or leaves its box (`position`, negative margins, huge sizes).
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
  // What moves words out of their box: negative lengths and sizes no screen has.
  if (/^(?:margin|text-indent|letter-spacing|word-spacing)/.test(property) && /-\s*[\d.]/.test(value)) return false;
  return !/\d{5}/.test(value);
}
