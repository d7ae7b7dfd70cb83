/**
 * One mail's way, from the door to its deliveries, put together from the rows that stand there: nothing is written for it
 * and nothing else is kept for it, so what retention cleared away is missing. Steps come in the order of their times.
 */

import type { TraceStep } from '../../conversation/trace-step.js';
import { byId, byKey } from '../by-key.js';
import { decodeId, encodeId } from '../ids.js';
import type { DeliveryRow, EventRow, MailRow, MessageRow } from '../rows.js';
import { fromJson, type StoreTx, toIso } from '../tx.js';
import { slugOf } from './accounts.js';

/** The steps of a mail, message or delivery. Throws not_found. Tokens in addresses are cut. */
export async function trace(tx: StoreTx, id: string): Promise<readonly TraceStep[]> {
  const steps: TraceStep[] = [];
  for await (const step of stepsOf(tx, id)) steps.push(step);
  // The sort is stable. What is not over yet comes last.
  return steps.sort((a, b) => timeOf(a) - timeOf(b));
}

function timeOf({ at }: TraceStep): number {
  return at === null ? Number.MAX_SAFE_INTEGER : Date.parse(at);
}

type Steps = AsyncGenerator<TraceStep, void, undefined>;

async function* stepsOf(tx: StoreTx, id: string): Steps {
  if (decodeId('message', id) !== null) {
    const message = await byId(tx, 'message', id);
    const mail = await byKey(tx, 'mail', message.mail_key);
    yield* mail ? ofMail(tx, mail) : ofMessage(tx, message);
  } else if (decodeId('delivery', id) !== null) {
    yield* ofDelivery(tx, await byId(tx, 'delivery', id));
  } else {
    yield* ofMail(tx, await byId(tx, 'mail', id));
  }
}

async function* ofMail(tx: StoreTx, row: MailRow): Steps {
  const id = encodeId('mail', row.key);
  const at = toIso(row.received_at);
  const client = row.client === null ? '' : ` from ${row.client}`;
  const to = fromJson(row.rcpt_to).map(cutTokens).join(', ');
  const text = `by ${row.door}${client}, ${row.size} bytes, <${cutTokens(row.mail_from)}> to ${to}`;
  yield { at, step: 'received', id, text };
  const reason = row.reason === null ? '' : ` (${row.state}: ${row.reason})`;
  for (const { recipient, verdict } of fromJson(row.results)) {
    yield { at, step: 'answered', id, text: `${cutTokens(recipient)}: ${verdict}${reason}` };
  }
  const messages = await tx.all<{ key: number }>('select key from message where mail_key = $1 order by key', row.key);
  // One at a time: each can be large.
  for (const { key } of messages) yield* ofMessage(tx, (await byKey(tx, 'message', key))!);
  yield* ofDeliveries(tx, 'select * from delivery where forwarded_mail_key = $1', row.key);
}

async function* ofMessage(tx: StoreTx, row: MessageRow): Steps {
  const conversation = (await byKey(tx, 'conversation', row.conversation_key))!;
  const marks = [row.held === 1 ? 'held' : '', row.looping === 1 ? 'looping' : '', row.mail_reason ?? ''];
  const place = `${await slugOf(tx, conversation.account_key)}#${conversation.number}`;
  const text = [
    `${row.direction} ${row.kind}, number ${row.seq} of ${place}`,
    ...marks.filter(Boolean),
    ...fromJson(row.evidence),
  ].join('; ');
  yield { at: toIso(row.received_at), step: 'filed', id: encodeId('message', row.key), text };
  const events = await tx.all<EventRow>('select * from event where message_key = $1 order by key', row.key);
  for (const { key, type, seq, created_at } of events) {
    yield { at: toIso(created_at), step: 'event', id: encodeId('event', key), text: `${type}, number ${seq}` };
    yield* ofDeliveries(tx, 'select * from delivery where event_key = $1', key);
  }
  yield* ofDeliveries(
    tx,
    `select d.* from delivery_message dm join delivery d on d.key = dm.delivery_key where dm.message_key = $1 order by d.key`,
    row.key,
  );
  for (const { delivery_id: id } of fromJson(row.report)) {
    const key = id === null ? null : decodeId('delivery', id);
    if (key !== null) yield* ofDeliveries(tx, 'select * from delivery where key = $1', key);
  }
}

async function* ofDeliveries(tx: StoreTx, text: string, key: number): Steps {
  for (const row of await tx.all<DeliveryRow>(text, key)) yield* ofDelivery(tx, row);
}

async function* ofDelivery(tx: StoreTx, row: DeliveryRow): Steps {
  const id = encodeId('delivery', row.key);
  yield { at: toIso(row.created_at), step: 'queued', id, text: `${row.kind} to ${cutTokens(row.recipient)}` };
  const mail = await tx.get<{ message_id: string; created_at: number }>(
    'select message_id, created_at from outgoing_mail where key = $1',
    row.outgoing_mail_key,
  );
  if (mail) yield { at: toIso(mail.created_at), step: 'composed', id, text: `Message-ID <${mail.message_id}>` };
  const { attempts } = row;
  const tried = attempts === 0 ? 'without an attempt' : `after ${attempts} attempt${attempts === 1 ? '' : 's'}`;
  const answer = cutTokens(row.smtp_response ?? row.last_error ?? '');
  const said = answer === '' ? '' : `: ${answer}`;
  if (row.settled_at !== null) {
    yield { at: toIso(row.settled_at), step: 'settled', id, text: `${row.state} ${tried}${said}` };
  } else {
    const why = row.reason === null ? '' : ` (${row.reason})`;
    const next = row.next_attempt_at === null ? '' : `, next attempt ${toIso(row.next_attempt_at)}`;
    yield { at: null, step: 'pending', id, text: `${row.state}${why} ${tried}${next}${said}` };
  }
  if (row.report !== null) {
    const why = row.report === 'delivered' || row.last_error === null ? '' : `: ${cutTokens(row.last_error)}`;
    yield { at: null, step: 'reported', id, text: `${row.report}${why}` };
  }
}

function cutTokens(text: string): string {
  return text.replaceAll(/([0-9a-f]{6})[0-9a-f-]{26,30}/gi, '$1…');
}
