/**
 * The operator's copies of mail for postmaster and abuse: a delivery that belongs to no conversation, queued in the
 * transaction that keeps the mail, composed and sent like all others. `rules/relay.ts` says when none is sent.
 */

import type { FiledReading, Filing } from '../../conversation/filing.js';
import { operatorOrder } from '../../conversation/rules/delivery.js';
import { keptFor, reasonNotToRelay } from '../../conversation/rules/relay.js';
import { splitAddress } from '../../mail/address.js';
import { blobKey, blobRef } from '../blobs/blobs.js';
import { decodeId, encodeId, keyOf } from '../ids.js';
import type { MailRow } from '../rows.js';
import { SMARTHOST } from '../rows.js';
import { mailDeliveryKey } from '../stream.js';
import { fromJson, inTurn, type StoreTx, type Verb } from '../tx.js';

const HOUR = 3_600_000;

/** Queues the copy of a kept mail. Returns why none is sent, null when one is or nobody wants one. */
export async function forwardToOperator(
  tx: StoreTx,
  mailKey: number,
  reading: FiledReading | null,
): Promise<string | null> {
  const operator = tx.rules.operator ?? null;
  if (operator === null) return null;
  const now = tx.now();
  const sentInLastHour = (await tx.value<number>(
    'select count(*) from delivery where forwarded_mail_key is not null and created_at > $1',
    now - HOUR,
  ))!;
  const reason = reasonNotToRelay({ reading, operator, sentInLastHour });
  if (reason !== null) return reason;
  await tx.insert('delivery', {
    key: mailDeliveryKey(tx),
    kind: 'mail',
    destination: SMARTHOST,
    order_key: operatorOrder(mailKey),
    recipient: operator,
    state: 'waiting',
    next_attempt_at: now,
    due_at: now,
    created_at: now,
    forwarded_mail_key: mailKey,
  });
  return null;
}

/** The same bytes to the same addresses, kept before. */
export async function keptBefore(tx: StoreTx, filing: Pick<Filing, 'raw' | 'envelope'>): Promise<number | undefined> {
  return tx.value<number>(
    `select m.key from blob b join mail m on m.blob_key = b.key
     where b.sha256 = $1 and b.shared = 1 and m.state = 'kept' and m.rcpt_to = $2 limit 1`,
    Buffer.from(filing.raw.sha256, 'hex'),
    JSON.stringify(filing.envelope.rcptTo),
  );
}

export const dueForwards: Verb<'dueForwards'> = async (tx, options) =>
  await inTurn(
    await tx.all<MailRow & { delivery_key: number; recipient: string }>(
      `select m.*, d.key as delivery_key, d.recipient from delivery d join mail m on m.key = d.forwarded_mail_key
           where d.destination = $1 and d.kind = 'mail' and d.state = 'waiting' and d.outgoing_mail_key is null
             and d.forwarded_mail_key is not null and d.next_attempt_at <= $2
           order by d.next_attempt_at limit $3`,
      SMARTHOST,
      options.now,
      options.limit,
    ),
    async row => ({
      deliveryId: encodeId('delivery', row.delivery_key),
      mailId: encodeId('mail', row.key),
      mailFrom: row.mail_from,
      addressee: await addresseeOf(tx, row),
      operator: row.recipient,
      raw: await blobRef(tx, row.blob_key),
    }),
  );

export const saveForward: Verb<'saveForward'> = async (tx, composed) => {
  const key = keyOf('delivery', composed.deliveryId);
  const waits = await tx.get(
    `select 1 from delivery where key = $1 and state = 'waiting' and outgoing_mail_key is null`,
    key,
  );
  if (!waits) return false;
  const mailKey = decodeId('mail', composed.mailId)!;
  await tx.insert('outgoing_mail', {
    key: mailKey,
    conversation_key: null,
    message_id: composed.messageId,
    blob_key: await blobKey(tx, composed.raw),
    created_at: tx.now(),
  });
  await tx.update('delivery', key, { outgoing_mail_key: mailKey, envelope_sender: '' });
  return true;
};

/** A full address: a bare `postmaster` gets a domain of ours. */
async function addresseeOf(tx: StoreTx, row: MailRow): Promise<string> {
  const found = keptFor(fromJson(row.rcpt_to));
  if (splitAddress(found) !== null) return found;
  const domain = (await tx.value<string>('select name from domain order by position, name limit 1')) ?? 'localhost';
  return `${found}@${domain}`;
}
