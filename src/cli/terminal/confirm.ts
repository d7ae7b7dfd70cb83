/** Asking before something is removed for good. */
import { EXIT_FAILED, usageError } from '../errors.js';
import { ask, warn } from './terminal.js';

/**
 * True when `what` may be removed: by `--yes`, or because the person at the terminal says so. Where nobody can be asked,
 * `unasked` decides: a script that names one conversation means it, a whole account needs `--yes` (a usage error).
 */
export async function confirmRemoval(
  what: string,
  options: { readonly yes?: true; readonly unasked: 'remove' | 'refuse' },
): Promise<boolean> {
  if (options.yes) return true;
  const answer = await ask(`Remove ${what} for good?`);
  if (answer === null && options.unasked === 'remove') return true;
  if (answer === null) throw usageError(`nobody can be asked here whether to remove ${what}: give --yes`);
  if (!answer) {
    warn('nothing was removed');
    process.exitCode = EXIT_FAILED;
  }
  return answer;
}
