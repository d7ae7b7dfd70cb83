/** Messages: the one INSERT, what agents and applications add, held ones, and attachments. */

import { ReplydError } from '../../base/errors.js';
import type { StoredContent } from '../../conversation/filing.js';
import { answerOf, encodedSize, type Load, mailingOf, readersOf } from '../../conversation/rules/continuity.js';
import type { NewMessage } from '../../conversation/store.js';
import type { MailAttachment } from '../../mail/mail.js';
import { blobKeys, blobRef } from '../blobs/blobs.js';
import { byId, byKey } from '../by-key.js';
import { keyOf } from '../ids.js';
import type { ConversationRow, MessageRow, ParticipantRow } from '../rows.js';
import { fromJson, inTurn, type StoreTx, toJson, type Verb } from '../tx.js';
import { messageKeys, messagesThatFit, type Sized } from '../views/message-page.js';
import { ATTACHMENTS, type AttachmentRow, attachmentView, messageView } from '../views/messages.js';
import { mailableAddress } from './accounts.js';
import { checkNothingNew } from './after-seq.js';
import { markRead } from './assignees.js';
import { authorOf } from './authors.js';
import { carriedIn } from './cc-rows.js';
import { conversationRow } from './conversation-row.js';
import { advance, emitNumbered, type NewEvent } from './events.js';
import { notifyFollowers } from './followers.js';
import { join, joinWriter, participantByAddress, presentContact } from './participants.js';
import { dropWaiting, gather } from './waiting.js';

/** A message as it is written; columns that are left out are as the table has them. */
export type InsertedMessage = Partial<MessageRow & { content_key: Uint8Array }> &
  Pick<MessageRow, 'conversation_key' | 'seq' | 'direction' | 'kind' | 'author_role' | 'via'>;

/** Returns what was written. Its seq was reserved by `advance`. */
export async function insertMessage<Inserted extends InsertedMessage>(
  tx: StoreTx,
  message: Inserted,
): Promise<Inserted & Pick<MessageRow, 'key' | 'received_at'>> {
  const row = { key: message.key ?? tx.key(), received_at: tx.now(), ...message };
  await tx.insert('message', row);
  return row;
}

/** What the table has in columns that are left out. */
const NEW_MESSAGE = {
  author_name: '',
  author_email: null,
  participant_key: null,
  text: '',
  format: null,
  quoted_text: '',
  signature: '',
  html: null,
  subject: null,
  message_id: null,
  in_reply_to: null,
  refs: '[]',
  recipients_to: '[]',
  recipients_cc: '[]',
  date: null,
  mail_key: null,
  source_id: null,
  metadata: '{}',
  sender: null,
  report: '[]',
  evidence: '[]',
  held: 0,
  looping: 0,
  mail_intent: null,
  mail_reason: null,
  history: null,
  agent_key: null,
} as const satisfies Partial<MessageRow>;

export type InsertedAttachment = Pick<MailAttachment, 'filename' | 'contentType' | 'inline' | 'contentId'> & {
  readonly content: StoredContent;
};

/** Attachments of a message, in order; the same bytes in an earlier message of the conversation are marked. */
export async function insertAttachments(
  tx: StoreTx,
  message: { readonly key: number; readonly conversation_key: number },
  attachments: readonly InsertedAttachment[],
): Promise<void> {
  if (attachments.length === 0) return;
  const blobs = await blobKeys(
    tx,
    attachments.map(attachment => attachment.content),
  );
  const known = blobs.filter(blob => !blob.isNew).map(blob => blob.key);
  const seen =
    known.length === 0
      ? []
      : await tx.all<{ blob_key: number }>(
          'select blob_key from attachment where conversation_key = $1 and blob_key = any($2) and message_key <> $3',
          message.conversation_key,
          [...new Set(known)],
          message.key,
        );
  const seenBefore = new Set(seen.map(row => row.blob_key));
  await tx.insertAll(
    'attachment',
    attachments.map((attachment, position) => ({
      key: tx.key(),
      message_key: message.key,
      conversation_key: message.conversation_key,
      position,
      filename: attachment.filename,
      content_type: attachment.contentType,
      inline: attachment.inline ? 1 : 0,
      content_id: attachment.contentId,
      seen_before: seenBefore.has(blobs[position]!.key) ? 1 : 0,
      blob_key: blobs[position]!.key,
    })),
  );
}

export const addMessage: Verb<'addMessage'> = async (tx, ref, message) => {
  const written = await writeMessage(tx, await conversationRow(tx, ref), message);
  if (!written.isNew) return messageView(tx, (await byKey(tx, 'message', written.key))!);
  return messageView(tx, { ...NEW_MESSAGE, ...written.row }, { attachments: (message.attachments?.length ?? 0) > 0 });
};

export const messages: Verb<'messages'> = async (tx, ref, options) => {
  const conversation = await conversationRow(tx, ref);
  const { limit } = options;
  const [text, from] =
    'after' in options
      ? [messageKeys('and m.seq > $2 order by m.seq limit $3'), options.after]
      : [messageKeys('and m.seq < $2 order by m.seq desc limit $3'), options.before ?? conversation.next_seq];
  const keys = await tx.all<Sized & { readonly key: number }>(text, conversation.key, from, limit);
  const { fitting, next } = await messagesThatFit(tx, keys);
  return next === null ? fitting : [...fitting, next];
};

export const message: Verb<'message'> = async (tx, id) => messageView(tx, await byId(tx, 'message', id));

export const attachment: Verb<'attachment'> = async (tx, id) => {
  const row = await tx.get<AttachmentRow>(`${ATTACHMENTS} where a.key = $1`, keyOf('attachment', id));
  if (!row) throw new ReplydError('attachment_not_found', `there is no attachment ${id}`);
  return { attachment: attachmentView(row), content: await blobRef(tx, row.blob_key) };
};

/** In the column `held`. A dropped message is held no more, and stays without effect for good. */
export const NOT_HELD = 0;
export const HELD = 1;
export const DROPPED = 2;

/** What it needs of its mail. Refused when it is added, so that nothing is refused when it is sent. */
function loadOf(tx: StoreTx, message: NewMessage): Load {
  const attachmentBytes = (message.attachments ?? []).reduce((sum, each) => sum + each.content.size, 0);
  const load = { messages: 1, textBytes: Buffer.byteLength(message.text), attachmentBytes };
  if (message.direction === 'outgoing') refuseLarge(tx, load);
  return load;
}

/** Throws mail_too_large. */
export function refuseLarge(tx: StoreTx, load: Load): void {
  const size = encodedSize(load);
  const limit = tx.rules.maxSize;
  if (size <= limit) return;
  throw new ReplydError(
    'mail_too_large',
    `the mail would have about ${size} bytes, more than outbound.max_size (${limit}): send a link instead`,
    { details: { size, limit } },
  );
}

type WrittenMessage =
  | {
      readonly isNew: true;
      readonly key: number;
      readonly row: Pick<MessageRow, 'key' | 'received_at'> & InsertedMessage;
    }
  | { readonly isNew: false; readonly key: number };

/**
 * Writes the message unless one with this source id is there. `conversation` as it is in this transaction. `by`: columns of
 * one that came by mail.
 */
export async function writeMessage(
  tx: StoreTx,
  conversation: ConversationRow,
  message: NewMessage,
  by: Partial<InsertedMessage> = {},
): Promise<WrittenMessage> {
  const known = message.source_id
    ? await tx.value<number>(
        'select key from message where conversation_key = $1 and source_id = $2',
        conversation.key,
        message.source_id,
      )
    : undefined;
  if (known !== undefined) return { isNew: false, key: known };
  if (message.after_seq !== undefined) await checkNothingNew(tx, conversation, message.after_seq);
  const load = loadOf(tx, message);
  const { contact, account, isSuspended, carried } = await presentContact(tx, conversation);
  const settings = fromJson(account.settings);
  const mailing = mailingOf(message, {
    channel: conversation.channel,
    channelsOff: settings.channels_off ?? [],
    delay: settings.delay ?? tx.rules.delay,
  });
  const author = await authorOf(tx, conversation.account_key, message.agent);
  const { answers, reopens } = answerOf(message, conversation.status);
  const dropped = answers ? await dropWaiting(tx, conversation.key, { reason: 'answered' }) : [];
  const events: NewEvent[] = dropped.map(messageKey => ({ type: 'message.updated', messageKey }));
  if (reopens) events.push({ type: 'conversation.updated', data: { changed: ['status'] } });
  const step = await advance(tx, conversation, {
    messages: 1,
    events: events.length + 1,
    ...(reopens ? { status: 'open' } : {}),
  });
  const row = await insertMessage(tx, {
    conversation_key: conversation.key,
    seq: step.seq,
    direction: message.direction,
    kind: KINDS[message.direction],
    ...(message.direction === 'incoming' ? { ...saidBy(contact), participant_key: contact.key } : author),
    text: message.text,
    format: message.format ?? null,
    via: message.via,
    date: message.created_at === undefined ? null : Date.parse(message.created_at),
    source_id: message.source_id ?? null,
    metadata: toJson(message.metadata ?? {}),
    mail_intent: mailing.intent,
    mail_reason: mailing.reason,
    ...by,
  });
  const { key } = row;
  // Who writes has read what stands above.
  if (message.direction !== 'incoming' && author.agent_key !== null)
    await markRead(tx, { conversation: conversation.key, agent: author.agent_key, seq: step.seq });
  await insertAttachments(
    tx,
    { key, conversation_key: conversation.key },
    (message.attachments ?? []).map(attachment => ({
      filename: attachment.filename,
      contentType: attachment.content_type,
      inline: false,
      contentId: null,
      content: attachment.content,
    })),
  );
  const place = { ...conversation, account, isSuspended };
  if (mailing.delay !== null) {
    const dueAt = tx.now() + mailing.delay;
    const named = await ccParticipants(tx, conversation, message.cc ?? []);
    const others = carried === 0 ? [] : await carriedParticipants(tx, conversation, settings.blocked ?? []);
    for (const reader of readersOf(contact, [...named, ...others])) {
      await gather(tx, place, { key, load }, { ...reader, dueAt });
    }
  }
  const { direction } = message;
  if (direction !== 'outgoing' && message.created_at === undefined)
    await notifyFollowers(tx, place, { key, direction, writer: author.agent_key });
  events.push({ type: 'message.created', messageKey: key });
  emitNumbered(tx, conversation, step.eventSeq, events);
  return { isNew: true, key, row };
}

/** The author of what the contact says in the channel. */
export function saidBy(contact: Pick<ParticipantRow, 'name' | 'email'>) {
  return { author_name: contact.name, author_email: contact.email, author_role: 'contact' } as const;
}

const KINDS = { incoming: 'channel', outgoing: 'reply', note: 'note' } as const;

/** Everybody who is written to becomes a participant with a token of his own. */
async function ccParticipants(
  tx: StoreTx,
  conversation: ConversationRow,
  cc: readonly { name: string; email: string }[],
): Promise<readonly ParticipantRow[]> {
  return inTurn(cc, async each => {
    const email = mailableAddress(each.email);
    return (
      (await participantByAddress(tx, conversation.key, email)) ??
      (await join(tx, conversation.key, { email, name: each.name }))
    );
  });
}

/** In a conversation that is full of participants no more of them join, and the answer goes to the others. */
export async function carriedParticipants(
  tx: StoreTx,
  conversation: ConversationRow,
  blocked: readonly string[],
): Promise<readonly ParticipantRow[]> {
  const all = await inTurn(
    await carriedIn(tx, conversation, blocked),
    async person =>
      (await participantByAddress(tx, conversation.key, person.email)) ??
      (await joinWriter(tx, conversation.key, person)).participant,
  );
  return all.filter(each => each !== null);
}
