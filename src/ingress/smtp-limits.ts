/**
 * What one SMTP client may use up: connections, commands, refused recipients, time. Pure bookkeeping; the door asks
 * and answers. Nothing here throws and nothing here grows with anything but the number of open connections.
 */

/** Commands of a stranger without a stored mail between them (NOOP, RSET, VRFY, EHLO …; accepted RCPTs are free). */
export const MAX_COMMANDS = 100;
/** Recipients of a stranger refused for good, without a stored mail between them. */
export const MAX_REFUSED = 10;
/** How long a client waits for an answer of ours before it is "temporary trouble". RFC 5321 4.5.3.2.6 gives 10 minutes. */
export const ANSWER_TIMEOUT = 5 * 60_000;
/** A mail beyond this many bytes is not even drained: the connection is cut. */
export function cutOffSize(maxSize: number): number {
  return maxSize * 2 + 1024 * 1024;
}

/** Counts the connections of one door, all together and by client. */
export interface Admission {
  /** Takes a place. `key` null: counted in the whole only. False: no place, nothing was taken. */
  enter(key: string | null): boolean;
  /** Gives back the place of an `enter` that was true. */
  leave(key: string | null): void;
  /** A connection turns out to be somebody else's (XCLIENT): false when that client has too many. Always moves. */
  move(from: string | null, to: string | null): boolean;
  readonly total: number;
}

export interface ConnectionLimits {
  readonly maxConnections: number;
  readonly maxConnectionsPerIp: number;
}

/** `limits` is read at each entry, so that a reload counts at once; nobody inside is thrown out by it. */
export function createAdmission(limits: () => ConnectionLimits): Admission {
  const byClient = new Map<string, number>();
  let total = 0;
  const add = (key: string | null, step: 1 | -1) => {
    total += step;
    if (key === null) return;
    const count = (byClient.get(key) ?? 0) + step;
    if (count > 0) byClient.set(key, count);
    else byClient.delete(key);
  };
  const isFull = (key: string | null) => key !== null && (byClient.get(key) ?? 0) >= limits().maxConnectionsPerIp;
  return {
    enter(key) {
      if (total >= limits().maxConnections || isFull(key)) return false;
      add(key, 1);
      return true;
    },
    leave: key => add(key, -1),
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

/** When things of a connection began, in milliseconds since 1970. */
export interface Times {
  readonly connectedAt: number;
  /** The last sweep that saw new bytes of the client, or the last answer of ours. */
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
 * Which limit has passed, or null. While we owe the answer only our own slowness counts; data has its own clock, so
 * that a session's end does not cut a mail that is on its way.
 */
export function overdue(times: Times, limits: TimeLimits, now: number): 'answer' | 'data' | 'idle' | 'session' | null {
  if (times.waitingSince !== null) return now - times.waitingSince > ANSWER_TIMEOUT ? 'answer' : null;
  if (times.dataSince !== null && now - times.dataSince > limits.dataTimeout) return 'data';
  if (now - times.activeAt > limits.idleTimeout) return 'idle';
  if (times.dataSince === null && now - times.connectedAt > limits.sessionTimeout) return 'session';
  return null;
}
