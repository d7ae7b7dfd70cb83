/** Asking before something is removed for good. */
import { usageError } from './errors.js';
import { ask, warn } from './terminal.js';

/**
 * True when `what` may be removed: by `--yes`, or because the person at the terminal says so. Throws a usage error
 * when nobody can be asked.
 */
export async function confirmRemoval(what: string, options: { readonly yes?: true }): Promise<boolean> {
  if (options.yes) return true;
  const answer = await ask(`Remove ${what} for good?`);
  if (answer === null) throw usageError(`nobody can be asked here whether to remove ${what}: give --yes`);
  if (!answer) {
    warn('nothing was removed');
    process.exitCode = 1;
  }
  return answer;
}
