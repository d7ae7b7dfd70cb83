/**
 * Bounces without a machine-readable part: qmail, Exim, sendmail, old Exchange, Gmail and their like, understood by
 * their text.
 *
 * Only mails of machines are looked at (null sender, or a mail daemon in From, or X-Failed-Recipients), and only those
 * that say so in words; a holiday reply from `<>` is none. Read line by line up to the copy of our mail, at most 400
 * lines: an address that stands at the beginning of a line or alone is a recipient, the words behind it are the reason.
 */
import { normalizeAddress } from './address.js';
import { htmlToText } from './html.js';
import type { Mail, Mailbox, ReportEntry } from './mail.js';
import type { MachineReport } from './report.js';
import { findStatus, oneLine } from './report-status.js';

const MAX_LINES = 400;
const MAX_ENTRIES = 100;
const MAX_REASON_LINES = 12;

/** What failures say about themselves, in the subject or the first lines, lower case. */
const FAILURES: readonly string[] = [
  'undeliver',
  'undelivered mail',
  'could not be delivered',
  "couldn't be delivered",
  "wasn't able to deliver",
  'unable to deliver',
  'was not delivered',
  "wasn't delivered",
  'not delivered',
  'cannot be delivered',
  'cannot deliver',
  'could not deliver',
  'failed permanently',
  'delivery failed',
  'delivery failure',
  'delivery has failed',
  'delivery to the following recipient',
  'failure notice',
  'returned mail',
  'returned to sender',
  'mail delivery failed',
  'mail delivery system',
  'delivery status notification',
  'did not reach',
  'address not found',
  'permanent fatal errors',
  'unzustellbar',
  'nicht zugestellt',
  'non remis',
  'échec de la remise',
  'pas pu être remis',
  'no se ha podido entregar',
  'no se pudo entregar',
  'não pôde ser entregue',
  'mancato recapito',
  'non recapitabile',
  'onbestelbaar',
  'niet worden bezorgd',
  'niedostarcz',
  'не доставлено',
  'недоставлен',
  '配信不能',
  '配信できません',
  '无法投递',
  '退信',
];

/** What says that the server goes on trying. */
const DELAYS: readonly string[] = [
  'delayed',
  'still trying',
  'will continue to try',
  'will keep trying',
  'will be retried',
  'will retry',
  'not yet been delivered',
  'has not been delivered yet',
  'could not send message for past',
  'delivery incomplete',
  'this is a warning message only',
  'wird weiter versucht',
  'verzögert',
];

const COPY_MARKS =
  /^[\s>*-]{0,10}(?:(?:below this line is|this is|here is) a copy of (?:the|your) (?:message|original)|this is a copy of the message|original message(?: headers?)? follows|original message|message headers? follow|(?:the )?(?:body|header) of (?:the|your) message|unsent message follows|included is a copy)/i;

/** A mail daemon's address or name in From. */
export function isDaemon(from: Mailbox | null): boolean {
  if (from === null) return false;
  const local = from.email.slice(0, from.email.lastIndexOf('@')).toLowerCase();
  return (
    /^(?:mailer[-_]?daemon|mail[-_]daemon|postmaster|microsoftexchange[0-9a-f]{32})$/.test(local) ||
    /^mail delivery (?:sub)?system$/i.test(from.name)
  );
}

/**
 * The bounce, or null when the mail does not say that it is one. `known`: recipients from X-Failed-Recipients, which
 * settle it; `fromMachine` says whether words alone may.
 */
export function readTextBounce(mail: Mail, known: readonly string[], fromMachine: boolean): MachineReport | null {
  const lines = noticeOf(mail).slice(0, 200_000).split('\n').slice(0, MAX_LINES);
  const end = lines.findIndex(line => COPY_MARKS.test(line));
  const notice = end < 0 ? lines : lines.slice(0, end);
  const words = `${mail.subject}\n${notice.slice(0, 60).join(' ')}`.toLowerCase().replaceAll(/\s+/g, ' ');
  const delay = DELAYS.find(phrase => words.includes(phrase));
  const failure = delay ?? FAILURES.find(phrase => words.includes(phrase));
  if (known.length === 0 && (failure === undefined || !fromMachine)) return null;
  const isFinal = known.length > 0 || /permanent|giving up|gave up|given up/.test(words);
  const action = delay !== undefined && !isFinal ? 'delayed' : 'failed';
  const found = recipientsIn(notice);
  const wanted = known.length > 0 ? known : [...found.keys()];
  // With several recipients nobody knows whose answer it was.
  const answer = wanted.length === 1 ? oneLine(reasonIn(notice)) : null;
  const report = wanted.slice(0, MAX_ENTRIES).map((recipient): ReportEntry => {
    const reason = oneLine(found.get(recipient.toLowerCase()) ?? '');
    const status = findStatus(reason ?? '');
    // Words around the address without a code say less than the server's answer further down.
    const diagnostic = status === null ? (answer ?? reason) : reason;
    return { recipient, action, status: status ?? findStatus(answer ?? ''), diagnostic };
  });
  const sign = known.length > 0 ? 'X-Failed-Recipients' : `the words "${failure}"`;
  return { kind: 'bounce', evidence: [`report: bounce by ${sign}`], report };
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

const ADDRESS = /[^\s<>()"',;:]{1,64}@[^\s<>()"',;:]{1,255}/.source;
const BEFORE = /^\s*(?:[*-]\s{1,3})?(?:(?:rcpt )?to:|recipient:)?\s*[<'"]?/.source;
const BEHIND = /[>'"]?\s*(?:[:(,;]|\.?$|on\s|\s(?:smtp|unknown|no |user|mailbox|->|\())/.source;
const ADDRESS_LINE = new RegExp(`${BEFORE}(${ADDRESS})${BEHIND}`, 'i');
const NAMED_ADDRESS_LINE = new RegExp(`^\\s*["']?[^@<>():\\n]{1,80}["']?\\s?[(<](?:mailto:)?(${ADDRESS})[)>]`, 'i');

/** The address that a line is about: `<a@b>: …`, `a@b`, `a@b: …`, `Ann Lee (a@b)`, `Ann <a@b>`; else null. */
function leadingAddress(line: string): string | null {
  if (line.length > 500 || !line.includes('@')) return null;
  const match = ADDRESS_LINE.exec(line) ?? NAMED_ADDRESS_LINE.exec(line);
  return match === null ? null : (normalizeAddress(match[1]!)?.toLowerCase() ?? null);
}

/** The lines around the first reply code of a server. */
function reasonIn(lines: readonly string[]): string {
  const index = lines.findIndex(
    line => /(?:^|[\s#(:])[45]\d\d[ -](?:#?[45]\.\d)?/.test(line) || findStatus(line) !== null,
  );
  return index < 0 ? '' : lines.slice(index, index + 3).join(' ');
}
