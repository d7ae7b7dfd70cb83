/**
 * What a client may cost before it has proven that it is the provider. Forms carry their proof inside, or sign all of it:
 * they are read before anybody knows whose they are. Passwords can be guessed. Both are counted by address (`clientKey`)
 * and by network, in a bounded table; nothing here waits.
 *
 * Places: READ_AT_ONCE requests are read at a time, and KNOWN_SHARES times as many of addresses that proved themselves
 * within the hour. When all places are taken, a newcomer has that of one who stands still; else of the network that has two more than his own;
 * else of one who has had it for FAIR_TIME; else none. Who loses his place is cut off, and posts again later.
 *
 * Bytes: an address may have `limit` of them on their way and unproven, or have sent them without a proof within the
 * last minute; its network NETWORK_SHARES times as many. All clients together may have TOTAL_SHARES limits on their way.
 * A post that proves itself gives back what it took, so a provider is never slowed, however much it posts. An address
 * that proved itself within the hour has KNOWN_SHARES limits and needs no room in the total: strangers can't take it.
 *
 * Passwords: an address may try GUESSES different ones an hour. Who sends the same wrong one again and again has a
 * mistake in his configuration, and guesses nothing.
 *
 * Client null (a proxy that does not say for whom it speaks): only the total and the places count.
 */
import { createHash } from 'node:crypto';
import { type Client, clientOf } from '../../base/network.js';
import type { Clock } from '../../conversation/ports.js';
import { createRateLimiter, NETWORK_SHARES } from '../smtp/limits.js';

export const GUESSES = 20;
export const TOTAL_SHARES = 4;
export const KNOWN_SHARES = 4;
/** Beside its bytes a request costs so much, and each field of a form: making sense of them is work too. */
export const REQUEST_COST = 64 * 1024;
export const FIELD_COST = 16 * 1024;
/** More than a request and its fields cost beside their bytes. */
const MOST_BESIDE = 2 * 1024 * 1024;

export const TOO_MUCH = {
  kind: 'trouble',
  detail: 'Too much was posted from this address without a valid proof (limits.unproven_bytes): try again in a minute.',
} as const;

export const TOO_MANY = {
  kind: 'trouble',
  detail: 'Too many posts are being read whose proof is not known yet: try again in a minute.',
} as const;

export const READ_AT_ONCE = 25;
/** Milliseconds. */
export const FAIR_TIME = 10_000;

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const MAX_COUNTED = 20_000;

/** The request behind an allowance. */
export interface Reading {
  /** It waits for a client who has sent nothing for a while. */
  stalls(): boolean;
  /** Ends it and its connection. */
  cut(): void;
}

/** One request, as long as it is read. */
export interface Allowance {
  /** Takes a place among those who are read without a proof, until it has one or ends. False: there is none. */
  enter(): boolean;
  /** Counts what came. False: it is too much, and the request must end. Always true after `proven`. */
  take(cost: number): boolean;
  proven(): void;
  /** It has proven itself, or its address did within the hour. */
  isKnown(): boolean;
  /** The request is over; to be called once. What it took without a proof wears off within a minute. */
  end(): void;
}

export interface Unproven {
  /** `largest`: bytes of the largest post; one always fits, whatever the limit is. */
  open(client: string | null, largest: number, reading: Reading): Allowance;
  /** True: so many passwords came from there that no more are looked at for now. */
  isGuessing(client: string | null): boolean;
  wrongPassword(client: string | null, password: string): void;
}

interface Place extends Reading {
  readonly client: Client | null;
  readonly since: number;
}

interface Level {
  /** Of requests that are being read. */
  open: number;
  /** Of those that ended without a proof, at the moment `at`. */
  spent: number;
  at: number;
}

/** `now`: of a clock that is never put back. */
export function createUnproven({ limit, now }: { readonly limit: () => number; readonly now: Clock }): Unproven {
  const levels = new Map<string, Level>();
  const known = new Map<string, number>();
  const guesses = createRateLimiter(() => GUESSES, now);
  const lastGuess = new Map<string, string>();
  /** The one that was taken longest ago first. */
  const places = new Set<Place>();
  let total = 0;

  const levelOf = (key: string, most: number): Level => {
    const level = levels.get(key) ?? { open: 0, spent: 0, at: now() };
    level.spent = Math.max(0, level.spent - ((now() - level.at) * most) / MINUTE);
    level.at = now();
    put(levels, key, level, ({ open }) => open === 0);
    return level;
  };
  const isKnown = (address: string) => now() - (known.get(address) ?? Number.NEGATIVE_INFINITY) < HOUR;

  const isStranger = (client: Client | null) => client === null || !isKnown(client.address);

  /** Whose place the newcomer has; null: nobody's. */
  function spared(taken: readonly Place[], newcomer: Client | null): Place | null {
    const counts = new Map<string | undefined, number>();
    const countOf = (client: Client | null) => counts.get(client?.network) ?? 0;
    for (const { client } of taken) counts.set(client?.network, countOf(client) + 1);
    const most = Math.max(...counts.values());
    const still = taken.find(place => place.stalls());
    if (still !== undefined) return still;
    if (most > countOf(newcomer) + 1) return taken.findLast(({ client }) => countOf(client) === most) ?? null;
    return taken.find(({ since }) => now() - since >= FAIR_TIME) ?? null;
  }

  function hasPlace(newcomer: Client | null): boolean {
    const taken = [...places].filter(({ client }) => isStranger(client) === isStranger(newcomer));
    if (taken.length < READ_AT_ONCE * (isStranger(newcomer) ? 1 : KNOWN_SHARES)) return true;
    const one = spared(taken, newcomer);
    if (one === null) return false;
    places.delete(one);
    one.cut();
    return true;
  }

  return {
    open(address, largest, reading) {
      const least = largest + MOST_BESIDE;
      const client = address === null ? null : clientOf(address);
      const place: Place = { client, since: now(), stalls: reading.stalls, cut: reading.cut };
      let taken = 0;
      let isProven = false;
      const add = (cost: number) => {
        taken += cost;
        total += cost;
        for (const level of client === null ? [] : counted(client)) level.open += cost;
      };
      const counted = ({ address, network }: Client) => {
        const most = Math.max(limit(), least);
        return [levelOf(address, most), levelOf(network, most * NETWORK_SHARES)] as const;
      };
      return {
        enter() {
          if (isProven) return true;
          if (!hasPlace(client)) return false;
          places.add(place);
          return true;
        },
        take(cost) {
          if (isProven) return true;
          const most = Math.max(limit(), least) * (isStranger(client) ? 1 : KNOWN_SHARES);
          if (isStranger(client) && total + cost > most * TOTAL_SHARES) return false;
          if (client !== null) {
            const [own, network] = counted(client);
            if (own.open + own.spent + cost > most) return false;
            if (network.open + network.spent + cost > most * NETWORK_SHARES) return false;
          }
          add(cost);
          return true;
        },
        proven() {
          add(-taken);
          places.delete(place);
          isProven = true;
          if (client !== null) put(known, client.address, now());
        },
        isKnown: () => isProven || !isStranger(client),
        end() {
          const spent = taken;
          add(-spent);
          places.delete(place);
          if (client !== null) for (const level of counted(client)) level.spent += spent;
        },
      };
    },
    isGuessing(address) {
      const client = address === null ? null : clientOf(address);
      return client !== null && !isKnown(client.address) && guesses.isBlocked(client);
    },
    wrongPassword(address, password) {
      if (address === null) return;
      const client = clientOf(address);
      const guess = createHash('sha256').update(password).digest('base64');
      if (lastGuess.get(client.address) !== guess) guesses.count(client);
      put(lastGuess, client.address, guess);
    },
  };
}

/** Puts it last, and forgets the first when there are too many: the one that was put longest ago. */
function put<Value>(
  all: Map<string, Value>,
  key: string,
  value: Value,
  mayGo: (value: Value) => boolean = () => true,
): void {
  all.delete(key);
  all.set(key, value);
  if (all.size <= MAX_COUNTED) return;
  for (const [first, oldest] of all) {
    if (!mayGo(oldest)) continue;
    all.delete(first);
    return;
  }
}
