/**
 * What is to be mailed but has no mail yet: a delivery in state `waiting` without an outgoing mail gathers messages of
 * its conversation for one recipient. `rules/continuity.ts` says when it is due and what its mail carries.
 */
import type { MailIntent, MailReason } from '../../conversation/model.js';
import {
  CHAIN_END,
  CONTEXT_KINDS,
  chainOf,
  contextSize,
  copiesDue,
  endsWhenSeen,
  firstWait,
  type Waiting,
  waitAfterObstacle,
  waitWithMore,
} from '../../conversation/rules/continuity.js';
import { mailOrder } from '../../conversation/rules/delivery.js';
import type { ComposeSnapshot } from '../../conversation/store.js';
import { newToken } from '../../conversation/token.js';
import { blobKey } from '../blobs/blobs.js';
import { byKey } from '../by-key.js';
import { decodeId, encodeId, keyOf } from '../ids.js';
import type { DeliveryRow, MessageRow, ParticipantRow } from '../rows.js';
import { atMost, inTurn, type StoreTx, type Verb } from '../tx.js';
import {
  accountView,
  bounceAddress,
  conversationView,
  firstDomain,
  messageView,
  replyAddress,
} from '../views/views.js';
import { UNFINISHED } from './unfinished.js';

export const SMARTHOST = 'smarthost';

/** Somebody whom words are to be mailed to. `dueAt`: when, in milliseconds. */
export interface Recipient {
  readonly participant: ParticipantRow;
  readonly role: 'to' | 'cc';
  readonly dueAt: number;
}

/** Ties a message to the delivery that waits for this recipient's mail; makes one when none waits. */
export async function gather(
  tx: StoreTx,
  conversation: { readonly key: number; readonly account_key: number },
  messageKey: number,
  to: Recipient,
): Promise<void> {
  const waiting = await tx.get<DeliveryRow>(
    `select * from delivery where order_key = $1 and state = 'waiting' and ${UNFINISHED} and outgoing_mail_key is null limit 1`,
    mailOrder(conversation.key, to.participant.key),
  );
  const deliveryKey = waiting?.key ?? (await newDelivery(tx, conversation, to));
  await tx.insert('delivery_message', { delivery_key: deliveryKey, message_key: messageKey }, { known: 'kept' });
  if (waiting === undefined) return;
  const before = {
    dueAt: waiting.due_at ?? waiting.next_attempt_at ?? 0,
    nextAttemptAt: waiting.next_attempt_at,
    reason: waiting.reason as Waiting['reason'],
  };
  const wait = waitWithMore(before, { dueAt: to.dueAt, now: tx.now() });
  if (wait !== before) await setWait(tx, waiting.key, wait);
}

async function newDelivery(
  tx: StoreTx,
  conversation: { readonly key: number; readonly account_key: number },
  { participant, role, dueAt }: Recipient,
): Promise<number> {
  const suspended = await isSuspended(tx, participant);
  const wait = firstWait({ email: participant.email, suspended }, { dueAt, now: tx.now() });
  const key = tx.key();
  await tx.insert('delivery', {
    key,
    kind: 'mail',
    destination: SMARTHOST,
    order_key: mailOrder(conversation.key, participant.key),
    account_key: conversation.account_key,
    conversation_key: conversation.key,
    participant_key: participant.key,
    recipient: participant.email ?? '',
    recipient_name: participant.name,
    recipient_role: role,
    bounce_token: newToken(tx.random),
    state: 'waiting',
    reason: wait.reason,
    next_attempt_at: wait.nextAttemptAt,
    due_at: wait.dueAt,
    created_at: tx.now(),
  });
  return key;
}

async function setWait(tx: StoreTx, key: number, { dueAt, nextAttemptAt, reason }: Waiting): Promise<void> {
  await tx.run(
    'update delivery set due_at = $1, next_attempt_at = $2, reason = $3 where key = $4',
    dueAt,
    nextAttemptAt,
    reason,
    key,
  );
}

/** What these wait for beside their time is there. */
async function endObstacle(tx: StoreTx, waiting: readonly Pick<DeliveryRow, 'key' | 'due_at'>[]): Promise<void> {
  for (const { key, due_at } of waiting) await setWait(tx, key, waitAfterObstacle(due_at, tx.now()));
}

/** The address was learned. */
export async function releaseForAddress(tx: StoreTx, participantKey: number, address: string): Promise<void> {
  await endObstacle(
    tx,
    await tx.all<DeliveryRow>(
      `update delivery set recipient = $1
       where participant_key = $2 and state = 'waiting' and ${UNFINISHED} and reason = 'no_address' returning key, due_at`,
      address,
      participantKey,
    ),
  );
}

const OF_CONTACT = 'participant_key in (select key from participant where contact_key = $1)';

export async function suspendWaiting(tx: StoreTx, contactKey: number): Promise<void> {
  await tx.run(
    `update delivery set reason = 'suspended', next_attempt_at = null
     where ${OF_CONTACT} and ${UNFINISHED} and state <> 'leased' and reason is distinct from 'no_address'`,
    contactKey,
  );
  await tx.run(
    `update delivery set state = 'waiting' where ${OF_CONTACT} and ${UNFINISHED} and state = 'deferred' and reason = 'suspended'`,
    contactKey,
  );
}

export async function resumeSuspended(tx: StoreTx, contactKey: number): Promise<void> {
  await endObstacle(
    tx,
    await tx.all<DeliveryRow>(
      `select key, due_at from delivery where ${OF_CONTACT} and ${UNFINISHED} and state = 'waiting' and reason = 'suspended'`,
      contactKey,
    ),
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
  const waiting = await tx.all<{ key: number; mail_intent: MailIntent | null }>(
    `select distinct m.key, m.mail_intent from delivery d
       join delivery_message dm on dm.delivery_key = d.key
       join message m on m.key = dm.message_key
     where d.conversation_key = $1 and d.kind = 'mail' and d.state = 'waiting' and d.outgoing_mail_key is null`,
    conversationKey,
  );
  const messages = waiting.filter(message => endsWhenSeen(message.mail_intent));
  for (const { key } of messages) {
    await tx.run('update message set mail_reason = $1 where key = $2', reason, key);
    await tx.run(
      `delete from delivery_message where message_key = $1 and delivery_key in
         (select key from delivery where conversation_key = $2 and state = 'waiting' and outgoing_mail_key is null)`,
      key,
      conversationKey,
    );
  }
  if (messages.length > 0) {
    await tx.run(
      `delete from delivery where conversation_key = $1 and kind = 'mail' and state = 'waiting' and outgoing_mail_key is null
         and key not in (select delivery_key from delivery_message)`,
      conversationKey,
    );
  }
  return messages.map(message => message.key);
}

const UNCOMPOSED = `kind = 'mail' and state = 'waiting' and ${UNFINISHED} and outgoing_mail_key is null
  and next_attempt_at is not null`;

/** A conversation has a delivery for each recipient: so many of them are read for each conversation. */
const COPIES = 8;

export const dueConversations: Verb<'dueConversations'> = async (tx, options) => {
  const rows = await tx.all<{ conversation_key: number }>(
    `select conversation_key from delivery
     where destination = $1 and ${UNCOMPOSED} and conversation_key is not null and next_attempt_at <= $2
     order by next_attempt_at${atMost(options.limit * COPIES)}`,
    SMARTHOST,
    options.now,
  );
  const keys = [...new Set(rows.map(row => row.conversation_key))].slice(0, options.limit);
  return keys.map(key => encodeId('conversation', key));
};

export const nextComposeAt: Verb<'nextComposeAt'> = async tx =>
  (await tx.value<number>(
    `select min(next_attempt_at) from delivery where destination = $1 and ${UNCOMPOSED}`,
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
      `update delivery set outgoing_mail_key = $1, head = $2, envelope_sender = $3, reason = null where key = $4`,
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
             where outgoing_mail_key = $1 and recipient_role = $2 order by key`,
        mailKey,
        role,
      ),
    );
  for (const messageKey of messageKeys) {
    await tx.run(
      `update message set message_id = $1, in_reply_to = $2, refs = $3, subject = $4, recipients_to = $5, recipients_cc = $6 where key = $7`,
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

/** Recipients that nothing but time keeps back. */
async function waitingCopies(tx: StoreTx, conversationKey: number): Promise<readonly DeliveryRow[]> {
  return tx.all<DeliveryRow>(
    `select * from delivery where conversation_key = $1 and ${UNCOMPOSED} order by key`,
    conversationKey,
  );
}

async function gatheredMessages(tx: StoreTx, conversationKey: number): Promise<readonly MessageRow[]> {
  return tx.all<MessageRow>(
    `select * from message where key in (
       select dm.message_key from delivery d join delivery_message dm on dm.delivery_key = d.key
       where d.conversation_key = $1 and d.kind = 'mail' and d.state = 'waiting' and d.outgoing_mail_key is null
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
  const row = await byKey(tx, 'conversation', conversationKey);
  if (!row) return null;
  const copies = copiesDue(await waitingCopies(tx, conversationKey), options.now);
  if (copies.length === 0) return null;
  const unmailed = await gatheredMessages(tx, conversationKey);
  const account = await accountView(tx, (await byKey(tx, 'account', row.account_key))!);
  const domain = await firstDomain(tx, row.account_key);
  const mailedBefore = await tx.get('select 1 from outgoing_mail where conversation_key = $1 limit 1', conversationKey);
  const size = contextSize({
    first: mailedBefore === undefined,
    context: account.settings.context ?? options.context,
  });
  const [first] = unmailed;
  const context = first && size > 0 ? await contextBefore(tx, conversationKey, { seq: first.seq, size }) : [];
  return {
    account,
    conversation: await conversationView(tx, row),
    unmailed: await inTurn(unmailed, message => messageView(tx, message)),
    context: await inTurn(context, message => messageView(tx, message)),
    copies: await inTurn(copies, async copy => ({
      deliveryId: encodeId('delivery', copy.key),
      email: copy.recipient,
      name: copy.recipient_name,
      role: copy.recipient_role,
      replyTo: copy.participant_key === null ? null : await replyAddress(tx, copy.participant_key, domain),
      bounceAddress:
        domain !== null && copy.bounce_token !== null ? bounceAddress(tx, copy.bounce_token, domain) : null,
    })),
    ...(await mailChain(tx, conversationKey)),
  };
}

const IN_CONTEXT = `direction in ('incoming', 'outgoing') and held = 0
  and kind in (${CONTEXT_KINDS.map(kind => `'${kind}'`).join(', ')})`;

/** So many messages before this one, oldest first. */
async function contextBefore(
  tx: StoreTx,
  conversationKey: number,
  { seq, size }: { readonly seq: number; readonly size: number },
): Promise<readonly MessageRow[]> {
  const newest = await tx.all<MessageRow>(
    `select * from message where conversation_key = $1 and seq < $2 and ${IN_CONTEXT} order by seq desc${atMost(size)}`,
    conversationKey,
    seq,
  );
  return newest.reverse();
}

/** The ids of the conversation's mails, as far as \`chainOf\` takes them. */
async function mailChain(
  tx: StoreTx,
  conversationKey: number,
): Promise<Pick<ComposeSnapshot, 'chain' | 'answered' | 'firstSubject'>> {
  const ids = async (direction: 'asc' | 'desc') =>
    (
      await tx.all<{ message_id: string }>(
        `select message_id, min(seq) as at from message
         where conversation_key = $1 and message_id is not null and held = 0
         group by message_id order by at ${direction} limit ${CHAIN_END}`,
        conversationKey,
      )
    ).map(row => row.message_id);
  const last = (await ids('desc')).reverse();
  const firstSubject =
    (await tx.value<string | null>(
      'select subject from message where conversation_key = $1 and message_id is not null and held = 0 order by seq limit 1',
      conversationKey,
    )) ?? null;
  const answered =
    (await tx.get(
      `select 1 from message where conversation_key = $1 and direction = 'incoming' and mail_key is not null and held = 0
       limit 1`,
      conversationKey,
    )) !== undefined;
  return { chain: chainOf([...(await ids('asc')), ...last]), answered, firstSubject };
}

/** Is mailing to the contact behind a participant suspended? */
async function isSuspended(tx: StoreTx, { contact_key }: ParticipantRow): Promise<boolean> {
  if (contact_key === null) return false;
  return (await tx.get('select 1 from contact where key = $1 and suspended_at is not null', contact_key)) !== undefined;
}
