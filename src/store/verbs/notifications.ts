/**
 * Mails to agents: deliveries of the one queue that belong to no conversation. Each is for itself and is composed before it
 * is queued. A link to sign in stands in it, so its bytes go as soon as it is settled.
 */
import { ReplydError } from '../../base/errors.js';
import { signInOrder } from '../../conversation/rules/delivery.js';
import { blobKey, NOTHING, rawKey, removeBlobIfUnused } from '../blobs/blobs.js';
import { encodeId, keyOf } from '../ids.js';
import { type DeliveryRow, SMARTHOST } from '../rows.js';
import { mailDeliveryKey } from '../stream.js';
import type { StoreTx, Verb } from '../tx.js';
import { noAgent } from '../views/agents.js';
import { accountBySlug } from './accounts.js';
import { memberNamed } from './assignees.js';

const HOUR = 3_600_000;
/** To an agent in an hour: whoever may add agents could fill a stranger's mailbox. */
const MOST_IN_HOUR = 10;

export const notifyAgent: Verb<'notifyAgent'> = async (tx, mail) => {
  const account = await accountBySlug(tx, mail.account);
  const agent = await memberNamed(tx, account.key, mail.agent);
  if (agent === undefined) throw noAgent(mail.agent);
  const now = tx.now();
  await refuseMailedOften(tx, agent.key);
  const mailKey = keyOf('mail', mail.mailId);
  await tx.insert('outgoing_mail', {
    key: mailKey,
    conversation_key: null,
    message_id: mail.messageId,
    blob_key: await rawKey(tx, mail.raw),
    created_at: now,
  });
  const key = mailDeliveryKey(tx);
  await tx.insert('delivery', {
    key,
    kind: 'mail',
    destination: SMARTHOST,
    order_key: signInOrder(key),
    account_key: account.key,
    outgoing_mail_key: mailKey,
    agent_key: agent.key,
    recipient: agent.email,
    recipient_name: agent.name,
    envelope_sender: mail.mailFrom,
    state: 'waiting',
    next_attempt_at: now,
    due_at: now,
    created_at: now,
  });
  return encodeId('delivery', key);
};

/** Throws too_many_requests when he was mailed too often in the last hour. */
export async function refuseMailedOften(tx: StoreTx, key: number): Promise<void> {
  const lately = 'select count(*) from delivery where agent_key = $1 and conversation_key is null and created_at > $2';
  if ((await tx.value<number>(lately, key, tx.now() - HOUR))! < MOST_IN_HOUR) return;
  throw new ReplydError('too_many_requests', `he was mailed ${MOST_IN_HOUR} times within an hour`, {
    details: { retry_after: HOUR / 1000 },
  });
}

/** It is settled: nobody needs its bytes any more. */
export async function forgetNotification(
  tx: StoreTx,
  row: Pick<DeliveryRow, 'agent_key' | 'outgoing_mail_key'>,
): Promise<void> {
  if (row.agent_key === null || row.outgoing_mail_key === null) return;
  const text = 'select blob_key from outgoing_mail where key = $1 and raw_gone_at is null';
  const blob = await tx.value<number>(text, row.outgoing_mail_key);
  if (blob === undefined) return;
  await tx.update('outgoing_mail', row.outgoing_mail_key, {
    blob_key: await blobKey(tx, NOTHING),
    raw_gone_at: tx.now(),
  });
  await removeBlobIfUnused(tx, blob);
}
