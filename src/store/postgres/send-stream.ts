/**
 * Writes what was emitted (`store/stream.ts`) with the commit behind it in the same round trip: whoever has taken keys from
 * the sequencer lets all others wait until he commits, so nothing of this node may come between. The database counts the
 * keys itself.
 */
import { keysTaken, type Stream, TAKE_KEYS } from '../stream.js';
import type { StoreTx } from '../tx.js';
import type { Connection } from './connection.js';

const EVENTS = `insert into event (key, account_key, conversation_key, seq, type, message_key, data, created_at)
  select sequencer.v - $1 + at, account_key, conversation_key, seq, type, message_key, data, created_at
  from sequencer, unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::bigint[], $7::text[], $8::bigint[])
    with ordinality as given(account_key, conversation_key, seq, type, message_key, data, created_at, at)`;

/** $1 and $2: how many keys before the last one were taken, and events. The first key is the first odd one. */
const WEBHOOKS = `insert into delivery (key, event_key, kind, destination, order_key, account_key, conversation_key,
    recipient, state, next_attempt_at, created_at)
  select sequencer.v - $1 - 1 + (sequencer.v - $1) % 2 + 2 * at, sequencer.v - $2 + event, kind, destination, order_key,
    account_key, conversation_key, recipient, state, next_attempt_at, created_at
  from sequencer, unnest($3::bigint[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[], $9::text[],
      $10::text[], $11::bigint[], $12::bigint[])
    with ordinality as given(event, kind, destination, order_key, account_key, conversation_key, recipient, state,
      next_attempt_at, created_at, at)`;

/** Sends it. Resolves with the last key that was taken when the database has answered; a fault ends the transaction. */
export async function sendStream(connection: Connection, tx: StoreTx, stream: Stream): Promise<number> {
  const { count, events, webhooks } = stream;
  const column = <Row, Name extends keyof Row>(rows: readonly Row[], name: Name) => rows.map(row => row[name]);
  const taken = connection.query(TAKE_KEYS, keysTaken(tx, stream));
  const written = connection.query(EVENTS, [
    events.length,
    column(events, 'account_key'),
    column(events, 'conversation_key'),
    column(events, 'seq'),
    column(events, 'type'),
    column(events, 'message_key'),
    column(events, 'data'),
    column(events, 'created_at'),
  ]);
  const told = webhooks.map(webhook => webhook.row);
  const waiting =
    told.length > 0 &&
    connection.query(WEBHOOKS, [
      count,
      events.length,
      webhooks.map(webhook => webhook.event + 1),
      column(told, 'kind'),
      column(told, 'destination'),
      column(told, 'order_key'),
      column(told, 'account_key'),
      column(told, 'conversation_key'),
      column(told, 'recipient'),
      column(told, 'state'),
      column(told, 'next_attempt_at'),
      column(told, 'created_at'),
    ]);
  const [{ rows }] = await Promise.all([taken, written, waiting]);
  return (rows[0] as { readonly v: number }).v;
}
