/**
 * The stream of what happened: events, and a webhook for each of them and each hook of its account. They are collected
 * while a transaction works and written last in it, with keys from the one row `sequencer`. Whoever has taken keys there
 * keeps the row until he commits, so that keys rise in the order of commits: who reads what comes after the last event he
 * knows misses nothing, however many processes write.
 */
import type { EventType } from '../conversation/model.js';
import type { EmittedEvent } from '../conversation/ports.js';
import { hookOrder } from '../conversation/rules/delivery.js';
import { encodeId } from './ids.js';
import type { HookRow } from './rows.js';
import type { StoreTx } from './tx.js';

/** Reads or removes events or deliveries, or what takes them along. */
const LOOKS_AT_STREAM = /\b(?:event|delivery)\b|^\s*delete from (?:account|conversation|message|mail|hook)\b/;
/**
 * It asks for mails alone, which carry messages or are for a participant, or for one delivery: nobody knows the key of a
 * webhook that is not written.
 */
const OF_MAILS = /\bkind = 'mail'|\bdelivery where key = \$1$|\b(?:delivery_message|participant_key)\b/;
const looks = new Map<string, boolean>();

/** Whether a statement could look for what was emitted and is not written yet. */
export function looksAtStream(text: string): boolean {
  let known = looks.get(text);
  if (known === undefined) {
    known = LOOKS_AT_STREAM.test(text) && (!OF_MAILS.test(text) || /\bevent\b/.test(text));
    looks.set(text, known);
  }
  return known;
}

/** A webhook's row, but for its own key and its event's. */
export interface StreamWebhook {
  readonly kind: 'webhook';
  readonly destination: string;
  readonly order_key: string;
  readonly account_key: number;
  readonly conversation_key: number | null;
  readonly recipient: string;
  readonly state: 'waiting';
  readonly next_attempt_at: number;
  readonly created_at: number;
}

/** What is written for events. The keys are those up to the sequencer's new value. */
export interface Stream {
  /** How many keys it takes. */
  readonly count: number;
  /** In their order; the last one has the last key. With it as their place readers have seen all. */
  readonly events: readonly (EmittedEvent & { readonly created_at: number })[];
  /** Each with the index of its event. They have odd keys (`mailDeliveryKey`): every second of those before the events. */
  readonly webhooks: readonly { readonly event: number; readonly row: StreamWebhook }[];
}

export const TAKE_KEYS = 'update sequencer set v = case when v + $1 > $2 then v + $1 else $2 end returning v';

/** The values for `TAKE_KEYS`. */
export function keysTaken(tx: StoreTx, { count }: Stream): readonly [count: number, atLeast: number] {
  return [count, tx.key() + count];
}

/** What these events need. Reads which hooks hear of them. */
export async function streamOf(tx: StoreTx, emitted: readonly EmittedEvent[]): Promise<Stream> {
  const hooks = await tx.all<Pick<HookRow, 'key' | 'url' | 'account_key' | 'types'>>(
    "select key, url, account_key, types from hook where account_key = any($1) and state = 'on' order by key",
    [...new Set(emitted.map(event => event.account_key))],
  );
  const now = tx.now();
  const webhooks = emitted.flatMap((event, index) =>
    hooks
      .filter(hook => hook.account_key === event.account_key && hears(hook, event.type))
      .map(hook => ({ event: index, row: webhookRow(hook, event, now) })),
  );
  const events = emitted.map(event => ({ ...event, created_at: now }));
  return { count: events.length + 2 * webhooks.length, events, webhooks };
}

function hears({ types }: Pick<HookRow, 'types'>, type: EventType): boolean {
  return types === null || (JSON.parse(types) as readonly EventType[]).includes(type);
}

function webhookRow(hook: Pick<HookRow, 'key' | 'url'>, event: EmittedEvent, now: number): StreamWebhook {
  return {
    kind: 'webhook',
    destination: encodeId('hook', hook.key),
    order_key: hookOrder(hook.key, event.conversation_key),
    account_key: event.account_key,
    conversation_key: event.conversation_key,
    recipient: hook.url,
    state: 'waiting',
    next_attempt_at: now,
    created_at: now,
  };
}

/** Writes the events in their order. Returns the last key that was taken: the last event's. */
export async function writeStream(tx: StoreTx, emitted: readonly EmittedEvent[]): Promise<number> {
  const stream = await streamOf(tx, emitted);
  const { count, events, webhooks } = stream;
  const last = (await tx.value<number>(TAKE_KEYS, ...keysTaken(tx, stream)))!;
  const firstEvent = last - events.length + 1;
  const firstWebhook = last - count + ((last - count) % 2 === 0 ? 1 : 2);
  await tx.insertAll(
    'event',
    events.map((event, index) => ({ key: firstEvent + index, ...event })),
  );
  if (webhooks.length > 0) {
    await tx.insertAll(
      'delivery',
      webhooks.map(({ event, row }, index) => ({
        key: firstWebhook + 2 * index,
        event_key: firstEvent + event,
        ...row,
      })),
    );
  }
  return last;
}

/**
 * The key of a new delivery of a mail: an even one. Those of webhooks are odd, so that no two processes ever make the same,
 * one from its own place and one from the sequencer: each would wait for the other.
 */
export function mailDeliveryKey(tx: StoreTx): number {
  const key = tx.key();
  return key % 2 === 0 ? key : tx.key();
}

/** Where the stream stands: every key up to here is written, or was never given. */
export async function streamPosition(tx: StoreTx): Promise<number> {
  return (await tx.value<number>('select v from sequencer')) ?? 0;
}
