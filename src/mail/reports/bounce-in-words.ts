/**
 * Bounces without a machine-readable part, whichever server wrote them in whichever language.
 *
 * No single word makes a bounce, because people and holiday replies use the same. The signs are: the null sender; a
 * server, or who keeps it, in From; the address of ours that takes bounces; our mail or its header, returned; words of
 * failure or delay, in the subject or above the copy of our mail. A program that never writes anything else, and a
 * server's reply code, count for more. X-Failed-Recipients settles it. Who says that he is away bounces nothing.
 * Nothing throws.
 */
import { parseOurAddress } from '../address.js';
import type { KnownTexts, Mail, ReportEntry } from '../mail.js';
import { firstValue } from '../mime/headers.js';
import { responderPhrase } from '../robot-phrases.js';
import { stripReplyPrefixes } from '../subject.js';
import { phraseOf } from './bounce-phrases.js';
import { hasReplyCode, mentionedIn, type Notice, readNotice, reasonIn, recipientsIn } from './notice.js';
import { findStatus, type MachineReport, oneLine } from './report-status.js';
import { isDaemon, isFailureNotice, isMailerDaemon, isServerName } from './senders.js';

const MAX_ENTRIES = 100;

/** How a mail came. */
export interface Came {
  /** The envelope came from `<>`. */
  readonly nullSender: boolean;
  /** To the envelope sender of a delivery of ours: it names that delivery, whoever wrote. */
  readonly toBounceAddress: boolean;
}

export function cameToBounceAddress({ replyAddresses }: Pick<KnownTexts, 'replyAddresses'>): boolean {
  return replyAddresses.some(address => /bounce/i.test(address) && parseOurAddress(address, []).kind === 'bounce');
}

/** The bounce, or null when the mail is none. `known`: recipients from X-Failed-Recipients. */
export function readTextBounce(mail: Mail, known: readonly string[], came: Came): MachineReport | null {
  const notice = readNotice(mail);
  const said = sayingOf(mail, notice, came);
  if (known.length === 0 && said === null) return null;
  const { lines } = notice;
  const found = recipientsIn(lines, mail);
  if (found.size === 0) for (const address of mentionedIn(lines, mail)) found.set(address, '');
  const named = known.length > 0 ? known : [...found.keys()];
  // The delivery is known, whether the notice names its recipient or not.
  const wanted = named.length === 0 && came.toBounceAddress ? [''] : named;
  const action = known.length === 0 && said?.isDelay === true ? 'delayed' : 'failed';
  // With several recipients nobody knows whose answer it was.
  const answer = wanted.length === 1 ? oneLine(reasonIn(lines)) : null;
  const report = wanted.slice(0, MAX_ENTRIES).map((recipient): ReportEntry => {
    const reason = oneLine(found.get(recipient.toLowerCase()) ?? '');
    const status = findStatus(reason ?? '');
    // Words around the address without a code say less than the server's answer further down.
    const diagnostic = status === null ? (answer ?? reason) : reason;
    return { recipient, action, status: status ?? findStatus(answer ?? ''), diagnostic };
  });
  const sign = known.length > 0 ? 'X-Failed-Recipients' : said!.sign;
  return { kind: 'bounce', evidence: [`report: bounce by ${sign}`], report };
}

interface Saying {
  readonly sign: string;
  readonly isDelay: boolean;
}

function sayingOf(mail: Mail, notice: Notice, came: Came): Saying | null {
  if (responderPhrase(mail.subject) !== null || isNoticeOfSuccess(mail.subject)) return null;
  const body = notice.lines.slice(0, 60).join(' ');
  const subject = ownSubject(mail.subject);
  const program = isMailerDaemon(mail) || isFailureNotice(mail);
  const server = isServerName(mail);
  const code = hasReplyCode(notice.lines);
  // Who is no server may speak of failures too; what he returns, or a server's answer, bears him out.
  const counted = program || server || code || notice.returned ? `${subject}\n${body}` : subject;
  const delay = phraseOf('delay', counted);
  const inNotice = (server || program) && (came.nullSender || came.toBounceAddress);
  const trouble = inNotice ? (phraseOf('trouble', counted) ?? (code ? 'of a reply code' : null)) : null;
  const phrase = delay ?? phraseOf('failure', counted) ?? trouble;
  const signs = [came.nullSender, server || program, came.toBounceAddress, notice.returned, phrase !== null];
  const enough = signs.filter(Boolean).length >= 3 && (came.nullSender || server || notice.returned);
  const machine = came.nullSender || /^postmaster@/i.test(mail.from?.email ?? '');
  if (
    phrase === null ? !(enough && notice.returned && came.toBounceAddress) : !(program || (code && machine) || enough)
  )
    return null;
  const structured =
    (server && (notice.returned || phraseOf('failure', subject) !== null)) ||
    (isDaemon(mail) && recipientsIn(notice.lines, mail).size > 0) ||
    notice.lines.some(line => findStatus(line) !== null);
  if (!program && !structured && isAway(mail, body)) return null;
  return {
    sign: phrase === null ? 'our mail, returned' : `the words "${phrase}"`,
    isDelay: delay !== null && phraseOf('final', body) === null,
  };
}

/** The subject above ours: a number of ours, or a reply prefix, begins what we or the customer wrote. */
function ownSubject(subject: string): string {
  if (stripReplyPrefixes(subject) !== subject) return '';
  return subject.split(/\[#\d{1,10}\]/, 1)[0]!;
}

function isNoticeOfSuccess(subject: string): boolean {
  return /\((?:success|relay(?:ed)?|expanded)\)|\bsuccessful(?:ly)?\b|\bsuccess\b/i.test(subject);
}

/** A responder says so by a field, or in the words for people. */
function isAway(mail: Mail, body: string): boolean {
  if (phraseOf('away', `${mail.subject}\n${body}`) !== null) return true;
  const responds = ['auto-submitted', 'x-autoreply', 'x-autorespond', 'x-auto-reply', 'x-vacation'].some(name =>
    /^(?:auto-replied|yes|true|vacation)/i.test(firstValue(mail.headers, name)),
  );
  return responds && phraseOf('failure', ownSubject(mail.subject)) === null;
}
