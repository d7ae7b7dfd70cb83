/**
 * The one budget of disk space for all that is on its way in or out: whoever writes asks it first, at each write. What is
 * free, less what was written or promised since somebody looked, stays above `limits.min_free`. Asking is an addition:
 * the disk itself is looked at ten times a second (`store/blobs/space.ts`).
 *
 * When there is no room, the writer removes its file at once and gives its door's temporary answer (452, 503).
 */
import { ReplydError } from './errors.js';

export interface SpaceBudget {
  /** For bytes that are written now. False: there is no room for them. */
  take(bytes: number): boolean;
  /**
   * For bytes that will be written: they are kept free until `release`. False: there is no room, and nothing is held. The
   * last room is for what is `small`, so that mails with large files do not keep all others out.
   */
  hold(bytes: number, as?: 'small'): boolean;
  release(bytes: number): void;
}

/** For what runs beside the daemon: everything fits, until the disk itself is full. */
export const NO_BUDGET: SpaceBudget = { take: () => true, hold: () => true, release: () => undefined };

export function noRoom(): ReplydError {
  const text = 'there is no room above limits.min_free';
  return new ReplydError('disk_full', text, { details: { reason: 'disk_full' } });
}

/** Does work that writes at most so many bytes. Throws disk_full when there is no room for them. */
export async function withRoom<T>(space: SpaceBudget, bytes: number, work: () => Promise<T>): Promise<T> {
  if (!space.hold(bytes)) throw noRoom();
  try {
    return await work();
  } finally {
    space.release(bytes);
    // As if all of it was written, until the next look tells.
    space.take(bytes);
  }
}
