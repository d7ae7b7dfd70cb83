/** Requests of each key: a bucket that holds a minute's worth and fills evenly. In memory, so a restart fills it. */
import type { Clock } from '../conversation/ports.js';

export interface Rates {
  /** 0: go on. Else the seconds to wait. */
  take(key: string): number;
}

const MINUTE = 60_000;
/** Buckets that are full again need not be remembered. */
const TIDY_ABOVE = 1000;

export function createRates(perMinute: () => number, clock: Clock): Rates {
  const buckets = new Map<string, { left: number; at: number }>();
  return {
    take(key) {
      const limit = perMinute();
      const now = clock();
      const bucket = buckets.get(key) ?? { left: limit, at: now };
      const left = Math.min(limit, bucket.left + (Math.max(0, now - bucket.at) * limit) / MINUTE);
      if (buckets.size > TIDY_ABOVE) {
        for (const [other, { at }] of buckets) if (now - at > MINUTE) buckets.delete(other);
      }
      if (left < 1) {
        buckets.set(key, { left, at: now });
        return Math.max(1, Math.ceil(((1 - left) * 60) / limit));
      }
      buckets.set(key, { left: left - 1, at: now });
      return 0;
    },
  };
}
