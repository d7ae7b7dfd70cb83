/**
 * Looks after the disk: how much room is left, so that nobody else has to ask it, ten times a second while something is
 * written and else once; and, once a second, that the folder for what is on its way in is there: somebody may have cleared away too much, and without it no large mail could be taken until
 * the next start. A disk that does not answer says so soon enough when it is written to.
 *
 * It is the budget of `base/space.ts`: what was taken counts until a look that began later, what is held until it is
 * released. With `limits.min_free = 0` everything fits.
 */
import { statfsSync } from 'node:fs';
import { mkdir, statfs } from 'node:fs/promises';
import { counter } from '../../base/metrics.js';
import type { SpaceBudget } from '../../base/space.js';

const INTERVAL = 1_000;
/** What was written and removed again since the last look counts as used: large mails would be put off for that. */
const BUSY_INTERVAL = 100;
/** Bytes above `limits.min_free` that only what is small may use; at most a quarter of it. */
const FOR_SMALL = 16 * 1024 * 1024;

const refused = counter('replyd_no_space_total', 'Writes that had no room above limits.min_free.');

export interface Space extends SpaceBudget {
  /** Nothing at all fits. */
  readonly low: () => boolean;
  /** Bytes, as the disk said. */
  readonly free: () => number;
  /** Asks the disk again, for tests; once a second it happens by itself. */
  readonly look: () => Promise<void>;
  readonly close: () => void;
}

export function watchSpace(options: {
  readonly dataDir: string;
  /** Inside of it. */
  readonly folder: string;
  /** Bytes. */
  readonly minFree: () => number;
}): Space {
  const { dataDir, folder, minFree } = options;
  const first = statfsSync(dataDir);
  let free = first.bavail * first.bsize;
  let taken = 0;
  let held = 0;
  const fits = (bytes: number, as?: 'small') => {
    const least = minFree();
    const reserve = as === 'small' ? 0 : Math.min(FOR_SMALL, least / 4);
    return least === 0 || free - taken - held - bytes >= least + reserve;
  };
  const look = async () => {
    const before = taken;
    const found = await statfs(dataDir).catch(() => null);
    if (found === null) return;
    free = found.bavail * found.bsize;
    taken -= before;
  };
  const lookWhileBusy = setInterval(() => {
    if (taken > 0) void look();
  }, BUSY_INTERVAL).unref();
  const timer = setInterval(() => {
    void look();
    // Not the folders above it: a data_dir that is gone is no matter of a missing folder.
    mkdir(folder, { mode: 0o700 }).catch(() => undefined);
  }, INTERVAL).unref();
  const ask = (bytes: number, as?: 'small') => {
    if (fits(bytes, as)) return true;
    refused.add([]);
    return false;
  };
  return {
    take(bytes) {
      if (!ask(bytes)) return false;
      taken += bytes;
      return true;
    },
    hold(bytes, as) {
      if (!ask(bytes, as)) return false;
      held += bytes;
      return true;
    },
    release(bytes) {
      held -= bytes;
    },
    low: () => !fits(0, 'small'),
    free: () => free,
    look,
    close() {
      clearInterval(timer);
      clearInterval(lookWhileBusy);
    },
  };
}
