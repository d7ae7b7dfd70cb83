/**
 * Bounces without a machine-readable part (qmail, Exim, sendmail, old Exchange, Gmail and others), understood by their
 * text.
 *
 * It looks only at mails of machines: null sender, a mail daemon in From, X-Failed-Recipients, a notice by its fields.
 * Of these only mails that say so in words are bounces; a holiday reply from `<>` is none. It reads up to the copy of
 * our mail, at most 400 lines: an address at the beginning of a line or alone is a recipient, the words behind it are
 * the reason. Nothing throws.
 */
import { normalizeAddress } from '../address.js';
import { htmlToText } from '../html/sanitise.js';
import type { Mail, ReportEntry } from '../mail.js';
import { firstValue } from '../mime/headers.js';
import { responderPhrase } from '../robot-phrases.js';
import { DELAYS, FAILURES } from './bounce-phrases.js';
import { findStatus, type MachineReport, oneLine } from './report-status.js';

const MAX_LINES = 400;
const MAX_ENTRIES = 100;
const MAX_REASON_LINES = 12;

/** Above the copy of our mail. The last two are also common words, so they stand alone on their line. */
const COPY_MARKS =
  /^[\s>*-]{0,10}(?:(?:below this line|this|here|included) is a copy of|message headers? follow|unsent message follows|(?:original message(?: headers?)?(?: follows)?|(?:the )?(?:body|headers?) of (?:the|your) message)[\s.:-]{0,40}$)/i;

/** A program that never writes anything else stands in From; some write `MAILER-DAEMON <>`. */
function isMailerDaemon(mail: Mail): boolean {
  if (mail.from === null) return /^["'\s]{0,3}mailer-daemon\b/i.test(firstValue(mail.headers, 'from'));
  const { email, name } = mail.from;
  return (
    /^(?:mailer[-_]?daemon|mail[-_]daemon|microsoftexchange[0-9a-f]{32})@/i.test(email) ||
    /^mail delivery (?:sub)?system$/i.test(name)
  );
}

/** True when a mail daemon, or a postmaster who may be a person too, stands in From. */
export function isDaemon(mail: Mail): boolean {
  return isMailerDaemon(mail) || /^postmaster@/i.test(mail.from?.email ?? '');
}

/** True when the mail says by a field and in its subject that it is a notice of failure, whoever stands in From. */
export function isFailureNotice(mail: Mail): boolean {
  if (mail.headers.some(field => field.name === 'x-ms-exchange-message-is-ndr')) return true;
  const automatic = firstValue(mail.headers, 'auto-submitted').toLowerCase();
  return /^auto-/.test(automatic) && phraseIn(mail.subject, FAILURES) !== undefined;
}

/**
 * The bounce, or null when the mail does not say that it is one. `known`: recipients from X-Failed-Recipients, which
 * settle it. Whether a machine sent it is for the caller to know: a person may use the same words.
 */
export function readTextBounce(mail: Mail, known: readonly string[]): MachineReport | null {
  const lines = noticeOf(mail).slice(0, 200_000).split('\n').slice(0, MAX_LINES);
  const end = lines.findIndex(line => COPY_MARKS.test(line));
  const notice = end < 0 ? lines : lines.slice(0, end);
  const said = sayingOf(mail, notice);
  if (known.length === 0 && said === null) return null;
  const found = recipientsIn(notice);
  if (found.size === 0) for (const address of mentionedIn(notice, mail)) found.set(address, '');
  const wanted = known.length > 0 ? known : [...found.keys()];
  const action = known.length === 0 && said?.isDelay === true ? 'delayed' : 'failed';
  // With several recipients nobody knows whose answer it was.
  const answer = wanted.length === 1 ? oneLine(reasonIn(notice)) : null;
  const report = wanted.slice(0, MAX_ENTRIES).map((recipient): ReportEntry => {
    const reason = oneLine(found.get(recipient.toLowerCase()) ?? '');
    const status = findStatus(reason ?? '');
    // Words around the address without a code say less than the server's answer further down.
    const diagnostic = status === null ? (answer ?? reason) : reason;
    return { recipient, action, status: status ?? findStatus(answer ?? ''), diagnostic };
  });
  const sign = known.length > 0 ? 'X-Failed-Recipients' : `the words "${said?.phrase}"`;
  return { kind: 'bounce', evidence: [`report: bounce by ${sign}`], report };
}

/**
 * The phrase that makes the mail a bounce. The subject's is enough, except from a postmaster; one in the body needs a
 * mail daemon in From, a field that says so, or a server's reply code (an address such as "500 Main Street" is none). A subject that says "out of office" outweighs all of them.
 */
function sayingOf(mail: Mail, notice: readonly string[]): { phrase: string; isDelay: boolean } | null {
  if (responderPhrase(mail.subject) !== null) return null;
  const body = notice.slice(0, 60).join(' ').replaceAll(/\s+/g, ' ');
  const hasCode = notice.some(line => findStatus(line) !== null || /[#(:>]\s?[45]\d\d[ -][a-z<]/i.test(line));
  const mayBePerson = /^postmaster@/i.test(mail.from?.email ?? '') && !isMailerDaemon(mail) && !isFailureNotice(mail);
  const subject = mayBePerson && !hasCode ? '' : mail.subject;
  const counted = isMailerDaemon(mail) || isFailureNotice(mail) || hasCode ? body : '';
  const delay = phraseIn(`${subject}\n${counted}`, DELAYS);
  const phrase = delay ?? phraseIn(`${subject}\n${counted}`, FAILURES);
  if (phrase === undefined) return null;
  return { phrase, isDelay: delay !== undefined && !/permanent|giving up|gave up|given up/i.test(body) };
}

function phraseIn(text: string, phrases: readonly string[]): string | undefined {
  const folded = text.toLowerCase();
  return phrases.find(phrase => folded.includes(phrase));
}

/** What stands behind the mark that a copy of our mail follows; '' without one. */
export function textOfReturnedMail(plain: string): string {
  const lines = plain.slice(0, 500_000).split('\n');
  const mark = lines.findIndex(line => COPY_MARKS.test(line));
  if (mark < 0) return '';
  const rest = lines.slice(mark + 1);
  const start = rest.findIndex(line => /^[\s>]{0,8}[a-z][a-z0-9-]{1,60}:/i.test(line));
  if (start < 0) return '';
  const end = rest.findIndex((line, index) => index > start && line.trim() === '');
  // Some indent or quote the copy; a folded line keeps one space.
  const indent = /^[\s>]{0,8}/.exec(rest[start]!)![0].length;
  return rest
    .slice(start, end < 0 ? start + MAX_LINES : end)
    .map(line => line.slice(indent))
    .join('\n');
}

/** The words of the mail for people. */
export function noticeOf(mail: Mail): string {
  return mail.plain ?? (mail.html === null ? '' : htmlToText(mail.html));
}

/** Recipients in lower case, each with the lines that say why. */
function recipientsIn(lines: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const [index, line] of lines.entries()) {
    const address = leadingAddress(line);
    if (address === null || found.has(address) || found.size >= MAX_ENTRIES) continue;
    const reason = [line.slice(line.indexOf('@')).replace(/^\S*[>):]?/, '')];
    for (const next of lines.slice(index + 1, index + 1 + MAX_REASON_LINES)) {
      const other = leadingAddress(next);
      if (other !== null && other !== address) break;
      // A blank line ends the reason once there is one.
      if (next.trim() === '' && reason.some(part => /[a-z0-9]/i.test(part))) break;
      reason.push(next);
    }
    found.set(address, reason.join(' ').replace(/^[\s:>,-]+/, ''));
  }
  return found;
}

/** The first address that the notice speaks of, in the middle of a sentence; never the sender's own or ours. */
function mentionedIn(lines: readonly string[], mail: Mail): string[] {
  const own = new Set([mail.from, ...mail.to].map(box => box?.email.toLowerCase()));
  for (const line of lines.slice(0, 40)) {
    if (line.length > 500 || NO_RECIPIENT.test(line)) continue;
    for (const [text] of line.matchAll(new RegExp(ADDRESS, 'gi'))) {
      const address = normalizeAddress(text.replace(/[.!?]+$/, ''))?.toLowerCase();
      if (address !== undefined && !own.has(address) && !/^(?:postmaster|abuse|mailer-daemon)@/.test(address)) {
        return [address];
      }
    }
  }
  return [];
}

const ADDRESS = /[^\s<>()"',;:]{1,64}@[^\s<>()"',;:]{1,255}/.source;
const BEFORE = /^\s*(?:[*-]\s{1,3})?(?:(?:rcpt )?to:|recipient:)?\s*[<'"]?/.source;
const ADDRESS_LINE = new RegExp(`${BEFORE}(${ADDRESS})[>'"]?(?:\\s*[:(,;]|\\s|$)`, 'i');
const NAMED_ADDRESS_LINE = new RegExp(`^\\s*["']?[^@<>():\\n]{1,80}["']?\\s?[(<](?:mailto:)?(${ADDRESS})[)>]`, 'i');
const LABELLED_ADDRESS_LINE = new RegExp(`^[^@<>:\\n]{3,60}:\\s{0,4}<?(${ADDRESS})>?\\s*$`, 'i');
const NO_RECIPIENT =
  /^[\s>]*(?:from|sender|reply-to|return-path|message-id|in-reply-to|references|for help|contact)\b/i;

/** The address that a line is about: `<a@b>: …`, `a@b …`, `Ann Lee (a@b)`, `Unknown user: a@b`; else null. */
function leadingAddress(line: string): string | null {
  if (line.length > 500 || !line.includes('@') || NO_RECIPIENT.test(line)) return null;
  const match = ADDRESS_LINE.exec(line) ?? NAMED_ADDRESS_LINE.exec(line) ?? LABELLED_ADDRESS_LINE.exec(line);
  return match === null ? null : (normalizeAddress(match[1]!.replace(/\.$/, ''))?.toLowerCase() ?? null);
}

/** The lines around the first reply code of a server. */
function reasonIn(lines: readonly string[]): string {
  const index = lines.findIndex(
    line => /(?:^|[\s#(:])[45]\d\d[ -](?:#?[45]\.\d)?/.test(line) || findStatus(line) !== null,
  );
  return index < 0 ? '' : lines.slice(index, index + 3).join(' ');
}
