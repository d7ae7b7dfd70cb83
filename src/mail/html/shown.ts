/**
 * Hostile or wordy HTML without what is never shown: comments, what scripts and styles hold, attributes and declarations
 * that the sanitiser drops. Word writes ten times as much of it as of words. The sanitiser alone decides what is safe: this
 * only makes its input smaller, so that its limits measure what is shown. It is linear and never throws.
 */

import { type Replacement, replaced } from '../cut.js';
import { walkAttributes } from './attributes.js';
import { escapeHtml } from './escape.js';
import { safeStyle } from './style.js';

export function withoutUnshown(html: string, isShown: (attribute: string) => boolean): string {
  const replacements: Replacement[] = [];
  const drop = (from: number, to: number) => {
    const last = replacements.at(-1);
    // Neighbours become one: there may be a million.
    if (last?.text === '' && from - last.to <= 1) replacements[replacements.length - 1] = { ...last, to };
    else replacements.push({ from, to, text: '' });
  };
  walkAttributes(html, {
    attribute({ name, value, from, to }) {
      if (name === 'style') replacements.push({ from, to, text: `style="${escapeHtml(safeStyle(value))}"` });
      else if (!isShown(name) || /^\s{0,20}data:/i.test(value)) drop(from, to);
    },
    hidden: drop,
  });
  return replaced(html, replacements);
}
