/** Deliveries as they are shown: beside the message that they carry, and as entries of the queue. */
import type { Delivery, QueuedDelivery } from '../../conversation/model.js';
import { shownWait, waitsForTurn } from '../../conversation/rules/delivery.js';
import { groupedBy } from '../by-key.js';
import { encodeId } from '../ids.js';
import type { DeliveryRow } from '../rows.js';
import { type StoreTx, toIso } from '../tx.js';

/** A delivery as far as it is shown, with the pause of its destination. */
type ShownDelivery = Pick<
  DeliveryRow,
  'key' | 'recipient' | 'state' | 'reason' | 'attempts' | 'next_attempt_at' | 'last_error' | 'smtp_response' | 'report'
> & {
  /** The destination; null: it is not paused. */
  readonly paused: string | null;
  readonly pause_reason: string | null;
  readonly next_probe_at: number | null;
};

const SHOWN = `d.key, d.recipient, d.state, d.reason, d.attempts, d.next_attempt_at, d.last_error, d.smtp_response, d.report,
  pause.name as paused, pause.reason as pause_reason, pause.next_probe_at`;
const WITH_PAUSE = 'left join destination pause on pause.name = d.destination and pause.paused is not null';

const DELIVERIES = `select dm.message_key, ${SHOWN}
  from delivery_message dm join delivery d on d.key = dm.delivery_key ${WITH_PAUSE}
  where dm.message_key = any($1) and d.kind = 'mail' order by dm.message_key, d.key`;

const QUEUED = `select ${SHOWN}, d.kind, d.agent_key, d.conversation_key, d.created_at, d.settled_at, a.slug, e.message_key
  from delivery d left join account a on a.key = d.account_key left join event e on e.key = d.event_key ${WITH_PAUSE}
  where d.key = any($1)`;

/** What is kept back by a pause of its destination shows the pause. */
function deliveryShape(row: ShownDelivery): Delivery {
  const pause = row.paused !== null && waitsForTurn(row) ? row : null;
  const { reason, nextAttemptAt } = shownWait(
    { state: row.state, reason: row.reason, nextAttemptAt: row.next_attempt_at },
    pause && { nextProbeAt: pause.next_probe_at },
  );
  return {
    id: encodeId('delivery', row.key),
    recipient: row.recipient,
    state: row.state,
    reason,
    attempts: row.attempts,
    next_attempt_at: toIso(nextAttemptAt),
    last_error: row.last_error ?? pause?.pause_reason ?? null,
    smtp_response: row.smtp_response,
    report: row.report,
  };
}

/** One statement, none for no message: the deliveries that carry each as mail. */
export async function mailsOfMessages(
  tx: StoreTx,
  keys: readonly number[],
): Promise<(messageKey: number) => readonly Delivery[]> {
  const rows = keys.length === 0 ? [] : await tx.all<ShownDelivery & { message_key: number }>(DELIVERIES, keys);
  const deliveriesOf = groupedBy(rows, delivery => delivery.message_key);
  return key => deliveriesOf(key).map(deliveryShape);
}

export async function queuedDeliveryView(tx: StoreTx, key: number): Promise<QueuedDelivery> {
  return (await queuedDeliveryViews(tx, [key]))[0]!;
}

/** Two statements: with what stands around them, and their messages. */
export async function queuedDeliveryViews(tx: StoreTx, keys: readonly number[]): Promise<readonly QueuedDelivery[]> {
  if (keys.length === 0) return [];
  const rows = await tx.all<
    ShownDelivery &
      Pick<DeliveryRow, 'kind' | 'conversation_key' | 'created_at' | 'settled_at' | 'agent_key'> & {
        readonly slug: string | null;
        /** Of the event that a webhook tells. */
        readonly message_key: number | null;
      }
  >(QUEUED, keys);
  const messagesOf = groupedBy(
    await tx.all<{ delivery_key: number; message_key: number }>(
      `select delivery_key, message_key from delivery_message where delivery_key = any($1)
       order by delivery_key, message_key`,
      keys,
    ),
    each => each.delivery_key,
  );
  const byKey = new Map(rows.map(row => [row.key, row]));
  return keys.flatMap(key => {
    const row = byKey.get(key);
    if (row === undefined) return [];
    const messages = messagesOf(key).map(each => each.message_key);
    if (row.message_key !== null) messages.push(row.message_key);
    return {
      ...deliveryShape(row),
      kind: row.agent_key === null ? row.kind : 'notification',
      account: row.slug ?? '',
      conversation_id: row.conversation_key === null ? null : encodeId('conversation', row.conversation_key),
      message_ids: messages.map(message => encodeId('message', message)),
      created_at: toIso(row.created_at),
      settled_at: toIso(row.settled_at),
    };
  });
}
