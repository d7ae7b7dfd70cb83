/**
 * The marks in the mails that replyd sends, by which it finds its own words when they come back quoted: an element around
 * the HTML part, and a line above what a mail quotes of the conversation. Both survive quoting. Clients put prefixes in
 * front of a class (`m_-42wrapper`, `x_wrapper`), so only its end counts.
 */

import type { Line } from './lines.js';

/** The class of the element that wraps everything in the HTML part of a mail we send. */
export const WRAPPER_CLASS = 'replyd-mail';

/** The line above what a mail of ours quotes, and on top of a notification, by language; everything from this line on is ours. */
export const REPLY_LINES = {
  en: '--- Please reply above this line ---',
  de: '--- Bitte antworten Sie über dieser Zeile ---',
} as const;

/** What a notification is about: conversation `number` of an account, as it stood with message `seq`. */
export interface MarkedPlace {
  /** The account's slug. */
  readonly account: string;
  readonly number: number;
  readonly seq: number;
}

/** The line on top of a notification. Programs may do to its words what they like: the bracket is what counts. */
export function markerLine({ account, number, seq }: MarkedPlace, language: keyof typeof REPLY_LINES): string {
  return `${REPLY_LINES[language]} [${account}#${number}/${seq}]`;
}

/** `inner` inside our wrapper element. `inner` is trusted HTML made by the composer. */
export function wrapHtml(inner: string): string {
  return `<div class="${WRAPPER_CLASS}">${inner}</div>`;
}

/** True when a class attribute names our wrapper, whatever prefix a client put in front of it. */
export function isWrapperClass(classes: string): boolean {
  return classes.includes(WRAPPER_CLASS) && classes.split(/\s+/).some(name => name.endsWith(WRAPPER_CLASS));
}

/**
 * True for a line that says "reply above this line", ours or another help desk's, whatever stands in front of it.
 */
export function isReplyLine({ key, body }: Pick<Line, 'key' | 'body'>): boolean {
  return (
    key.length <= 160 &&
    /above this line|über dieser zeile/i.test(key) &&
    /(?:reply|respond|type|write|answer)[^.!?]{0,40} above this line|(?:antwort|schreib)[^.!?]{0,40} über dieser zeile/i.test(
      key,
    ) &&
    (/^[^\p{L}]|[^\p{L}.]$/u.test(key) || /^\s*\*|\*\s*$/.test(body))
  );
}
