/** Tokens: the hex in a reply, bounce or inbox address (docs/contract.md section 3). */
import { ReplydError } from '../base/errors.js';
import { normalizeToken } from '../mail/address.js';
import type { Random } from './ports.js';

const TOKEN_BYTES = 16;

/** 128 random bits as 32 lower-case hex digits. */
export function newToken(random: Random): string {
  return Buffer.from(random(TOKEN_BYTES)).toString('hex');
}

/**
 * A token that another system made, to be understood from now on. `token` is the form that is looked up, `written` the
 * form that stands in addresses. Throws invalid when it cannot stand in an address, or is so short that it can be guessed.
 */
export function importedToken(text: string): { token: string; written: string } {
  const token = normalizeToken(text);
  if (token === null || token.length < 16) {
    throw new ReplydError(
      'invalid',
      `${JSON.stringify(text.slice(0, 8))}… is no token: use 16 to 64 letters, digits, dots, hyphens or underscores`,
    );
  }
  return { token, written: text.toLowerCase() };
}
