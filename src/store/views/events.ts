/**
 * Event rows → the public shape, and reading them in order. Keys of events rise in the order of their commits
 * (`stream.ts`), so "after this key" leaves nothing out. What an event names is shown as it is now, not as it was.
 */

import { ReplydError } from '../../base/errors.js';
import type { Event } from '../../conversation/model.js';
import { fittingEvent, pageBudget } from '../../conversation/page.js';
import { byKey } from '../by-key.js';
import { decodeId, encodeId, keyAt, keyOf } from '../ids.js';
import type { EventRow } from '../rows.js';
import { streamPosition } from '../stream.js';
import { allOf, fromJson, type StoreTx, toIso, type Verb } from '../tx.js';
import { accountBySlug } from '../verbs/accounts.js';
import { clearProofs } from '../verbs/proofs.js';
import { redactedValue } from '../verbs/tokens.js';
import { conversationView, messageView, slugOf } from './views.js';

export const events: Verb<'events'> = async (tx, filter) => {
  const after = decodeId('event', filter.after);
  if (after === null) throw new ReplydError('invalid', `${JSON.stringify(filter.after)} is no event`);
  const { where, values } = allOf([
    ['key > $', after],
    filter.account === undefined ? null : ['account_key = $', (await accountBySlug(tx, filter.account)).key],
  ]);
  const text = `select * from event ${where} order by key limit $${values.length + 1}`;
  const rows = await tx.all<EventRow>(text, ...values, filter.limit);
  const fits = pageBudget(tx.rules.responseBytes);
  const shown: Event[] = [];
  for (const row of rows) {
    const event = await eventView(tx, row);
    if (!fits(event)) break;
    shown.push(event);
  }
  return shown;
};

export const latestEvent: Verb<'latestEvent'> = async tx => encodeId('event', await streamPosition(tx));

export const canResume: Verb<'canResume'> = async (tx, id, account) => {
  const key = decodeId('event', id);
  if (key === null || key > (await streamPosition(tx))) return false;
  const gone =
    account === undefined
      ? await tx.value<number | null>('select max(events_gone_to) from account')
      : await tx.value<number>('select events_gone_to from account where slug = $1', account);
  return key >= (gone ?? 0);
};

export const clearEvents: Verb<'clearEvents'> = async (tx, options) => {
  const rows = await tx.all<{ key: number; account_key: number }>(
    // Keys carry the time.
    'select key, account_key from event where key < $1 order by key limit $2',
    keyAt(options.before),
    options.limit,
  );
  for (const row of rows) {
    await tx.run('delete from event where key = $1', row.key);
    await tx.run(
      'update account set events_gone_to = $1 where key = $2 and events_gone_to < $1',
      row.key,
      row.account_key,
    );
  }
  const answers = await tx.run(
    `delete from idempotency where (caller, name) in (
           select caller, name from idempotency where created_at < $1 limit $2)`,
    options.answersBefore,
    options.limit,
  );
  return Math.max(rows.length, answers, await clearProofs(tx, options.limit));
};

/** The event as it is posted; null when it is gone. */
export async function eventJson(tx: StoreTx, key: number): Promise<string | null> {
  const row = await byKey(tx, 'event', key);
  return row ? JSON.stringify(await eventView(tx, row)) : null;
}

async function eventView(tx: StoreTx, row: EventRow): Promise<Event> {
  const conversation = await byKey(tx, 'conversation', row.conversation_key);
  const message = await byKey(tx, 'message', row.message_key);
  const event: Event = {
    id: encodeId('event', row.key),
    type: row.type,
    seq: row.seq,
    account: await slugOf(tx, row.account_key),
    created_at: toIso(row.created_at),
    conversation: conversation ? await conversationView(tx, conversation) : null,
    message: message ? await messageView(tx, message) : null,
    data: fromJson(row.data),
  };
  return redactedValue(tx, fittingEvent(event), row.account_key);
}

/** From each kind of id to the conversation or account that it belongs to. */
const OWNERS = {
  cv_: ['conversation', 'conversation t'],
  ct_: ['contact', 'contact t'],
  msg_: ['message', 'message t join conversation c on c.key = t.conversation_key'],
  att_: ['attachment', 'attachment t join conversation c on c.key = t.conversation_key'],
  dlv_: ['delivery', 'delivery t'],
  hook_: ['hook', 'hook t'],
} as const;

/** The slug of the account that an id of any kind belongs to. */
export const accountOf: Verb<'accountOf'> = async (tx, id) => {
  const prefix = id.slice(0, id.indexOf('_') + 1);
  if (!Object.hasOwn(OWNERS, prefix)) return null;
  const [kind, from] = OWNERS[prefix as keyof typeof OWNERS];
  const owner = from.includes('join') ? 'c' : 't';
  const text = `select a.slug from ${from} join account a on a.key = ${owner}.account_key where t.key = $1`;
  return (await tx.value<string>(text, keyOf(kind, id))) ?? null;
};
