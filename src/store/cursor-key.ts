/** The key that seals cursors of the API: made once for a data folder, 0600. A backup leaves it out: listings begin anew. */
import { randomBytes } from 'node:crypto';
import { closeSync, constants, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import path from 'node:path';
import { ReplydError, reasonText } from '../base/errors.js';

const BYTES = 32;

/** Throws unavailable when it can neither be read nor made. */
export function openCursorKey(dataDir: string): Uint8Array {
  const file = path.join(dataDir, 'cursor.key');
  try {
    const found = readKey(file);
    if (found !== null) return found;
    const key = randomBytes(BYTES);
    const made = openSync(
      `${file}.new`,
      constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW,
      0o600,
    );
    writeSync(made, key);
    fsyncSync(made);
    closeSync(made);
    renameSync(`${file}.new`, file);
    return key;
  } catch (error) {
    throw new ReplydError('unavailable', `cannot use ${file}: ${reasonText(error)}`, { cause: error });
  }
}

/** Null: there is none, or not a whole one. */
function readKey(file: string): Uint8Array | null {
  try {
    const key = readFileSync(file);
    return key.length === BYTES ? key : null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
