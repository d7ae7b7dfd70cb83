/**
 * What is to be mailed but has no mail yet. A delivery in state `waiting` without an outgoing mail gathers messages of
 * its conversation for one recipient; when it is due the whole conversation's waiting words go into one mail.
 *
 * Reasons to wait: `delay` (until next_attempt_at), `no_address`, `suspended` (until that changes). None: due now.
 */
import type { MailReason } from '../../conversation/model.js';
import type { ComposeSnapshot, Store } from '../../conversation/store.js';
import { newToken } from '../../conversation/token.js';
import { blobKey } from '../blobs/blobs.js';
import { decodeId, encodeId, keyOf } from '../ids.js';
import type { ContactRow, ConversationRow, DeliveryRow, MessageRow, ParticipantRow } from '../rows.js';
import { newKey, type Session } from '../session.js';
import { atMost } from '../sqlite/database.js';
import {
  accountView,
  bounceAddress,
  conversationView,
  firstDomain,
  messageView,
  replyAddress,
} from '../views/views.js';
import { accountByKey } from './accounts.js';
import { UNFINISHED } from './unfinished.js';

export const SMARTHOST = 'smarthost';
const CHAIN_END = 20;

/** Ties a message to a waiting delivery for this participant, making one when none waits. `due` in milliseconds. */
export function gather(
  session: Session,
  conversation: { readonly key: number; readonly account_key: number },
  messageKey: number,
  to: { participant: ParticipantRow; role: 'to' | 'cc'; due: number; suspended: boolean },
): void {
  const { db } = session;
  const waiting = db.get<DeliveryRow>(
    `select * from delivery where order_key = ? and state = 'waiting' and ${UNFINISHED} and outgoing_mail_key is null limit 1`,
    orderKey(conversation.key, to.participant.key),
  );
  const delivery = waiting ?? newDelivery(session, conversation, to);
  db.run('insert or ignore into delivery_message (delivery_key, message_key) values (?, ?)', delivery.key, messageKey);
  // The first unmailed word sets the time; only a message that is to go at once brings it forward.
  if (waiting && to.due < (waiting.due_at ?? waiting.next_attempt_at ?? 0)) {
    db.run(
      `update delivery set due_at = ?1, next_attempt_at = case when next_attempt_at is null then null else ?1 end,
         reason = case when reason = 'delay' and ?2 then null else reason end where key = ?3`,
      to.due,
      to.due <= session.clock() ? 1 : 0,
      waiting.key,
    );
  }
}

function newDelivery(
  session: Session,
  conversation: { readonly key: number; readonly account_key: number },
  to: { participant: ParticipantRow; role: 'to' | 'cc'; due: number; suspended: boolean },
): DeliveryRow {
  const reason =
    to.participant.email === null
      ? 'no_address'
      : to.suspended
        ? 'suspended'
        : to.due > session.clock()
          ? 'delay'
          : null;
  return session.db.get<DeliveryRow>(
    `insert into delivery (key, kind, destination, order_key, account_key, conversation_key, participant_key, recipient,
       recipient_name, recipient_role, bounce_token, state, reason, next_attempt_at, due_at, created_at)
     values (max(?, (select coalesce(max(key), 0) + 1 from delivery)), 'mail', ?, ?, ?, ?, ?, ?, ?, ?, ?, 'waiting', ?, ?, ?, ?)
     returning *`,
    newKey(session),
    SMARTHOST,
    orderKey(conversation.key, to.participant.key),
    conversation.account_key,
    conversation.key,
    to.participant.key,
    to.participant.email ?? '',
    to.participant.name,
    to.role,
    newToken(session.random),
    reason,
    reason === null || reason === 'delay' ? to.due : null,
    to.due,
    session.clock(),
  )!;
}

/** Mails to one person in one conversation leave in their order. */
function orderKey(conversationKey: number, participantKey: number): string {
  return `mail:${conversationKey}:${participantKey}`;
}

/** What was waited for is there: due when it would have been due without that, or now. */
const DUE_AGAIN = `next_attempt_at = max(coalesce(due_at, 0), ?1), reason = case when due_at > ?1 then 'delay' end`;

/** The address was learned. */
export function releaseForAddress(session: Session, participantKey: number, address: string): void {
  session.db.run(
    `update delivery set recipient = ?2, ${DUE_AGAIN}
     where participant_key = ?3 and state = 'waiting' and ${UNFINISHED} and reason = 'no_address'`,
    session.clock(),
    address,
    participantKey,
  );
}

const OF_CONTACT = 'participant_key in (select key from participant where contact_key = ?)';
const OF_CONTACT_2 = 'participant_key in (select key from participant where contact_key = ?2)';

export function suspendWaiting(session: Session, contactKey: number): void {
  session.db.run(
    `update delivery set reason = 'suspended', next_attempt_at = null
     where ${OF_CONTACT} and ${UNFINISHED} and state <> 'leased' and reason is not 'no_address'`,
    contactKey,
  );
  session.db.run(
    `update delivery set state = 'waiting' where ${OF_CONTACT} and ${UNFINISHED} and state = 'deferred' and reason = 'suspended'`,
    contactKey,
  );
}

export function resumeSuspended(session: Session, contactKey: number): void {
  session.db.run(
    `update delivery set ${DUE_AGAIN} where ${OF_CONTACT_2} and ${UNFINISHED} and state = 'waiting' and reason = 'suspended'`,
    session.clock(),
    contactKey,
  );
}

/**
 * The contact saw it, or answered in the channel: messages that wait under the continuity rules are not mailed, and say
 * why. What an agent sent with `now` still goes. Returns the keys of the messages.
 */
export function dropWaiting(session: Session, conversationKey: number, reason: MailReason): readonly number[] {
  const { db } = session;
  const messages = db.all<{ key: number }>(
    `select distinct m.key from delivery d
       join delivery_message dm on dm.delivery_key = d.key
       join message m on m.key = dm.message_key
     where d.conversation_key = ? and d.kind = 'mail' and d.state = 'waiting' and d.outgoing_mail_key is null and m.mail_intent = 'auto'`,
    conversationKey,
  );
  for (const { key } of messages) {
    db.run('update message set mail_reason = ? where key = ?', reason, key);
    db.run(
      `delete from delivery_message where message_key = ? and delivery_key in
         (select key from delivery where conversation_key = ? and state = 'waiting' and outgoing_mail_key is null)`,
      key,
      conversationKey,
    );
  }
  if (messages.length > 0) {
    db.run(
      `delete from delivery where conversation_key = ? and kind = 'mail' and state = 'waiting' and outgoing_mail_key is null
         and key not in (select delivery_key from delivery_message)`,
      conversationKey,
    );
  }
  return messages.map(message => message.key);
}

export interface OutboxOperations {
  dueConversations(options: { now: number; limit: number }): readonly string[];
  nextComposeAt(): number | null;
  composeSnapshot(conversationId: string, options: { now: number; context: number }): ComposeSnapshot | null;
  saveComposed(composed: Parameters<Store['saveComposed']>[0]): boolean;
}

const UNCOMPOSED = `kind = 'mail' and state = 'waiting' and ${UNFINISHED} and outgoing_mail_key is null
  and next_attempt_at is not null`;

export function outboxOperations(session: Session): OutboxOperations {
  const { db } = session;
  return {
    dueConversations: options =>
      db
        .all<{ conversation_key: number }>(
          `select distinct conversation_key from delivery
           where destination = ? and ${UNCOMPOSED} and conversation_key is not null and next_attempt_at <= ?
           order by next_attempt_at${atMost(options.limit)}`,
          SMARTHOST,
          options.now,
        )
        .map(row => encodeId('conversation', row.conversation_key)),

    nextComposeAt: () =>
      db.value<number>(
        `select min(next_attempt_at) from delivery where destination = ? and ${UNCOMPOSED}`,
        SMARTHOST,
      ) ?? null,

    composeSnapshot: (conversationId, options) => snapshot(session, keyOf('conversation', conversationId), options),

    saveComposed(composed) {
      const conversationKey = keyOf('conversation', composed.conversationId);
      const keys = composed.copies.map(copy => keyOf('delivery', copy.deliveryId));
      const messageKeys = composed.messageIds.map(id => keyOf('message', id));
      if (!sameWork(session, conversationKey, keys, messageKeys)) return false;
      const mailKey = decodeId('mail', composed.mailId)!;
      db.run(
        'insert into outgoing_mail (key, conversation_key, message_id, blob_key, created_at) values (?, ?, ?, ?, ?)',
        mailKey,
        conversationKey,
        composed.messageId,
        blobKey(session, composed.raw),
        session.clock(),
      );
      for (const [index, copy] of composed.copies.entries()) {
        db.run(
          `update delivery set outgoing_mail_key = ?, head = ?, envelope_sender = ?, reason = null where key = ?`,
          mailKey,
          copy.head,
          copy.mailFrom,
          keys[index],
        );
        // Every copy carries all words that were gathered, also those gathered for another recipient first.
        for (const messageKey of messageKeys) {
          db.run(
            'insert or ignore into delivery_message (delivery_key, message_key) values (?, ?)',
            keys[index],
            messageKey,
          );
        }
      }
      const people = (role: 'to' | 'cc') =>
        JSON.stringify(
          db.all(
            `select recipient_name as name, recipient as email from delivery
             where outgoing_mail_key = ? and recipient_role = ? order by key`,
            mailKey,
            role,
          ),
        );
      for (const messageKey of messageKeys) {
        db.run(
          `update message set message_id = ?, in_reply_to = ?, refs = ?, subject = ?, recipients_to = ?, recipients_cc = ? where key = ?`,
          composed.messageId,
          composed.inReplyTo,
          JSON.stringify(composed.references),
          composed.subject,
          people('to'),
          people('cc'),
          messageKey,
        );
      }
      return true;
    },
  };
}

/** Has nothing been cancelled, seen, added or composed since the snapshot was taken? */
function sameWork(
  session: Session,
  conversationKey: number,
  deliveries: readonly number[],
  messages: readonly number[],
): boolean {
  const now = waitingCopies(session, conversationKey).map(row => row.key);
  if (now.length !== deliveries.length || now.some((key, index) => key !== deliveries[index])) return false;
  const words = gatheredMessages(session, conversationKey).map(row => row.key);
  return words.length === messages.length && words.every((key, index) => key === messages[index]);
}

/** Recipients that can be mailed to: all that wait without an obstacle, whether or not their own time has come. */
function waitingCopies(session: Session, conversationKey: number): readonly DeliveryRow[] {
  return session.db.all<DeliveryRow>(
    `select * from delivery where conversation_key = ? and ${UNCOMPOSED} order by key`,
    conversationKey,
  );
}

function gatheredMessages(session: Session, conversationKey: number): readonly MessageRow[] {
  return session.db.all<MessageRow>(
    `select * from message where key in (
       select dm.message_key from delivery d join delivery_message dm on dm.delivery_key = d.key
       where d.conversation_key = ? and d.kind = 'mail' and d.state = 'waiting' and d.outgoing_mail_key is null
         and d.next_attempt_at is not null)
     order by seq`,
    conversationKey,
  );
}

function snapshot(
  session: Session,
  conversationKey: number,
  options: { now: number; context: number },
): ComposeSnapshot | null {
  const { db } = session;
  const row = db.get<ConversationRow>('select * from conversation where key = ?', conversationKey);
  if (!row) return null;
  const copies = waitingCopies(session, conversationKey);
  if (!copies.some(copy => copy.next_attempt_at! <= options.now)) return null;
  const unmailed = gatheredMessages(session, conversationKey);
  const account = accountView(session, accountByKey(session, row.account_key));
  const domain = firstDomain(session, row.account_key);
  const first = unmailed[0];
  const mailedBefore =
    db.get('select 1 from outgoing_mail where conversation_key = ? limit 1', conversationKey) !== undefined;
  const context =
    mailedBefore || !first
      ? []
      : db
          .all<MessageRow>(
            // Robots' mails are no conversation, and a held message must not reach anybody.
            `select * from message where conversation_key = ? and seq < ? and direction in ('incoming', 'outgoing')
               and kind in ('reply', 'channel', 'list') and held = 0
             order by seq desc limit ?`,
            conversationKey,
            first.seq,
            account.settings.context ?? options.context,
          )
          .reverse();
  return {
    account,
    conversation: conversationView(session, row),
    unmailed: unmailed.map(message => messageView(session, message)),
    context: context.map(message => messageView(session, message)),
    copies: copies.map(copy => ({
      deliveryId: encodeId('delivery', copy.key),
      email: copy.recipient,
      name: copy.recipient_name,
      role: copy.recipient_role,
      replyTo:
        (account.features.inbound_emails && copy.participant_key !== null
          ? replyAddress(session, copy.participant_key, domain)
          : null) ?? account.support_email,
      bounceAddress:
        domain !== null && copy.bounce_token !== null ? bounceAddress(session, copy.bounce_token, domain) : null,
    })),
    ...mailChain(session, conversationKey),
  };
}

/** The ids of the conversation's mails: the first and the last 20. */
function mailChain(
  session: Session,
  conversationKey: number,
): Pick<ComposeSnapshot, 'chain' | 'answered' | 'firstSubject'> {
  const { db } = session;
  const ids = (direction: 'asc' | 'desc') =>
    db
      .all<{ message_id: string }>(
        `select message_id, min(seq) as at from message
         where conversation_key = ? and message_id is not null and held = 0
         group by message_id order by at ${direction} limit ${CHAIN_END}`,
        conversationKey,
      )
      .map(row => row.message_id);
  const last = ids('desc').reverse();
  const firstSubject =
    db.value<string | null>(
      'select subject from message where conversation_key = ? and message_id is not null and held = 0 order by seq limit 1',
      conversationKey,
    ) ?? null;
  const answered =
    db.get(
      `select 1 from message where conversation_key = ? and direction = 'incoming' and mail_key is not null and held = 0
       limit 1`,
      conversationKey,
    ) !== undefined;
  return { chain: [...new Set([...ids('asc'), ...last])], answered, firstSubject };
}

/** Suspension of the contact behind a participant, for those who add messages. */
export function isSuspended(session: Session, participant: ParticipantRow): boolean {
  if (participant.contact_key === null) return false;
  const contact = session.db.get<ContactRow>('select * from contact where key = ?', participant.contact_key);
  return contact?.suspended_at !== null && contact?.suspended_at !== undefined;
}
