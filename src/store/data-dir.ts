/** The folder that holds the whole store: made when it is missing, for its owner alone (0700). */
import { chmodSync, mkdirSync, statSync } from 'node:fs';
import { ReplydError, reasonText } from '../base/errors.js';

/** Throws unavailable, saying what to do, when the folder is another user's or cannot be made. */
export function prepareDataDir(dataDir: string): void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    const { uid, mode } = statSync(dataDir);
    const me = process.getuid?.();
    if (me === 0 && uid !== 0) {
      throw new ReplydError(
        'unavailable',
        `${dataDir} belongs to another user (uid ${uid}): run the daemon as that user, not as root`,
      );
    }
    if (me !== undefined && uid === me && (mode & 0o077) !== 0) chmodSync(dataDir, 0o700);
  } catch (error) {
    if (error instanceof ReplydError) throw error;
    throw new ReplydError('unavailable', `cannot use data_dir ${dataDir}: ${reasonText(error)}`, { cause: error });
  }
}
