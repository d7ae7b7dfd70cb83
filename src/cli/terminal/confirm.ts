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
 * he does not, and a usage error where nobody can be asked: what stands on standard input is no answer.
 */
export async function confirmRemoval(what: string, { yes }: Yes): Promise<void> {
  if (yes) return;
  const answer = await ask(`Remove ${what} for good?`);
  if (answer === null) throw usageError(`nobody can be asked here whether to remove ${what}: give --yes`);
  if (!answer) throw new ReplydError('conflict', 'nothing was removed');
}
