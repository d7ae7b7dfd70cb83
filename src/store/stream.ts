/**
 * The stream of what happened: events, and a webhook for each of them and each hook of its account. They are collected
 * while a transaction works and written last in it, with keys from the one row `sequencer`. Whoever has taken keys there
 * keeps the row until he commits, so that keys rise in the order of commits: who reads what comes after the last event he
 * knows misses nothing, however many processes write.
 */
import type { EmittedEvent } from '../conversation/ports.js';
import { hookOrder } from '../conversation/rules/delivery.js';
import { encodeId } from './ids.js';
import type { HookRow } from './rows.js';
import type { StoreTx } from './tx.js';

/** Writes the events in their order. Returns the last key that was taken: the last event's. */
export async function writeStream(tx: StoreTx, events: readonly EmittedEvent[]): Promise<number> {
  const hooks = new Map<number, readonly Pick<HookRow, 'key' | 'url'>[]>();
  for (const { account_key: account } of events) {
    if (hooks.has(account)) continue;
    hooks.set(account, await tx.all("select key, url from hook where account_key = $1 and state = 'on'", account));
  }
  const webhooks = events.reduce((sum, event) => sum + hooks.get(event.account_key)!.length, 0);
  const count = events.length + webhooks;
  const last = (await tx.value<number>(
    'update sequencer set v = case when v + $1 > $2 then v + $1 else $2 end returning v',
    count,
    tx.key() + count,
  ))!;
  // The last key is the last event's: with it as their place readers have seen all.
  let eventKey = last - events.length;
  let webhookKey = last - count;
  const now = tx.now();
  for (const event of events) {
    eventKey += 1;
    await tx.insert('event', { key: eventKey, ...event, created_at: now });
    for (const hook of hooks.get(event.account_key)!) {
      webhookKey += 1;
      await tx.insert('delivery', {
        key: webhookKey,
        kind: 'webhook',
        destination: encodeId('hook', hook.key),
        order_key: hookOrder(hook.key, event.conversation_key),
        account_key: event.account_key,
        conversation_key: event.conversation_key,
        event_key: eventKey,
        recipient: hook.url,
        state: 'waiting',
        next_attempt_at: now,
        created_at: now,
      });
    }
  }
  return last;
}

/** Where the stream stands: every key up to here is written, or was never given. */
export async function streamPosition(tx: StoreTx): Promise<number> {
  return (await tx.value<number>('select v from sequencer')) ?? 0;
}
