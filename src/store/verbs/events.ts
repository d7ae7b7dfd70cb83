/**
 * A conversation moves on: its counters, its last activity, and the event rows that tell of it, all in the transaction
 * of what happened. `seq` of messages and of events are counted per conversation and have no gaps. Each event is queued
 * for the account's hooks with it; an account without hooks costs one look-up for all events of a step.
 */
import type { ConversationStatus, EventType } from '../../conversation/model.js';
import { hookOrder } from '../../conversation/rules/delivery.js';
import { encodeId } from '../ids.js';
import type { StoreTx } from '../tx.js';

export interface NewEvent {
  readonly type: EventType;
  readonly messageKey?: number;
  /** Small facts beyond the message or conversation that the event names. */
  readonly data?: Readonly<Record<string, unknown>>;
}

export interface ConversationKeys {
  readonly key: number;
  readonly account_key: number;
}

/**
 * The one UPDATE of a conversation row per operation: reserves `messages` message numbers and `events` event numbers,
 * moves the last activity on when a message came, sets the status. Returns the first number of each.
 */
export async function advance(
  tx: StoreTx,
  conversation: ConversationKeys,
  change: { messages?: number; events: number; status?: ConversationStatus },
): Promise<{ seq: number; eventSeq: number }> {
  const messages = change.messages ?? 0;
  const next = (await tx.get<{ seq: number; eventSeq: number }>(
    'select next_seq as seq, next_event_seq as eventSeq from conversation where key = ?',
    conversation.key,
  ))!;
  await tx.run(
    `update conversation set next_seq = next_seq + ?, next_event_seq = next_event_seq + ?,
       last_activity_at = max(last_activity_at, ?), status = coalesce(?, status) where key = ?`,
    messages,
    change.events,
    messages > 0 ? tx.now() : 0,
    change.status ?? null,
    conversation.key,
  );
  return next;
}

/** Stores events with the numbers that `advance` reserved for them. */
export async function insertEvents(
  tx: StoreTx,
  conversation: ConversationKeys,
  eventSeq: number,
  events: readonly NewEvent[],
): Promise<void> {
  if (events.length === 0) return;
  const hooks = await hooksOf(tx, conversation.account_key);
  for (const [index, event] of events.entries()) {
    const key = await insertEvent(tx, conversation.account_key, conversation.key, eventSeq + index, event);
    for (const hook of hooks) await queueFor(tx, hook, conversation, key);
  }
}

/** For what happened to the account as a whole. */
export async function tellAccount(tx: StoreTx, accountKey: number, event: NewEvent): Promise<void> {
  const hooks = await hooksOf(tx, accountKey);
  const key = await insertEvent(tx, accountKey, null, 0, event);
  for (const hook of hooks) await queueFor(tx, hook, { key: null, account_key: accountKey }, key);
}

async function insertEvent(
  tx: StoreTx,
  accountKey: number,
  conversationKey: number | null,
  seq: number,
  event: NewEvent,
): Promise<number> {
  const key = tx.key();
  await tx.insert('event', {
    key,
    account_key: accountKey,
    conversation_key: conversationKey,
    seq,
    type: event.type,
    message_key: event.messageKey ?? null,
    data: JSON.stringify(event.data ?? {}),
    created_at: tx.now(),
  });
  return key;
}

interface HookKeys {
  readonly key: number;
  readonly url: string;
}

async function hooksOf(tx: StoreTx, accountKey: number): Promise<readonly HookKeys[]> {
  return tx.all<HookKeys>("select key, url from hook where account_key = ? and state = 'on'", accountKey);
}

/** One webhook: due at once, and behind the conversation's earlier ones to this hook. */
async function queueFor(
  tx: StoreTx,
  hook: HookKeys,
  conversation: { readonly key: number | null; readonly account_key: number },
  eventKey: number,
): Promise<void> {
  await tx.run(
    `insert into delivery (key, kind, destination, order_key, account_key, conversation_key, event_key, recipient, state,
       next_attempt_at, created_at)
     values (max(?1, (select coalesce(max(key), 0) + 1 from delivery)), 'webhook', ?2, ?3, ?4, ?5, ?6, ?7, 'waiting', ?8, ?8)`,
    tx.key(),
    encodeId('hook', hook.key),
    hookOrder(hook.key, conversation.key),
    conversation.account_key,
    conversation.key,
    eventKey,
    hook.url,
    tx.now(),
  );
}

/** For operations that tell something without adding a message. */
export async function tell(
  tx: StoreTx,
  conversation: ConversationKeys,
  events: readonly NewEvent[],
  change: { status?: ConversationStatus } = {},
): Promise<void> {
  const { eventSeq } = await advance(tx, conversation, { ...change, events: events.length });
  await insertEvents(tx, conversation, eventSeq, events);
}
