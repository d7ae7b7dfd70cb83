/**
 * Event rows → the public shape, and reading them in order. Keys of events rise in the order of their commits
 * (`stream.ts`), so "after this key" leaves nothing out. What an event names is shown as it is now, not as it was.
 */

import { ReplydError } from '../../base/errors.js';
import type { Event } from '../../conversation/model.js';
import { fittingEvent, pageBudget } from '../../conversation/page.js';
import { decodeId, encodeId, keyAt, keyOf } from '../ids.js';
import type { EventRow } from '../rows.js';
import { streamPosition } from '../stream.js';
import { allOf, fromJson, type StoreTx, toIso, type Verb } from '../tx.js';
import { accountBySlug } from '../verbs/accounts.js';
import { leads } from '../verbs/nodes.js';
import { clearProofs } from '../verbs/proofs.js';
import { redactedValues } from '../verbs/tokens.js';
import { slugsOf } from './accounts.js';
import { conversationViews } from './conversations.js';
import { messageRows, piecesOf, type Sized, TEXT_BYTES } from './message-page.js';
import { messageViews } from './messages.js';

/** With the size of what they name, because a message can be large. */
const EVENTS = `select e.*, ${TEXT_BYTES} as bytes from event e left join message m on m.key = e.message_key`;

type SizedEvent = EventRow & Sized;

export const events: Verb<'events'> = async (tx, filter) => {
  const after = decodeId('event', filter.after);
  if (after === null) throw new ReplydError('invalid', `${JSON.stringify(filter.after)} is no event`);
  const { where, values } = allOf([
    ['e.key > $', after],
    filter.account === undefined ? null : ['e.account_key = $', (await accountBySlug(tx, filter.account)).key],
  ]);
  const text = `${EVENTS} ${where} order by e.key limit $${values.length + 1}`;
  const rows = await tx.all<SizedEvent>(text, ...values, filter.limit);
  const fits = pageBudget(tx.rules.responseBytes);
  const shown: Event[] = [];
  for (const piece of piecesOf(rows, tx.rules.responseBytes)) {
    for (const event of await eventViews(tx, piece)) {
      if (!fits(event)) return shown;
      shown.push(event);
    }
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
  if (!(await leads(tx, 'housekeeping'))) return 0;
  const rows = await tx.all<{ key: number; account_key: number }>(
    // Keys carry the time.
    'select key, account_key from event where key < $1 order by key limit $2',
    keyAt(options.before),
    options.limit,
  );
  const accounts = [...new Set(rows.map(row => row.account_key))];
  if (accounts.length > 0) await tx.lock('account', accounts);
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

/** Events as they are posted, by key those that are there. */
export async function eventsJson(tx: StoreTx, keys: readonly number[]): Promise<ReadonlyMap<number, string>> {
  const rows = await tx.all<SizedEvent>(`${EVENTS} where e.key = any($1)`, keys);
  const posted = new Map<number, string>();
  for (const piece of piecesOf(rows, tx.rules.responseBytes)) {
    const views = await eventViews(tx, piece);
    for (const [index, view] of views.entries()) posted.set(piece[index]!.key, JSON.stringify(view));
  }
  return posted;
}

async function eventViews(tx: StoreTx, rows: readonly EventRow[]): Promise<readonly Event[]> {
  const named = (column: 'conversation_key' | 'message_key') =>
    [...new Set(rows.map(row => row[column]))].filter(key => key !== null);
  const slugs = await slugsOf(
    tx,
    rows.map(row => row.account_key),
  );
  const conversations = await conversationViews(tx, named('conversation_key'));
  const messageRowsNamed = await messageRows(tx, named('message_key'));
  const views = await messageViews(tx, messageRowsNamed);
  const messages = new Map(messageRowsNamed.map((row, index) => [row.key, views[index]!]));
  return redactedValues(
    tx,
    rows.map(row => {
      const event: Event = {
        id: encodeId('event', row.key),
        type: row.type,
        seq: row.seq,
        account: slugs(row.account_key),
        created_at: toIso(row.created_at),
        conversation: conversations.get(row.conversation_key ?? NONE) ?? null,
        message: messages.get(row.message_key ?? NONE) ?? null,
        data: fromJson(row.data),
      };
      return { value: fittingEvent(event), accountKey: row.account_key };
    }),
  );
}

/** The key of nothing. */
const NONE = -1;

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
