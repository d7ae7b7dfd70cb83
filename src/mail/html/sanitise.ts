/**
 * HTML parts of customers' mails: `htmlToText` for reading, `displayHtml` for showing in a browser.
 *
 * sanitize-html alone decides what is shown: no scripts, forms or frames, no styles that leave their place, nothing that
 * loads from elsewhere. A remote picture keeps its address in `data-remote-src` and has no `src`, so that nothing is
 * fetched until a person asks. A picture of the mail itself (`cid:`) becomes what `resolveCid` answers. A link does not
 * tell the other side where the reader came from.
 *
 * Beyond DEPTH_LIMIT, ELEMENT_LIMIT or HTML_LIMIT of what would be shown the result is null with a line of evidence. The
 * raw mail is kept elsewhere, so nothing is lost. No function here throws.
 */
import sanitizeHtml from 'sanitize-html';
import { htmlLines } from './lines.js';
import { withoutUnshown } from './shown.js';
import { isBoundedAttribute, safeStyle } from './style.js';

/** Greatest nesting of elements that is shown. */
export const DEPTH_LIMIT = 100;
/** Most elements that are shown. */
export const ELEMENT_LIMIT = 20_000;
/** Most characters of HTML that are shown. */
export const HTML_LIMIT = 512 * 1024;
/** Most characters in which what is shown is looked for. */
const SOURCE_LIMIT = 8 * 1024 * 1024;
/** Longest address of a link or a remote picture; the sanitiser looks through longer ones again and again. */
const ADDRESS_LIMIT = 8_000;

export interface DisplayOptions {
  /** The address of the attachment with this content id (no angle brackets, no `cid:`), or null when there is none. */
  readonly resolveCid?: (contentId: string) => string | null;
  /** The address of the attachment that came from this address (Content-Location), or null when there is none. */
  readonly resolveLocation?: (address: string) => string | null;
}

export interface DisplayHtml {
  /** Safe to put into a page, or null. */
  readonly html: string | null;
  /** Why `html` is null; [] else. */
  readonly evidence: readonly string[];
}

/** The address that stands for an attachment in stored HTML; whoever shows the HTML puts a real address in its place. */
export function attachmentAddress(sha256: string): string {
  return `attachment:${sha256}`;
}

/** The text of an HTML part: blocks as lines, quotes with `> `, links with their address. Linear, never throws. */
export function htmlToText(html: string): string {
  return htmlLines(html)
    .lines.map(line => line.raw)
    .join('\n')
    .trim();
}

/** `html` made safe for display. */
export function displayHtml(html: string, options: DisplayOptions = {}): DisplayHtml {
  try {
    const shown = isLarge(html) ? withoutUnshown(html, isShownAttribute) : html;
    refuseSize(shown);
    const safe = sanitizeHtml(shown, { ...policy(options), ...elementLimits() });
    return { html: safe.trim(), evidence: [] };
  } catch (error) {
    const reason = error instanceof LimitError ? error.message : 'the sanitiser failed on it';
    return { html: null, evidence: [`html: not shown, ${reason}`] };
  }
}

class LimitError extends Error {}

function isLarge(html: string): boolean {
  return html.length > HTML_LIMIT && html.length <= SOURCE_LIMIT;
}

/** Counts brackets before anything is parsed: rows of bare ones are the most expensive input. */
function refuseSize(html: string): void {
  if (html.length > HTML_LIMIT) throw new LimitError(`more than ${HTML_LIMIT / 1024} KiB`);
  let count = 0;
  for (let at = html.indexOf('<'); at !== -1; at = html.indexOf('<', at + 1)) {
    if (++count > 3 * ELEMENT_LIMIT) throw new LimitError(`more than ${ELEMENT_LIMIT} elements`);
  }
}

/** Ends the sanitiser at the first element beyond a limit. */
function elementLimits(): Required<Pick<sanitizeHtml.IOptions, 'onOpenTag' | 'onCloseTag'>> {
  let depth = 0;
  let elements = 0;
  return {
    onOpenTag() {
      depth++;
      elements++;
      if (depth > DEPTH_LIMIT) throw new LimitError(`nested deeper than ${DEPTH_LIMIT} elements`);
      if (elements > ELEMENT_LIMIT) throw new LimitError(`more than ${ELEMENT_LIMIT} elements`);
    },
    onCloseTag() {
      depth--;
    },
  };
}

/** The sanitiser goes through them one by one, so what mails are made of stands in front. */
const TAGS = (
  'div p br span b a td tr i u font blockquote table tbody strong em img li ul ol hr h1 h2 h3 h4 h5 h6 pre th thead tfoot ' +
  'center abbr address article aside bdi bdo big caption cite code col colgroup dd del details dfn dl dt figcaption ' +
  'figure footer header ins kbd main mark nav q rp rt ruby s samp section small strike sub summary sup time tt var wbr'
).split(' ');

const WITHOUT_TEXT = 'script style title textarea option xmp iframe noembed noframes template'.split(' ');

const ATTRIBUTES: Record<string, string[]> = {
  '*': ['style', 'dir', 'lang', 'title', 'align', 'valign', 'bgcolor', 'width', 'height'],
  a: ['href', 'target', 'rel'],
  img: ['src', 'alt', 'data-remote-src', 'data-cid'],
  font: ['color', 'face', 'size'],
  table: ['border', 'cellpadding', 'cellspacing'],
  td: ['colspan', 'rowspan', 'nowrap'],
  th: ['colspan', 'rowspan', 'nowrap', 'scope'],
  ol: ['start', 'type', 'reversed'],
  ul: ['type'],
  li: ['value'],
  col: ['span'],
  colgroup: ['span'],
  time: ['datetime'],
};

const SHOWN_ATTRIBUTES: ReadonlySet<string> = new Set(Object.values(ATTRIBUTES).flat());

function isShownAttribute(name: string): boolean {
  return SHOWN_ATTRIBUTES.has(name);
}

function policy(options: DisplayOptions): sanitizeHtml.IOptions {
  return {
    allowedTags: TAGS,
    nonTextTags: WITHOUT_TEXT,
    allowedAttributes: ATTRIBUTES,
    allowedSchemes: ['http', 'https', 'mailto', 'tel', 'sms'],
    allowedSchemesByTag: { img: ['attachment', 'data', 'http', 'https'] },
    allowedSchemesAppliedToAttributes: ['href', 'src'],
    allowProtocolRelative: false,
    parseStyleAttributes: false,
    disallowedTagsMode: 'discard',
    transformTags: {
      '*': (tagName, attribs) => ({ tagName, attribs: inBounds(attribs) }),
      a: (tagName, attribs) => ({ tagName, attribs: link(attribs) }),
      img: (tagName, attribs) => ({ tagName, attribs: picture(attribs, options) }),
    },
  };
}

/** The attributes without what is too large, the style as far as it is safe. */
function inBounds(attribs: sanitizeHtml.Attributes): sanitizeHtml.Attributes {
  for (const name in attribs) {
    const value = attribs[name]!;
    const safe = name === 'style' ? safeStyle(value) : value;
    if (!isBoundedAttribute(name, safe) || (name === 'style' && safe === '')) delete attribs[name];
    else if (safe !== value) attribs[name] = safe;
  }
  return attribs;
}

function link(attribs: sanitizeHtml.Attributes): sanitizeHtml.Attributes {
  const href = attribs.href?.trim() ?? '';
  if (href.length > ADDRESS_LIMIT || !/^(?:https?|mailto|tel|sms):/i.test(href)) {
    const { href: _href, ...rest } = attribs;
    return rest;
  }
  return { ...attribs, href, target: '_blank', rel: 'noopener noreferrer nofollow' };
}

function picture(attribs: sanitizeHtml.Attributes, options: DisplayOptions): sanitizeHtml.Attributes {
  const { src = '', srcset: _srcset, 'data-remote-src': _remote, 'data-cid': _cid, ...rest } = attribs;
  const address = src.trim();
  if (/^cid:/i.test(address)) {
    const id = contentIdOf(address.slice(4));
    const resolved = options.resolveCid?.(id) ?? null;
    return resolved === null ? { ...rest, 'data-cid': id } : { ...rest, src: resolved };
  }
  const own = address.length > ADDRESS_LIMIT ? null : (options.resolveLocation?.(address) ?? null);
  if (own !== null) return { ...rest, src: own };
  if (address.length > ADDRESS_LIMIT && !/^data:/i.test(address)) return rest;
  if (/^https?:/i.test(address)) return { ...rest, 'data-remote-src': address };
  if (/^\/\//.test(address)) return { ...rest, 'data-remote-src': `https:${address}` };
  if (/^data:image\/(?:png|gif|jpe?g|webp);base64,[a-z0-9+/=\s]*$/i.test(address)) return { ...rest, src: address };
  return rest;
}

/** A content id as it stands in a `cid:` address, percent signs undone (RFC 2392). */
function contentIdOf(text: string): string {
  try {
    return decodeURIComponent(text).replace(/^<|>$/g, '');
  } catch {
    return text;
  }
}
