/**
 * What replyd understands of a mail: its kind with the reasons, what a machine reports in it, the words that are new.
 *
 * The order is the policy: structure first (a report is a report, whoever sent it to which address), then the signs of
 * robots and lists, and what is left was written by a person. A machine's words are not split: nobody quotes in them.
 * Pure, and total: a Mail always has a Reading.
 */
import { automaticSigns } from './automatic.js';
import { firstValue } from './headers.js';
import type { Mail, Reading, ReplyText, Traces } from './mail.js';
import { splitReply } from './reply-text.js';
import { readReport } from './report.js';

export interface ReadingOptions {
  /** Envelope sender, '' for `<>`; without it a Return-Path field tells. */
  readonly mailFrom?: string;
}

export function readMail(mail: Mail, traces: Traces, options: ReadingOptions = {}): Reading {
  const nullSender = isNullSender(mail, options.mailFrom);
  const machine = readReport(mail, nullSender);
  const text = machine === null ? splitReply(mail, traces, { subject: mail.subject }) : wholeText(mail);
  const html = null;
  if (machine !== null) return { mail, ...machine, text, html };
  const { kind, evidence } = automaticSigns(mail, nullSender);
  return { mail, kind: kind ?? 'reply', evidence, report: [], text, html };
}

function wholeText(mail: Mail): ReplyText {
  return { text: (mail.plain ?? '').trim(), quotedText: '', signature: '', evidence: ['text: whole, from a machine'] };
}

/** RFC 5321 section 4.5.5; a pipe may have written MAILER-DAEMON for it, qmail `#@[]`. */
function isNullSender(mail: Mail, mailFrom: string | undefined): boolean {
  const sender = mailFrom ?? (firstValue(mail.headers, 'return-path') || 'unknown');
  return /^(?:|<>|<?mailer-daemon>?|#@\[\])$/i.test(sender.trim());
}
