/**
 * A conversation moves on: its counters, its last activity, and the event rows that tell of it, all in the transaction
 * of what happened. `seq` of messages and of events are counted per conversation and have no gaps. Each event is queued
 * for the account's hooks with it; an account without hooks costs one look-up for all events of a step.
 */
import type { ConversationStatus, EventType } from '../../conversation/model.js';
import { encodeId } from '../ids.js';
import { newKey, type Session } from '../session.js';

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
export function advance(
  session: Session,
  conversation: ConversationKeys,
  change: { messages?: number; events: number; status?: ConversationStatus },
): { seq: number; eventSeq: number } {
  const messages = change.messages ?? 0;
  const next = session.db.get<{ seq: number; eventSeq: number }>(
    'select next_seq as seq, next_event_seq as eventSeq from conversation where key = ?',
    conversation.key,
  )!;
  session.db.run(
    `update conversation set next_seq = next_seq + ?, next_event_seq = next_event_seq + ?,
       last_activity_at = max(last_activity_at, ?), status = coalesce(?, status) where key = ?`,
    messages,
    change.events,
    messages > 0 ? session.clock() : 0,
    change.status ?? null,
    conversation.key,
  );
  return next;
}

/** Stores events with the numbers that `advance` reserved for them. */
export function insertEvents(
  session: Session,
  conversation: ConversationKeys,
  eventSeq: number,
  events: readonly NewEvent[],
): void {
  if (events.length === 0) return;
  const hooks = hooksOf(session, conversation.account_key);
  for (const [index, event] of events.entries()) {
    const key = insertEvent(session, conversation.account_key, conversation.key, eventSeq + index, event);
    for (const hook of hooks) queueFor(session, hook, conversation, key);
  }
}

/** For what happened to the account as a whole. */
export function tellAccount(session: Session, accountKey: number, event: NewEvent): void {
  const hooks = hooksOf(session, accountKey);
  const key = insertEvent(session, accountKey, null, 0, event);
  for (const hook of hooks) queueFor(session, hook, { key: null, account_key: accountKey }, key);
}

function insertEvent(
  session: Session,
  accountKey: number,
  conversationKey: number | null,
  seq: number,
  event: NewEvent,
): number {
  return session.db.insert(
    `insert into event (key, account_key, conversation_key, seq, type, message_key, data, created_at)
     values (max(?, (select coalesce(max(key), 0) + 1 from event)), ?, ?, ?, ?, ?, ?, ?)`,
    newKey(session),
    accountKey,
    conversationKey,
    seq,
    event.type,
    event.messageKey ?? null,
    JSON.stringify(event.data ?? {}),
    session.clock(),
  );
}

interface HookKeys {
  readonly key: number;
  readonly url: string;
}

function hooksOf(session: Session, accountKey: number): readonly HookKeys[] {
  return session.db.all<HookKeys>("select key, url from hook where account_key = ? and state = 'on'", accountKey);
}

/** One webhook: due at once, and behind the conversation's earlier ones to this hook. */
function queueFor(
  session: Session,
  hook: HookKeys,
  conversation: { readonly key: number | null; readonly account_key: number },
  eventKey: number,
): void {
  session.db.run(
    `insert into delivery (key, kind, destination, order_key, account_key, conversation_key, event_key, recipient, state,
       next_attempt_at, created_at)
     values (max(?1, (select coalesce(max(key), 0) + 1 from delivery)), 'webhook', ?2, ?3, ?4, ?5, ?6, ?7, 'waiting', ?8, ?8)`,
    newKey(session),
    encodeId('hook', hook.key),
    `hook:${hook.key}:${conversation.key ?? 0}`,
    conversation.account_key,
    conversation.key,
    eventKey,
    hook.url,
    session.clock(),
  );
}

/** For operations that tell something without adding a message. */
export function tell(
  session: Session,
  conversation: ConversationKeys,
  events: readonly NewEvent[],
  change: { status?: ConversationStatus } = {},
): void {
  const { eventSeq } = advance(session, conversation, { ...change, events: events.length });
  insertEvents(session, conversation, eventSeq, events);
}
