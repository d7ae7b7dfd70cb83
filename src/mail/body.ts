/**
 * The text parts of a mail as one plain text and one HTML text.
 *
 * Alternatives say the same thing twice; everything else follows one another. The HTML is complete: plain parts that
 * have no HTML twin are put in, escaped. The plain text is null when a part with words has only HTML, so that whoever
 * reads one of the two reads every word. Nothing throws.
 */
import type { Part } from './parts.js';

export interface BodyPart {
  readonly part: Part;
  readonly text: string;
  readonly isHtml: boolean;
}

/** `bodies` in the order of the mail; multiparts among them count when they turned out to have no parts. */
export function joinBodies(bodies: readonly BodyPart[]): { plain: string | null; html: string | null } {
  const leaves = bodies.filter(body => !body.part.type.startsWith('multipart/') || isLostText(body));
  const twins = alternatives(leaves);
  const htmlLeaves = leaves.filter(leaf => leaf.isHtml);
  const plainLeaves = leaves.filter(leaf => !leaf.isHtml);
  const html = leaves
    .filter(leaf => leaf.isHtml || (leaf.text.trim() !== '' && !hasTwin(leaf, twins)))
    .map(leaf => (leaf.isHtml ? leaf.text : escaped(leaf.text)))
    .join('\n');
  const isPlainComplete =
    plainLeaves.every(leaf => leaf.text.trim() === '') ||
    htmlLeaves.every(leaf => leaf.text.trim() === '' || hasTwin(leaf, twins));
  return {
    plain: plainLeaves.length > 0 && isPlainComplete ? plainLeaves.map(leaf => leaf.text).join('\n') : null,
    html: htmlLeaves.length > 0 ? html : null,
  };
}

/** The content ids that the HTML shows, without brackets. */
export function referencedContentIds(html: string | null): ReadonlySet<string> {
  const ids = new Set<string>();
  if (html === null) return ids;
  for (const match of html.matchAll(/\bcid:([^"'\s<>)]{1,998})/gi)) {
    const raw = match[1]!.replaceAll('&amp;', '&');
    ids.add(raw);
    if (raw.includes('%')) ids.add(percentDecoded(raw));
  }
  return ids;
}

function isLostText({ part, text }: BodyPart): boolean {
  return !part.hasChildren && text.trim() !== '';
}

/** For each multipart/alternative, which of the two kinds with words it holds. */
function alternatives(leaves: readonly BodyPart[]): Map<Part, { plain: boolean; html: boolean }> {
  const found = new Map<Part, { plain: boolean; html: boolean }>();
  for (const leaf of leaves) {
    if (leaf.text.trim() === '') continue;
    for (const part of alternativesAbove(leaf.part)) {
      const kinds = found.get(part) ?? { plain: false, html: false };
      kinds[leaf.isHtml ? 'html' : 'plain'] = true;
      found.set(part, kinds);
    }
  }
  return found;
}

function hasTwin(leaf: BodyPart, twins: ReadonlyMap<Part, { plain: boolean; html: boolean }>): boolean {
  return alternativesAbove(leaf.part).some(part => twins.get(part)?.[leaf.isHtml ? 'plain' : 'html'] === true);
}

function alternativesAbove(part: Part): Part[] {
  const above: Part[] = [];
  for (let parent = part.parent; parent !== null; parent = parent.parent) {
    if (parent.type === 'multipart/alternative') above.push(parent);
  }
  return above;
}

function escaped(text: string): string {
  const safe = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return `<div>${safe.trim().replaceAll('\n', '<br>\n')}</div>`;
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
