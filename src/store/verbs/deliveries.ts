/**
 * Deliveries on their way: leased, settled, held by a pause of their destination. `rules/delivery.ts` says in which order
 * they go and what becomes of them. A lease is one statement: it takes only composed deliveries that are the first of their
 * order key.
 */
import type { DestinationState, Parcel } from '../../conversation/ports.js';
import { suspendsContact } from '../../conversation/rules/contact.js';
import { isTold, maySetPause, settlementOf } from '../../conversation/rules/delivery.js';
import { byId, byKey } from '../by-key.js';
import { decodeId, encodeId, keyOf } from '../ids.js';
import type { DeliveryRow } from '../rows.js';
import type { StoreTx, Verb } from '../tx.js';
import { CC_CHANGED, endCarrying } from './cc-rows.js';
import { type ConversationKeys, emitEvents } from './events.js';
import { suspendAgent } from './followers.js';
import { hookParcels, noteHookTrouble } from './hooks.js';
import { endLeases, isAlive } from './nodes.js';
import { forgetNotification } from './notifications.js';
import { suspendContact } from './participants.js';
import { rememberAlias } from './thread-ids.js';
import { UNFINISHED, unfinished } from './unfinished.js';

const READY = `d.destination = $1 and (d.outgoing_mail_key is not null or d.kind = 'webhook')
  and ${unfinished('d')} and d.state <> 'leased' and d.next_attempt_at is not null`;

const FIRST_OF_ORDER = `not exists (
  select 1 from delivery older
  where older.order_key = d.order_key and older.key < d.key and ${unfinished('older')}
    and (older.outgoing_mail_key is not null or older.kind = 'webhook'))`;

export const voidLeases: Verb<'voidLeases'> = async tx =>
  tx.node === null ? endLeases(tx, 'true') : endLeases(tx, 'leased_by = $1', tx.node.place);

export const voidLost: Verb<'voidLost'> = async (tx, name, held) => {
  const keys = held.map(({ deliveryId }) => keyOf('delivery', deliveryId));
  const lost = 'destination = $1 and not (key = any($2))';
  return tx.node === null
    ? endLeases(tx, lost, name, keys)
    : endLeases(tx, `${lost} and leased_by = $3`, name, keys, tx.node.place);
};

export const lease: Verb<'lease'> = async (tx, destination, options) => {
  if (!(await isAlive(tx))) return [];
  const rows = await tx.all<DeliveryRow>(
    `update delivery set state = 'leased', attempts = attempts + 1, fence = fence + 1, leased_by = $4 where key in (
           select d.key from delivery d
           where ${READY} and d.next_attempt_at <= $2 and ${FIRST_OF_ORDER}
           order by d.next_attempt_at, d.key limit $3)
           and state <> 'leased' and next_attempt_at <= $2 and ${UNFINISHED}
         returning *`,
    destination,
    options.now,
    options.limit,
    tx.node?.place ?? null,
  );
  rows.sort((a, b) => a.key - b.key);
  const [mails, webhooks] = [rows.filter(row => row.kind !== 'webhook'), rows.filter(row => row.kind === 'webhook')];
  const parcels = [
    ...(mails.length === 0 ? [] : await mailParcels(tx, mails)),
    ...(webhooks.length === 0 ? [] : await hookParcels(tx, webhooks)),
  ];
  // What a webhook would tell is gone, or nobody wants it any more: it is over.
  const told = new Set(parcels.map(parcel => parcel.deliveryId));
  const over = webhooks.map(row => row.key).filter(key => !told.has(encodeId('delivery', key)));
  if (over.length > 0) await tx.run("update delivery set state = 'cancelled' where key = any($1)", over);
  return parcels;
};

export const settle: Verb<'settle'> = async (tx, deliveryId, outcome, options) => {
  const key = keyOf('delivery', deliveryId);
  const { state, error, response, retryAt, failure, suspends } = settlementOf(outcome, options.retryAt);
  const row = await tx.get<DeliveryRow>(
    `update delivery set state = $1, reason = null, next_attempt_at = $2, settled_at = $3,
       last_error = coalesce($4, last_error), smtp_response = coalesce($5, smtp_response)
     where key = $6 and state = 'leased' and fence = coalesce($7, fence) returning *`,
    state,
    retryAt,
    state === 'deferred' ? null : options.now,
    error,
    response,
    key,
    options.lease ?? null,
  );
  if (row === undefined) {
    // Another's now, or nobody knows it; or this was settled so before, and the answer was lost. When a lease only ended
    // its next attempt is not this one.
    const found = await byId(tx, 'delivery', deliveryId);
    return (
      found.fence === options.lease &&
      found.state === state &&
      found.next_attempt_at === retryAt &&
      found.settled_at === (state === 'deferred' ? null : options.now)
    );
  }
  if (state !== 'deferred') await forgetNotification(tx, row);
  if (outcome.kind === 'sent' && outcome.alias && row.conversation_key !== null) {
    await rememberAlias(tx, row.conversation_key, outcome.alias);
  }
  if (failure !== null) await failed(tx, row, failure, suspends);
  else if (state === 'sent') await emitDeliveryChange(tx, row);
  return true;
};

export const release: Verb<'release'> = async (tx, parcels) => {
  const keys = parcels.map(parcel => keyOf('delivery', parcel.deliveryId));
  await tx.run(
    `update delivery set attempts = attempts - 1, state = case when attempts > 1 then 'deferred' else 'waiting' end
     where key = any($1) and state = 'leased' and key || ':' || fence = any($2)`,
    keys,
    parcels.map(({ lease }, index) => `${keys[index]}:${lease}`),
  );
};

export const nextDueAt: Verb<'nextDueAt'> = async (tx, destination) =>
  (await tx.value<number>(
    `select min(d.next_attempt_at) from delivery d where ${READY} and ${FIRST_OF_ORDER}`,
    destination,
  )) ?? null;

export const destination: Verb<'destination'> = async (tx, name) => {
  const row = await tx.get<{
    paused: DestinationState['paused'];
    reason: string | null;
    next_probe_at: number | null;
    failures: number;
  }>('select * from destination where name = $1', name);
  return {
    name,
    paused: row?.paused ?? null,
    reason: row?.reason ?? null,
    nextProbeAt: row?.next_probe_at ?? null,
    failures: row?.failures ?? 0,
  };
};

export const setDestination: Verb<'setDestination'> = async (tx, state, by) => {
  const paused = await tx.value<DestinationState['paused']>(
    'select paused from destination where name = $1',
    state.name,
  );
  if (!maySetPause(by, paused ?? null)) return;
  // An attempt that was on its way when its hook was removed.
  const hookKey = decodeId('hook', state.name);
  if (hookKey !== null && (await byKey(tx, 'hook', hookKey)) === undefined) return;
  await tx.run(
    `insert into destination (name, paused, reason, next_probe_at, failures) values ($1, $2, $3, $4, $5)
         on conflict (name) do update set paused = excluded.paused, reason = excluded.reason,
           next_probe_at = excluded.next_probe_at, failures = excluded.failures`,
    state.name,
    state.paused,
    state.reason,
    state.nextProbeAt,
    state.failures,
  );
  await noteHookTrouble(tx, state.name, state.reason, state.paused === 'trouble');
};

/** The clock was put back by so many milliseconds: waits that were set before end when they were meant to. */
export async function pullForward(tx: StoreTx, by: number): Promise<number> {
  const now = tx.now();
  await tx.run(
    `update destination set next_probe_at = case when next_probe_at - $2 > $1 then next_probe_at - $2 else $1 end
     where next_probe_at > $1`,
    now,
    by,
  );
  return tx.run(
    `update delivery set due_at = due_at - $2,
           next_attempt_at = case when next_attempt_at - $2 > $1 then next_attempt_at - $2
             when next_attempt_at > $1 then $1 else next_attempt_at end
         where ${UNFINISHED} and (next_attempt_at > $1 or due_at > $1)`,
    now,
    by,
  );
}

/** A mail that is leased, with the key that signs for the domain in its From. */
interface MailFacts {
  readonly key: number;
  readonly message_id: string;
  readonly sha256: Uint8Array;
  readonly data: Uint8Array | null;
  /** Null: no key signs. */
  readonly domain: string | null;
  readonly selector: string;
  readonly private_key: string;
}

async function mailParcels(tx: StoreTx, rows: readonly DeliveryRow[]): Promise<readonly Parcel[]> {
  const found = await tx.all<MailFacts>(
    `select d.key, o.message_id, b.sha256, b.data, k.domain, k.selector, k.private_key
     from delivery d join outgoing_mail o on o.key = d.outgoing_mail_key join blob b on b.key = o.blob_key
       left join account a on a.key = d.account_key
       left join dkim_key k on k.state = 'signs'
         and substr(a.support_email, length(a.support_email) - length(k.domain)) = '@' || k.domain
     where d.key = any($1)`,
    rows.map(row => row.key),
  );
  const facts = new Map(found.map(each => [each.key, each]));
  return rows.map(row => {
    const mail = facts.get(row.key)!;
    return {
      kind: row.agent_key === null ? 'mail' : 'notification',
      deliveryId: encodeId('delivery', row.key),
      lease: row.fence,
      attempt: row.attempts,
      mailFrom: row.envelope_sender ?? '',
      rcptTo: row.recipient,
      head: row.head,
      content:
        mail.data === null ? { file: tx.large.file(Buffer.from(mail.sha256).toString('hex')) } : { bytes: mail.data },
      messageId: `<${mail.message_id}>`,
      signature:
        mail.domain === null ? null : { domain: mail.domain, selector: mail.selector, privateKey: mail.private_key },
    };
  });
}

/** The event of a mail that did not arrive; `suspend`: its recipient's address is dead. */
export async function failed(tx: StoreTx, row: DeliveryRow, reason: string, suspend: boolean): Promise<void> {
  if (row.agent_key !== null && row.conversation_key !== null) {
    const conversation = { key: row.conversation_key, account_key: row.account_key! };
    if (suspend) await suspendAgent(tx, row.agent_key, { conversation, reason });
    return;
  }
  const conversation = toldConversation(row);
  if (conversation === null) return;
  const suspended = suspend && (await suspendOwner(tx, row, reason));
  const ended = suspend && row.recipient_role === 'cc' && (await endCarrying(tx, row));
  const [message] = await messagesOf(tx, row);
  await emitEvents(tx, conversation, [
    {
      type: 'delivery.failed',
      data: { delivery_id: encodeId('delivery', row.key), recipient: row.recipient, reason },
      ...(message === undefined ? {} : { messageKey: message }),
    },
    ...(suspended ? [{ type: 'contact.suspended' as const, data: { reason } }] : []),
    ...(ended ? [CC_CHANGED] : []),
  ]);
}

/** True when it is news. */
async function suspendOwner(tx: StoreTx, row: DeliveryRow, reason: string): Promise<boolean> {
  const contact = await tx.get<{ key: number; email: string | null }>(
    'select c.key, c.email from participant p join contact c on c.key = p.contact_key where p.key = $1',
    row.participant_key,
  );
  return contact !== undefined && suspendsContact(contact, row.recipient) && suspendContact(tx, contact.key, reason);
}

/** The conversation whose events tell what becomes of a delivery; null: no event does. */
function toldConversation(row: DeliveryRow): ConversationKeys | null {
  return isTold(row) ? { key: row.conversation_key!, account_key: row.account_key! } : null;
}

async function messagesOf(tx: StoreTx, row: DeliveryRow): Promise<readonly number[]> {
  return (
    await tx.all<{ message_key: number }>(
      'select message_key from delivery_message where delivery_key = $1 order by message_key',
      row.key,
    )
  ).map(each => each.message_key);
}

/** The event that something about a delivery changed, for each message it carries. */
export async function emitDeliveryChange(tx: StoreTx, row: DeliveryRow): Promise<void> {
  const conversation = toldConversation(row);
  if (conversation === null) return;
  const data = { changed: ['deliveries'], delivery_id: encodeId('delivery', row.key) };
  await emitEvents(
    tx,
    conversation,
    (await messagesOf(tx, row)).map(messageKey => ({ type: 'message.updated', messageKey, data })),
  );
}
