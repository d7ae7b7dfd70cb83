/** The mark of a store that was moved to another place (`move.ts`): nobody opens it any more. */
import { ReplydError } from '../../base/errors.js';

export interface MovedRow {
  readonly target: string;
  readonly at: number;
}

/** The mark of a store that was moved away; no row: it is where it was. */
export const MOVED = 'select target, at from moved';

/** Throws unavailable, with where the store went. */
export function refuseMoved(moved: MovedRow | undefined): void {
  if (moved === undefined) return;
  const when = new Date(moved.at).toISOString().slice(0, 19).replace('T', ' ');
  throw new ReplydError(
    'unavailable',
    `this store was moved to ${moved.target} on ${when}Z: name that one in the configuration ` +
      '(store.url or data_dir). What came since is only there',
    { details: { reason: 'moved' } },
  );
}
