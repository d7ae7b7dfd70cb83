/**
 * Letters set in a font of symbols, as the characters a reader sees: Outlook writes a smiley as J in Wingdings and an
 * arrow as à. The tables hold what people and mail programs write (after the Unicode Consortium's list of the Wingdings
 * and Symbol fonts, L2/11-052); another letter stays as it is. Pure.
 */

/** Letter → symbol. */
export type SymbolFont = ReadonlyMap<string, string>;

const WINGDINGS = fontOf(
  '"✂ (☎ )✆ *✉ 6⌛ ?✍ A✌ B👌 C👍 D👎 E☜ F☞ G☝ H☟ I✋ J☺ K😐 L☹ M💣 N☠ Q✈ R☼ S💧 T❄ Y✡ [☯',
  'l● m❍ n■ o□ p❐ q❑ r❒ s⬧ t⧫ u◆ v❖ w⬥ x⌧ z⌘ {❀ |✿ ¡○ ¤◉ §▪ ¨◻ ª✦ «★ ¬✶ µ✪ ¶✰',
  'Ø➢ ß← à→ á↑ â↓ ã↖ ä↗ å↙ æ↘ ç⬅ è➔ é⬆ ê⬇ ï⇦ ð⇨ ñ⇧ ò⇩ ó⬄ ô⇳ û✗ ü✓ ý☒ þ☑',
);
const WINGDINGS_2 = fontOf('O✗ P✓ Q☒ R☑ S☒ T☒');
const WEBDINGS = fontOf('a✔ r✖ Y♥');
const SYMBOL = fontOf(
  'AΑ BΒ CΧ DΔ EΕ FΦ GΓ HΗ IΙ KΚ LΛ MΜ NΝ OΟ PΠ QΘ RΡ SΣ TΤ UΥ WΩ XΞ YΨ ZΖ',
  'aα bβ cχ dδ eε fφ gγ hη iι jϕ kκ lλ mμ nν oο pπ qθ rρ sσ tτ uυ wω xξ yψ zζ',
  '£≤ ¥∞ «↔ ¬← \u00ad↑ ®→ ¯↓ ³≥ ´× ·• ¸÷ ¹≠ »≈ Ö√ Û⇔ Ü⇐ Þ⇒ åΣ ò∫',
);

function fontOf(...rows: readonly string[]): SymbolFont {
  return new Map(rows.flatMap(row => row.split(' ').map(pair => [pair.charAt(0), pair.slice(1)] as const)));
}

const FONTS: readonly (readonly [string, SymbolFont])[] = [
  ['wingdings 2', WINGDINGS_2],
  ['wingdings', WINGDINGS],
  ['webdings', WEBDINGS],
  ['symbol', SYMBOL],
];

/** The font of symbols that a style or the name of a font asks for first; null for another; undefined for none. */
export function symbolFontOf(style: string): SymbolFont | null | undefined {
  const named = /(?:^|[;\s-])font(?:-family)?\s*:\s*(?:[\d.]+[a-z%]+(?:\/\S+)?\s+)?["']?([a-z][^;,"']*)/i.exec(
    style,
  )?.[1];
  return named === undefined ? undefined : symbolFontNamed(named);
}

export function symbolFontNamed(name: string): SymbolFont | null {
  const lower = name.replace(/["']/g, '').trim().toLowerCase();
  return (
    FONTS.find(([font]) => lower === font || lower.startsWith(`${font},`) || lower.startsWith(`${font} !`))?.[1] ?? null
  );
}

/** The text as it looks in this font. Word moves letters of such fonts to U+F000 and above. */
export function inFont(text: string, font: SymbolFont): string {
  return text.replace(/[^\s]/g, char => {
    const code = char.charCodeAt(0);
    const letter = isMoved(code) ? String.fromCharCode(code - 0xf000) : char;
    return font.get(letter) ?? char;
  });
}

/** Text whose symbols came without their font: Word's own bullets, ticks, arrows and faces. */
export function withoutMoved(text: string): string {
  if (!/[\uf020-\uf0ff]/.test(text)) return text;
  return text.replace(/[\uf020-\uf0ff]/g, char => {
    const letter = String.fromCharCode(char.charCodeAt(0) - 0xf000);
    return (letter === '·' ? '•' : WINGDINGS.get(letter)) ?? char;
  });
}

function isMoved(code: number): boolean {
  return code >= 0xf020 && code <= 0xf0ff;
}
