/**
 * A conversation moves on: its counters, its last activity, and the event rows that tell of it, all in the transaction
 * of what happened. `seq` of messages and of events are counted per conversation and have no gaps.
 */
import type { ConversationStatus, EventType } from '../conversation/model.js';
import { newKey, type Session } from './session.js';

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
  const next = session.db.get<{ next_seq: number; next_event_seq: number }>(
    `update conversation set next_seq = next_seq + ?1, next_event_seq = next_event_seq + ?2,
       last_activity_at = case when ?1 > 0 then max(last_activity_at, ?3) else last_activity_at end,
       status = coalesce(?4, status)
     where key = ?5 returning next_seq, next_event_seq`,
    messages,
    change.events,
    session.clock(),
    change.status ?? null,
    conversation.key,
  )!;
  return { seq: next.next_seq - messages, eventSeq: next.next_event_seq - change.events };
}

/** Stores events with the numbers that `advance` reserved for them. */
export function insertEvents(
  session: Session,
  conversation: ConversationKeys,
  eventSeq: number,
  events: readonly NewEvent[],
): void {
  for (const [index, event] of events.entries()) {
    session.db.run(
      `insert into event (key, account_key, conversation_key, seq, type, message_key, data, created_at)
       values (max(?, (select coalesce(max(key), 0) + 1 from event)), ?, ?, ?, ?, ?, ?, ?)`,
      newKey(session),
      conversation.account_key,
      conversation.key,
      eventSeq + index,
      event.type,
      event.messageKey ?? null,
      JSON.stringify(event.data ?? {}),
      session.clock(),
    );
  }
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
