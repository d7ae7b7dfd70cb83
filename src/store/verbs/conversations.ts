/** Conversations: started, listed, read, changed. */

import { ReplydError } from '../../base/errors.js';
import type { ConversationStatus } from '../../conversation/model.js';
import type { ConversationRef } from '../../conversation/ref.js';
import type { NewConversation } from '../../conversation/store.js';
import { foldAddress } from '../../mail/address.js';
import { byKey } from '../by-key.js';
import { encodeId, keyOf } from '../ids.js';
import type { ContactRow, ConversationRow, ParticipantRow } from '../rows.js';
import { allOf, type StoreTx, toJson, type Verb } from '../tx.js';
import { agentKeyIfAny } from '../views/agents.js';
import { conversationView, conversationViews, latestContactParticipant } from '../views/conversations.js';
import { LEAST_JSON, messageKeys, messagesThatFit, type Sized } from '../views/message-page.js';
import { previewsOf } from '../views/previews.js';
import { accountBySlug, checkedAddress, mailableAddress } from './accounts.js';
import { conversationRow } from './conversation-row.js';
import { emitEvents, emitNumbered, type NewEvent } from './events.js';
import { notifyFollowers } from './followers.js';
import { contactFor, meetContact } from './known-contacts.js';
import { insertMessage, saidBy, writeMessage } from './messages.js';
import { addContact, addToken, joinedOf, participantByAddress } from './participants.js';
import { lookAgainIn } from './search-again.js';
import { dropWaiting } from './waiting.js';

export const startConversation: Verb<'startConversation'> = async (tx, start) => {
  const account = await accountBySlug(tx, start.account);
  if (start.contact.email) mailableAddress(start.contact.email);
  const known = await knownConversation(tx, account.key, start);
  if (known !== null) return continued(tx, known, start);
  const contact = await contactFor(tx, account.key, start.contact);
  const text = start.text ?? '';
  const numbers = text === '' ? { events: 1 } : { messages: 1, events: 2 };
  const { conversation: row } = await openConversation(tx, contact, start, numbers);
  const events: NewEvent[] = [{ type: 'conversation.created' }];
  if (text !== '') {
    const { key: messageKey } = await insertMessage(tx, {
      conversation_key: row.key,
      seq: 1,
      direction: 'incoming',
      kind: 'channel',
      ...saidBy(contact),
      text,
      via: start.via,
    });
    events.push({ type: 'message.created', messageKey });
    await notifyFollowers(tx, { ...row, account }, { key: messageKey, direction: 'incoming', writer: null });
  }
  emitNumbered(tx, row, 1, events);
  for (const message of start.messages ?? []) await writeMessage(tx, await conversationRow(tx, refOf(row)), message);
  return conversationView(tx, row.key);
};

/**
 * The newest of this channel and source id: stores of earlier versions hold several. The account is held, so nobody makes
 * one meanwhile. One that is being removed is none any more.
 */
async function knownConversation(
  tx: StoreTx,
  accountKey: number,
  { channel, source_id }: NewConversation,
): Promise<number | null> {
  if (!source_id) return null;
  const key = await tx.value<number>(
    // Those of the source id first: the newest of all would be a walk through the account.
    `with named as materialized (
       select key, number from conversation
       where account_key = $1 and source_id = $2 and channel = $3 and removing_at is null)
     select key from named order by number desc limit 1`,
    accountKey,
    source_id,
    channel,
  );
  return key ?? null;
}

/** What was posted before is there; a message is added when it has a source id that is new in the conversation. */
async function continued(tx: StoreTx, key: number, { contact, messages = [] }: NewConversation) {
  await tx.lock('conversation', [key]);
  const row = (await byKey(tx, 'conversation', key))!;
  await meetContact(tx, (await byKey(tx, 'contact', row.contact_key))!, contact);
  for (const message of messages) {
    if (message.source_id) await writeMessage(tx, await conversationRow(tx, refOf(row)), message);
  }
  return { ...(await conversationView(tx, key)), known: true as const };
}

const NOBODY = -1;

/** Those with a held message. They are few: the walk begins with them. */
const HELD = '(select distinct conversation_key as key from message where held = 1) held cross join conversation c';

export const conversations: Verb<'conversations'> = async (tx, filter) => {
  const account = filter.account === undefined ? null : (await accountBySlug(tx, filter.account)).key;
  const before =
    filter.before === undefined
      ? null
      : ((await byKey(tx, 'conversation', keyOf('conversation', filter.before))) ?? null);
  const byAddress = filter.contact?.includes('@') ?? false;
  const named = filter.assignee === undefined || filter.assignee === 'none' ? null : filter.assignee;
  // Whoever is no agent here has nothing; whether he is one elsewhere is not said.
  const assignee = named === null ? null : ((await agentKeyIfAny(tx, named)) ?? NOBODY);
  const accounts =
    account === null ? (await tx.all<{ key: number }>('select key from account')).map(row => row.key) : [account];
  const statuses: readonly ConversationStatus[] = filter.status ? [filter.status] : ['open', 'resolved'];
  const beforeAt = filter.before_at === undefined ? before?.last_activity_at : Date.parse(filter.before_at);
  const [further, way, sign] = filter.order === 'oldest' ? (['>', 'asc', -1] as const) : (['<', 'desc', 1] as const);
  const rows: Pick<ConversationRow, 'key' | 'last_activity_at'>[] = [];
  // One ordered index walk per account and status, merged: flat however many conversations there are.
  for (const key of accounts) {
    const { where, values } = allOf([
      ['c.account_key = $', key],
      beforeAt === undefined ? null : [`(c.last_activity_at, c.key) ${further} ($, $)`, beforeAt, before?.key ?? null],
      filter.channel === undefined ? null : ['c.channel = $', filter.channel],
      filter.source_id === undefined ? null : ['c.source_id = $', filter.source_id],
      filter.updated_since === undefined ? null : ['c.last_activity_at >= $', Date.parse(filter.updated_since)],
      filter.updated_before === undefined ? null : ['c.last_activity_at < $', Date.parse(filter.updated_before)],
      filter.held ? ['held.key = c.key'] : null,
      filter.assignee === undefined
        ? null
        : filter.assignee === 'none'
          ? ['c.assignee_key is null']
          : ['c.assignee_key = $', assignee],
      filter.contact === undefined
        ? null
        : byAddress
          ? ['k.email_key = $', foldAddress(checkedAddress(filter.contact))]
          : ['k.key = $', keyOf('contact', filter.contact)],
    ]);
    const joined = filter.contact === undefined ? '' : 'join contact k on k.key = c.contact_key';
    const from = filter.held ? HELD : 'conversation c';
    const walks = statuses.map(
      status => `select * from (
        select c.key, c.last_activity_at from ${from} ${joined} ${where} and c.status = '${status}'
        order by c.last_activity_at ${way}, c.key ${way} limit $${values.length + 1}) ${status}`,
    );
    rows.push(...(await tx.all<(typeof rows)[number]>(walks.join(' union all '), ...values, filter.limit)));
  }
  rows.sort((a, b) => sign * (b.last_activity_at - a.last_activity_at || b.key - a.key));
  const page = rows.slice(0, filter.limit).map(row => row.key);
  const views = await conversationViews(tx, page);
  if (filter.preview === undefined) return page.map(key => views.get(key)!);
  const previews = await previewsOf(tx, page, filter.preview);
  return page.map(key => ({ ...views.get(key)!, preview: previews.get(key) ?? null }));
};

export const conversation: Verb<'conversation'> = async (tx, ref, options = {}) => {
  const row = await conversationRow(tx, ref);
  const keys = await tx.all<Sized & { readonly key: number }>(
    messageKeys('order by m.seq desc limit $2'),
    row.key,
    // Of more keys than would fit into an answer none is read.
    options.messages ?? Math.ceil(tx.rules.responseBytes / LEAST_JSON),
  );
  const messages = [...(await messagesThatFit(tx, keys)).fitting].reverse();
  return {
    ...(await conversationView(tx, row.key)),
    messages,
    earlier_messages: (messages[0]?.seq ?? row.next_seq) - 1,
  };
};

export const setConversation: Verb<'setConversation'> = async (tx, ref, change) => {
  const row = await conversationRow(tx, ref);
  const { subject, metadata } = change;
  const settles = change.status === 'resolved' && row.status !== 'resolved';
  await tx.update('conversation', row.key, {
    subject,
    metadata: metadata && toJson(metadata),
    settled_seq: settles ? row.next_seq - 1 : undefined,
  });
  if (settles) await tx.run('delete from agent_seen where conversation_key = $1', row.key);
  // What is said again is no news.
  const changed = [
    ...(change.status !== undefined && change.status !== row.status ? ['status'] : []),
    ...(subject !== undefined && subject !== row.subject ? ['subject'] : []),
    ...(metadata !== undefined && toJson(metadata) !== row.metadata ? ['metadata'] : []),
  ];
  if (changed.length === 0) return conversationView(tx, row.key);
  if (changed.includes('subject')) await lookAgainIn(tx, [row.key]);
  const status = changed.includes('status') ? { status: change.status! } : {};
  await emitEvents(tx, row, [{ type: 'conversation.updated', data: { changed } }], status);
  return conversationView(tx, row.key);
};

export const seen: Verb<'seen'> = async (tx, ref) => {
  const row = await conversationRow(tx, ref);
  await tx.update('conversation', row.key, { seen_at: tx.now() });
  const messages = await dropWaiting(tx, row.key, { reason: 'seen' });
  await emitEvents(
    tx,
    row,
    messages.map(messageKey => ({ type: 'message.updated', messageKey })),
  );
  return conversationView(tx, row.key);
};

/** Of a participant: an application may rotate as often as it likes. */
const REVOKED_KEPT = 100;

export const rotateToken: Verb<'rotateToken'> = async (tx, ref, who) => {
  const row = await conversationRow(tx, ref);
  const participant = await participantNamed(tx, row, who);
  await revokeTokens(tx, row, participant);
  await tx.run(
    `delete from token where participant_key = $1 and revoked_at <= (
       select revoked_at from token where participant_key = $1 and revoked_at is not null
       order by revoked_at desc limit 1 offset ${REVOKED_KEPT})`,
    participant.key,
  );
  await addToken(tx, participant);
  return conversationView(tx, row.key);
};

export const revokeToken: Verb<'revokeToken'> = async (tx, ref, who) => {
  const row = await conversationRow(tx, ref);
  await revokeTokens(tx, row, await participantNamed(tx, row, who));
  return conversationView(tx, row.key);
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

/**
 * With the account's next number, and the contact as its participant. Tells nobody. `numbers`: of messages and events, from
 * 1 on, that the caller writes into it at once.
 */
export async function openConversation(
  tx: StoreTx,
  contact: ContactRow,
  start: Pick<NewConversation, 'channel' | 'source_id' | 'subject' | 'metadata' | 'token'> & {
    readonly status?: ConversationStatus;
  },
  numbers: { readonly messages?: number; readonly events?: number } = {},
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
    next_seq: 1 + (numbers.messages ?? 0),
    created_at: now,
    last_activity_at: now,
    seen_at: null,
    assignee_key: null,
    settled_seq: 0,
  };
  await tx.insert('conversation', { ...conversation, next_event_seq: 1 + (numbers.events ?? 0) });
  const joined = await addContact(tx, conversation.key, contact, { token: start.token, participants: 0 });
  return { conversation, participant: joinedOf(joined, contact.email) };
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
