/** Conversations: started, listed, read, changed. */

import { ReplydError } from '../../base/errors.js';
import type { Conversation, ConversationStatus } from '../../conversation/model.js';
import type { ConversationFilter, ConversationRef, NewConversation } from '../../conversation/store.js';
import { foldAddress } from '../../mail/address.js';
import { encodeId, keyOf } from '../ids.js';
import type { ConversationRow, MessageRow, ParticipantRow } from '../rows.js';
import { newKey, type Session } from '../session.js';
import { conversationView, latestContactParticipant, messageView } from '../views/views.js';
import { accountBySlug, checkedAddress } from './accounts.js';
import { advance, insertEvents, type NewEvent, tell } from './events.js';
import { addMessage, insertMessage } from './messages.js';
import { dropWaiting } from './outbox.js';
import { addParticipant, addToken, contactFor, participantByAddress } from './participants.js';

export interface ConversationOperations {
  startConversation(conversation: NewConversation): Conversation;
  conversations(filter: ConversationFilter): readonly Conversation[];
  conversation(ref: ConversationRef, options?: { messages?: number }): Conversation;
  setConversation(
    ref: ConversationRef,
    change: { status?: ConversationStatus; subject?: string; metadata?: Readonly<Record<string, unknown>> },
  ): Conversation;
  seen(ref: ConversationRef): Conversation;
  rotateToken(ref: ConversationRef, participant?: string): Conversation;
  revokeToken(ref: ConversationRef, participant?: string): Conversation;
}

export function conversationOperations(session: Session): ConversationOperations {
  const { db } = session;
  return {
    startConversation(start) {
      const account = accountBySlug(session, start.account);
      const contact = contactFor(session, account.key, start.contact);
      const row = openConversation(session, account.key, contact.key, start);
      addParticipant(session, row.key, {
        contactKey: contact.key,
        email: contact.email,
        name: contact.name,
        role: 'contact',
        ...(start.token === undefined ? {} : { token: start.token }),
      });
      const events: NewEvent[] = [{ type: 'conversation.created' }];
      const text = start.text ?? '';
      const step = advance(session, row, { messages: text === '' ? 0 : 1, events: text === '' ? 1 : 2 });
      if (text !== '') {
        const messageKey = insertMessage(session, {
          conversation_key: row.key,
          seq: step.seq,
          direction: 'incoming',
          kind: 'channel',
          author: { name: contact.name, email: contact.email, role: 'contact' },
          text,
          via: start.via,
        });
        events.push({ type: 'message.created', messageKey });
      }
      insertEvents(session, row, step.eventSeq, events);
      for (const message of start.messages ?? []) addMessage(session, conversationRow(session, refOf(row)), message);
      return shown(session, row.key);
    },

    conversations(filter) {
      const account = filter.account === undefined ? null : accountBySlug(session, filter.account).key;
      const before =
        filter.before === undefined
          ? null
          : (db.get<ConversationRow>(
              'select * from conversation where key = ?',
              keyOf('conversation', filter.before),
            ) ?? null);
      const contact =
        filter.contact === undefined
          ? null
          : filter.contact.includes('@')
            ? foldAddress(checkedAddress(filter.contact))
            : null;
      const contactKey =
        filter.contact === undefined || filter.contact.includes('@') ? null : keyOf('contact', filter.contact);
      const accounts =
        account === null ? db.all<{ key: number }>('select key from account').map(row => row.key) : [account];
      const statuses: readonly ConversationStatus[] = filter.status ? [filter.status] : ['open', 'resolved'];
      // One ordered index walk per account and status, merged: flat however many conversations there are.
      const rows = accounts.flatMap(accountKey =>
        statuses.flatMap(status =>
          db.all<ConversationRow>(
            `select c.* from conversation c ${contact !== null || contactKey !== null ? 'join contact k on k.key = c.contact_key' : ''}
             where c.account_key = ?1 and c.status = ?2
               and (?3 is null or (c.last_activity_at, c.key) < (?3, ?4))
               and (?5 is null or c.channel = ?5) and (?6 is null or c.source_id = ?6)
               and (?9 is null or c.last_activity_at >= ?9)
               ${contact !== null ? 'and k.email_key = ?7' : contactKey !== null ? 'and k.key = ?7' : 'and ?7 is null'}
             order by c.last_activity_at desc, c.key desc limit ?8`,
            accountKey,
            status,
            filter.before_at === undefined ? (before?.last_activity_at ?? null) : Date.parse(filter.before_at),
            before?.key ?? null,
            filter.channel ?? null,
            filter.source_id ?? null,
            contact ?? contactKey,
            filter.limit,
            filter.updated_since === undefined ? null : Date.parse(filter.updated_since),
          ),
        ),
      );
      rows.sort((a, b) => b.last_activity_at - a.last_activity_at || b.key - a.key);
      return rows.slice(0, filter.limit).map(row => conversationView(session, row));
    },

    conversation(ref, options = {}) {
      const row = conversationRow(session, ref);
      const messages = db
        .all<MessageRow>(
          'select * from message where conversation_key = ? order by seq desc limit ?',
          row.key,
          options.messages ?? -1,
        )
        .reverse();
      return { ...conversationView(session, row), messages: messages.map(message => messageView(session, message)) };
    },

    setConversation(ref, change) {
      const row = conversationRow(session, ref);
      if (change.subject !== undefined)
        db.run('update conversation set subject = ? where key = ?', change.subject, row.key);
      if (change.metadata !== undefined) {
        db.run('update conversation set metadata = ? where key = ?', JSON.stringify(change.metadata), row.key);
      }
      const status = change.status !== undefined && change.status !== row.status ? { status: change.status } : {};
      tell(session, row, [{ type: 'conversation.updated', data: { changed: Object.keys(change) } }], status);
      return shown(session, row.key);
    },

    seen(ref) {
      const row = conversationRow(session, ref);
      db.run('update conversation set seen_at = ? where key = ?', session.clock(), row.key);
      const messages = dropWaiting(session, row.key, 'seen');
      tell(
        session,
        row,
        messages.map(messageKey => ({ type: 'message.updated', messageKey })),
      );
      return shown(session, row.key);
    },

    rotateToken(ref, who) {
      const row = conversationRow(session, ref);
      const participant = participantNamed(session, row, who);
      revokeTokens(session, row, participant);
      addToken(session, participant);
      return shown(session, row.key);
    },

    revokeToken(ref, who) {
      const row = conversationRow(session, ref);
      revokeTokens(session, row, participantNamed(session, row, who));
      return shown(session, row.key);
    },
  };
}

function revokeTokens(session: Session, row: ConversationRow, participant: ParticipantRow): void {
  session.db.run(
    'update token set revoked_at = ? where participant_key = ? and revoked_at is null',
    session.clock(),
    participant.key,
  );
  tell(session, row, [{ type: 'conversation.updated', data: { changed: ['participants'] } }]);
}

function refOf(row: ConversationRow): ConversationRef {
  return { id: encodeId('conversation', row.key) };
}

/** Inserts the bare row with the account's next number. */
export function openConversation(
  session: Session,
  accountKey: number,
  contactKey: number,
  start: Pick<NewConversation, 'channel' | 'source_id' | 'subject' | 'metadata'>,
): ConversationRow {
  const { db } = session;
  const number = db.value<number>(
    'update account set next_number = next_number + 1 where key = ? returning next_number - 1',
    accountKey,
  )!;
  const now = session.clock();
  return db.get<ConversationRow>(
    `insert into conversation (key, account_key, number, contact_key, channel, source_id, subject, metadata, created_at, last_activity_at)
     values (max(?, (select coalesce(max(key), 0) + 1 from conversation)), ?, ?, ?, ?, ?, ?, ?, ?, ?) returning *`,
    newKey(session),
    accountKey,
    number,
    contactKey,
    start.channel,
    start.source_id ?? null,
    start.subject ?? null,
    JSON.stringify(start.metadata ?? {}),
    now,
    now,
  )!;
}

export function conversationRow(session: Session, ref: ConversationRef): ConversationRow {
  const { db } = session;
  if ('id' in ref) {
    const row = db.get<ConversationRow>('select * from conversation where key = ?', keyOf('conversation', ref.id));
    if (!row) throw new ReplydError('conversation_not_found', `there is no conversation ${ref.id}`);
    return row;
  }
  const account = accountBySlug(session, ref.account);
  const row = db.get<ConversationRow>(
    'select * from conversation where account_key = ? and number = ?',
    account.key,
    ref.number,
  );
  if (!row)
    throw new ReplydError('conversation_not_found', `account ${ref.account} has no conversation #${ref.number}`);
  return row;
}

function shown(session: Session, key: number): Conversation {
  return conversationView(session, session.db.get<ConversationRow>('select * from conversation where key = ?', key)!);
}

function participantNamed(session: Session, row: ConversationRow, who: string | undefined): ParticipantRow {
  const found =
    who === undefined
      ? latestContactParticipant(session, row)
      : who.includes('@')
        ? participantByAddress(session, row.key, who)
        : session.db.get<ParticipantRow>(
            'select * from participant where conversation_key = ? and key = ?',
            row.key,
            keyOf('participant', who),
          );
  if (!found)
    throw new ReplydError('participant_not_found', `${who ?? 'the contact'} is no participant of this conversation`);
  return found;
}
