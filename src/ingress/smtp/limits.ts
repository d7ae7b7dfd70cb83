/**
 * What one SMTP client may use up: connections, mails, commands, refused recipients, time. It only counts and compares;
 * the connection answers the client. Nothing throws. Memory grows with the open connections only: a rate limiter holds
 * at most 20,000 clients and networks, and then forgets the one that was counted longest ago.
 */

import type { Client } from '../../base/network.js';
import type { Clock } from '../../conversation/ports.js';

/** Commands of a stranger without a stored mail between them (NOOP, RSET, VRFY, EHLO …; accepted RCPTs are free). */
export const MAX_COMMANDS = 100;
/** How many times as much as one of its addresses a network may do. */
export const NETWORK_SHARES = 4;
/** One place in so many is kept for trusted clients. */
const KEPT_SHARE = 10;
/** How long a client waits for an answer of ours before it is "temporary trouble". RFC 5321 4.5.3.2.6 gives 10 minutes. */
export const ANSWER_TIMEOUT = 5 * 60_000;
/** The rest of a mail that is too large is read and dropped; above this many bytes the connection is cut. */
export function cutOffSize(maxSize: number): number {
  return maxSize * 2 + 1024 * 1024;
}

/**
 * Counts the connections of one door, all together and by client. One place in ten, and one at least, is kept for
 * trusted clients: strangers who hold all of theirs do not keep our own MTA out.
 */
export interface Admission {
  /** Takes a place. `client` null: a trusted one, counted in the whole only. False: no place, nothing was taken. */
  enter(client: Client | null): boolean;
  /** Gives back the place of an `enter` that was true. */
  leave(client: Client | null): void;
  /** A connection turns out to be somebody else's (XCLIENT): false when that client has too many. Always moves. */
  move(from: Client | null, to: Client | null): boolean;
  readonly total: number;
}

export interface ConnectionLimits {
  readonly maxConnections: number;
  readonly maxConnectionsPerIp: number;
}

/** `limits` is read at each entry: a reload counts at once, and ends no connection that is open. */
export function createAdmission(limits: () => ConnectionLimits): Admission {
  const open = new Map<string, number>();
  let total = 0;
  let strangers = 0;
  const countOf = (key: string) => open.get(key) ?? 0;
  const add = (client: Client | null, step: 1 | -1) => {
    total += step;
    if (client !== null) strangers += step;
    for (const key of client === null ? [] : [client.address, client.network]) {
      const count = countOf(key) + step;
      if (count > 0) open.set(key, count);
      else open.delete(key);
    }
  };
  const isFull = (client: Client | null) => {
    if (client === null) return false;
    const { maxConnections: all, maxConnectionsPerIp: most } = limits();
    const places = all - Math.ceil(all / KEPT_SHARE);
    return strangers >= places || countOf(client.address) >= most || countOf(client.network) >= most * NETWORK_SHARES;
  };
  return {
    enter(client) {
      if (total >= limits().maxConnections || isFull(client)) return false;
      add(client, 1);
      return true;
    },
    leave: client => add(client, -1),
    move(from, to) {
      add(from, -1);
      const room = !isFull(to);
      add(to, 1);
      return room;
    },
    get total() {
      return total;
    },
  };
}

const HOUR = 3_600_000;
const MAX_COUNTED = 20_000;

/** Counts what clients do, over all their connections. A count wears off evenly within an hour. */
export interface RateLimiter {
  count(client: Client): void;
  /** The address has used up what it may do in an hour, or its network `NETWORK_SHARES` times that. */
  isBlocked(client: Client): boolean;
}

export function createRateLimiter(perHour: () => number, now: Clock): RateLimiter {
  const levels = new Map<string, { readonly level: number; readonly at: number }>();
  const levelOf = (key: string, limit: number) => {
    const found = levels.get(key);
    return found === undefined ? 0 : Math.max(0, found.level - ((now() - found.at) * limit) / HOUR);
  };
  const add = (key: string, limit: number) => {
    const level = levelOf(key, limit) + 1;
    // The last in the map is the last that was counted.
    levels.delete(key);
    levels.set(key, { level, at: now() });
    if (levels.size > MAX_COUNTED) levels.delete(levels.keys().next().value!);
  };
  return {
    count(client) {
      add(client.address, perHour());
      add(client.network, perHour() * NETWORK_SHARES);
    },
    isBlocked(client) {
      const most = perHour();
      return (
        levelOf(client.address, most) > most - 1 ||
        levelOf(client.network, most * NETWORK_SHARES) > most * NETWORK_SHARES - 1
      );
    },
  };
}

/** When things of a connection began, in milliseconds since 1970. */
export interface Times {
  readonly connectedAt: number;
  /** The last check that saw new bytes of the client, or the last answer of ours. */
  readonly activeAt: number;
  /** Start of the data that is being received, else null. */
  readonly dataSince: number | null;
  /** Since when the client waits for an answer of ours, else null. */
  readonly waitingSince: number | null;
}

export interface TimeLimits {
  /** All in milliseconds. */
  readonly idleTimeout: number;
  readonly sessionTimeout: number;
  readonly dataTimeout: number;
}

/**
 * Which limit has passed, or null. While we owe the answer, only our own slowness counts. Data has a limit of its own,
 * so that the limit of the session does not cut a mail that is on its way.
 */
export function overdue(times: Times, limits: TimeLimits, now: number): 'answer' | 'data' | 'idle' | 'session' | null {
  if (times.waitingSince !== null) return now - times.waitingSince > ANSWER_TIMEOUT ? 'answer' : null;
  if (times.dataSince !== null && now - times.dataSince > limits.dataTimeout) return 'data';
  if (now - times.activeAt > limits.idleTimeout) return 'idle';
  if (times.dataSince === null && now - times.connectedAt > limits.sessionTimeout) return 'session';
  return null;
}
