/**
 * HTML parts of customers' mails: `htmlToText` for reading, `displayHtml` for showing in somebody's browser.
 *
 * What is shown is sanitised: no scripts, forms, frames, no styles that leave their place, no load from elsewhere.
 * Remote pictures keep their address in `data-remote-src` and have no `src`, so that nothing is fetched until a person
 * asks; pictures of the mail itself (`cid:`) become what `resolveCid` answers; links open without telling where from.
 *
 * A linear pass with limits stands in front of the sanitiser (`html-plain.ts`; most replies need no more): beyond
 * DEPTH_LIMIT, ELEMENT_LIMIT or HTML_LIMIT the result is null with a line of evidence. The raw mail is kept elsewhere and
 * nothing is lost.
 */
import { Parser } from 'htmlparser2';
import sanitizeHtml from 'sanitize-html';
import { htmlLines } from './lines.js';
import { type AttributesOf, plainReader } from './plain.js';
import { safeStyle } from './style.js';

/** Greatest nesting of elements that is shown. */
export const DEPTH_LIMIT = 100;
/** Most elements that are shown. */
export const ELEMENT_LIMIT = 20_000;
/** Most characters of HTML that are shown. */
export const HTML_LIMIT = 512 * 1024;
/** Longest address of a link or a remote picture; the sanitiser looks through longer ones again and again. */
const ADDRESS_LIMIT = 8_000;

export interface DisplayOptions {
  /** The address of the attachment with this content id (no angle brackets, no `cid:`), or null when there is none. */
  readonly resolveCid?: (contentId: string) => string | null;
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

/** `html` made safe for display. Never throws. */
export function displayHtml(html: string, options: DisplayOptions = {}): DisplayHtml {
  const size = excessiveSize(html);
  if (size !== null) return { html: null, evidence: [`html: not shown, ${size}`] };
  try {
    const plain = plainHtml(html, plainAttributes(options.resolveCid ?? NOTHING));
    if (plain !== null) return { html: plain.trim(), evidence: [] };
    const nesting = excessiveNesting(html);
    if (nesting !== null) return { html: null, evidence: [`html: not shown, ${nesting}`] };
    return { html: sanitizedHtml(html, options), evidence: [] };
  } catch {
    return { html: null, evidence: ['html: not shown, the sanitiser failed on it'] };
  }
}

/** The same without limits, by the sanitiser alone; may throw. For `displayHtml`, and to hold its short way against. */
export function sanitizedHtml(html: string, options: DisplayOptions = {}): string {
  return sanitizeHtml(html, policy(options.resolveCid ?? NOTHING)).trim();
}

/** Names the limit that its size passes, or null. Rows of bare brackets are the dearest thing to parse. */
function excessiveSize(html: string): string | null {
  if (html.length > HTML_LIMIT) return `more than ${HTML_LIMIT / 1024} KiB`;
  return hasMoreTags(html, 3 * ELEMENT_LIMIT) ? `more than ${ELEMENT_LIMIT} elements` : null;
}

/** Names the limit that its elements pass, or null. Stops reading there. */
function excessiveNesting(html: string): string | null {
  // With fewer tags than may be nested no limit can be passed.
  if (!hasMoreTags(html, DEPTH_LIMIT)) return null;
  let depth = 0;
  let elements = 0;
  let excess: string | null = null;
  const parser = new Parser({
    onopentagname() {
      depth++;
      elements++;
      if (depth > DEPTH_LIMIT) excess ??= `nested deeper than ${DEPTH_LIMIT} elements`;
      else if (elements > ELEMENT_LIMIT) excess ??= `more than ${ELEMENT_LIMIT} elements`;
    },
    onclosetag() {
      depth--;
    },
  });
  // In pieces, because the parser cannot be stopped in the middle of one.
  for (let at = 0; at < html.length && excess === null; at += 4_096) parser.write(html.slice(at, at + 4_096));
  return excess;
}

/** True when more than `limit` tags may stand in it; stops counting there. */
function hasMoreTags(html: string, limit: number): boolean {
  if (html.length <= limit) return false;
  let count = 0;
  for (let at = html.indexOf('<'); at !== -1; at = html.indexOf('<', at + 1)) if (++count > limit) return true;
  return false;
}

const TAGS = (
  'a abbr address article aside b bdi bdo big blockquote br caption center cite code col colgroup dd del details dfn ' +
  'div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li main mark nav ol p pre q rp ' +
  'rt ruby s samp section small span strike strong sub summary sup table tbody td tfoot th thead time tr tt u ul var wbr'
).split(' ');

const WITHOUT_TEXT = 'script style title textarea option xmp noembed noframes template'.split(' ');

const EVERYWHERE = ['style', 'dir', 'lang', 'title', 'align', 'valign', 'bgcolor', 'width', 'height'];

const ATTRIBUTES: Record<string, string[]> = {
  '*': EVERYWHERE,
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

type ResolveCid = NonNullable<DisplayOptions['resolveCid']>;

const NOTHING: ResolveCid = () => null;

const plainHtml = plainReader({
  depth: DEPTH_LIMIT,
  elements: ELEMENT_LIMIT,
  tags: new Set(TAGS),
  withoutText: new Set(WITHOUT_TEXT),
  everywhere: EVERYWHERE,
  attributes: new Map(Object.entries(ATTRIBUTES)),
  styleOf: safeStyle,
});

function plainAttributes(resolveCid: ResolveCid): AttributesOf {
  return (tag, attribs) => {
    if (tag === 'a') {
      if (attribs.href !== undefined && !PLAIN_ADDRESS.test(attribs.href)) return null;
      return link(attribs);
    }
    if (tag !== 'img') return attribs;
    const shown = picture(attribs, resolveCid);
    return shown.src === undefined || ATTACHED.test(shown.src) ? shown : null;
  };
}

const ATTACHED = /^attachment:[0-9a-f]{1,128}$/;
const PLAIN_ADDRESS = /^(?:https?:\/\/|mailto:)[A-Za-z0-9._~:/?#@!$&'()*+,;=%-]{1,2000}$/;

function policy(resolveCid: ResolveCid): sanitizeHtml.IOptions {
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
      '*': (tagName, attribs) => ({ tagName, attribs: withSafeStyle(attribs) }),
      a: (tagName, attribs) => ({ tagName, attribs: link(attribs) }),
      img: (tagName, attribs) => ({ tagName, attribs: picture(attribs, resolveCid) }),
    },
  };
}

function withSafeStyle(attribs: sanitizeHtml.Attributes): sanitizeHtml.Attributes {
  if (attribs.style === undefined) return attribs;
  const { style, ...rest } = attribs;
  const safe = safeStyle(style);
  return safe === '' ? rest : { ...rest, style: safe };
}

function link(attribs: sanitizeHtml.Attributes): sanitizeHtml.Attributes {
  const href = attribs.href?.trim() ?? '';
  if (href.length > ADDRESS_LIMIT || !/^(?:https?|mailto|tel|sms):/i.test(href)) {
    const { href: _href, ...rest } = attribs;
    return rest;
  }
  return { ...attribs, href, target: '_blank', rel: 'noopener noreferrer nofollow' };
}

function picture(attribs: sanitizeHtml.Attributes, resolveCid: ResolveCid): sanitizeHtml.Attributes {
  const { src = '', srcset: _srcset, 'data-remote-src': _remote, 'data-cid': _cid, ...rest } = attribs;
  const address = src.trim();
  if (/^cid:/i.test(address)) {
    const id = contentIdOf(address.slice(4));
    const resolved = resolveCid(id);
    return resolved === null ? { ...rest, 'data-cid': id } : { ...rest, src: resolved };
  }
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
