/**
 * What ended a verb → exit code and text on standard error.
 *
 * 0 done · 1 failed · 2 wrong usage. `invalid` is wrong usage. Everything else failed; an unknown fault prints its
 * stack too, so that it can be reported.
 */
import { type ErrorKind, insiderText, isAway, isReplydError, ReplydError, systemText } from '../base/errors.js';
import { printable } from './terminal/text.js';

export const EXIT_DONE = 0;
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;

export const EXIT_CODES: Readonly<Record<ErrorKind, number>> = {
  invalid: EXIT_USAGE,
  not_found: EXIT_FAILED,
  conflict: EXIT_FAILED,
  unauthorized: EXIT_FAILED,
  forbidden: EXIT_FAILED,
  too_large: EXIT_FAILED,
  unavailable: EXIT_FAILED,
};

/** An error about what was typed: exit 2. */
export function usageError(message: string): ReplydError {
  return new ReplydError('invalid', message);
}

/** The exit code and the lines for standard error, printable, without a line end. '' says nothing (already said). */
export function explain(error: unknown): { readonly exitCode: number; readonly text: string } {
  if (isReplydError(error))
    return {
      exitCode: EXIT_CODES[error.kind],
      text: printable(`replyd: ${withAdvice(isAway(error) ? insiderText(error) : error.message)}`),
    };
  const commander = commanderExit(error);
  if (commander !== null) return { exitCode: commander, text: '' };
  const system = systemText(error);
  if (system !== null) return { exitCode: EXIT_FAILED, text: printable(`replyd: ${system}`) };
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { exitCode: EXIT_FAILED, text: printable(`replyd: internal error, please report it\n${stack}`) };
}

function withAdvice(text: string): string {
  return text.startsWith('cannot use PostgreSQL at ')
    ? `${text}: see that the server runs, and that store.url (or PGPASSWORD) is right`
    : text;
}

// commander has printed its text already. Help and version end well, everything else is wrong usage; a group
// without a verb prints its help and is wrong usage too.
function commanderExit(error: unknown): number | null {
  const { code, exitCode } = (error ?? {}) as { code?: unknown; exitCode?: unknown };
  if (typeof code !== 'string' || !code.startsWith('commander.')) return null;
  return exitCode === 0 ? EXIT_DONE : EXIT_USAGE;
}
