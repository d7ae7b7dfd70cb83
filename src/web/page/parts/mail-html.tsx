/**
 * Markdown as the mail will show it. The server makes its HTML, with the code that writes mails; here that is read into an
 * inert document, and only the elements that such a mail has are made anew from it, with their text as text.
 */
import { type ComponentChild, h } from 'preact';
import { ask } from '../api.js';

const ELEMENTS = /^(?:p|br|strong|em|s|code|pre|ul|ol|li|blockquote|h[1-6]|hr|table|thead|tbody|tr|th|td|a)$/;
const LINKS = /^(?:https?:|mailto:|tel:)/i;
const MAX_DEPTH = 60;
/** Texts that are remembered. */
const KEPT = 300;
/** The server's most. */
export const MAX_MARKDOWN = 64 * 1024;

const made = new Map<string, string>();

/** What was asked for before is known. */
export function knownHtml(markdown: string): string | null {
  return made.get(markdown) ?? null;
}

export async function htmlOf(markdown: string, signal: AbortSignal): Promise<string> {
  const known = made.get(markdown);
  if (known !== undefined) return known;
  const { html } = await ask<{ readonly html: string }>('POST', '/v1/preview', { body: { markdown }, signal });
  made.set(markdown, html);
  for (const oldest of made.keys()) {
    if (made.size <= KEPT) break;
    made.delete(oldest);
  }
  return html;
}

export function MailHtml({ html }: { readonly html: string }) {
  return (
    <div class="mail-html" dir="auto">
      {childrenOf(new DOMParser().parseFromString(html, 'text/html').body, 0)}
    </div>
  );
}

function childrenOf(node: Node, depth: number): ComponentChild[] {
  if (depth > MAX_DEPTH) return [node.textContent];
  return [...node.childNodes].map((child, at) => {
    if (!(child instanceof Element)) return child.nodeType === Node.TEXT_NODE ? child.textContent : null;
    const name: string = child.localName;
    if (!ELEMENTS.test(name)) return child.textContent;
    if (name === 'br' || name === 'hr') return h(name, { key: at });
    const address = child.getAttribute('href') ?? '';
    const link =
      name === 'a' && LINKS.test(address) ? { href: address, target: '_blank', rel: 'noopener noreferrer' } : {};
    return h(name, { key: at, ...link }, childrenOf(child, depth + 1));
  });
}
