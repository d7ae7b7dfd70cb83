/**
 * One mail's way, from the door to its deliveries, put together from the rows that stand there: nothing is written for it
 * and nothing else is kept for it, so what retention cleared away is missing. Steps come in the order of their times.
 */

import type { TraceStep } from '../../conversation/model.js';
import { byId, byKey } from '../by-key.js';
import { decodeId, encodeId } from '../ids.js';
import type { DeliveryRow, MailRow, MessageRow } from '../rows.js';
import { fromJson, inTurn, type StoreTx, toIso } from '../tx.js';
import { slugOf } from './views.js';

/** The steps of a mail, message or delivery. Throws not_found. Tokens in addresses are cut. */
export async function trace(tx: StoreTx, id: string): Promise<readonly TraceStep[]> {
  const steps: TraceStep[] = [];
  if (decodeId('message', id) !== null) {
    const message = await byId(tx, 'message', id);
    const mail = await byKey(tx, 'mail', message.mail_key);
    steps.push(...(mail ? await ofMail(tx, mail) : await ofMessage(tx, message)));
  } else if (decodeId('delivery', id) === null) {
    steps.push(...(await ofMail(tx, await byId(tx, 'mail', id))));
  } else {
    steps.push(...(await ofDelivery(tx, await byId(tx, 'delivery', id))));
  }
  return steps
    .map((step, index) => ({ step, index }))
    .sort((a, b) => timeOf(a.step) - timeOf(b.step) || a.index - b.index)
    .map(({ step }) => step);
}

// What is not over yet comes last.
function timeOf({ at }: TraceStep): number {
  return at === null ? Number.MAX_SAFE_INTEGER : Date.parse(at);
}

async function ofMail(tx: StoreTx, row: MailRow): Promise<TraceStep[]> {
  const id = encodeId('mail', row.key);
  const at = toIso(row.received_at);
  const client = row.client === null ? '' : ` from ${row.client}`;
  const to = fromJson(row.rcpt_to).map(cutTokens).join(', ');
  const text = `by ${row.door}${client}, ${row.size} bytes, <${cutTokens(row.mail_from)}> to ${to}`;
  const results = fromJson(row.results);
  const messages = await tx.all<MessageRow>('select * from message where mail_key = $1 order by key', row.key);
  const copies = await tx.all<DeliveryRow>('select * from delivery where forwarded_mail_key = $1', row.key);
  return [
    { at, step: 'received', id, text },
    ...results.map(
      (result): TraceStep => ({
        at,
        step: 'answered',
        id,
        text: `${cutTokens(result.recipient)}: ${result.verdict}${row.reason === null ? '' : ` (${row.state}: ${row.reason})`}`,
      }),
    ),
    ...(await inTurn(messages, message => ofMessage(tx, message))).flat(),
    ...(await inTurn(copies, copy => ofDelivery(tx, copy))).flat(),
  ];
}

async function ofMessage(tx: StoreTx, row: MessageRow): Promise<TraceStep[]> {
  const conversation = (await tx.get<{ account_key: number; number: number }>(
    'select account_key, number from conversation where key = $1',
    row.conversation_key,
  ))!;
  const marks = [row.held === 1 ? 'held' : '', row.looping === 1 ? 'looping' : '', row.mail_reason ?? ''].filter(
    Boolean,
  );
  const evidence = fromJson(row.evidence);
  const text = [
    `${row.direction} ${row.kind}, number ${row.seq} of ${await slugOf(tx, conversation.account_key)}#${conversation.number}`,
    ...marks,
    ...evidence,
  ].join('; ');
  const events = await tx.all<{ key: number; type: string; seq: number; created_at: number }>(
    'select key, type, seq, created_at from event where message_key = $1 order by key',
    row.key,
  );
  const deliveries = await tx.all<DeliveryRow>(
    `select d.* from delivery_message dm join delivery d on d.key = dm.delivery_key where dm.message_key = $1 order by d.key`,
    row.key,
  );
  const reports = (
    await inTurn(fromJson(row.report), async report => {
      const key = report.delivery_id === null ? null : decodeId('delivery', report.delivery_id);
      return key === null ? [] : await tx.all<DeliveryRow>('select * from delivery where key = $1', key);
    })
  ).flat();
  return [
    { at: toIso(row.received_at), step: 'filed', id: encodeId('message', row.key), text },
    ...(
      await inTurn(events, async event => [
        {
          at: toIso(event.created_at),
          step: 'event' as const,
          id: encodeId('event', event.key),
          text: `${event.type}, number ${event.seq}`,
        },
        ...(
          await inTurn(await tx.all<DeliveryRow>('select * from delivery where event_key = $1', event.key), delivery =>
            ofDelivery(tx, delivery),
          )
        ).flat(),
      ])
    ).flat(),
    ...(await inTurn([...deliveries, ...reports], delivery => ofDelivery(tx, delivery))).flat(),
  ];
}

async function ofDelivery(tx: StoreTx, row: DeliveryRow): Promise<TraceStep[]> {
  const id = encodeId('delivery', row.key);
  const steps: TraceStep[] = [
    { at: toIso(row.created_at), step: 'queued', id, text: `${row.kind} to ${cutTokens(row.recipient)}` },
  ];
  const mail =
    row.outgoing_mail_key === null
      ? undefined
      : await tx.get<{ message_id: string; created_at: number }>(
          'select message_id, created_at from outgoing_mail where key = $1',
          row.outgoing_mail_key,
        );
  if (mail) steps.push({ at: toIso(mail.created_at), step: 'composed', id, text: `Message-ID <${mail.message_id}>` });
  const tried =
    row.attempts === 0
      ? 'without an attempt'
      : row.attempts === 1
        ? 'after 1 attempt'
        : `after ${row.attempts} attempts`;
  const answer = cutTokens(row.smtp_response ?? row.last_error ?? '');
  const said = answer === '' ? '' : `: ${answer}`;
  if (row.settled_at !== null) {
    steps.push({ at: toIso(row.settled_at), step: 'settled', id, text: `${row.state} ${tried}${said}` });
  } else {
    const why = row.reason === null ? '' : ` (${row.reason})`;
    const next = row.next_attempt_at === null ? '' : `, next attempt ${toIso(row.next_attempt_at)}`;
    steps.push({ at: null, step: 'pending', id, text: `${row.state}${why} ${tried}${next}${said}` });
  }
  if (row.report !== null) steps.push({ at: null, step: 'reported', id, text: row.report });
  return steps;
}

function cutTokens(text: string): string {
  return text.replaceAll(/([0-9a-f]{6})[0-9a-f-]{26,30}/gi, '$1…');
}
