/**
 * Subjects as one clean line, and their reply prefix (RFC 5322 section 3.6.5) in the languages people use.
 *
 * From an answer only reply prefixes are taken off; `Fwd:`, ticket numbers and list tags belong to the subject. Nothing
 * throws.
 */

import { cutText } from './cut.js';

const MAX_SUBJECT = 998;

/**
 * What clients write for "Re", in lower case, without the colon. Only words that a client really sets: a one-letter
 * prefix or a common word of the language would eat the beginning of a real subject.
 */
const REPLY_PREFIXES: ReadonlySet<string> = new Set(
  [
    're res', // English, French, Spanish; Portuguese (res)
    'aw antw antwort', // German, Dutch
    'sv vs svar', // Swedish, Danish, Norwegian, Icelandic, Finnish (vs)
    'rif r', // Italian
    'odp', // Polish, Slovene
    'vá', // Hungarian
    'ynt', // Turkish
    'bls', // Indonesian
    'atb', // Welsh, Latvian
    'ats', // Lithuanian
    'απ σχετ', // Greek
    'отв ответ', // Russian
    'відп', // Ukrainian
    'отг', // Bulgarian
    'одг', // Serbian, Macedonian
    'odg', // Croatian, Bosnian, Serbian
    'răsp', // Romanian
    'השב תגובה', // Hebrew
    'رد', // Arabic
    'پاسخ', // Persian
    'ตอบ ตอบกลับ', // Thai
    'tl', // Vietnamese, short
    '回复 回覆 答复 答覆', // Chinese
    '返信', // Japanese
    '답장 회신', // Korean
    'उत्तर', // Hindi
  ]
    .flatMap(line => line.split(' '))
    .concat('trả lời'), // Vietnamese
);
const LONGEST_PREFIX = 16;

/** One line: white space and controls collapse to single spaces, trimmed, no lone surrogates, at most 998 characters. */
export function cleanSubject(text: string): string {
  const line = text
    .toWellFormed()
    // Bidi overrides turn a subject round on the agent's screen; plain direction marks may stay.
    .replaceAll(/[\u202a-\u202e\u2066-\u2069]/g, '')
    .replaceAll(/[\s\x00-\x1f\x7f-\x9f]+/g, ' ')
    .trim();
  return cutText(line, MAX_SUBJECT);
}

/** The subject without any reply prefixes, cleaned: `AW: Re: RE[2]: Order` → `Order`. '' stays ''. */
export function stripReplyPrefixes(subject: string): string {
  const clean = cleanSubject(subject);
  let start = 0;
  for (let next = afterPrefix(clean, 0); next > start; next = afterPrefix(clean, start)) start = next;
  return clean.slice(start);
}

/** The subject with exactly one `Re: `, whatever prefixes it had. `Re:` alone for an empty one. */
export function replySubject(subject: string): string {
  return `Re: ${stripReplyPrefixes(subject)}`.trim();
}

/** What clients write for "Fwd" before the colon. */
const FORWARD_PREFIX =
  /^\s*(?:fwd?|wg|tr|rv|enc|vs|vb|vl|pd|fs|i|trs|redir\.?|doorst|videresend|továbbítás|yönlendirme|[iİ]lt|yml|πρθ|הועבר|إعادة توجيه|转发|轉寄|転送|전달|пересл)\s*[:：]\s*/iu;

/** It says at its beginning that the mail was sent on. */
export function isForwardSubject(subject: string): boolean {
  return FORWARD_PREFIX.test(subject);
}

/** `VS:` is a forward in Norway and Denmark, and an answer in Finland. */
export function isDoubtfulForward(subject: string): boolean {
  return /^\s*vs\s*[:：]/i.test(subject);
}

/** The subject of the mail that was sent on: `WG: Fwd: Order` → `Order`. */
export function stripForwardPrefixes(subject: string): string {
  let rest = subject;
  for (let at = 0; at < 20 && FORWARD_PREFIX.test(rest); at += 1) rest = rest.replace(FORWARD_PREFIX, '');
  return cleanSubject(rest);
}

/** Index behind one prefix, its colon and the space after it; `start` when there is none. */
function afterPrefix(subject: string, start: number): number {
  const head = subject.slice(start, start + LONGEST_PREFIX + 8);
  // Re: RE[2]: Re(3): Re^2: Re*2: RE : 回复： with the full-width colon.
  const match = /^([\p{L}\p{M}]+(?: lời)?)\s?(?:[[(^*]\s?\d{1,4}[\])]?)?\s?[:：]\s?/u.exec(head);
  if (match === null || !REPLY_PREFIXES.has(match[1]!.normalize('NFC').toLowerCase())) return start;
  return start + match[0].length;
}
