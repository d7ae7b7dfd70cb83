/** Messages: the one INSERT, what agents and applications add, held ones, and attachments. */

import { ReplydError } from '../../base/errors.js';
import type { StoredContent, StoredContentRef } from '../../conversation/filing.js';
import type {
  Attachment,
  Direction,
  Message,
  MessageKind,
  Role,
  Sender,
  TextFormat,
  Via,
} from '../../conversation/model.js';
import type { ConversationRef, NewMessage } from '../../conversation/store.js';
import { blobKey, blobRef } from '../blobs/blobs.js';
import { encodeId, keyOf } from '../ids.js';
import type { ConversationRow, MessageRow, ParticipantRow } from '../rows.js';
import { newKey, type Session } from '../session.js';
import { accountView, attachmentView, latestContactParticipant, messageView } from '../views/views.js';
import { accountByKey, checkedAddress } from './accounts.js';
import { conversationRow } from './conversations.js';
import { advance, insertEvents, type NewEvent, tell } from './events.js';
import { dropWaiting, gather, isSuspended } from './outbox.js';
import { clearSuspension, join, participantByAddress } from './participants.js';

export interface InsertedMessage {
  /** Higher than the last one's; absent: the next. */
  readonly key?: number;
  readonly conversation_key: number;
  readonly seq: number;
  readonly direction: Direction;
  readonly kind: MessageKind;
  readonly author: { readonly name: string; readonly email: string | null; readonly role: Role };
  readonly text: string;
  readonly format?: TextFormat;
  readonly via: Via;
  readonly participant_key?: number | null;
  readonly quoted_text?: string;
  readonly signature?: string;
  readonly html?: string | null;
  readonly subject?: string | null;
  readonly message_id?: string | null;
  readonly in_reply_to?: string | null;
  readonly references?: readonly string[];
  readonly to?: readonly { name: string; email: string }[];
  readonly cc?: readonly { name: string; email: string }[];
  /** Milliseconds. */
  readonly date?: number | null;
  readonly mail_key?: number | null;
  readonly source_id?: string | null;
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly sender?: Sender | null;
  readonly report?: readonly unknown[];
  readonly evidence?: readonly string[];
  readonly held?: boolean;
  readonly looping?: boolean;
  readonly mail_intent?: string | null;
  readonly mail_reason?: string | null;
  readonly content_key?: Uint8Array | null;
}

/** Returns the new message's key. Its seq was reserved by `advance`. */
export function insertMessage(session: Session, message: InsertedMessage): number {
  return session.db.insert(
    `insert into message (key, conversation_key, seq, direction, kind, author_name, author_email, author_role,
       participant_key, text, quoted_text, signature, html, subject, message_id, in_reply_to, refs, recipients_to,
       recipients_cc, date, received_at, via, mail_key, source_id, metadata, sender, report, evidence, held, looping,
       mail_intent, mail_reason, content_key, format)
     values (max(?, (select coalesce(max(key), 0) + 1 from message)),
       ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    message.key ?? newKey(session),
    message.conversation_key,
    message.seq,
    message.direction,
    message.kind,
    message.author.name,
    message.author.email,
    message.author.role,
    message.participant_key ?? null,
    message.text,
    message.quoted_text ?? '',
    message.signature ?? '',
    message.html ?? null,
    message.subject ?? null,
    message.message_id ?? null,
    message.in_reply_to ?? null,
    JSON.stringify(message.references ?? []),
    JSON.stringify(message.to ?? []),
    JSON.stringify(message.cc ?? []),
    message.date ?? null,
    session.clock(),
    message.via,
    message.mail_key ?? null,
    message.source_id ?? null,
    JSON.stringify(message.metadata ?? {}),
    message.sender ? JSON.stringify(message.sender) : null,
    JSON.stringify(message.report ?? []),
    JSON.stringify(message.evidence ?? []),
    message.held ? HELD : NOT_HELD,
    message.looping ? 1 : 0,
    message.mail_intent ?? null,
    message.mail_reason ?? null,
    message.content_key ?? null,
    message.format ?? null,
  );
}

export interface InsertedAttachment {
  readonly filename: string;
  readonly contentType: string;
  readonly inline: boolean;
  readonly contentId: string | null;
  readonly content: StoredContent;
}

/** Attachments of a message, in order; the same bytes in an earlier message of the conversation are marked. */
export function insertAttachments(
  session: Session,
  message: { readonly key: number; readonly conversation_key: number },
  attachments: readonly InsertedAttachment[],
): void {
  for (const [position, attachment] of attachments.entries()) {
    const blob = blobKey(session, attachment.content);
    const seen = session.db.get(
      'select 1 from attachment where conversation_key = ? and blob_key = ? and message_key <> ? limit 1',
      message.conversation_key,
      blob,
      message.key,
    );
    session.db.run(
      `insert into attachment (key, message_key, conversation_key, position, filename, content_type, inline, content_id, seen_before, blob_key)
       values (max(?, (select coalesce(max(key), 0) + 1 from attachment)), ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      newKey(session),
      message.key,
      message.conversation_key,
      position,
      attachment.filename,
      attachment.contentType,
      attachment.inline ? 1 : 0,
      attachment.contentId,
      seen ? 1 : 0,
      blob,
    );
  }
}

export interface MessageOperations {
  addMessage(ref: ConversationRef, message: NewMessage): Message;
  messages(ref: ConversationRef, options: { after: number; limit: number }): readonly Message[];
  message(id: string): Message;
  releaseMessage(id: string): Message;
  dropMessage(id: string): Message;
  attachment(id: string): { attachment: Attachment; content: StoredContentRef };
}

export function messageOperations(session: Session): MessageOperations {
  const { db } = session;
  return {
    addMessage(ref, message) {
      const key = addMessage(session, conversationRow(session, ref), message);
      return messageView(session, db.get<MessageRow>('select * from message where key = ?', key)!);
    },

    messages(ref, options) {
      const conversation = conversationRow(session, ref);
      return db
        .all<MessageRow>(
          'select * from message where conversation_key = ? and seq > ? order by seq limit ?',
          conversation.key,
          options.after,
          options.limit,
        )
        .map(row => messageView(session, row));
    },

    message: id => messageView(session, messageRow(session, id)),

    releaseMessage(id) {
      const row = heldRow(session, id);
      const conversation = conversationOf(session, row);
      const writer = admitWriter(session, row);
      db.run('update message set held = ?, participant_key = ? where key = ?', NOT_HELD, writer?.key ?? null, row.key);
      if (writer?.contact_key) clearSuspension(session, writer.contact_key);
      // What holding kept back: a reply opens its conversation again.
      const reopens = conversation.status === 'resolved';
      const events: NewEvent[] = [{ type: 'message.updated', messageKey: row.key, data: { changed: ['held'] } }];
      if (reopens) events.push({ type: 'conversation.updated', data: { changed: ['status'] } });
      tell(session, conversation, events, reopens ? { status: 'open' } : {});
      return messageView(session, messageRow(session, id));
    },

    dropMessage(id) {
      const row = heldRow(session, id);
      const evidence = [...(JSON.parse(row.evidence) as string[]), 'dropped'];
      db.run('update message set held = ?, evidence = ? where key = ?', DROPPED, JSON.stringify(evidence), row.key);
      tell(session, conversationOf(session, row), [
        { type: 'message.updated', messageKey: row.key, data: { changed: ['held'] } },
      ]);
      return messageView(session, messageRow(session, id));
    },

    attachment(id) {
      const row = db.get<Parameters<typeof attachmentView>[0] & { blob_key: number }>(
        `select a.key, a.filename, a.content_type, a.inline, a.content_id, a.seen_before, a.blob_key, b.size, b.sha256
         from attachment a join blob b on b.key = a.blob_key where a.key = ?`,
        keyOf('attachment', id),
      );
      if (!row) throw new ReplydError('attachment_not_found', `there is no attachment ${id}`);
      return { attachment: attachmentView(row), content: blobRef(session, row.blob_key) };
    },
  };
}

export function messageRow(session: Session, id: string): MessageRow {
  const row = session.db.get<MessageRow>('select * from message where key = ?', keyOf('message', id));
  if (!row) throw new ReplydError('message_not_found', `there is no message ${id}`);
  return row;
}

/** In the column `held`. A dropped message is held no more, and stays without effect for good. */
export const NOT_HELD = 0;
export const HELD = 1;
const DROPPED = 2;

function heldRow(session: Session, id: string): MessageRow {
  const row = messageRow(session, id);
  if (row.held !== HELD)
    throw new ReplydError('message_not_held', `message ${encodeId('message', row.key)} is not held`);
  return row;
}

function conversationOf(session: Session, row: MessageRow): ConversationRow {
  return session.db.get<ConversationRow>('select * from conversation where key = ?', row.conversation_key)!;
}

/** Who was held back takes part from now on, with a reply address of his own. */
function admitWriter(session: Session, row: MessageRow): ParticipantRow | undefined {
  if (row.author_email === null) return undefined;
  return (
    participantByAddress(session, row.conversation_key, row.author_email) ??
    join(session, row.conversation_key, { email: row.author_email, name: row.author_name })
  );
}

/** Base64 and line ends make attachments larger by this; text may need three bytes a byte in quoted-printable. */
const ENCODED_GROWTH = 1.37;
const TEXT_GROWTH = 6;

/** Refused when it is added, so that nothing is refused when it is sent. */
function checkSize(session: Session, message: NewMessage): void {
  const bytes = (message.attachments ?? []).reduce((sum, each) => sum + each.content.size, 0);
  const encoded = Math.ceil(bytes * ENCODED_GROWTH + Buffer.byteLength(message.text) * TEXT_GROWTH);
  if (message.direction === 'outgoing' && encoded > session.rules.maxSize) {
    throw new ReplydError(
      'mail_too_large',
      `the mail would have about ${encoded} bytes, more than outbound.max_size (${session.rules.maxSize}): send a link instead`,
      { details: { size: encoded, limit: session.rules.maxSize } },
    );
  }
}

/** The key of the message, made unless one with this source id is there. `conversation` as it is in this transaction. */
export function addMessage(session: Session, conversation: ConversationRow, message: NewMessage): number {
  const known = message.source_id
    ? session.db.value<number>(
        'select key from message where conversation_key = ? and source_id = ?',
        conversation.key,
        message.source_id,
      )
    : undefined;
  if (known !== undefined) return known;
  checkSize(session, message);
  const contact = latestContactParticipant(session, conversation)!;
  const outgoing = message.direction === 'outgoing';
  const account = accountView(session, accountByKey(session, conversation.account_key));
  const history = message.created_at !== undefined;
  const intent = outgoing ? (message.mail ?? (history ? 'never' : 'auto')) : null;
  const channelOff = account.settings.channels_off?.includes(conversation.channel as never) ?? false;
  const reason = intent === 'never' ? 'never' : intent === 'auto' && channelOff ? 'channel_off' : null;
  const answers = message.direction === 'incoming' && !history;
  const dropped = answers ? dropWaiting(session, conversation.key, 'answered') : [];
  const events: NewEvent[] = dropped.map(messageKey => ({ type: 'message.updated', messageKey }));
  const reopens = answers && conversation.status === 'resolved';
  if (reopens) events.push({ type: 'conversation.updated', data: { changed: ['status'] } });
  const step = advance(session, conversation, {
    messages: 1,
    events: events.length + 1,
    ...(reopens ? { status: 'open' } : {}),
  });
  const key = insertMessage(session, {
    conversation_key: conversation.key,
    seq: step.seq,
    direction: message.direction,
    kind: message.direction === 'note' ? 'note' : outgoing ? 'reply' : 'channel',
    author:
      message.direction === 'incoming'
        ? { name: contact.name, email: contact.email, role: 'contact' }
        : { name: message.agent?.name ?? '', email: message.agent?.email ?? null, role: 'agent' },
    text: message.text,
    ...(message.format === undefined ? {} : { format: message.format }),
    via: message.via,
    participant_key: message.direction === 'incoming' ? contact.key : null,
    date: message.created_at === undefined ? null : Date.parse(message.created_at),
    source_id: message.source_id ?? null,
    metadata: message.metadata ?? {},
    mail_intent: intent,
    mail_reason: reason,
  });
  insertAttachments(
    session,
    { key, conversation_key: conversation.key },
    (message.attachments ?? []).map(attachment => ({
      filename: attachment.filename,
      contentType: attachment.content_type,
      inline: false,
      contentId: null,
      content: attachment.content,
    })),
  );
  if (outgoing && reason === null) {
    const delay =
      message.delay ??
      (intent === 'now' || conversation.channel === 'email' ? 0 : (account.settings.delay ?? session.rules.delay));
    const due = session.clock() + delay;
    gather(session, conversation, key, {
      participant: contact,
      role: 'to',
      due,
      suspended: isSuspended(session, contact),
    });
    for (const person of ccParticipants(session, conversation, contact, message.cc ?? [])) {
      gather(session, conversation, key, {
        participant: person,
        role: 'cc',
        due,
        suspended: isSuspended(session, person),
      });
    }
  }
  events.push({ type: 'message.created', messageKey: key });
  insertEvents(session, conversation, step.eventSeq, events);
  return key;
}

/** Everybody who is written to becomes a participant with a token of his own. */
function ccParticipants(
  session: Session,
  conversation: ConversationRow,
  contact: ParticipantRow,
  cc: readonly { name: string; email: string }[],
): readonly ParticipantRow[] {
  const people = cc.map(each => {
    const email = checkedAddress(each.email);
    return (
      participantByAddress(session, conversation.key, email) ??
      join(session, conversation.key, { email, name: each.name })
    );
  });
  return [...new Map(people.filter(each => each.key !== contact.key).map(each => [each.key, each])).values()];
}
