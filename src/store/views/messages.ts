/** Messages as they are shown, with their attachments and, of outgoing ones, with what became of their mails. */
import type { Attachment, Delivery, Message } from '../../conversation/model.js';
import { mailStateOf } from '../../conversation/rules/continuity.js';
import { boxedHtml } from '../../mail/html/box.js';
import { groupedBy } from '../by-key.js';
import { encodeId } from '../ids.js';
import type { MessageRow } from '../rows.js';
import { fromJson, type StoreTx, toIso } from '../tx.js';
import { mailsOfMessages } from './deliveries.js';

export function formatOf({ format, direction }: Pick<MessageRow, 'format' | 'direction'>): Message['format'] {
  return format ?? (direction === 'outgoing' ? 'markdown' : 'plain');
}

/** `attachments` false: it has none. */
export async function messageView(
  tx: StoreTx,
  row: MessageRow,
  has: { readonly attachments: boolean } = ANY,
): Promise<Message> {
  return (await messageViews(tx, [row], has))[0]!;
}

const ANY = { attachments: true };

/** Two statements: attachments, and deliveries where there are outgoing ones. */
export async function messageViews(
  tx: StoreTx,
  rows: readonly MessageRow[],
  has: { readonly attachments: boolean } = ANY,
): Promise<readonly Message[]> {
  if (rows.length === 0) return [];
  const keys = rows.map(row => row.key);
  const outgoing = rows.filter(row => row.direction === 'outgoing').map(row => row.key);
  const deliveriesOf = await mailsOfMessages(tx, outgoing);
  const attachmentsOf = groupedBy(
    has.attachments
      ? await tx.all<AttachmentRow>(
          `${ATTACHMENTS} where a.message_key = any($1) order by a.message_key, a.position`,
          keys,
        )
      : [],
    attachment => attachment.message_key,
  );
  return rows.map(row => messageShape(row, deliveriesOf(row.key), attachmentsOf(row.key)));
}

function messageShape(
  row: MessageRow,
  deliveries: readonly Delivery[],
  attachments: readonly AttachmentRow[],
): Message {
  return {
    id: encodeId('message', row.key),
    conversation_id: encodeId('conversation', row.conversation_key),
    seq: row.seq,
    direction: row.direction,
    kind: row.kind,
    author: {
      id: row.agent_key === null ? null : encodeId('agent', row.agent_key),
      name: row.author_name,
      email: row.author_email,
      role: row.author_role,
    },
    text: row.text,
    format: formatOf(row),
    quoted_text: row.quoted_text,
    signature: row.signature,
    html: boxedHtml(row.html),
    subject: row.subject,
    message_id: row.message_id,
    in_reply_to: row.in_reply_to,
    references: fromJson(row.refs),
    to: fromJson(row.recipients_to),
    cc: fromJson(row.recipients_cc),
    date: toIso(row.date),
    received_at: toIso(row.received_at),
    via: row.via,
    mail_id: row.mail_key === null ? null : encodeId('mail', row.mail_key),
    source_id: row.source_id,
    metadata: fromJson(row.metadata),
    attachments: attachments.map(attachmentView),
    sender: row.sender === null ? null : fromJson(row.sender),
    report: fromJson(row.report),
    evidence: fromJson(row.evidence),
    held: row.held === 1,
    looping: row.looping === 1,
    history: row.history === null ? null : row.history === 1,
    mail: mailStateOf({ direction: row.direction, reason: row.mail_reason, deliveries }),
    deliveries,
  };
}

/** With the facts of their bytes. */
export const ATTACHMENTS = `select a.*, b.size, b.sha256 from attachment a join blob b on b.key = a.blob_key`;

export interface AttachmentRow {
  blob_key: number;
  key: number;
  message_key: number;
  filename: string;
  content_type: string;
  inline: number;
  content_id: string | null;
  seen_before: number;
  size: number;
  sha256: Uint8Array;
}

export function attachmentView(row: AttachmentRow): Attachment {
  return {
    id: encodeId('attachment', row.key),
    filename: row.filename,
    content_type: row.content_type,
    size: row.size,
    sha256: Buffer.from(row.sha256).toString('hex'),
    inline: row.inline === 1,
    content_id: row.content_id,
    seen_before: row.seen_before === 1,
  };
}
