/** The mark by which replyd knows its own mail when it comes back (docs/contract.md section 4). */
import type { HeaderField } from '../../mail/mail.js';

/** The field that tells our own mail; its value is the account's id. */
export const LOOP_HEADER = 'X-Replyd-Loop';
/** The same, as it is named in a `Mail`. */
export const LOOP_FIELD = LOOP_HEADER.toLowerCase();

/** True when a mail with these fields is one that we sent for this account. Names are in lower case, as in `Mail`. */
export function carriesLoopMark(headers: readonly HeaderField[], accountId: string): boolean {
  return headers.some(field => field.name === LOOP_FIELD && field.value.trim() === accountId);
}

/** True when replyd sent it, for whomever. */
export function carriesAnyLoopMark(headers: readonly HeaderField[]): boolean {
  return headers.some(field => field.name === LOOP_FIELD);
}
