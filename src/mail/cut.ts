/** The first `most` UTF-16 units of a text at most; a character of two units is never cut in the middle. */
export function cutText(text: string, most: number): string {
  return text.length <= most ? text : text.slice(0, most).replace(/[\ud800-\udbff]$/, '');
}
