/**
 * The one error class for faults that a caller can act on. Everything that is not a ReplydError is a bug or a
 * broken machine, and every edge answers it as temporary trouble of ours (451, 503, exit 75): never a bounce.
 *
 * Each edge maps these codes with one table of its own: SMTP replies, HTTP statuses, exit codes.
 */

export type ErrorCode = 'invalid' | 'not_found' | 'conflict' | 'unauthorized' | 'too_large' | 'unavailable';

export class ReplydError extends Error {
  readonly code: ErrorCode;
  /** Facts for machines, e.g. `{ contact_id: "ct_…" }` beside a conflict. Never secrets. */
  readonly details: Readonly<Record<string, unknown>>;

  /** `message` is for people: what happened, to which thing, what to do. */
  constructor(code: ErrorCode, message: string, options: { details?: Record<string, unknown>; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ReplydError';
    this.code = code;
    this.details = options.details ?? {};
  }
}

/** True for a ReplydError, of this code when one is given. */
export function isReplydError(error: unknown, code?: ErrorCode): error is ReplydError {
  return error instanceof ReplydError && (code === undefined || error.code === code);
}

/** The text of anything thrown, one line, for logs and `last_error`. */
export function errorText(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replaceAll(/\s+/g, ' ').trim() || 'unknown error';
}
