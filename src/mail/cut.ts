/** Texts cut, and texts with pieces of them replaced. Pure and linear. */

/** The first `most` UTF-16 units of a text at most; a character of two units is never cut in the middle. */
export function cutText(text: string, most: number): string {
  return text.length <= most ? text : text.slice(0, most).replace(/[\ud800-\udbff]$/, '');
}

/** The text without these characters at its end. A pattern would look for the end from each of them. */
export function withoutEnd(text: string, characters: string): string {
  let end = text.length;
  while (end > 0 && characters.includes(text[end - 1]!)) end -= 1;
  return text.slice(0, end);
}

/** [from, to) of a text, and what stands there instead. */
export interface Replacement {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** `replacements` in their order; one that begins before the end of another is left out. */
export function replaced(text: string, replacements: readonly Replacement[]): string {
  if (replacements.length === 0) return text;
  const out: string[] = [];
  let at = 0;
  for (const { from, to, text: instead } of replacements) {
    if (from < at) continue;
    out.push(text.slice(at, from), instead);
    at = to;
  }
  out.push(text.slice(at));
  return out.join('');
}
