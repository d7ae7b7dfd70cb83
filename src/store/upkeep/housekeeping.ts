/**
 * The daemon's housekeeping: what is old goes (`retention.ts`, events after a week, kept answers after a day), and files
 * that no row names (`clear-files.ts`). Rows every minute, files every hour, both from the first minute on.
 *
 * A clock that was put forward would make things old that are not: for an hour nothing goes, so that it can be put right.
 *
 * Never in a hurry: one short transaction, then a breath in which everybody else's writes go first. A fault is logged and
 * the next round starts again.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { errorText, faultLevel } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { Calls } from '../calls.js';
import { type ClearingStore, clearLeftovers } from './clear-files.js';
import type { KeepSince } from './retention.js';

/** Milliseconds that each is kept; null: always. */
type Keep = KeepSince;

export interface HousekeepingOptions {
  readonly store: ClearingStore & Pick<Calls, 'clearEvents' | 'clearOld' | 'unfiledSums'>;
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
  const stopping = new AbortController();
  const { signal } = stopping;
  let running: Promise<void> | null = null;
  let filesDue = 0;
  /** From here on times of a clock that only runs on. */
  let doubtUntil = 0;
  let distance = Date.now() - performance.now();

  const breath = () => sleep(BREATH, undefined, { signal }).catch(() => undefined);

  const clearEvents = async (now: number) => {
    const limits = { before: now - EVENT_LIFE, answersBefore: now - ANSWER_LIFE, limit: EVENTS_AT_ONCE };
    while (!signal.aborted && (await store.clearEvents(limits)) === EVENTS_AT_ONCE) await breath();
  };

  const clearOld = async (now: number) => {
    const since = keepSince(options.keep(), now);
    const gone: Record<string, number> = {};
    for (;;) {
      const piece = Object.entries(await store.clearOld(since));
      for (const [what, count] of piece) gone[what] = (gone[what] ?? 0) + count;
      if (piece.length === 0 || signal.aborted) break;
      await breath();
    }
    if (Object.keys(gone).length > 0) log.info('cleared', gone);
  };

  const removedSoFar = async () => (await store.unfiledSums())?.removed ?? 0;
  let removedBefore = removedSoFar();
  removedBefore.catch(() => undefined);

  /** Strangers bring more than is kept: most of it goes when the next one comes, so only the sums tell of it. */
  const tellOfLimit = async () => {
    const before = await removedBefore.catch(() => null);
    removedBefore = removedSoFar();
    const removed = (await removedBefore) - (before ?? 0);
    if (before !== null && removed > 0) log.warn('unfiled_over_limit', { removed });
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
    await tellOfLimit();
    if (signal.aborted || performance.now() < filesDue) return;
    filesDue = performance.now() + FILES_INTERVAL;
    const files = await clearLeftovers(store, options.dataDir, { now, stopped: () => signal.aborted });
    if (files > 0) log.info('cleared', { files });
  };

  const timer = setInterval(() => {
    running ??= round()
      .catch(error => log[faultLevel(error)]('clear_failed', { error: errorText(error) }))
      .finally(() => {
        running = null;
      });
  }, ROWS_INTERVAL).unref();

  return {
    async close() {
      stopping.abort();
      clearInterval(timer);
      await running;
    },
  };
}

/** The moments before which each is old. */
export function keepSince(keep: Keep, now: number): KeepSince {
  const since = (life: number | null) => (life === null ? null : now - life);
  const { raw, resolved, deliveries, unfiled } = keep;
  return { raw: since(raw), resolved: since(resolved), deliveries: since(deliveries), unfiled: since(unfiled) };
}
