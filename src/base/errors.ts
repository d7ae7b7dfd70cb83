/**
 * The one error class for faults that a caller can act on, and the one table of their codes. Everything that is not a
 * ReplydError is a bug or a broken machine, and every edge answers it as temporary trouble of ours (451, 503, exit 75):
 * never a bounce.
 *
 * A code is stable: applications branch on it (`code` in every problem of the API). It belongs to one of seven kinds, and
 * each edge maps the kinds with a table of its own: SMTP replies, HTTP statuses, exit codes. Codes are only added.
 */

export type ErrorKind =
  | 'invalid'
  | 'not_found'
  | 'conflict'
  | 'unauthorized'
  | 'forbidden'
  | 'too_large'
  | 'unavailable';

/** Code → kind. A kind is a code too: what nobody needs to tell from its like. */
export const ERROR_CODES = {
  invalid: 'invalid',
  account_required: 'invalid',
  header_too_large: 'invalid',
  idempotency_key_reused: 'invalid',
  invalid_address: 'invalid',
  invalid_cursor: 'invalid',
  invalid_json: 'invalid',
  invalid_password: 'invalid',
  method_not_allowed: 'invalid',
  wrong_content_encoding: 'invalid',
  wrong_content_type: 'invalid',

  not_found: 'not_found',
  account_not_found: 'not_found',
  agent_not_found: 'not_found',
  agent_session_not_found: 'not_found',
  api_key_not_found: 'not_found',
  attachment_not_found: 'not_found',
  cc_not_found: 'not_found',
  contact_not_found: 'not_found',
  conversation_not_found: 'not_found',
  delivery_not_found: 'not_found',
  event_not_found: 'not_found',
  hook_not_found: 'not_found',
  mail_not_found: 'not_found',
  message_not_found: 'not_found',
  not_kept: 'not_found',
  participant_not_found: 'not_found',
  route_not_found: 'not_found',

  conflict: 'conflict',
  account_exists: 'conflict',
  address_taken: 'conflict',
  agent_disabled: 'conflict',
  agent_exists: 'conflict',
  agent_shared: 'conflict',
  conversation_moved: 'conflict',
  delivery_not_possible: 'conflict',
  delivery_settled: 'conflict',
  message_not_held: 'conflict',
  no_web_page: 'conflict',
  removed_since: 'conflict',
  search_off: 'conflict',
  source_id_taken: 'conflict',
  token_taken: 'conflict',
  too_many_agents: 'conflict',
  too_many_cc: 'conflict',
  too_many_hooks: 'conflict',
  too_many_participants: 'conflict',

  unauthorized: 'unauthorized',

  forbidden: 'forbidden',
  admin_required: 'forbidden',
  agent_required: 'forbidden',
  operator_required: 'forbidden',

  too_large: 'too_large',
  mail_too_large: 'too_large',
  metadata_too_large: 'too_large',

  unavailable: 'unavailable',
  disk_full: 'unavailable',
  too_many_readers: 'unavailable',
  too_many_requests: 'unavailable',
} as const satisfies Readonly<Record<string, ErrorKind>>;

export type ErrorCode = keyof typeof ERROR_CODES;

export class ReplydError extends Error {
  readonly code: ErrorCode;
  readonly kind: ErrorKind;
  /** Facts for machines, e.g. `{ contact_id: "ct_…" }` beside a conflict. Never secrets. */
  readonly details: Readonly<Record<string, unknown>>;

  /** `message` is for people: what happened, to which thing, what to do. */
  constructor(code: ErrorCode, message: string, options: { details?: Record<string, unknown>; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ReplydError';
    this.code = code;
    this.kind = ERROR_CODES[code];
    this.details = options.details ?? {};
  }
}

/** True for a ReplydError, of this code or kind when one is given. */
export function isReplydError(error: unknown, code?: ErrorCode): error is ReplydError {
  return error instanceof ReplydError && (code === undefined || error.code === code || error.kind === code);
}

/**
 * Something that others run is away for a while, and all goes on by itself when it is back: a database. Whoever opened it
 * tells of it once, so it is no line of each part that asks it again and again (`faultLevel`).
 */
export const AWAY = 'away';

export function isAway(error: unknown): boolean {
  return error instanceof ReplydError && error.kind === 'unavailable' && error.details.reason === AWAY;
}

/** The text of anything thrown for whoever may know where our database is: the log, the command line. */
export function insiderText(error: unknown): string {
  return errorText(isAway(error) ? ((error as ReplydError).cause ?? error) : error);
}

/** At which level a part that goes on tells of a fault. */
export function faultLevel(error: unknown): 'error' | 'debug' {
  return isAway(error) ? 'debug' : 'error';
}

/** The text of anything thrown, one line, for logs and `last_error`. */
export function errorText(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replaceAll(/\s+/g, ' ').trim() || 'unknown error';
}

/** What the operating system said about a file or an address, in words; null for every other error. */
export function systemText(error: unknown): string | null {
  const reason = systemReason(error);
  if (reason === null) return null;
  const { path, address, port, syscall } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  const thing = path ?? (address === undefined ? null : port === undefined ? address : `${address}:${port}`);
  return `${thing ?? syscall}: ${reason}`;
}

/** What went wrong, for people: the thing and the reason where the operating system said it, else the error's text. */
export function faultText(error: unknown): string {
  return systemText(error) ?? errorText(error);
}

/** The reason alone, for a sentence that names the thing already. */
export function reasonText(error: unknown): string {
  return systemReason(error) ?? errorText(error);
}

function systemReason(error: unknown): string | null {
  const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException;
  return typeof code === 'string' && typeof syscall === 'string' ? (SYSTEM_WORDS[code] ?? code) : null;
}

const SYSTEM_WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EACCES: 'no permission',
  EPERM: 'not permitted',
  EISDIR: 'is a directory',
  ENOTDIR: 'a part of the path is no directory',
  EEXIST: 'exists already',
  ENOSPC: 'no space left on the disk',
  ELOOP: 'a symbolic link, which is not followed there',
  EROFS: 'the file system is read-only',
  EADDRINUSE: 'the port is taken',
  EADDRNOTAVAIL: 'this machine has no such address',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection was cut',
  ETIMEDOUT: 'timed out',
};
