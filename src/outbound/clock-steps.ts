/**
 * Compares the wall clock with a steady clock, because deliveries and probes wait for a moment of the wall clock. When the
 * wall clock is put back by two days, a wait of a minute would last two days and a minute: everything that waits is
 * pulled forward by the same step. When it is put forward, waits end early, which does no harm and is only logged.
 *
 * While the store can't be written the step is remembered and tried again. A step while no daemon runs is not noticed.
 */

import { errorText, faultLevel } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { type EverySecond, everySecond } from '../base/ticker.js';
import { createWaker } from '../base/waker.js';
import type { Clock } from '../conversation/ports.js';

export interface ClockStepsOptions {
  /** Milliseconds since 1970. */
  readonly wall: Clock;
  /** Milliseconds since some moment, with fractions. */
  readonly steady: Clock;
  /** Pulls everything that waits forward by whole milliseconds; returns how many deliveries. */
  readonly putBack: (milliseconds: number) => Promise<number>;
  readonly log: Log;
  /** Default: a timer. */
  readonly everySecond?: EverySecond;
}

/** Milliseconds; smaller corrections of a clock are usual. */
const STEP = 10_000;

export function watchClock(options: ClockStepsOptions): { close(): void } {
  const { wall, steady, log } = options;
  let distance = wall() - steady();
  let owed = 0;

  const look = () => {
    const found = wall() - steady();
    const step = found - distance;
    if (Math.abs(step) >= STEP) {
      log.warn('clock_stepped', { seconds: Math.round(step / 1000) });
      // Only steps back count: after a step forward and back, what was set before still waits for its old moment.
      if (step < 0) owed += Math.round(-step);
    }
    // Small corrections must not add up to a step.
    distance = found;
    if (owed > 0) puller.wake();
  };

  const puller = createWaker(
    async () => {
      if (owed === 0) return;
      const by = owed;
      const deliveries = await options.putBack(by);
      owed -= by;
      log.info('waits_shortened', { seconds: Math.round(by / 1000), deliveries });
    },
    error => log[faultLevel(error)]('queue', { destination: 'all', error: errorText(error) }),
  );

  const stop = (options.everySecond ?? everySecond)(look);
  return { close: stop };
}
