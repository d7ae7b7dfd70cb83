/**
 * The queue as operators see it: deliveries listed, tried again now, cancelled. `rules/delivery.ts` says what may be done
 * to which; what may not throws delivery_settled or delivery_not_possible.
 */
import { ReplydError } from '../../base/errors.js';
import type { DeliveryState } from '../../conversation/model.js';
import { canCancel, retried, retryRefusal } from '../../conversation/rules/delivery.js';
import { byId, newest } from '../by-key.js';
import { encodeId, keyOf } from '../ids.js';
import { type DeliveryRow, NOTICES } from '../rows.js';
import { allOf, inTurn, type StoreTx, type Terms, type Verb } from '../tx.js';
import { queuedDeliveryView, queuedDeliveryViews } from '../views/deliveries.js';
import { accountBySlug } from './accounts.js';
import { emitDeliveryChange } from './deliveries.js';
import { forgetNotification } from './notifications.js';

/** Rows a transaction may change before it lets others in. */
const BATCH = 500;

/** With the words of the index of what is rare, where it has this state. */
function inState(state: DeliveryState): string {
  return state === 'sent' || state === 'cancelled'
    ? 'state = $'
    : "state = $ and state in ('failed', 'deferred', 'waiting', 'leased')";
}

export const deliveries: Verb<'deliveries'> = async (tx, filter) => {
  const terms: Terms = [
    filter.state === undefined ? null : [inState(filter.state), filter.state],
    filter.account === undefined ? null : ['account_key = $', (await accountBySlug(tx, filter.account)).key],
    filter.conversation === undefined ? null : ['conversation_key = $', keyOf('conversation', filter.conversation)],
    filter.hook === undefined ? null : ['destination = $', encodeId('hook', (await byId(tx, 'hook', filter.hook)).key)],
    filter.before === undefined ? null : ['key < $', keyOf('delivery', filter.before)],
  ];
  const rows = await newest(tx, 'delivery', { terms, limit: filter.limit });
  return queuedDeliveryViews(
    tx,
    rows.map(row => row.key),
  );
};

export const delivery: Verb<'delivery'> = async (tx, id) => {
  const { key } = await byId(tx, 'delivery', id);
  return queuedDeliveryView(tx, key);
};

export const retryDelivery: Verb<'retryDelivery'> = async (tx, id) => {
  const row = await byId(tx, 'delivery', id);
  const refusal = await retry(tx, row);
  if (refusal !== null) throw retryError(refusal, row);
  return queuedDeliveryView(tx, row.key);
};

export interface RetriedPart {
  readonly state: DeliveryState;
  readonly after: string | null;
}

/** The oldest of those in a state, behind the delivery `after`. */
export async function nextRetried(tx: StoreTx, { state, after }: RetriedPart): Promise<readonly DeliveryRow[]> {
  const { where, values } = allOf([
    [inState(state), state],
    ['key > $', after === null ? -1 : keyOf('delivery', after)],
  ]);
  return tx.all<DeliveryRow>(`select * from delivery ${where} order by key limit ${BATCH}`, ...values);
}

/** A bounded piece of those in a state, the oldest first, behind the delivery `after`; `next` null: it was the last. */
export async function retryDeliveriesPart(
  tx: StoreTx,
  part: RetriedPart,
): Promise<{ readonly retried: number; readonly next: string | null }> {
  const rows = await nextRetried(tx, part);
  const refusals = await inTurn(rows, row => retry(tx, row));
  const retried = refusals.filter(refusal => refusal === null).length;
  return { retried, next: rows.length < BATCH ? null : encodeId('delivery', rows.at(-1)!.key) };
}

/** Null: it is due now. Else why it can't be. */
async function retry(tx: StoreTx, row: DeliveryRow): Promise<ReturnType<typeof retryRefusal>> {
  const { state, reason } = row;
  const kept = row.kind === 'webhook' || row.outgoing_mail_key === null || (await stillComposed(tx, row));
  const refusal = retryRefusal({ state, reason, kept });
  if (refusal === null && row.destination === NOTICES) await tx.update('delivery', row.key, { due_at: tx.now() });
  else if (refusal === null) {
    await tx.update('delivery', row.key, {
      ...retried(row),
      reason: null,
      next_attempt_at: tx.now(),
      settled_at: null,
    });
  }
  return refusal;
}

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
  await forgetNotification(tx, row);
  await emitDeliveryChange(tx, row);
  return queuedDeliveryView(tx, row.key);
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
