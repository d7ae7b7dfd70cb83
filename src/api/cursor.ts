/**
 * Cursors of lists. A cursor holds the place at which a page ended, sealed for one account and one list (HMAC-SHA256 with a
 * key of the installation): made up, altered, or given to another list or by another account, it is none of ours.
 *
 * A bare number at a conversation's messages is the `seq` after which they begin, which anybody may know. Cursors from
 * before they were sealed are refused at the other lists: such a listing begins anew. Throws invalid_cursor.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { ReplydError } from '../base/errors.js';
import type { Caller } from '../conversation/ports.js';

/** Bytes of the seal: forging one takes 2^95 requests. */
const SEAL = 12;

export interface Cursors {
  seal(place: string): string;
  open(cursor: string): string;
}

/** `list`: the path of the list. */
export function cursorsFor(key: Uint8Array, caller: Caller, list: string): Cursors {
  const scope = JSON.stringify([caller.accounts, list]);
  const sealOf = (place: string) => createHmac('sha256', key).update(`${scope}\n${place}`).digest().subarray(0, SEAL);
  return {
    seal: place => Buffer.concat([sealOf(place), Buffer.from(place)]).toString('base64url'),
    open(cursor) {
      if (/^\d{1,15}$/.test(cursor) && list.endsWith('/messages')) return cursor;
      const bytes = Buffer.from(cursor, 'base64url');
      const place = bytes.subarray(SEAL).toString();
      if (bytes.length <= SEAL || !timingSafeEqual(bytes.subarray(0, SEAL), sealOf(place))) throw wrongCursor();
      return place;
    },
  };
}

export function wrongCursor(): ReplydError {
  return new ReplydError('invalid_cursor', 'This cursor is none of ours: give `next_cursor` of the page before.');
}
