/**
 * A conversation moves on: its counters, its last activity, and its events, all in the transaction of
 * what happened. `seq` of messages and of events are counted per conversation and have no gaps: a conversation's row gives
 * them out. The events themselves are written last (`stream.ts`).
 */
import type { ConversationStatus, EventType } from '../../conversation/model.js';
import type { EmittedEvent } from '../../conversation/ports.js';
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
  await tx.lock('conversation', [conversation.key]);
  const messages = change.messages ?? 0;
  const after = (await tx.get<{ seq: number; event_seq: number }>(
    `update conversation set next_seq = next_seq + $1, next_event_seq = next_event_seq + $2,
       last_activity_at = case when last_activity_at < $3 then $3 else last_activity_at end, status = coalesce($4, status)
     where key = $5 returning next_seq as seq, next_event_seq as event_seq`,
    messages,
    change.events,
    messages > 0 ? tx.now() : 0,
    change.status ?? null,
    conversation.key,
  ))!;
  return { seq: after.seq - messages, eventSeq: after.event_seq - change.events };
}

/** Emits events with the numbers that `advance` reserved for them. */
export function emitNumbered(
  tx: StoreTx,
  conversation: ConversationKeys,
  eventSeq: number,
  events: readonly NewEvent[],
): void {
  for (const [index, event] of events.entries()) {
    emitOne(
      tx,
      { account_key: conversation.account_key, conversation_key: conversation.key, seq: eventSeq + index },
      event,
    );
  }
}

/** For what happened to the account as a whole. */
export function emitAccountEvent(tx: StoreTx, accountKey: number, event: NewEvent): void {
  emitOne(tx, { account_key: accountKey, conversation_key: null, seq: 0 }, event);
}

function emitOne(
  tx: StoreTx,
  of: Pick<EmittedEvent, 'account_key' | 'conversation_key' | 'seq'>,
  event: NewEvent,
): void {
  tx.emit({
    ...of,
    type: event.type,
    message_key: event.messageKey ?? null,
    data: JSON.stringify(event.data ?? {}),
  });
}

/** For verbs that emit something without adding a message. */
export async function emitEvents(
  tx: StoreTx,
  conversation: ConversationKeys,
  events: readonly NewEvent[],
  change: { status?: ConversationStatus } = {},
): Promise<void> {
  const { eventSeq } = await advance(tx, conversation, { ...change, events: events.length });
  emitNumbered(tx, conversation, eventSeq, events);
}
