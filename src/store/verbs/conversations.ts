/** Conversations: started, listed, read, changed. */

import { ReplydError } from '../../base/errors.js';
import type { Conversation, ConversationStatus } from '../../conversation/model.js';
import type { ConversationRef, NewConversation } from '../../conversation/store.js';
import { foldAddress } from '../../mail/address.js';
import { byKey } from '../by-key.js';
import { encodeId, keyOf } from '../ids.js';
import type { ContactRow, ConversationRow, ParticipantRow } from '../rows.js';
import { allOf, inTurn, type StoreTx, toJson, type Verb } from '../tx.js';
import { messagesThatFit } from '../views/message-page.js';
import { conversationView, latestContactParticipant } from '../views/views.js';
import { accountBySlug, checkedAddress, mailableAddress } from './accounts.js';
import { conversationRow } from './conversation-row.js';
import { advance, emitEvents, emitNumbered, type NewEvent } from './events.js';
import { insertMessage, saidBy, writeMessage } from './messages.js';
import { addContact, addToken, contactFor, participantByAddress } from './participants.js';
import { dropWaiting } from './waiting.js';

/** Bytes that a message has at least in JSON: of more keys than would fit into an answer none is read. */
const LEAST_JSON = 500;

export const startConversation: Verb<'startConversation'> = async (tx, start) => {
  const account = await accountBySlug(tx, start.account);
  if (start.contact.email) mailableAddress(start.contact.email);
  const contact = await contactFor(tx, account.key, start.contact);
  const { conversation: row } = await openConversation(tx, contact, start);
  const events: NewEvent[] = [{ type: 'conversation.created' }];
  const text = start.text ?? '';
  const step = await advance(tx, row, { messages: text === '' ? 0 : 1, events: text === '' ? 1 : 2 });
  if (text !== '') {
    const messageKey = await insertMessage(tx, {
      conversation_key: row.key,
      seq: step.seq,
      direction: 'incoming',
      kind: 'channel',
      ...saidBy(contact),
      text,
      via: start.via,
    });
    events.push({ type: 'message.created', messageKey });
  }
  emitNumbered(tx, row, step.eventSeq, events);
  for (const message of start.messages ?? []) await writeMessage(tx, await conversationRow(tx, refOf(row)), message);
  return shown(tx, row.key);
};

export const conversations: Verb<'conversations'> = async (tx, filter) => {
  const account = filter.account === undefined ? null : (await accountBySlug(tx, filter.account)).key;
  const before =
    filter.before === undefined
      ? null
      : ((await byKey(tx, 'conversation', keyOf('conversation', filter.before))) ?? null);
  const byAddress = filter.contact?.includes('@') ?? false;
  const accounts =
    account === null ? (await tx.all<{ key: number }>('select key from account')).map(row => row.key) : [account];
  const statuses: readonly ConversationStatus[] = filter.status ? [filter.status] : ['open', 'resolved'];
  const beforeAt = filter.before_at === undefined ? before?.last_activity_at : Date.parse(filter.before_at);
  const rows: ConversationRow[] = [];
  // One ordered index walk per account and status, merged: flat however many conversations there are.
  for (const of of accounts.flatMap(key => statuses.map(status => ({ key, status })))) {
    const { where, values } = allOf([
      ['c.account_key = $', of.key],
      ['c.status = $', of.status],
      beforeAt === undefined ? null : ['(c.last_activity_at, c.key) < ($, $)', beforeAt, before?.key ?? null],
      filter.channel === undefined ? null : ['c.channel = $', filter.channel],
      filter.source_id === undefined ? null : ['c.source_id = $', filter.source_id],
      filter.updated_since === undefined ? null : ['c.last_activity_at >= $', Date.parse(filter.updated_since)],
      filter.contact === undefined
        ? null
        : byAddress
          ? ['k.email_key = $', foldAddress(checkedAddress(filter.contact))]
          : ['k.key = $', keyOf('contact', filter.contact)],
    ]);
    const joined = filter.contact === undefined ? '' : 'join contact k on k.key = c.contact_key';
    rows.push(
      ...(await tx.all<ConversationRow>(
        `select c.* from conversation c ${joined} ${where}
         order by c.last_activity_at desc, c.key desc limit $${values.length + 1}`,
        ...values,
        filter.limit,
      )),
    );
  }
  rows.sort((a, b) => b.last_activity_at - a.last_activity_at || b.key - a.key);
  return inTurn(rows.slice(0, filter.limit), row => conversationView(tx, row));
};

export const conversation: Verb<'conversation'> = async (tx, ref, options = {}) => {
  const row = await conversationRow(tx, ref);
  const keys = await tx.all<{ key: number }>(
    'select key from message where conversation_key = $1 order by seq desc limit $2',
    row.key,
    options.messages ?? Math.ceil(tx.rules.responseBytes / LEAST_JSON),
  );
  const messages = [...(await messagesThatFit(tx, keys)).fitting].reverse();
  return {
    ...(await conversationView(tx, row)),
    messages,
    earlier_messages: (messages[0]?.seq ?? row.next_seq) - 1,
  };
};

export const setConversation: Verb<'setConversation'> = async (tx, ref, change) => {
  const row = await conversationRow(tx, ref);
  const { subject, metadata } = change;
  await tx.update('conversation', row.key, { subject, metadata: metadata && toJson(metadata) });
  const status = change.status !== undefined && change.status !== row.status ? { status: change.status } : {};
  await emitEvents(tx, row, [{ type: 'conversation.updated', data: { changed: Object.keys(change) } }], status);
  return shown(tx, row.key);
};

export const seen: Verb<'seen'> = async (tx, ref) => {
  const row = await conversationRow(tx, ref);
  await tx.update('conversation', row.key, { seen_at: tx.now() });
  const messages = await dropWaiting(tx, row.key, 'seen');
  await emitEvents(
    tx,
    row,
    messages.map(messageKey => ({ type: 'message.updated', messageKey })),
  );
  return shown(tx, row.key);
};

export const rotateToken: Verb<'rotateToken'> = async (tx, ref, who) => {
  const row = await conversationRow(tx, ref);
  const participant = await participantNamed(tx, row, who);
  await revokeTokens(tx, row, participant);
  await addToken(tx, participant);
  return shown(tx, row.key);
};

export const revokeToken: Verb<'revokeToken'> = async (tx, ref, who) => {
  const row = await conversationRow(tx, ref);
  await revokeTokens(tx, row, await participantNamed(tx, row, who));
  return shown(tx, row.key);
};

async function revokeTokens(tx: StoreTx, row: ConversationRow, participant: ParticipantRow): Promise<void> {
  await tx.run(
    'update token set revoked_at = $1 where participant_key = $2 and revoked_at is null',
    tx.now(),
    participant.key,
  );
  await emitEvents(tx, row, [{ type: 'conversation.updated', data: { changed: ['participants'] } }]);
}

function refOf(row: ConversationRow): ConversationRef {
  return { id: encodeId('conversation', row.key) };
}

/** With the account's next number, and the contact as its participant. Tells nobody. */
export async function openConversation(
  tx: StoreTx,
  contact: ContactRow,
  start: Pick<NewConversation, 'channel' | 'source_id' | 'subject' | 'metadata' | 'token'> & {
    readonly status?: ConversationStatus;
  },
): Promise<{ readonly conversation: ConversationRow; readonly participant: ParticipantRow }> {
  const number = (await tx.value<number>(
    'update account set next_number = next_number + 1 where key = $1 returning next_number - 1',
    contact.account_key,
  ))!;
  const now = tx.now();
  const conversation: ConversationRow = {
    key: tx.key(),
    account_key: contact.account_key,
    number,
    contact_key: contact.key,
    channel: start.channel,
    source_id: start.source_id ?? null,
    subject: start.subject ?? null,
    status: start.status ?? 'open',
    metadata: toJson(start.metadata ?? {}),
    next_seq: 1,
    created_at: now,
    last_activity_at: now,
    seen_at: null,
  };
  await tx.insert('conversation', conversation);
  return { conversation, participant: await addContact(tx, conversation.key, contact, start.token) };
}

async function shown(tx: StoreTx, key: number): Promise<Conversation> {
  return conversationView(tx, (await byKey(tx, 'conversation', key))!);
}

async function participantNamed(tx: StoreTx, row: ConversationRow, who: string | undefined): Promise<ParticipantRow> {
  const found =
    who === undefined
      ? await latestContactParticipant(tx, row)
      : who.includes('@')
        ? await participantByAddress(tx, row.key, who)
        : await tx.get<ParticipantRow>(
            'select * from participant where conversation_key = $1 and key = $2',
            row.key,
            keyOf('participant', who),
          );
  if (!found)
    throw new ReplydError('participant_not_found', `${who ?? 'the contact'} is no participant of this conversation`);
  return found;
}
