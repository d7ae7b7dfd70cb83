/**
 * The daemon's housekeeping: what is old goes (`retention.ts`, events after a week, kept answers after a day), and files
 * that no row names (`clear-files.ts`). Rows every minute, files every hour, both from the first minute on.
 *
 * A clock that was put forward would make things old that are not: for an hour nothing goes, so that it can be put right.
 *
 * Never in a hurry: one short transaction, then a breath in which everybody else's writes go first. A fault is logged and
 * the next round starts again.
 */

import { errorText } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { Store } from '../../conversation/store.js';
import { type ClearingStore, clearLeftovers } from './clear-files.js';
import type { KeepSince } from './retention.js';

/** Milliseconds that each is kept; null: always. */
export interface Keep {
  readonly raw: number | null;
  readonly resolved: number | null;
  readonly deliveries: number | null;
  readonly unfiled: number | null;
}

export interface HousekeepingOptions {
  readonly store: Pick<Store, 'clearEvents'> &
    ClearingStore & { clearOld(since: KeepSince): Promise<Readonly<Record<string, number>>> };
  readonly dataDir: string;
  readonly log: Log;
  readonly keep: () => Keep;
}

const DAY = 86_400_000;
const EVENT_LIFE = 7 * DAY;
const ANSWER_LIFE = DAY;
const EVENTS_AT_ONCE = 500;
const ROWS_INTERVAL = 60_000;
const FILES_INTERVAL = 60 * 60_000;
const BREATH = 20;
const CLOCK_STEP = 10 * 60_000;
const DOUBT = 60 * 60_000;

/** Begins a minute from now. `close` waits for the piece that is being cleared. */
export function openHousekeeping(options: HousekeepingOptions): { close(): Promise<void> } {
  const { store, log } = options;
  let stopped = false;
  let running: Promise<void> | null = null;
  let filesDue = 0;
  /** From here on times of a clock that only runs on. */
  let doubtUntil = 0;
  let distance = Date.now() - performance.now();
  let endBreath = () => {};

  const breath = () =>
    new Promise<void>(resolve => {
      const timer = setTimeout(resolve, BREATH);
      endBreath = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  const clearEvents = async (now: number) => {
    const limits = { before: now - EVENT_LIFE, answersBefore: now - ANSWER_LIFE, limit: EVENTS_AT_ONCE };
    while (!stopped && (await store.clearEvents(limits)) === EVENTS_AT_ONCE) await breath();
  };

  const clearOld = async (now: number) => {
    const since = keepSince(options.keep(), now);
    const gone: Record<string, number> = {};
    for (;;) {
      const piece = Object.entries(await store.clearOld(since));
      for (const [what, count] of piece) gone[what] = (gone[what] ?? 0) + count;
      if (piece.length === 0 || stopped) break;
      await breath();
    }
    if (Object.keys(gone).length > 0) log.info('cleared', gone);
  };

  const inDoubt = () => {
    const found = Date.now() - performance.now();
    if (found - distance > CLOCK_STEP) doubtUntil = performance.now() + DOUBT;
    distance = found;
    return performance.now() < doubtUntil;
  };

  const round = async () => {
    if (inDoubt()) return;
    const now = Date.now();
    await clearEvents(now);
    await clearOld(now);
    if (stopped || performance.now() < filesDue) return;
    filesDue = performance.now() + FILES_INTERVAL;
    const files = await clearLeftovers(store, options.dataDir, { now, stopped: () => stopped });
    if (files > 0) log.info('cleared', { files });
  };

  const timer = setInterval(() => {
    running ??= round()
      .catch(error => log.error('clear_failed', { error: errorText(error) }))
      .finally(() => {
        running = null;
      });
  }, ROWS_INTERVAL).unref();

  return {
    async close() {
      stopped = true;
      clearInterval(timer);
      endBreath();
      await running;
    },
  };
}

/** The moments before which each is old. */
export function keepSince(keep: Keep, now: number): KeepSince {
  const since = (life: number | null) => (life === null ? null : now - life);
  return {
    raw: since(keep.raw),
    resolved: since(keep.resolved),
    deliveries: since(keep.deliveries),
    unfiled: since(keep.unfiled),
  };
}
