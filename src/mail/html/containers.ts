/**
 * What the elements of mail programs say about the text inside: where a quoted mail begins, which line a client wrote
 * above it, where a signature stands. One table of facts about clients; `lines.ts` applies it.
 *
 * Ids and classes are compared by their end, because clients that quote HTML put prefixes in front (`m_-42gmail_quote`,
 * `x_divRplyFwdMsg`). An unknown element says nothing, and its text is the writer's.
 */
import { isWrapperClass } from '../reply-text/marker.js';

/** The attributes of an element that tell something, as they stood there; '' when missing. */
export interface Marks {
  class: string;
  id: string;
  name: string;
  style: string;
  type: string;
}

/**
 * `history` the quoted mail begins here and goes on to the end of the body; `end` it begins below; `forwarded` as
 * `history`, forwarded;
 * `quoted` all inside is quoted mail; `attribution` the lines inside are a client's own;
 * `wrapper` an attribution, then a blockquote, and below that the writer again; `signature`;
 * `border` the top border that Word draws above a header block; `blockquote`; `indent` a blockquote used as indentation.
 */
export type Container =
  | 'history'
  | 'end'
  | 'forwarded'
  | 'quoted'
  | 'attribution'
  | 'wrapper'
  | 'signature'
  | 'border'
  | 'blockquote'
  | 'indent';

const ENDINGS: readonly (readonly [string, Container])[] = [
  // Outlook on the web, for mobiles, for Mac.
  ['divrplyfwdmsg', 'history'],
  ['appendonsend', 'end'],
  ['olk_src_body_section', 'history'],
  ['mail-editor-reference-message-container', 'history'],
  ['ms-outlook-mobile-reference-message', 'history'],
  ['ms-outlook-mobile-signature', 'signature'],
  // Gmail and what copies its markup (K-9, Superhuman, Samsung, Spark for Android).
  ['gmail_attr', 'attribution'],
  ['gmail_quote', 'wrapper'],
  ['gmail_quote_container', 'wrapper'],
  ['gmail_signature', 'signature'],
  ['gmail_signature_prefix', 'signature'],
  // Thunderbird, Postbox, Roundcube, SOGo.
  ['moz-cite-prefix', 'attribution'],
  ['moz-email-headers-table', 'forwarded'],
  ['moz-forward-container', 'forwarded'],
  ['moz-signature', 'signature'],
  ['reply-intro', 'attribution'],
  // Yahoo, AOL, Proton, Tuta, Zoho, GMX and WEB.DE, Spark, Airmail, Fastmail, NetEase, QQ, Mailbird, Front, HEY.
  ['protonmail_quote', 'wrapper'],
  ['protonmail_signature_block', 'signature'],
  ['zmail_extra', 'wrapper'],
  ['messagereplysection', 'wrapper'],
  ['messagesignaturesection', 'signature'],
  ['bloop_original_html', 'wrapper'],
  ['bloop_sign', 'signature'],
  ['airmail_on', 'attribution'],
  ['isforwardcontent', 'forwarded'],
  ['isreplycontent', 'quoted'],
  ['includetail', 'quoted'],
  ['applemailsignature', 'signature'],
  ['composer_signature', 'signature'],
  ['mb-reply-header', 'attribution'],
];

/** What an element says, or null. `tag` in lower case. */
export function containerOf(tag: string, marks: Marks): Container | null {
  if (tag === 'blockquote') return isIndent(marks) ? 'indent' : 'blockquote';
  if (tag === 'includetail') return 'quoted';
  const { class: classes, id, name, style } = marks;
  if (classes !== '' || id !== '' || name !== '') {
    if (isWrapperClass(classes)) return 'quoted';
    for (const token of `${classes} ${id} ${name}`.toLowerCase().split(/\s+/)) {
      const container = containerNamed(token);
      if (container !== null) return container;
      if (/(?:^|[_-])signature$/.test(token) && tag !== 'a' && tag !== 'img') {
        return 'signature';
      }
    }
    if (tag === 'div' && name.toLowerCase() === 'quote') return 'quoted';
  }
  if (tag === 'div' && style !== '' && isWordBorder(style)) return 'border';
  return null;
}

function containerNamed(token: string): Container | null {
  if (token.includes('yahoo_quoted')) return 'quoted';
  return ENDINGS.find(([ending]) => token.endsWith(ending))?.[1] ?? null;
}

/**
 * Gmail, Outlook on the web and others indent with a blockquote that has margins and no border. Without any style it is
 * a quote, as simple programs write it.
 */
function isIndent(marks: Marks): boolean {
  const hasClass = marks.class !== '' && !/^(?:x_)*elementToProof$/.test(marks.class);
  if (marks.type !== '' || hasClass || marks.id !== '' || marks.style === '') return false;
  return /margin|border(?:-left)?\s*:\s*(?:none|0)/i.test(marks.style) && !marks.style.split(';').some(drawsBorder);
}

/** `declaration`: one of a style. */
function drawsBorder(declaration: string): boolean {
  const at = declaration.search(/border(?:-left)?(?:-width|-style|-color)?\s*:/i);
  return at !== -1 && /solid|double|dashed|dotted|[1-9]px|[1-9]pt|\.\dem/i.test(declaration.slice(at));
}

function isWordBorder(style: string): boolean {
  return /border-top\s*:\s*solid\s+(?:#|rgb|windowtext|gray)/i.test(style) && /border\s*:\s*none/i.test(style);
}

/** True when the HTML holds a sign of any container that may say where a quote begins. */
export function hasContainers(html: string): boolean {
  return /<blockquote|gmail_quote|divrplyfwdmsg|appendonsend|yahoo_quoted|olk_src_body|protonmail_quote|moz-cite-prefix|moz-forward|replyd-mail|reference-message|messagereplysection|includetail|name="quote"|border-top\s*:\s*solid|zmail_extra|bloop_original/i.test(
    html,
  );
}
