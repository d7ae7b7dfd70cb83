/**
 * Looks after the disk once a second: how much room is left, so that MAIL need not ask, and that the folder for what is
 * on its way in is there: somebody may have cleared away too much, and without it no large mail could be taken until
 * the next start. A disk that does not answer says so soon enough when it is written to.
 */
import { statfsSync } from 'node:fs';
import { mkdir, statfs } from 'node:fs/promises';

const INTERVAL = 1_000;

export interface Space {
  readonly low: () => boolean;
  /** Bytes. */
  readonly free: () => number;
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
  const timer = setInterval(() => {
    statfs(dataDir).then(
      found => {
        free = found.bavail * found.bsize;
      },
      () => undefined,
    );
    // Not the folders above it: a data_dir that is gone is no matter of a missing folder.
    mkdir(folder, { mode: 0o700 }).catch(() => undefined);
  }, INTERVAL).unref();
  return { low: () => free < minFree(), free: () => free, close: () => clearInterval(timer) };
}
