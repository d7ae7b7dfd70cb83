/**
 * What every operation of the store works with: one connection, and time, randomness and rules from outside.
 * Operations are plain synchronous functions; the public ones are run inside a transaction by whoever owns the
 * connection (the writer thread, or a CLI verb), the inner ones take the session and assume it.
 */
import type { Clock, Random } from '../conversation/ports.js';
import { keyAt } from './ids.js';
import type { Connection } from './sqlite/database.js';

export interface Session {
  readonly db: Connection;
  readonly clock: Clock;
  readonly random: Random;
  /** Replaced on reload. */
  rules: Rules;
  readonly dataDir: string;
  /** Prefixes of reply addresses that were in the store at the last look. */
  prefixesSeen?: readonly string[];
}

/** What the configuration says to the store. */
export interface Rules {
  /** Prefixes of reply addresses: the first is written, all are understood. */
  readonly prefixes: readonly string[];
  readonly separator: string;
  /** `continuity.delay`, milliseconds. */
  readonly delay: number;
  /** `outbound.max_size`, bytes of an encoded mail. */
  readonly maxSize: number;
  /** `operator.address`: where mail for postmaster and abuse is sent on to; null or absent: nowhere. */
  readonly operator?: string | null;
}

/** The lowest key that a row made now may have; every insert takes `max(this, last key + 1)`. */
export function newKey(session: Session): number {
  // Only spreads the ids of one millisecond: nothing is secret about it, and it is drawn for each row.
  step = (step * 1_103_515_245 + 12_345) & 0x7fffffff;
  return keyAt(session.clock(), step >>> 16);
}

let step = process.pid;

export function toIso(time: number): string;
export function toIso(time: number | null): string | null;
export function toIso(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString();
}

/** For JSON columns that this program wrote itself. */
export function fromJson<T>(text: string): T {
  return JSON.parse(text) as T;
}
