/**
 * When to retry: waits of one delivery, and probes of a destination in trouble. Pure; randomness comes from outside and
 * spreads the moments, so that deliveries that failed together are not retried together.
 */
import type { Random } from '../ports.js';

export interface RetrySchedule {
  /** Milliseconds between the attempts of one delivery; the last one repeats. At least one. */
  readonly waits: readonly number[];
  /** Milliseconds after which a delivery has failed: the sum of its waits. */
  readonly giveUpAfter: number;
}

export interface ProbeSchedule {
  /** Milliseconds before the first probe of a destination in trouble; doubled for each probe that failed. */
  readonly first: number;
  readonly longest: number;
}

/** Milliseconds to wait after attempt number `attempt` (1 is the first), or null: given up. */
export function retryWait(schedule: RetrySchedule, attempt: number, random: Random): number | null {
  let waited = 0;
  for (let before = 1; before < attempt && waited < schedule.giveUpAfter; before += 1) {
    waited += waitAfter(schedule, before);
  }
  return waited >= schedule.giveUpAfter ? null : spread(waitAfter(schedule, attempt), random);
}

/** Milliseconds to the next probe, after `failures` (at least 1) that failed. */
export function probeWait(schedule: ProbeSchedule, failures: number, random: Random): number {
  return spread(Math.min(schedule.first * 2 ** Math.min(failures - 1, 30), schedule.longest), random);
}

/** The longest wait that `probeWait` returns: a later moment comes from a clock that was put back. */
export function longestProbeWait(schedule: ProbeSchedule): number {
  return schedule.longest * 1.1;
}

function waitAfter(schedule: RetrySchedule, attempt: number): number {
  return schedule.waits[Math.min(attempt, schedule.waits.length) - 1]!;
}

/** Within 10 % around it. */
function spread(wait: number, random: Random): number {
  const [high = 0, low = 0] = random(2);
  return Math.round(wait * (0.9 + (0.2 * (high * 256 + low)) / 65_536));
}
