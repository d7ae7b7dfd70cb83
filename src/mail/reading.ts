/**
 * What replyd understands of a mail: its kind with the reasons, what a machine reports in it, the words that are new,
 * the HTML to show.
 *
 * The order is the policy. Structure comes first: a report is a report, whoever sent it to which address. Then come the
 * signs of robots and lists. What is left was written by a person. A machine's words are not split, because nobody
 * quotes in them. Every Mail has a Reading; nothing throws.
 */
import { automaticSigns } from './automatic.js';
import { picturesOf } from './html/pictures.js';
import { attachmentAddress, displayHtml } from './html/sanitise.js';
import type { KnownTexts, Mail, MailAttachment, OpenedContainer, Reading, ReplyText } from './mail.js';
import { firstValue } from './mime/headers.js';
import { splitReply } from './reply-text/reply-text.js';
import { cameToBounceAddress } from './reports/bounce-in-words.js';
import { noticeOf } from './reports/notice.js';
import { readReport, reportedMessageIds } from './reports/report.js';
import { oneLine } from './reports/report-status.js';

export interface ReadingOptions {
  /** Envelope sender, '' for `<>`; without it a Return-Path field tells. */
  readonly mailFrom?: string;
}

export function readMail(mail: Mail, knownTexts: KnownTexts, options: ReadingOptions = {}): Reading {
  const came = {
    nullSender: isNullSender(mail, options.mailFrom),
    toBounceAddress: cameToBounceAddress(knownTexts),
  };
  const shown = shownHtml(mail);
  const opened = mail.opened.map(openedEvidence);
  const machine = readReport(mail, came);
  if (machine !== null) {
    const evidence = [...machine.evidence, ...opened, ...shown.evidence];
    return { mail, ...machine, evidence, reportedIds: reportedMessageIds(mail), text: whole(mail), html: shown.html };
  }
  const signs = automaticSigns(mail, came);
  const kind = signs.kind ?? 'reply';
  const text = splitReply(mail, knownTexts, { subject: mail.subject });
  const evidence = [...signs.evidence, ...opened, ...shown.evidence];
  return { mail, kind, evidence, report: [], reportedIds: [], text, html: shown.html };
}

function openedEvidence(container: OpenedContainer): string {
  if (container.kind === 'signed') return 'opened: S/MIME signed data; its signature was not verified';
  return `opened: winmail.dat of Outlook${container.messageClass === '' ? '' : `, ${oneLine(container.messageClass)}`}`;
}

function whole(mail: Mail): ReplyText {
  return { text: noticeOf(mail).trim(), quotedText: '', signature: '', evidence: ['text: whole, from a machine'] };
}

/** Pictures of the mail are shown by their content; see `attachmentAddress` for what stands in the HTML for them. */
function shownHtml(mail: Mail): { readonly html: string | null; readonly evidence: readonly string[] } {
  if (mail.html === null) return { html: null, evidence: [] };
  if (mail.attachments.length === 0) return displayHtml(mail.html);
  const pictures = picturesOf(mail.attachments);
  const addressOf = (file: MailAttachment | null) => (file === null ? null : attachmentAddress(file.sha256));
  return displayHtml(mail.html, {
    resolveCid: contentId => addressOf(pictures.byId(contentId)),
    resolveLocation: address => addressOf(pictures.byLocation(address)),
  });
}

/** RFC 5321 section 4.5.5; a pipe may have written MAILER-DAEMON for it, qmail `#@[]`. */
function isNullSender(mail: Mail, mailFrom: string | undefined): boolean {
  const sender = mailFrom ?? (firstValue(mail.headers, 'return-path') || 'unknown');
  return /^(?:|<>|<?mailer-daemon>?|#@\[\])$/i.test(sender.trim());
}
