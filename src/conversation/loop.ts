/** The mark by which replyd knows its own mail when it comes back (product.md section 4). */
import type { HeaderField } from '../mail/mail.js';

/** The field that tells our own mail; its value is the account's id. */
export const LOOP_HEADER = 'X-Replyd-Loop';

/** True when a mail with these fields is one that we sent for this account. Names are in lower case, as in `Mail`. */
export function carriesLoopMark(headers: readonly HeaderField[], accountId: string): boolean {
  const name = LOOP_HEADER.toLowerCase();
  return headers.some(field => field.name === name && field.value.trim() === accountId);
}
