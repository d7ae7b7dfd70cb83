/** Large contents beside a SQLite database: a file for each, in `blobs/` (`blobs.ts`). */
import { statSync, unlinkSync, utimesSync } from 'node:fs';
import type { LargeContents } from '../tx.js';
import { blobFile } from './blobs.js';

/** `hold`: the lock that a backup takes too. */
export function largeFiles(dataDir: string, hold: () => { release(): void } | null): LargeContents {
  return {
    file: sha256 => blobFile(dataDir, sha256),
    touch(sha256) {
      // The file system's own time, as the one who clears reads it; not the tx's clock.
      const now = Date.now() / 1000;
      utimesSync(blobFile(dataDir, sha256), now, now);
    },
    hold,
    remove(sha256, before) {
      const file = blobFile(dataDir, sha256);
      try {
        if (statSync(file).mtimeMs >= before) return false;
        unlinkSync(file);
        return true;
      } catch {
        // Gone already, or not to be unlinked: `replyd check` tells of those that stay.
        return false;
      }
    },
  };
}
