/** Asks before something is removed for good. */
import { ReplydError } from '../../base/errors.js';
import { usageError } from '../errors.js';
import { option } from '../verb.js';
import { ask } from './terminal.js';

export interface Yes {
  readonly yes?: true;
}

/** `--yes` */
export function yesOption() {
  return option('--yes', 'do not ask');
}

/**
 * Returns when `what` may be removed: `--yes` was given, or the person at the terminal says yes. Throws a conflict when
 * he does not. Where nobody can be asked, `unasked` decides: who names one conversation means it, but a whole account
 * needs `--yes` (a usage error).
 */
export async function confirmRemoval(what: string, { yes }: Yes, unasked: 'remove' | 'refuse'): Promise<void> {
  if (yes) return;
  const answer = await ask(`Remove ${what} for good?`);
  if (answer === null && unasked === 'refuse') {
    throw usageError(`nobody can be asked here whether to remove ${what}: give --yes`);
  }
  if (answer === false) throw new ReplydError('conflict', 'nothing was removed');
}
