/**
 * Deliveries that wait: one in state `waiting` without an outgoing mail gathers messages of its conversation for one
 * recipient. `rules/continuity.ts` says when it is due and what ends its waiting.
 */
import type { MailReason } from '../../conversation/model.js';
import type { ConversationRef } from '../../conversation/ref.js';
import {
  ENDS_WHEN_SEEN,
  firstWait,
  hasRoom,
  type Load,
  sumOf,
  type Waiting,
  waitAfterObstacle,
  waitWithMore,
} from '../../conversation/rules/continuity.js';
import { mailOrder } from '../../conversation/rules/delivery.js';
import { isAnswerable } from '../../conversation/rules/opener.js';
import { newToken } from '../../conversation/token.js';
import { groupedBy } from '../by-key.js';
import { type AccountRow, type DeliveryRow, type ParticipantRow, SMARTHOST } from '../rows.js';
import { mailDeliveryKey } from '../stream.js';
import { ALL, type StoreTx } from '../tx.js';
import { conversationRow } from './conversation-row.js';
import { emitEvents } from './events.js';
import { comesBack } from './ours.js';
import { UNFINISHED } from './unfinished.js';

/** Somebody whom words are to be mailed to. `dueAt`: when, in milliseconds. */
export interface Recipient {
  readonly participant: ParticipantRow;
  readonly role: 'to' | 'cc';
  readonly dueAt: number;
}

/** `isSuspended`: mailing to its contact is. */
interface ConversationOfMail {
  readonly key: number;
  readonly account_key: number;
  readonly account: Pick<AccountRow, 'support_email'>;
  readonly isSuspended: boolean;
}

/**
 * Ties a message to the delivery that waits for this recipient's mail. A new one is made when none waits, or when its mail
 * has no room for the message (`hasRoom`): an account may let any number of answers wait.
 */
export async function gather(
  tx: StoreTx,
  conversation: ConversationOfMail,
  message: { readonly key: number; readonly load: Load },
  to: Recipient,
): Promise<void> {
  const last = await tx.get<DeliveryRow>(
    `select * from delivery where order_key = $1 and state = 'waiting' and ${UNFINISHED} and outgoing_mail_key is null
     order by key desc limit 1`,
    mailOrder(conversation.key, to.participant.key),
  );
  const joins =
    last !== undefined && hasRoom(sumOf((await loadsOf(tx, [last.key]))(last.key)), message.load, tx.rules.maxSize);
  const deliveryKey = joins ? last.key : await newDelivery(tx, conversation, to);
  await tx.insert('delivery_message', { delivery_key: deliveryKey, message_key: message.key }, { known: 'kept' });
  if (!joins) return;
  const before = {
    dueAt: last.due_at ?? last.next_attempt_at ?? 0,
    nextAttemptAt: last.next_attempt_at,
    reason: last.reason as Waiting['reason'],
  };
  const wait = waitWithMore(before, { dueAt: to.dueAt, now: tx.now() });
  if (wait !== before) await setWait(tx, last.key, wait);
}

type Gathered = Load & { readonly key: number; readonly seq: number };

/** What each of these deliveries gathered, oldest first. One statement, none for no delivery. */
export async function loadsOf(
  tx: StoreTx,
  deliveryKeys: readonly number[],
): Promise<(deliveryKey: number) => readonly Gathered[]> {
  if (deliveryKeys.length === 0) return () => [];
  const rows = await tx.all<{
    delivery_key: number;
    key: number;
    seq: number;
    text_bytes: number;
    attachment_bytes: number;
  }>(
    `select dm.delivery_key, m.key, m.seq, octet_length(m.text) as text_bytes,
       (select cast(coalesce(sum(b.size), 0) as bigint) from attachment a join blob b on b.key = a.blob_key
        where a.message_key = m.key) as attachment_bytes
     from delivery_message dm join message m on m.key = dm.message_key
     where dm.delivery_key = any($1) order by dm.delivery_key, m.seq`,
    deliveryKeys,
  );
  const gathered = rows.map(row => ({
    delivery: row.delivery_key,
    key: row.key,
    seq: row.seq,
    messages: 1,
    textBytes: row.text_bytes,
    attachmentBytes: row.attachment_bytes,
  }));
  return groupedBy(gathered, each => each.delivery);
}

async function newDelivery(
  tx: StoreTx,
  conversation: ConversationOfMail,
  { participant, role, dueAt }: Recipient,
): Promise<number> {
  const suspended = participant.contact_key !== null && conversation.isSuspended;
  const email = await answerableAddress(tx, conversation.account, participant.email);
  const wait = firstWait({ email, suspended }, { dueAt, now: tx.now() });
  const key = mailDeliveryKey(tx);
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
async function answerableAddress(
  tx: StoreTx,
  account: ConversationOfMail['account'],
  email: string | null,
): Promise<string | null> {
  return email !== null && isAnswerable(email, await comesBack(tx, account, email)) ? email : null;
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
     where kind = 'mail' and ${OF_CONTACT} and ${UNFINISHED} and state <> 'leased' and reason is distinct from 'no_address'`,
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

const UNCOMPOSED = `d.conversation_key = $1 and d.kind = 'mail' and d.state = 'waiting' and d.outgoing_mail_key is null`;
const SEEN_ENDS = `select m.key, octet_length(m.text) as size from delivery d
    join delivery_message dm on dm.delivery_key = d.key join message m on m.key = dm.message_key
  where ${UNCOMPOSED} and m.mail_intent in (${ENDS_WHEN_SEEN.map(intent => `'${intent}'`).join(', ')}) and m.received_at < $2`;

/** Messages that a transaction may take from their mails, and bytes of their text, which are written once more. */
const DROPPED_AT_ONCE = 100;
const BYTES_AT_ONCE = 4 * 1024 * 1024;

/**
 * The contact saw it, or answered in the channel: messages that wait under the continuity rules are not mailed, and say
 * why. What an agent sent with `now` still goes. Of very many a bounded piece: `dropWaitingPart` goes on. Returns the keys
 * of the messages.
 */
export async function dropWaiting(
  tx: StoreTx,
  conversationKey: number,
  { reason, before = ALL }: { readonly reason: MailReason; readonly before?: number },
): Promise<readonly number[]> {
  const waiting = await tx.all<{ key: number; size: number }>(
    `${SEEN_ENDS} order by d.key, m.key limit ${DROPPED_AT_ONCE}`,
    conversationKey,
    before,
  );
  const dropped = new Set<number>();
  let bytes = 0;
  for (const { key, size } of waiting) {
    bytes += size;
    if (dropped.size === 0 || bytes <= BYTES_AT_ONCE) dropped.add(key);
  }
  for (const key of dropped) {
    await tx.update('message', key, { mail_reason: reason });
    await tx.run(
      `delete from delivery_message where message_key = $2
         and exists (select 1 from delivery d where d.key = delivery_key and ${UNCOMPOSED})`,
      conversationKey,
      key,
    );
  }
  if (dropped.size > 0) {
    await tx.run(
      `delete from delivery where key in (select d.key from delivery d where ${UNCOMPOSED})
         and not exists (select 1 from delivery_message where delivery_key = delivery.key)`,
      conversationKey,
    );
  }
  return [...dropped];
}

/** Of messages that came before this moment: whether more wait than a transaction took. */
export async function dropsMore(tx: StoreTx, ref: ConversationRef, before: number): Promise<boolean> {
  const { key } = await conversationRow(tx, ref);
  return (await tx.get(`${SEEN_ENDS} limit 1`, key, before)) !== undefined;
}

export async function dropWaitingPart(
  tx: StoreTx,
  ref: ConversationRef,
  what: { readonly reason: MailReason; readonly before: number },
): Promise<void> {
  const conversation = await conversationRow(tx, ref);
  const dropped = await dropWaiting(tx, conversation.key, what);
  await emitEvents(
    tx,
    conversation,
    dropped.map(messageKey => ({ type: 'message.updated', messageKey })),
  );
}
