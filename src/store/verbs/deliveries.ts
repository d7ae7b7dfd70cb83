/**
 * Deliveries: leased, settled, listed, changed by operators. `rules/delivery.ts` says in which order they go and what
 * becomes of them. A lease is one statement: it takes only composed deliveries that are the first of their order key.
 */

import { ReplydError } from '../../base/errors.js';
import type { DeliveryState } from '../../conversation/model.js';
import type { DestinationState, Parcel } from '../../conversation/ports.js';
import { suspendsContact } from '../../conversation/rules/contact.js';
import {
  canCancel,
  isTold,
  maySetPause,
  retried,
  retryRefusal,
  settlementOf,
} from '../../conversation/rules/delivery.js';
import { blobFile } from '../blobs/blobs.js';
import { byId, byKey, newest } from '../by-key.js';
import { encodeId, keyOf } from '../ids.js';
import type { DeliveryRow } from '../rows.js';
import { inTurn, type StoreTx, type Terms, type Verb } from '../tx.js';
import { queuedDeliveryView } from '../views/views.js';
import { accountBySlug } from './accounts.js';
import { type ConversationKeys, emitEvents } from './events.js';
import { hookParcel, noteHookTrouble } from './hooks.js';
import { suspendContact } from './participants.js';
import { rememberAlias } from './thread-ids.js';
import { UNFINISHED, unfinished } from './unfinished.js';

const READY = `d.destination = $1 and (d.outgoing_mail_key is not null or d.kind = 'webhook')
  and ${unfinished('d')} and d.state <> 'leased' and d.next_attempt_at is not null`;

const FIRST_OF_ORDER = `not exists (
  select 1 from delivery older
  where older.order_key = d.order_key and older.key < d.key and ${unfinished('older')}
    and (older.outgoing_mail_key is not null or older.kind = 'webhook'))`;

/** With the words of the index of what is rare, where it has this state. */
function inState(state: DeliveryState): string {
  return state === 'sent' || state === 'cancelled'
    ? 'state = $'
    : "state = $ and state in ('failed', 'deferred', 'waiting', 'leased')";
}

export const voidLeases: Verb<'voidLeases'> = async tx =>
  tx.run(
    `update delivery set state = case when attempts > 0 then 'deferred' else 'waiting' end where state = 'leased' and ${UNFINISHED}`,
  );

export const lease: Verb<'lease'> = async (tx, destination, options) => {
  const rows = await tx.all<DeliveryRow>(
    `update delivery set state = 'leased', attempts = attempts + 1 where key in (
           select d.key from delivery d
           where ${READY} and d.next_attempt_at <= $2 and ${FIRST_OF_ORDER}
           order by d.next_attempt_at, d.key limit $3)
         returning *`,
    destination,
    options.now,
    options.limit,
  );
  rows.sort((a, b) => a.key - b.key);
  return (await inTurn(rows, async row => (await parcel(tx, row)) ?? [])).flat();
};

export const settle: Verb<'settle'> = async (tx, deliveryId, outcome, options) => {
  const row = await byId(tx, 'delivery', deliveryId);
  if (row.state !== 'leased') return;
  const { state, error, response, retryAt, failure, suspends } = settlementOf(outcome, options.retryAt);
  await tx.update('delivery', row.key, {
    state,
    reason: null,
    next_attempt_at: retryAt,
    settled_at: state === 'deferred' ? null : options.now,
    last_error: error ?? undefined,
    smtp_response: response ?? undefined,
  });
  if (outcome.kind === 'sent' && outcome.alias && row.conversation_key !== null) {
    await rememberAlias(tx, row.conversation_key, outcome.alias);
  }
  if (failure !== null) await failed(tx, row, failure, suspends);
  else if (state === 'sent') await emitDeliveryChange(tx, row);
};

export const release: Verb<'release'> = async (tx, deliveryIds) => {
  for (const id of deliveryIds) {
    await tx.run(
      `update delivery set attempts = attempts - 1, state = case when attempts > 1 then 'deferred' else 'waiting' end
           where key = $1 and state = 'leased'`,
      keyOf('delivery', id),
    );
  }
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

export const deliveries: Verb<'deliveries'> = async (tx, filter) => {
  const terms: Terms = [
    filter.state === undefined ? null : [inState(filter.state), filter.state],
    filter.account === undefined ? null : ['account_key = $', (await accountBySlug(tx, filter.account)).key],
    filter.conversation === undefined ? null : ['conversation_key = $', keyOf('conversation', filter.conversation)],
    filter.before === undefined ? null : ['key < $', keyOf('delivery', filter.before)],
  ];
  const rows = await newest(tx, 'delivery', { terms, limit: filter.limit });
  return inTurn(rows, row => queuedDeliveryView(tx, row));
};

export const delivery: Verb<'delivery'> = async (tx, id) => queuedDeliveryView(tx, await byId(tx, 'delivery', id));

export const retryDeliveries: Verb<'retryDeliveries'> = async (tx, which) => {
  const rows =
    'id' in which
      ? [await byId(tx, 'delivery', which.id)]
      : await tx.all<DeliveryRow>(
          `select * from delivery where ${inState(which.state).replace('$', '$1')} order by key`,
          which.state,
        );
  const changed: number[] = [];
  for (const row of rows) {
    const refusal = retryRefusal({
      state: row.state,
      reason: row.reason,
      kept: row.kind === 'webhook' || row.outgoing_mail_key === null || (await stillComposed(tx, row)),
    });
    if (refusal !== null) {
      if ('id' in which) throw retryError(refusal, row);
      continue;
    }
    const { state, attempts } = retried(row);
    await tx.update('delivery', row.key, {
      state,
      attempts,
      reason: null,
      next_attempt_at: tx.now(),
      settled_at: null,
    });
    changed.push(row.key);
  }
  return inTurn(changed, async key => queuedDeliveryView(tx, (await byKey(tx, 'delivery', key))!));
};

const WHY_NOT_RETRIED = {
  gone: id =>
    `what delivery ${id} would send is no longer kept (retention): write it again with \`conversation reply\``,
  no_address: id => `delivery ${id} waits for an address: \`contact set\` gives it one`,
  suspended: id => `delivery ${id} waits because mailing to this contact is suspended: \`contact clear\` ends that`,
} as const satisfies Record<string, (id: string) => string>;

function retryError(refusal: keyof typeof WHY_NOT_RETRIED | 'state', { key, state }: DeliveryRow): ReplydError {
  const id = encodeId('delivery', key);
  return refusal === 'state'
    ? new ReplydError(
        'delivery_settled',
        `delivery ${id} is ${state}: only what waits, is deferred or failed can be retried`,
      )
    : new ReplydError('delivery_not_possible', WHY_NOT_RETRIED[refusal](id));
}

export const cancelDelivery: Verb<'cancelDelivery'> = async (tx, id) => {
  const row = await byId(tx, 'delivery', id);
  if (!canCancel(row.state)) {
    throw new ReplydError(
      'delivery_settled',
      `delivery ${id} is ${row.state}: only what waits or is deferred can be cancelled`,
    );
  }
  await tx.update('delivery', row.key, {
    state: 'cancelled',
    reason: null,
    next_attempt_at: null,
    settled_at: tx.now(),
  });
  await emitDeliveryChange(tx, row);
  return queuedDeliveryView(tx, (await byKey(tx, 'delivery', row.key))!);
};

/** Are head and body of its mail still there? */
async function stillComposed(tx: StoreTx, row: DeliveryRow): Promise<boolean> {
  const kept = await tx.get(
    'select 1 from outgoing_mail where key = $1 and raw_gone_at is null',
    row.outgoing_mail_key,
  );
  // The copy of a mail for the operator has no head of its own.
  return kept !== undefined && (row.head !== '' || row.conversation_key === null);
}

/** Null for a webhook whose hook was removed meanwhile: it is over. */
async function parcel(tx: StoreTx, row: DeliveryRow): Promise<Parcel | null> {
  if (row.kind === 'webhook') {
    const found = await hookParcel(tx, row);
    if (found === null) await tx.update('delivery', row.key, { state: 'cancelled' });
    return found;
  }
  const mail = (await tx.get<{
    message_id: string;
    sha256: Uint8Array;
    data: Uint8Array | null;
    domain: string | null;
    selector: string;
    private_key: string;
  }>(
    `select o.message_id, b.sha256, b.data, k.domain, k.selector, k.private_key
      from outgoing_mail o join blob b on b.key = o.blob_key left join account a on a.key = $2
        left join dkim_key k on k.state = 'signs' and a.support_email like '%@' || k.domain
      where o.key = $1`,
    row.outgoing_mail_key,
    row.account_key,
  ))!;
  return {
    kind: 'mail',
    deliveryId: encodeId('delivery', row.key),
    attempt: row.attempts,
    mailFrom: row.envelope_sender ?? '',
    rcptTo: row.recipient,
    head: row.head,
    content:
      mail.data === null
        ? { file: blobFile(tx.dataDir, Buffer.from(mail.sha256).toString('hex')) }
        : { bytes: mail.data },
    messageId: `<${mail.message_id}>`,
    signature:
      mail.domain === null ? null : { domain: mail.domain, selector: mail.selector, privateKey: mail.private_key },
  };
}

/** The event of a mail that did not arrive; `suspend`: its recipient's address is dead. */
export async function failed(tx: StoreTx, row: DeliveryRow, reason: string, suspend: boolean): Promise<void> {
  const conversation = toldConversation(row);
  if (conversation === null) return;
  const suspended = suspend && (await suspendOwner(tx, row, reason));
  const [message] = await messagesOf(tx, row);
  await emitEvents(tx, conversation, [
    {
      type: 'delivery.failed',
      data: { delivery_id: encodeId('delivery', row.key), recipient: row.recipient, reason },
      ...(message === undefined ? {} : { messageKey: message }),
    },
    ...(suspended ? [{ type: 'contact.suspended' as const, data: { reason } }] : []),
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
