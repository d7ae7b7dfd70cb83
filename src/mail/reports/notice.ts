/**
 * The words of a report for people: what stands above the copy of our mail, which recipients they name, what the other
 * server answered. At most 400 lines are looked at. Nothing throws.
 */
import { normalizeAddress } from '../address.js';
import { htmlToText } from '../html/sanitise.js';
import type { Mail } from '../mail.js';
import { findStatus } from './report-status.js';

const MAX_LINES = 400;
const MAX_ENTRIES = 100;
const MAX_REASON_LINES = 12;

export interface Notice {
  /** Above the copy of our mail. */
  readonly lines: readonly string[];
  /** The copy, its header, or an attached mail is there. */
  readonly returned: boolean;
}

export function readNotice(mail: Mail): Notice {
  const lines = noticeOf(mail).slice(0, 200_000).split('\n').slice(0, MAX_LINES);
  const attached = mail.attachments.some(file =>
    /^(?:message\/(?:rfc822|global)|text\/rfc822-headers)/.test(file.contentType),
  );
  const mark = lines.findIndex(line => COPY_MARKS.test(line));
  const above = mark < 0 ? lines : lines.slice(0, mark);
  const header = headerIn(above);
  return {
    lines:
      header === null ? above : [...above.slice(0, header.start), ...(header.start < 8 ? above.slice(header.end) : [])],
    returned: attached || mail.returnedHeaders !== null || header !== null || headerIn(lines.slice(mark + 1)) !== null,
  };
}

/** Above the copy of our mail. The last ones are also common words, so they stand alone on their line. */
const COPY_MARKS =
  /^[\s>*=|+-]{0,20}(?:(?:below this line|this|here|included) is a copy of|(?:the )?(?:message )?headers? (?:follows?|of the original)|(?:the )?header of the original message|unsent message (?:follows|below)|returned (?:message|mail)\b|non-delivered information|message log follows|(?:original (?:message|mail)(?: (?:headers?|text))?(?: (?:follows|below))?|(?:the )?(?:body|headers?) of (?:the|your) message|(?:die )?ursprüngliche (?:nachricht|mail)|original-?nachricht|message d'origine|mensaje original|mensagem original|messaggio originale|oorspronkelijk bericht|исходное (?:сообщение|письмо)|oryginalna wiadomość|původní zpráva|原始邮件|原邮件|原始郵件|元のメッセージ|원본 메시지)[\s.:：*=|+-]{0,40}$)/i;

/** A header block that no person pastes by accident: it has a field that only programs write, and another one. */
function headerIn(lines: readonly string[]): { readonly start: number; readonly end: number } | null {
  for (const [index, line] of lines.entries()) {
    if (!MACHINE_FIELD.test(line)) continue;
    let start = index;
    let end = index + 1;
    while (start > 0 && FIELD.test(lines[start - 1]!)) start -= 1;
    while (end < lines.length && FIELD.test(lines[end]!)) end += 1;
    if (end - start > 1) return { start, end };
  }
  return null;
}

const MACHINE_FIELD =
  /^[\s>|]{0,8}(?:received|return-path|message-id|mime-version|content-type|content-transfer-encoding|dkim-signature|delivered-to|references|in-reply-to|x-mailer|x-[a-z0-9-]{2,40}): ?\S/i;
const FIELD = /^(?:[\s>|]{0,8}[a-z][a-z0-9-]{1,40}: ?|[\s>|]{1,8}\S)/i;

/** What stands behind the mark that a copy of our mail follows; '' without one. */
export function textOfReturnedMail(plain: string): string {
  const lines = plain.slice(0, 500_000).split('\n');
  const mark = lines.findIndex(line => COPY_MARKS.test(line));
  const rest = mark < 0 ? returnedAt(lines) : lines.slice(mark + 1);
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

function returnedAt(lines: readonly string[]): readonly string[] {
  const head = lines.slice(0, MAX_LINES);
  const header = headerIn(head);
  return header === null ? [] : lines.slice(header.start);
}

/** The words of the mail for people. */
export function noticeOf(mail: Mail): string {
  return mail.plain ?? (mail.html === null ? '' : htmlToText(mail.html));
}

/** Recipients in lower case, each with the lines that say why; never who gets the notice. */
export function recipientsIn(lines: readonly string[], mail: Pick<Mail, 'to'>): Map<string, string> {
  const own = new Set(mail.to.map(box => box.email.toLowerCase()));
  const found = new Map<string, string>();
  for (const [index, line] of lines.entries()) {
    const address = leadingAddress(line);
    if (address === null || own.has(address) || found.has(address) || found.size >= MAX_ENTRIES) continue;
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
export function mentionedIn(lines: readonly string[], mail: Mail): string[] {
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

const ADDRESS = /[^\s<>()"',;:[\]（）：，。]{1,64}@[^\s<>()"',;:[\]（）：，。]{1,255}/.source;
const BEFORE = /^\s*(?:[*-]\s{1,3})?(?:(?:rcpt )?to:|recipient:)?\s*[<'"[(]{0,2}(?:smtp:|mailto:|rfc822;\s?)?/.source;
const ADDRESS_LINE = new RegExp(`${BEFORE}(${ADDRESS})[>'"\\])]{0,2}(?:\\s*[:(,;]|\\s|$)`, 'i');
const NAMED_ADDRESS_LINE = new RegExp(`^\\s*["']?[^@<>():\\n]{1,80}["']?\\s?[(<](?:mailto:)?(${ADDRESS})[)>]`, 'i');
const LABELLED_ADDRESS_LINE = new RegExp(`^[^@<>:：\\n]{2,60}[:：]\\s{0,4}<?(${ADDRESS})>?\\s*$`, 'i');
const NO_RECIPIENT =
  /^[\s>]*(?:from|mail from|sender|reply-to|return-path|message-id|in-reply-to|references|for help|contact)\b/i;

/** The address that a line is about: `<a@b>: …`, `a@b …`, `Ann Lee (a@b)`, `Unknown user: a@b`; else null. */
function leadingAddress(line: string): string | null {
  if (line.length > 500 || !line.includes('@') || NO_RECIPIENT.test(line)) return null;
  const match = ADDRESS_LINE.exec(line) ?? NAMED_ADDRESS_LINE.exec(line) ?? LABELLED_ADDRESS_LINE.exec(line);
  return match === null ? null : (normalizeAddress(match[1]!.replace(/\.$/, ''))?.toLowerCase() ?? null);
}

/** True when a server's answer stands there: an address such as "500 Main Street" is none. */
export function hasReplyCode(lines: readonly string[]): boolean {
  return lines.some(line => findStatus(line) !== null || /[#(:>]\s?[45]\d\d[ -][a-z<]/i.test(line));
}

/** The lines around the first reply code of a server. */
export function reasonIn(lines: readonly string[]): string {
  const index = lines.findIndex(
    line => /(?:^|[\s#(:])[45]\d\d[ -](?:#?[45]\.\d)?/.test(line) || findStatus(line) !== null,
  );
  return index < 0 ? '' : lines.slice(index, index + 3).join(' ');
}
