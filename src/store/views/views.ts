/**
 * Rows → the public shapes of model.ts. Reading only; each view says which queries it costs. A reply address is never
 * stored: it is written from the token, the account's first domain and the configured prefix and separator.
 */
import type {
  Account,
  Attachment,
  Contact,
  Conversation,
  Delivery,
  MailRecord,
  Message,
  Participant,
  QueuedDelivery,
} from '../../conversation/model.js';
import { mailStateOf } from '../../conversation/rules/continuity.js';
import { shownWait, waitsForTurn } from '../../conversation/rules/delivery.js';
import { formatReplyAddress, type Separator } from '../../mail/address.js';
import { boxedHtml } from '../../mail/html/box.js';
import { byKey } from '../by-key.js';
import { encodeId } from '../ids.js';
import type {
  AccountRow,
  ContactRow,
  ConversationRow,
  DeliveryRow,
  MailRow,
  MessageRow,
  ParticipantRow,
} from '../rows.js';
import { fromJson, inTurn, type StoreTx, toIso } from '../tx.js';

/** One query: its domains. */
export async function accountView(tx: StoreTx, row: AccountRow): Promise<Account> {
  const found = await tx.all<{ name: string }>(
    'select name from domain where account_key = $1 order by position',
    row.key,
  );
  const domains = found.map(each => each.name);
  const [first] = domains;
  return {
    id: encodeId('account', row.key),
    slug: row.slug,
    name: row.name,
    support_email: row.support_email,
    domains,
    features: {
      inbound_emails: row.inbound_emails === 1,
      new_conversations: row.new_conversations === 1,
      hold_strangers: row.hold_strangers === 1,
    },
    inbox: first ? formatReplyAddress('inbox', separator(tx), row.inbox_token, first) : null,
    settings: fromJson(row.settings),
    created_at: toIso(row.created_at),
  };
}

/** The account's address domain, null without one. */
export async function firstDomain(tx: StoreTx, accountKey: number): Promise<string | null> {
  return (
    (await tx.value<string>('select name from domain where account_key = $1 order by position limit 1', accountKey)) ??
    null
  );
}

export async function contactView(tx: StoreTx, row: ContactRow): Promise<Contact> {
  return {
    id: encodeId('contact', row.key),
    account: await slugOf(tx, row.account_key),
    email: row.email,
    name: row.name,
    source_id: row.source_id,
    suspended: suspension(row),
    created_at: toIso(row.created_at),
  };
}

function suspension(row: ContactRow): Contact['suspended'] {
  return row.suspended_at === null ? null : { since: toIso(row.suspended_at), reason: row.suspended_reason ?? '' };
}

export async function slugOf(tx: StoreTx, accountKey: number): Promise<string> {
  return (await tx.value<string>('select slug from account where key = $1', accountKey)) ?? '';
}

/** Five queries, none of which grows with the store; messages are added by those who show one conversation. */
export async function conversationView(tx: StoreTx, row: ConversationRow): Promise<Conversation> {
  const domain = await firstDomain(tx, row.account_key);
  const contact = (await byKey(tx, 'contact', row.contact_key))!;
  const participants = await inTurn(
    await tx.all<ParticipantRow>('select * from participant where conversation_key = $1 order by key', row.key),
    participant => participantView(tx, participant, domain),
  );
  const contactRow = await latestContactParticipant(tx, row);
  return {
    id: encodeId('conversation', row.key),
    number: row.number,
    account: await slugOf(tx, row.account_key),
    channel: row.channel,
    source_id: row.source_id,
    subject: row.subject,
    status: row.status,
    contact: {
      id: encodeId('contact', contact.key),
      email: contact.email,
      name: contact.name,
      suspended: suspension(contact),
    },
    assignee: null,
    participants,
    reply_to: contactRow ? await replyAddress(tx, contactRow.key, domain) : null,
    metadata: fromJson(row.metadata),
    created_at: toIso(row.created_at),
    last_activity_at: toIso(row.last_activity_at),
  };
}

/** The participant who is the contact with his present address. */
export async function latestContactParticipant(
  tx: StoreTx,
  row: Pick<ConversationRow, 'key'>,
): Promise<ParticipantRow | undefined> {
  return tx.get<ParticipantRow>(
    "select * from participant where conversation_key = $1 and role = 'contact' order by key desc limit 1",
    row.key,
  );
}

async function participantView(tx: StoreTx, row: ParticipantRow, domain: string | null): Promise<Participant> {
  const address = await replyAddress(tx, row.key, domain);
  return {
    id: encodeId('participant', row.key),
    name: row.name,
    email: row.email,
    role: row.role,
    reply_to: address,
    revoked: domain !== null && address === null,
  };
}

/** The participant's living reply address, null without a domain or when his last token is revoked. */
export async function replyAddress(tx: StoreTx, participantKey: number, domain: string | null): Promise<string | null> {
  if (domain === null) return null;
  const written = await tx.value<string>(
    'select written from token where participant_key = $1 and revoked_at is null order by created_at desc limit 1',
    participantKey,
  );
  return written === undefined ? null : formatReplyAddress(tx.rules.prefixes[0]!, separator(tx), written, domain);
}

export function bounceAddress(tx: StoreTx, token: string, domain: string): string {
  return formatReplyAddress('bounce', separator(tx), token, domain);
}

function separator(tx: StoreTx): Separator {
  return tx.rules.separator as Separator;
}

export function formatOf({ format, direction }: Pick<MessageRow, 'format' | 'direction'>): Message['format'] {
  return format ?? (direction === 'outgoing' ? 'markdown' : 'plain');
}

/** Two queries: attachments, deliveries. */
export async function messageView(tx: StoreTx, row: MessageRow): Promise<Message> {
  const deliveries = row.direction === 'outgoing' ? await deliveriesOf(tx, row.key) : [];
  const attachments = await tx.all<AttachmentRow>(
    `${ATTACHMENTS} where a.message_key = $1 order by a.position`,
    row.key,
  );
  return {
    id: encodeId('message', row.key),
    conversation_id: encodeId('conversation', row.conversation_key),
    seq: row.seq,
    direction: row.direction,
    kind: row.kind,
    author: { id: null, name: row.author_name, email: row.author_email, role: row.author_role },
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
    history: null,
    mail: mailStateOf({ direction: row.direction, reason: row.mail_reason, deliveries }),
    deliveries,
  };
}

/** With the facts of their bytes. */
export const ATTACHMENTS = `select a.*, b.size, b.sha256 from attachment a join blob b on b.key = a.blob_key`;

export interface AttachmentRow {
  blob_key: number;
  key: number;
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

async function deliveriesOf(tx: StoreTx, messageKey: number): Promise<readonly Delivery[]> {
  return inTurn(
    await tx.all<DeliveryRow>(
      `select d.* from delivery_message dm join delivery d on d.key = dm.delivery_key
       where dm.message_key = $1 and d.kind = 'mail' order by d.key`,
      messageKey,
    ),
    delivery => deliveryView(tx, delivery),
  );
}

/** What is kept back by a pause of its destination shows the pause. */
export async function deliveryView(tx: StoreTx, row: DeliveryRow): Promise<Delivery> {
  const pause = waitsForTurn(row) ? await pauseOf(tx, row.destination) : undefined;
  const { reason, nextAttemptAt } = shownWait(
    { state: row.state, reason: row.reason, nextAttemptAt: row.next_attempt_at },
    pause === undefined ? null : { nextProbeAt: pause.next_probe_at },
  );
  return {
    id: encodeId('delivery', row.key),
    recipient: row.recipient,
    state: row.state,
    reason,
    attempts: row.attempts,
    next_attempt_at: toIso(nextAttemptAt),
    last_error: row.last_error ?? pause?.reason ?? null,
    smtp_response: row.smtp_response,
    report: row.report,
  };
}

async function pauseOf(tx: StoreTx, destination: string) {
  return tx.get<{ reason: string | null; next_probe_at: number | null }>(
    'select reason, next_probe_at from destination where name = $1 and paused is not null',
    destination,
  );
}

export async function queuedDeliveryView(tx: StoreTx, row: DeliveryRow): Promise<QueuedDelivery> {
  const messages = await tx.all<{ message_key: number }>(
    `select message_key from delivery_message where delivery_key = $1
     union all select message_key from event where key = $2 and message_key is not null
     order by message_key`,
    row.key,
    row.event_key,
  );
  return {
    ...(await deliveryView(tx, row)),
    kind: row.kind,
    account: row.account_key === null ? '' : await slugOf(tx, row.account_key),
    conversation_id: row.conversation_key === null ? null : encodeId('conversation', row.conversation_key),
    message_ids: messages.map(each => encodeId('message', each.message_key)),
    created_at: toIso(row.created_at),
    settled_at: toIso(row.settled_at),
  };
}

export async function mailView(tx: StoreTx, row: MailRow): Promise<MailRecord> {
  const sha256 =
    row.raw_gone_at === null
      ? await tx.value<Uint8Array>('select sha256 from blob where key = $1', row.blob_key)
      : undefined;
  return {
    id: encodeId('mail', row.key),
    state: row.state,
    envelope: { mail_from: row.mail_from, rcpt_to: fromJson(row.rcpt_to) },
    size: row.size,
    sha256: sha256 ? Buffer.from(sha256).toString('hex') : '',
    door: row.door,
    client: row.client,
    received_at: toIso(row.received_at),
    reason: row.reason,
    results: fromJson(row.results).map(result => ({
      recipient: result.recipient,
      verdict: result.verdict,
      message_id: result.message === null ? null : encodeId('message', result.message),
    })),
  };
}
