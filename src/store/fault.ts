/** What the database or the file system throws, as a fault that every caller can answer. */
import { ReplydError, reasonText } from '../base/errors.js';

const DISK_FULL = new Set(['SQLITE_FULL', 'ENOSPC', 'EDQUOT']);

/** Turns anything thrown by SQLite or the file system into a fault that callers can answer; keeps ReplydErrors. */
export function storeFault(error: unknown, doing: string): ReplydError {
  if (error instanceof ReplydError) return error;
  const code = (error as { code?: unknown } | null)?.code;
  const reason =
    typeof code === 'string' && DISK_FULL.has(code) ? 'disk_full' : typeof code === 'string' ? code : 'internal';
  return new ReplydError(
    reason === 'disk_full' ? 'disk_full' : 'unavailable',
    `${doing}: ${reason === 'disk_full' ? 'no space left' : reasonText(error)}`,
    {
      cause: error,
      details: { reason },
    },
  );
}
