/**
 * The text parts of a mail as one plain text and one HTML text.
 *
 * Alternatives say the same thing twice; all other parts follow one another. The HTML is complete: a plain part without
 * HTML twin is put in, escaped. The plain text is null when a part with words has only HTML, so that a reader of either
 * text reads every word. Nothing throws.
 */
import { escapeHtml } from '../html/escape.js';
import type { Part } from './parts.js';

export interface BodyPart {
  readonly part: Part;
  readonly text: string;
  readonly isHtml: boolean;
}

interface Leaf extends BodyPart {
  readonly isBlank: boolean;
}

/** `bodies` in the order of the mail; multiparts among them count when they turned out to have no parts. */
export function joinBodies(bodies: readonly BodyPart[]): { plain: string | null; html: string | null } {
  const plainLeaves: Leaf[] = [];
  const htmlLeaves: Leaf[] = [];
  const leaves: Leaf[] = [];
  for (const { part, text, isHtml } of bodies) {
    const isBlank = text.trim() === '';
    if (part.isMultipart && (isBlank || part.children > 0)) continue;
    const leaf = { part, text, isHtml, isBlank };
    leaves.push(leaf);
    (isHtml ? htmlLeaves : plainLeaves).push(leaf);
  }
  const inPlain = alternativesOf(plainLeaves);
  const inHtml = alternativesOf(htmlLeaves);
  const isPlainComplete =
    plainLeaves.every(leaf => leaf.isBlank) || htmlLeaves.every(leaf => leaf.isBlank || hasTwin(leaf, inPlain));
  const shown = leaves.filter(leaf => leaf.isHtml || !(leaf.isBlank || hasTwin(leaf, inHtml)));
  return {
    plain: plainLeaves.length > 0 && isPlainComplete ? plainLeaves.map(leaf => leaf.text).join('\n') : null,
    html: htmlLeaves.length > 0 ? shown.map(leaf => (leaf.isHtml ? leaf.text : paragraph(leaf.text))).join('\n') : null,
  };
}

/** The multipart/alternatives that hold words of these leaves. */
function alternativesOf(leaves: readonly Leaf[]): ReadonlySet<Part> {
  const found = new Set<Part>();
  for (const { part, isBlank } of leaves) {
    if (isBlank) continue;
    for (let parent = part.parent; parent !== null; parent = parent.parent) {
      if (parent.type === 'multipart/alternative') found.add(parent);
    }
  }
  return found;
}

function hasTwin({ part }: Leaf, alternatives: ReadonlySet<Part>): boolean {
  for (let parent = part.parent; parent !== null; parent = parent.parent) if (alternatives.has(parent)) return true;
  return false;
}

/** Plain text as a piece of HTML. */
export function paragraph(text: string): string {
  return `<div>${escapeHtml(text).trim().replaceAll('\n', '<br>\n')}</div>`;
}
