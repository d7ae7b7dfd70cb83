/** What the database or the file system throws, as a fault that every caller can answer. */
import { AWAY, ReplydError, reasonText } from '../base/errors.js';

/** 53100: PostgreSQL's disk. */
const DISK_FULL = new Set(['SQLITE_FULL', 'ENOSPC', 'EDQUOT', '53100']);

/** Turns anything thrown by a database or the file system into a fault that callers can answer; keeps ReplydErrors. */
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

/**
 * A database that can't be reached, or can't be worked on just now. What it is exactly is in the log and in `cause`: who
 * asks may be a stranger, who is not told where it is.
 */
export function awayFault(cause: unknown): ReplydError {
  return new ReplydError('unavailable', 'the database is away', { cause, details: { reason: AWAY } });
}
