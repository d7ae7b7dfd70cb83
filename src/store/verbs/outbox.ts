/**
 * What is to be mailed but has no mail yet. A delivery in state `waiting` without an outgoing mail gathers messages of
 * its conversation for one recipient; when it is due the whole conversation's waiting words go into one mail.
 *
 * Reasons to wait: `delay` (until next_attempt_at), `no_address`, `suspended` (until that changes). None: due now.
 */
import type { MailReason } from '../../conversation/model.js';
import type { ComposeSnapshot } from '../../conversation/store.js';
import { newToken } from '../../conversation/token.js';
import { blobKey } from '../blobs/blobs.js';
import { decodeId, encodeId, keyOf } from '../ids.js';
import type { ContactRow, ConversationRow, DeliveryRow, MessageRow, ParticipantRow } from '../rows.js';
import { atMost, inTurn, type StoreTx, type Verb } from '../tx.js';
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
export async function gather(
  tx: StoreTx,
  conversation: { readonly key: number; readonly account_key: number },
  messageKey: number,
  to: { participant: ParticipantRow; role: 'to' | 'cc'; due: number; suspended: boolean },
): Promise<void> {
  const waiting = await tx.get<DeliveryRow>(
    `select * from delivery where order_key = ? and state = 'waiting' and ${UNFINISHED} and outgoing_mail_key is null limit 1`,
    orderKey(conversation.key, to.participant.key),
  );
  const deliveryKey = waiting?.key ?? (await newDelivery(tx, conversation, to));
  await tx.insert('delivery_message', { delivery_key: deliveryKey, message_key: messageKey }, { known: 'kept' });
  // The first unmailed word sets the time; only a message that is to go at once brings it forward.
  if (waiting && to.due < (waiting.due_at ?? waiting.next_attempt_at ?? 0)) {
    await tx.run(
      `update delivery set due_at = ?1, next_attempt_at = case when next_attempt_at is null then null else ?1 end,
         reason = case when reason = 'delay' and ?2 then null else reason end where key = ?3`,
      to.due,
      to.due <= tx.now() ? 1 : 0,
      waiting.key,
    );
  }
}

async function newDelivery(
  tx: StoreTx,
  conversation: { readonly key: number; readonly account_key: number },
  to: { participant: ParticipantRow; role: 'to' | 'cc'; due: number; suspended: boolean },
): Promise<number> {
  const reason =
    to.participant.email === null ? 'no_address' : to.suspended ? 'suspended' : to.due > tx.now() ? 'delay' : null;
  const key = tx.key();
  await tx.insert('delivery', {
    key,
    kind: 'mail',
    destination: SMARTHOST,
    order_key: orderKey(conversation.key, to.participant.key),
    account_key: conversation.account_key,
    conversation_key: conversation.key,
    participant_key: to.participant.key,
    recipient: to.participant.email ?? '',
    recipient_name: to.participant.name,
    recipient_role: to.role,
    bounce_token: newToken(tx.random),
    state: 'waiting',
    reason,
    next_attempt_at: reason === null || reason === 'delay' ? to.due : null,
    due_at: to.due,
    created_at: tx.now(),
  });
  return key;
}

/** Mails to one person in one conversation leave in their order. */
function orderKey(conversationKey: number, participantKey: number): string {
  return `mail:${conversationKey}:${participantKey}`;
}

/** What was waited for is there: due when it would have been due without that, or now. */
const DUE_AGAIN = `next_attempt_at = max(coalesce(due_at, 0), ?1), reason = case when due_at > ?1 then 'delay' end`;

/** The address was learned. */
export async function releaseForAddress(tx: StoreTx, participantKey: number, address: string): Promise<void> {
  await tx.run(
    `update delivery set recipient = ?2, ${DUE_AGAIN}
     where participant_key = ?3 and state = 'waiting' and ${UNFINISHED} and reason = 'no_address'`,
    tx.now(),
    address,
    participantKey,
  );
}

const OF_CONTACT = 'participant_key in (select key from participant where contact_key = ?)';
const OF_CONTACT_2 = 'participant_key in (select key from participant where contact_key = ?2)';

export async function suspendWaiting(tx: StoreTx, contactKey: number): Promise<void> {
  await tx.run(
    `update delivery set reason = 'suspended', next_attempt_at = null
     where ${OF_CONTACT} and ${UNFINISHED} and state <> 'leased' and reason is not 'no_address'`,
    contactKey,
  );
  await tx.run(
    `update delivery set state = 'waiting' where ${OF_CONTACT} and ${UNFINISHED} and state = 'deferred' and reason = 'suspended'`,
    contactKey,
  );
}

export async function resumeSuspended(tx: StoreTx, contactKey: number): Promise<void> {
  await tx.run(
    `update delivery set ${DUE_AGAIN} where ${OF_CONTACT_2} and ${UNFINISHED} and state = 'waiting' and reason = 'suspended'`,
    tx.now(),
    contactKey,
  );
}

/**
 * The contact saw it, or answered in the channel: messages that wait under the continuity rules are not mailed, and say
 * why. What an agent sent with `now` still goes. Returns the keys of the messages.
 */
export async function dropWaiting(
  tx: StoreTx,
  conversationKey: number,
  reason: MailReason,
): Promise<readonly number[]> {
  const messages = await tx.all<{ key: number }>(
    `select distinct m.key from delivery d
       join delivery_message dm on dm.delivery_key = d.key
       join message m on m.key = dm.message_key
     where d.conversation_key = ? and d.kind = 'mail' and d.state = 'waiting' and d.outgoing_mail_key is null and m.mail_intent = 'auto'`,
    conversationKey,
  );
  for (const { key } of messages) {
    await tx.run('update message set mail_reason = ? where key = ?', reason, key);
    await tx.run(
      `delete from delivery_message where message_key = ? and delivery_key in
         (select key from delivery where conversation_key = ? and state = 'waiting' and outgoing_mail_key is null)`,
      key,
      conversationKey,
    );
  }
  if (messages.length > 0) {
    await tx.run(
      `delete from delivery where conversation_key = ? and kind = 'mail' and state = 'waiting' and outgoing_mail_key is null
         and key not in (select delivery_key from delivery_message)`,
      conversationKey,
    );
  }
  return messages.map(message => message.key);
}

const UNCOMPOSED = `kind = 'mail' and state = 'waiting' and ${UNFINISHED} and outgoing_mail_key is null
  and next_attempt_at is not null`;

export const dueConversations: Verb<'dueConversations'> = async (tx, options) =>
  (
    await tx.all<{ conversation_key: number }>(
      `select distinct conversation_key from delivery
           where destination = ? and ${UNCOMPOSED} and conversation_key is not null and next_attempt_at <= ?
           order by next_attempt_at${atMost(options.limit)}`,
      SMARTHOST,
      options.now,
    )
  ).map(row => encodeId('conversation', row.conversation_key));

export const nextComposeAt: Verb<'nextComposeAt'> = async tx =>
  (await tx.value<number>(
    `select min(next_attempt_at) from delivery where destination = ? and ${UNCOMPOSED}`,
    SMARTHOST,
  )) ?? null;

export const composeSnapshot: Verb<'composeSnapshot'> = async (tx, conversationId, options) =>
  snapshot(tx, keyOf('conversation', conversationId), options);

export const saveComposed: Verb<'saveComposed'> = async (tx, composed) => {
  const conversationKey = keyOf('conversation', composed.conversationId);
  const keys = composed.copies.map(copy => keyOf('delivery', copy.deliveryId));
  const messageKeys = composed.messageIds.map(id => keyOf('message', id));
  if (!(await sameWork(tx, conversationKey, keys, messageKeys))) return false;
  const mailKey = decodeId('mail', composed.mailId)!;
  await tx.insert('outgoing_mail', {
    key: mailKey,
    conversation_key: conversationKey,
    message_id: composed.messageId,
    blob_key: await blobKey(tx, composed.raw),
    created_at: tx.now(),
  });
  for (const [index, copy] of composed.copies.entries()) {
    await tx.run(
      `update delivery set outgoing_mail_key = ?, head = ?, envelope_sender = ?, reason = null where key = ?`,
      mailKey,
      copy.head,
      copy.mailFrom,
      keys[index],
    );
    // Every copy carries all words that were gathered, also those gathered for another recipient first.
    for (const messageKey of messageKeys) {
      await tx.insert('delivery_message', { delivery_key: keys[index], message_key: messageKey }, { known: 'kept' });
    }
  }
  const people = async (role: 'to' | 'cc') =>
    JSON.stringify(
      await tx.all(
        `select recipient_name as name, recipient as email from delivery
             where outgoing_mail_key = ? and recipient_role = ? order by key`,
        mailKey,
        role,
      ),
    );
  for (const messageKey of messageKeys) {
    await tx.run(
      `update message set message_id = ?, in_reply_to = ?, refs = ?, subject = ?, recipients_to = ?, recipients_cc = ? where key = ?`,
      composed.messageId,
      composed.inReplyTo,
      JSON.stringify(composed.references),
      composed.subject,
      await people('to'),
      await people('cc'),
      messageKey,
    );
  }
  return true;
};

/** Has nothing been cancelled, seen, added or composed since the snapshot was taken? */
async function sameWork(
  tx: StoreTx,
  conversationKey: number,
  deliveries: readonly number[],
  messages: readonly number[],
): Promise<boolean> {
  const now = (await waitingCopies(tx, conversationKey)).map(row => row.key);
  if (now.length !== deliveries.length || now.some((key, index) => key !== deliveries[index])) return false;
  const words = (await gatheredMessages(tx, conversationKey)).map(row => row.key);
  return words.length === messages.length && words.every((key, index) => key === messages[index]);
}

/** Recipients that can be mailed to: all that wait without an obstacle, whether or not their own time has come. */
async function waitingCopies(tx: StoreTx, conversationKey: number): Promise<readonly DeliveryRow[]> {
  return tx.all<DeliveryRow>(
    `select * from delivery where conversation_key = ? and ${UNCOMPOSED} order by key`,
    conversationKey,
  );
}

async function gatheredMessages(tx: StoreTx, conversationKey: number): Promise<readonly MessageRow[]> {
  return tx.all<MessageRow>(
    `select * from message where key in (
       select dm.message_key from delivery d join delivery_message dm on dm.delivery_key = d.key
       where d.conversation_key = ? and d.kind = 'mail' and d.state = 'waiting' and d.outgoing_mail_key is null
         and d.next_attempt_at is not null)
     order by seq`,
    conversationKey,
  );
}

async function snapshot(
  tx: StoreTx,
  conversationKey: number,
  options: { now: number; context: number },
): Promise<ComposeSnapshot | null> {
  const row = await tx.get<ConversationRow>('select * from conversation where key = ?', conversationKey);
  if (!row) return null;
  const copies = await waitingCopies(tx, conversationKey);
  if (!copies.some(copy => copy.next_attempt_at! <= options.now)) return null;
  const unmailed = await gatheredMessages(tx, conversationKey);
  const account = await accountView(tx, await accountByKey(tx, row.account_key));
  const domain = await firstDomain(tx, row.account_key);
  const first = unmailed[0];
  const mailedBefore =
    (await tx.get('select 1 from outgoing_mail where conversation_key = ? limit 1', conversationKey)) !== undefined;
  const context =
    mailedBefore || !first
      ? []
      : (
          await tx.all<MessageRow>(
            // Robots' mails are no conversation, and a held message must not reach anybody.
            `select * from message where conversation_key = ? and seq < ? and direction in ('incoming', 'outgoing')
               and kind in ('reply', 'channel', 'list') and held = 0
             order by seq desc limit ?`,
            conversationKey,
            first.seq,
            account.settings.context ?? options.context,
          )
        ).reverse();
  return {
    account,
    conversation: await conversationView(tx, row),
    unmailed: await inTurn(unmailed, async message => await messageView(tx, message)),
    context: await inTurn(context, async message => await messageView(tx, message)),
    copies: await inTurn(copies, async copy => ({
      deliveryId: encodeId('delivery', copy.key),
      email: copy.recipient,
      name: copy.recipient_name,
      role: copy.recipient_role,
      replyTo:
        (account.features.inbound_emails && copy.participant_key !== null
          ? await replyAddress(tx, copy.participant_key, domain)
          : null) ?? account.support_email,
      bounceAddress:
        domain !== null && copy.bounce_token !== null ? bounceAddress(tx, copy.bounce_token, domain) : null,
    })),
    ...(await mailChain(tx, conversationKey)),
  };
}

/** The ids of the conversation's mails: the first and the last 20. */
async function mailChain(
  tx: StoreTx,
  conversationKey: number,
): Promise<Pick<ComposeSnapshot, 'chain' | 'answered' | 'firstSubject'>> {
  const ids = async (direction: 'asc' | 'desc') =>
    (
      await tx.all<{ message_id: string }>(
        `select message_id, min(seq) as at from message
         where conversation_key = ? and message_id is not null and held = 0
         group by message_id order by at ${direction} limit ${CHAIN_END}`,
        conversationKey,
      )
    ).map(row => row.message_id);
  const last = (await ids('desc')).reverse();
  const firstSubject =
    (await tx.value<string | null>(
      'select subject from message where conversation_key = ? and message_id is not null and held = 0 order by seq limit 1',
      conversationKey,
    )) ?? null;
  const answered =
    (await tx.get(
      `select 1 from message where conversation_key = ? and direction = 'incoming' and mail_key is not null and held = 0
       limit 1`,
      conversationKey,
    )) !== undefined;
  return { chain: [...new Set([...(await ids('asc')), ...last])], answered, firstSubject };
}

/** Suspension of the contact behind a participant, for those who add messages. */
export async function isSuspended(tx: StoreTx, participant: ParticipantRow): Promise<boolean> {
  if (participant.contact_key === null) return false;
  const contact = await tx.get<ContactRow>('select * from contact where key = ?', participant.contact_key);
  return contact?.suspended_at !== null && contact?.suspended_at !== undefined;
}
