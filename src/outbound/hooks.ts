/**
 * The queues in front of the hooks: one `queue.ts` for each hook that has something waiting. A receiver in trouble is
 * probed with one event at a time, more and more rarely; when it takes one, all others follow.
 *
 *   the receiver answers 410       | the hook is switched off, what waits is cancelled
 *   it is in trouble for 5 days    | the same, if it was probed all that time: a clock may jump
 *   it refuses one event (4xx)     | that conversation is retried for a day, then fails; others go on
 *
 * A hook that is switched off is an event (`hook.disabled`) and a line in the log.
 */

import { errorText, faultLevel } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { createWaker, type Waker } from '../base/waker.js';
import type { Clock, Courier, Random, WebhookParcel } from '../conversation/ports.js';
import type { ProbeSchedule, RetrySchedule } from '../conversation/rules/schedule.js';
import type { Store } from '../conversation/store.js';
import { openQueue, type Queue, type Timers } from './queue.js';
import { outcomeOf, type Poster } from './webhook.js';

export interface HooksOptions {
  readonly store: Store;
  readonly poster: Poster;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly timers?: Timers;
}

/** `wake`: something may have become due. */
export type Hooks = Pick<Waker, 'wake' | 'close'>;

const SECOND = 1000;
const DAY = 86_400 * SECOND;
/** Conversations of one hook that are posted at a time. */
const CONCURRENCY = 16;
const STORE_WAIT = SECOND;
const SCHEDULE: RetrySchedule = {
  waits: [5 * SECOND, 30 * SECOND, 120 * SECOND, 600 * SECOND, 3600 * SECOND],
  giveUpAfter: DAY,
};
const PROBES: ProbeSchedule = { first: 2 * SECOND, longest: 900 * SECOND };
export const MAX_TROUBLE = 5 * DAY;
/** Probes that failed in a row; five days have about 480. */
export const PROBES_BEFORE_LOST = 100;

export function openHooks(options: HooksOptions): Hooks {
  const { store, poster, clock, log } = options;
  const queues = new Map<string, Queue>();

  const waker = createWaker(
    async () => {
      for (const id of await store.pendingHooks()) {
        if (waker.closed) return;
        const queue = queues.get(id);
        if (queue) queue.wake();
        else queues.set(id, open(id));
      }
    },
    error => {
      log[faultLevel(error)]('queue', { destination: 'hooks', error: errorText(error) });
      // Without another change nothing would wake it.
      setTimeout(waker.wake, STORE_WAIT).unref();
    },
  );

  function open(id: string): Queue {
    return openQueue({
      ...options,
      courier: courierOf(id),
      destination: id,
      concurrency: CONCURRENCY,
      schedule: SCHEDULE,
      probes: PROBES,
    });
  }

  function courierOf(id: string): Courier {
    return {
      async deliver(parcel) {
        const answer = await poster.post(parcel as WebhookParcel);
        const outcome = outcomeOf(answer);
        const over = outcome.kind === 'failed' ? answer.text : outcome.kind === 'trouble' ? await lost(id) : null;
        if (over !== null) {
          await store.disableHook(id, over);
          log.error('hook_disabled', { hook: id, reason: over });
        }
        return outcome;
      },
      async close() {},
    };
  }

  /** Why a hook in trouble is to be given up, or null. */
  async function lost(id: string): Promise<string | null> {
    const { failing_since, reason } = await store.hook(id);
    const failing = failing_since === null ? 0 : clock() - Date.parse(failing_since);
    if (failing <= MAX_TROUBLE || (await store.destination(id)).failures < PROBES_BEFORE_LOST) return null;
    return `failing since ${failing_since}: ${reason ?? ''}`;
  }

  return {
    wake: waker.wake,
    async close() {
      await waker.close();
      await Promise.all([...queues.values()].map(queue => queue.close()));
    },
  };
}

/** Posts a test event now, past the queue. When the receiver takes it, the hook's trouble ends and it is on again. */
export async function testHook(
  { store, poster, clock }: { readonly store: Store; readonly poster: Poster; readonly clock: Clock },
  id: string,
): Promise<{ ok: boolean; response: string }> {
  const hook = await store.hook(id);
  const eventId = `ev_test${clock().toString(36)}`;
  const body = JSON.stringify({
    id: eventId,
    type: 'hook.test',
    seq: 0,
    account: hook.account,
    created_at: new Date(clock()).toISOString(),
    conversation: null,
    message: null,
    data: { hook_id: id },
  });
  const answer = await poster.post({ url: hook.url, eventId, body, secrets: await store.hookSecrets(id) });
  const ok = outcomeOf(answer).kind === 'sent';
  if (ok && (hook.state === 'off' || hook.failing_since !== null)) await store.enableHook(id);
  return { ok, response: answer.text };
}
