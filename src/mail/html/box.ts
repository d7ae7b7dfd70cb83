/** Sanitised HTML in a box that clips what would lie over the page around it (CSS Containment); null stays null. */
export function boxedHtml(html: string | null): string | null {
  return html === null ? null : `<div style="overflow:hidden;contain:paint">${html}</div>`;
}
