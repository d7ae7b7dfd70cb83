/**
 * Passwords of agents: hashed by scrypt (RFC 7914) at the cost that OWASP asks for, and kept with salt and cost, so that
 * the cost can rise. Compared in constant time. Who has no password is compared with one that nobody has: the answer takes
 * as long.
 *
 * A hash takes 128 MiB and a third of a second of another thread. Two are made at once, some wait, and whoever comes then is
 * told to come again (too_many_requests, details.retry_after in seconds).
 */
import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import { ReplydError } from '../base/errors.js';

/** N = 2^17, r = 8, p = 1. */
const COST = { ln: 17, r: 8, p: 1 } as const;
const SALT_BYTES = 16;
const HASH_BYTES = 32;
const SHORTEST = 12;
const LONGEST = 1000;
const AT_ONCE = 2;
const MOST_WAITING = 20;
/** Seconds. */
const COME_AGAIN = 5;

/** As PHC strings are written: `$scrypt$ln=17,r=8,p=1$salt$hash`. */
const ENCODED = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([\w-]+)\$([\w-]+)$/;

export interface Passwords {
  /** The password as it is kept. Throws invalid_password, too_many_requests. */
  encode(password: string): Promise<string>;
  /** Whether it is the one that is kept so; null: nobody's. Throws too_many_requests. */
  matches(password: string, encoded: string | null): Promise<boolean>;
}

/** Why nobody may have this password, or null. Characters are counted as people do, in NFC. */
export function passwordFault(password: string): string | null {
  // A longer one is not looked at.
  const count = password.length > 4 * LONGEST ? Number.POSITIVE_INFINITY : [...password.normalize('NFC')].length;
  if (count < SHORTEST) return `a password has at least ${SHORTEST} characters`;
  return count > LONGEST ? `a password has at most ${LONGEST} characters` : null;
}

export function createPasswords({ most = MOST_WAITING }: { readonly most?: number } = {}): Passwords {
  const waiting: (() => void)[] = [];
  let running = 0;
  let nobodys: string | null = null;

  async function inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (running >= AT_ONCE) {
      if (waiting.length >= most) {
        throw new ReplydError('too_many_requests', 'Too many people sign in just now: try again in a moment.', {
          details: { retry_after: COME_AGAIN },
        });
      }
      await new Promise<void>(resolve => waiting.push(resolve));
    } else running += 1;
    try {
      return await work();
    } finally {
      // Whoever waits takes the place over.
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  }

  return {
    async encode(password) {
      const fault = passwordFault(password);
      if (fault !== null) throw new ReplydError('invalid_password', fault);
      const salt = randomBytes(SALT_BYTES);
      return inTurn(async () => written(COST, salt, await hashOf(password, { ...COST, salt, bytes: HASH_BYTES })));
    },
    async matches(password, encoded) {
      if (passwordFault(password) !== null) return false;
      nobodys ??= written(COST, randomBytes(SALT_BYTES), randomBytes(HASH_BYTES));
      const [, ln, r, p, salt, hash] = ENCODED.exec(encoded ?? nobodys) ?? [];
      if (hash === undefined) throw new Error('a password is kept in a way that this program does not know');
      const kept = Buffer.from(hash, 'base64url');
      const asked = { ln: Number(ln), r: Number(r), p: Number(p), bytes: kept.length };
      const found = await inTurn(() => hashOf(password, { ...asked, salt: Buffer.from(salt!, 'base64url') }));
      return timingSafeEqual(found, kept) && encoded !== null;
    },
  };
}

interface Asked {
  readonly ln: number;
  readonly r: number;
  readonly p: number;
  readonly salt: Uint8Array;
  readonly bytes: number;
}

function hashOf(password: string, { ln, r, p, salt, bytes }: Asked): Promise<Buffer> {
  // Node takes a little more than the 128 * N * r that the hash needs.
  const options: ScryptOptions = { N: 2 ** ln, r, p, maxmem: 128 * 2 ** ln * r + 2 ** 20 };
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFC'), salt, bytes, options, (error, key) => (error ? reject(error) : resolve(key)));
  });
}

function written({ ln, r, p }: typeof COST, salt: Uint8Array, hash: Uint8Array): string {
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url');
  return `$scrypt$ln=${ln},r=${r},p=${p}$${text(salt)}$${text(hash)}`;
}
