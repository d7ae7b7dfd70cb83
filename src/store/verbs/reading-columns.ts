/**
 * What a message says of the mail that it came by, as its columns: the same when the mail is filed and when one that
 * could not be read is filled in later.
 */
import type { FiledReading, Filing, StoredContent } from '../../conversation/filing.js';
import type { Writer } from '../../conversation/rules/writer.js';
import type { ParticipantRow } from '../rows.js';
import { toJson } from '../tx.js';
import type { InsertedAttachment } from './messages.js';
import { type ReportedEntry, reportRow } from './reports.js';

/** All but its Message-ID, which stays when there is none in the mail, and what it adds to `evidence`. */
export function columnsOf({ kind, text, html, mail }: FiledReading) {
  return {
    kind,
    text: text.text,
    quoted_text: text.quotedText,
    signature: text.signature,
    html,
    subject: mail.subject,
    in_reply_to: mail.inReplyTo[0] ?? null,
    refs: toJson(mail.references),
    recipients_to: toJson(mail.to),
    recipients_cc: toJson(mail.cc),
    date: mail.date ? Date.parse(mail.date) : null,
  };
}

/** `participant`: he who wrote it, who may have become one by that. */
export function judgedColumns(
  author: Writer<ParticipantRow>['author'],
  judged: {
    readonly participant: ParticipantRow | null;
    readonly held: boolean;
    readonly reported: readonly ReportedEntry[];
  },
) {
  return {
    author_name: author.name,
    author_email: author.email,
    author_role: author.role,
    participant_key: judged.participant?.key ?? null,
    held: judged.held ? 1 : 0,
    report: toJson(judged.reported.map(reportRow)),
  };
}

/** `contents`: in the order in which the mail has them. */
export function attachmentsOf(
  { mail }: FiledReading,
  contents: readonly StoredContent[],
): readonly InsertedAttachment[] {
  return mail.attachments.map((attachment, index) => ({ ...attachment, content: contents[index]! }));
}

/** Of a mail that cannot be read: the mail itself. */
export function filedAttachments({
  reading,
  attachments,
  raw: content,
}: Pick<Filing, 'reading' | 'attachments' | 'raw'>): readonly InsertedAttachment[] {
  if (reading !== null) return attachmentsOf(reading, attachments);
  return [{ filename: 'original.eml', contentType: 'message/rfc822', inline: false, contentId: null, content }];
}
