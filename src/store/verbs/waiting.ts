/**
 * Deliveries that wait: one in state `waiting` without an outgoing mail gathers messages of its conversation for one
 * recipient. `rules/continuity.ts` says when it is due and what ends its waiting.
 */
import type { MailIntent, MailReason } from '../../conversation/model.js';
import {
  endsWhenSeen,
  firstWait,
  type Waiting,
  waitAfterObstacle,
  waitWithMore,
} from '../../conversation/rules/continuity.js';
import { mailOrder } from '../../conversation/rules/delivery.js';
import { isAnswerable } from '../../conversation/rules/opener.js';
import { newToken } from '../../conversation/token.js';
import { type DeliveryRow, type ParticipantRow, SMARTHOST } from '../rows.js';
import type { StoreTx } from '../tx.js';
import { comesBack } from './ours.js';
import { UNFINISHED } from './unfinished.js';

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
  const email = await answerableAddress(tx, conversation.account_key, participant.email);
  const wait = firstWait({ email, suspended }, { dueAt, now: tx.now() });
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

/** The address, unless no answer of ours may go there. */
async function answerableAddress(tx: StoreTx, accountKey: number, email: string | null): Promise<string | null> {
  return email !== null && isAnswerable(email, await comesBack(tx, accountKey, email)) ? email : null;
}

async function setWait(tx: StoreTx, key: number, { dueAt, nextAttemptAt, reason }: Waiting): Promise<void> {
  await tx.update('delivery', key, { due_at: dueAt, next_attempt_at: nextAttemptAt, reason });
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
    `update delivery set state = 'waiting', reason = 'suspended', next_attempt_at = null
     where ${OF_CONTACT} and ${UNFINISHED} and state <> 'leased' and reason is distinct from 'no_address'`,
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
    await tx.update('message', key, { mail_reason: reason });
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

/** Is mailing to the contact behind a participant suspended? */
async function isSuspended(tx: StoreTx, { contact_key }: ParticipantRow): Promise<boolean> {
  if (contact_key === null) return false;
  return (await tx.get('select 1 from contact where key = $1 and suspended_at is not null', contact_key)) !== undefined;
}
