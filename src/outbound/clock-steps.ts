/**
 * Watches the clock on the wall against one that only runs on. What waits (a delivery for its time, a destination for its
 * next probe) waits for a moment on the wall. Put back by two days, a wait of a minute would last two days and a minute:
 * everything that waits is pulled forward by as much. Put forward, waits end early and no harm is done; it is only said.
 *
 * While the store can't be written the step is remembered and tried again. Steps while no daemon runs are not seen.
 */

import { errorText } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { type EverySecond, everySecond } from '../base/ticker.js';
import type { Clock } from '../conversation/ports.js';

export interface ClockStepsOptions {
  /** Milliseconds since 1970, as everybody else reads it. */
  readonly wall: Clock;
  /** Milliseconds since some moment, and parts of them. */
  readonly steady: Clock;
  /** Pulls forward what waits by whole milliseconds; returns how many. */
  readonly putBack: (milliseconds: number) => Promise<number>;
  readonly log: Log;
  /** When they are looked at; default: a timer. */
  readonly everySecond?: EverySecond;
}

/** Below this clocks are corrected all the time. */
const STEP = 10_000;

export function watchClock(options: ClockStepsOptions): { close(): void } {
  const { wall, steady, log } = options;
  let distance = wall() - steady();
  let owed = 0;
  let working = false;

  const look = () => {
    const found = wall() - steady();
    const step = found - distance;
    if (Math.abs(step) >= STEP) {
      log.warn('clock_stepped', { seconds: Math.round(step / 1000) });
      // Put forward and back again: what was set before the first step still waits for its old moment.
      if (step < 0) owed += Math.round(-step);
    }
    // Small corrections must not add up to a step.
    distance = found;
    if (owed > 0 && !working) void pull(owed);
  };

  const pull = async (by: number) => {
    working = true;
    try {
      const deliveries = await options.putBack(by);
      owed -= by;
      log.info('waits_shortened', { seconds: Math.round(by / 1000), deliveries });
    } catch (error) {
      log.error('queue', { destination: 'all', error: errorText(error) });
    } finally {
      working = false;
    }
  };

  const stop = (options.everySecond ?? everySecond)(look);
  return { close: stop };
}
