/**
 * The one queue in front of an exit: it leases what is due, has it tried, and settles it with the outcome. It knows
 * neither mail nor webhook: a destination (the smarthost, a hook) is a name, and a courier makes the attempt.
 *
 *   outcome                     | delivery                       | destination
 *   sent                        | sent                           | out of trouble
 *   failed                      | failed                         | out of trouble
 *   retry                       | deferred, or given up          | out of trouble
 *   trouble                     | lease given back, not counted  | trouble: pause, then one probe an interval
 *   failed, refused by policy   | deferred until it is known     | trouble when 3 recipients in a row were, none taken
 *   refused again, others were  | failed                         |
 *     taken since
 *
 *   the process dies …          | after the restart (the daemon voids all leases before it opens a queue)
 *   after the lease             | it is tried; one attempt too many is counted
 *   during the attempt          | it is tried again: at worst sent twice, with the same bytes and Message-ID
 *   after it, not settled       | the same
 *   after settle                | nothing
 *   the node is frozen, and     | another one tries it: at worst sent twice; what the first one settles then does not count
 *   others take it for dead     | (`lease_lost`)
 *   the store fails at settle   | it settles again every second and keeps its slot; a shutdown leaves it to the restart
 *   the store fails at lease    | it retries every second; what was leased all the same is free again
 *   the store loses a settle    | (failover to an asynchronous standby) free again within a minute: sent twice
 *
 * Trouble and an operator's pause are rows, so they outlast a restart. Which recipients were refused in a row is memory,
 * so after a restart such a delivery is deferred once more. Each probe takes another of the oldest deliveries: one mail
 * that always makes trouble cannot block the others. While in trouble nothing is given up.
 */

import { errorText, faultLevel, isReplydError } from '../base/errors.js';
import { type Log, type LogFields, type LogLevel, shortToken } from '../base/log.js';
import { counter } from '../base/metrics.js';
import { createWaker } from '../base/waker.js';
import type { Clock, Courier, DestinationState, Outcome, Parcel, QueueStore, Random } from '../conversation/ports.js';
import {
  longestProbeWait,
  type ProbeSchedule,
  probeWait,
  type RetrySchedule,
  retryWait,
} from '../conversation/rules/schedule.js';
import { createRefusals } from './refusals.js';

/** `setTimeout` and `clearTimeout`, or a test's. */
export interface Timers {
  set(callback: () => void, milliseconds: number): unknown;
  clear(handle: unknown): void;
}

export interface QueueOptions {
  readonly store: QueueStore;
  readonly courier: Courier;
  readonly destination: string;
  /** Attempts at a time. */
  readonly concurrency: number;
  readonly schedule: RetrySchedule;
  /** Default: 15 s, doubled up to 15 minutes. */
  readonly probes?: ProbeSchedule;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly timers?: Timers;
}

export interface Queue {
  /** Looks now, because something may be due, paused or resumed. Cheap: call it after every commit. */
  wake(): void;
  /** For attempts from now on (SIGHUP). Running attempts end with the old courier, which the caller closes. */
  change(next: Partial<Pick<QueueOptions, 'courier' | 'concurrency' | 'schedule'>>): void;
  /**
   * Starts no further attempt and waits for the running ones, at most `graceMs`. What is not settled by then keeps its
   * lease, which the restart voids. Idempotent.
   */
  close(options?: { readonly graceMs?: number }): Promise<void>;
}

const attempts = counter(
  'replyd_delivery_attempts_total',
  'Attempts to deliver, by outcome: sent, deferred, failed, unsettled (tried, but not stored yet), lease_lost (another node has it).',
  ['kind', 'outcome'],
);

const PROBES: ProbeSchedule = { first: 15_000, longest: 15 * 60_000 };
/** A probe picks one of these many. */
const PROBE_CHOICE = 10;
const STORE_WAIT = 1000;
/** A due delivery that can't be leased waits for an older one of its order key, whose end wakes the queue anyway. */
const BLOCKED_WAIT = 1000;
/** The daemon wakes it once a minute. */
const COMPARED_EVERY = 55_000;
const LONGEST_SLEEP = 60 * 60_000;

/** Opens the queue and starts at once. The caller has voided the store's leases before. */
export function openQueue(options: QueueOptions): Queue {
  const { store, clock, random, log, destination: name } = options;
  const timers = options.timers ?? realTimers;
  const probes = options.probes ?? PROBES;
  const refusals = createRefusals();
  const inFlight = new Map<Parcel, Promise<void>>();
  /** When this node's leases were last compared with what it holds; at once behind a lease that may have counted. */
  let comparedAt = clock();
  const pauses = new Set<() => void>();
  let { courier, concurrency, schedule } = options;
  let alarm: unknown = null;
  let closing: Promise<void> | null = null;
  /** Changes of the destination's state, one after the other. */
  let stateChange: Promise<void> = Promise.resolve();

  const waker = createWaker(look, error => {
    log[faultLevel(error)]('queue', { destination: name, error: errorText(error) });
    sleep(STORE_WAIT);
  });

  async function look(): Promise<void> {
    sleep(null);
    const now = clock();
    if (Math.abs(now - comparedAt) >= COMPARED_EVERY) {
      await store.voidLost(name, [...inFlight.keys()]);
      comparedAt = now;
    }
    const state = await store.destination(name);
    const free = concurrency - inFlight.size;
    if (state.paused === 'operator' || free <= 0) return;
    const probing = state.paused === 'trouble';
    if (probing) {
      // An attempt in flight may end the trouble; its end wakes the queue.
      if (inFlight.size > 0) return;
      const wait = (state.nextProbeAt ?? now) - now;
      if (wait > 0 && wait <= longestProbeWait(probes)) return sleep(wait);
    }
    const due = await store.nextDueAt(name);
    if (due === null) return;
    if (due > now) return sleep(due - now);
    const parcels = await store.lease(name, { now, limit: probing ? PROBE_CHOICE : free }).catch(error => {
      comparedAt = Number.NEGATIVE_INFINITY;
      throw error;
    });
    if (closing) return giveBack(parcels);
    if (parcels.length === 0) return sleep(BLOCKED_WAIT);
    const chosen = probing ? [parcels[state.failures % parcels.length]!] : parcels;
    for (const parcel of chosen) start(parcel, probing);
    await giveBack(parcels.filter(parcel => !chosen.includes(parcel)));
    if (!probing && parcels.length < free) waker.wake();
  }

  /** Retries until it is done: a lease without an attempt would keep its delivery until the restart. */
  async function giveBack(parcels: readonly Parcel[]): Promise<void> {
    while (parcels.length > 0) {
      const last = closing !== null;
      try {
        return await store.release(parcels);
      } catch (error) {
        log[faultLevel(error)]('queue', { destination: name, error: errorText(error) });
        if (last) return;
        await pause(STORE_WAIT);
      }
    }
  }

  function start(parcel: Parcel, probing: boolean): void {
    const end = attempt(parcel, probing).finally(() => {
      inFlight.delete(parcel);
      waker.wake();
    });
    inFlight.set(parcel, end);
  }

  async function attempt(parcel: Parcel, probing: boolean): Promise<void> {
    log.debug('attempt', { delivery: parcel.deliveryId, destination: name, attempt: parcel.attempt });
    let outcome: Outcome;
    try {
      outcome = await courier.deliver(parcel);
    } catch (error) {
      outcome = { kind: 'retry', response: errorText(error) };
    }
    await conclude(parcel, outcome, probing);
  }

  async function conclude(parcel: Parcel, outcome: Outcome, probing: boolean): Promise<void> {
    switch (outcome.kind) {
      case 'sent':
        refusals.taken(parcel.deliveryId);
        await settle(parcel, outcome, null);
        return endTrouble();
      case 'failed':
        if (outcome.refusedByPolicy) return concludeRefusal(parcel, outcome, probing);
        refusals.forget(parcel.deliveryId);
        await settle(parcel, outcome, null);
        return endTrouble();
      case 'retry':
        await settle(parcel, outcome, nextWait(parcel, probing));
        return endTrouble();
      case 'trouble':
        await beginTrouble(outcome.response, probing);
        return release(parcel, outcome);
    }
  }

  /** Is it this recipient, or all of them? Until that is known the delivery is deferred. */
  async function concludeRefusal(parcel: Parcel, outcome: Outcome, probing: boolean): Promise<void> {
    const verdict = refusals.refused(parcel.deliveryId, recipientOf(parcel));
    if (verdict === 'this one') return settle(parcel, outcome, null).then(endTrouble);
    if (probing || verdict === 'everybody') await beginTrouble(outcome.response, probing);
    if (probing) return release(parcel, outcome);
    const wait = nextWait(parcel, verdict === 'everybody');
    return settle(parcel, { kind: 'retry', response: outcome.response }, wait);
  }

  /** Null: given up; never while the destination is in trouble. */
  function nextWait(parcel: Parcel, inTrouble: boolean): number | null {
    return retryWait(schedule, parcel.attempt, random) ?? (inTrouble ? schedule.waits.at(-1)! : null);
  }

  async function settle(parcel: Parcel, outcome: Outcome, wait: number | null): Promise<void> {
    const now = clock();
    const retryAt = wait === null ? null : now + wait;
    let counts = true;
    const settled = await persist(parcel, outcome, async () => {
      counts = await store.settle(parcel.deliveryId, outcome, { now, retryAt, lease: parcel.lease });
    });
    if (!settled) return;
    // This node was taken for dead while it tried, and another one has tried it since, or will.
    if (!counts) report('warn', 'lease_lost', parcel, outcome, { result: outcome.kind });
    else if (outcome.kind === 'sent') report('info', 'sent', parcel, outcome);
    else if (retryAt === null) report('warn', 'failed', parcel, outcome);
    else report('info', 'deferred', parcel, outcome, { next_attempt_at: new Date(retryAt).toISOString() });
  }

  async function release(parcel: Parcel, outcome: Outcome): Promise<void> {
    const given = await persist(parcel, outcome, () => store.release([parcel]));
    if (given) report('info', 'deferred', parcel, outcome);
  }

  /** Retries until it is written: a full disk must not cause a second attempt. */
  async function persist(parcel: Parcel, outcome: Outcome, write: () => Promise<void>): Promise<boolean> {
    for (;;) {
      const last = closing !== null;
      try {
        await write();
        return true;
      } catch (error) {
        report(faultLevel(error), 'unsettled', parcel, outcome, { result: outcome.kind, error: errorText(error) });
        // The delivery was removed, or the restart will void the lease.
        if (last || isReplydError(error, 'not_found')) return false;
        await pause(STORE_WAIT);
      }
    }
  }

  function report(level: LogLevel, event: string, parcel: Parcel, outcome: Outcome, more?: LogFields) {
    attempts.add([parcel.kind, event]);
    const { deliveryId: delivery, attempt } = parcel;
    const response = withoutTokens(outcome.response);
    log[level](event, { delivery, destination: name, attempt, response, ...more });
  }

  // -------------------------------------------------------------- the destination's own state

  function beginTrouble(reason: string, probing: boolean): Promise<void> {
    return changeState(state => {
      // Only an operator ends an operator's pause, and only a probe makes the wait longer.
      if (state.paused === 'operator' || (state.paused === 'trouble' && !probing)) return null;
      const failures = (state.paused === 'trouble' ? state.failures : 0) + 1;
      const nextProbeAt = clock() + probeWait(probes, failures, random);
      const next_probe_at = new Date(nextProbeAt).toISOString();
      log.warn('trouble', { destination: name, reason: withoutTokens(reason), failures, next_probe_at });
      return { name, paused: 'trouble', reason, nextProbeAt, failures };
    });
  }

  function endTrouble(): Promise<void> {
    return changeState(state => {
      if (state.paused !== 'trouble') return null;
      log.info('resumed', { destination: name });
      return { name, paused: null, reason: null, nextProbeAt: null, failures: 0 };
    });
  }

  function changeState(change: (state: DestinationState) => DestinationState | null): Promise<void> {
    const done = stateChange.then(async () => {
      const next = change(await store.destination(name));
      if (next !== null) await store.setDestination(next, 'queue');
    });
    // When the state can't be written, the next attempt finds it again.
    stateChange = done.catch(error => log[faultLevel(error)]('queue', { destination: name, error: errorText(error) }));
    return stateChange;
  }

  // -------------------------------------------------------------- waiting

  function sleep(milliseconds: number | null): void {
    if (alarm !== null) timers.clear(alarm);
    alarm = milliseconds === null || closing ? null : timers.set(waker.wake, Math.min(milliseconds, LONGEST_SLEEP));
  }

  function pause(milliseconds: number): Promise<void> {
    if (closing) return Promise.resolve();
    return new Promise(resolve => {
      const end = () => {
        timers.clear(timer);
        pauses.delete(end);
        resolve();
      };
      const timer = timers.set(end, milliseconds);
      pauses.add(end);
    });
  }

  async function shutDown(graceMs: number | undefined): Promise<void> {
    sleep(null);
    for (const end of pauses) end();
    const settled = Promise.all(inFlight.values());
    if (graceMs === undefined) {
      await settled;
      return;
    }
    let timer: unknown;
    const grace = new Promise<void>(resolve => {
      timer = timers.set(resolve, graceMs);
    });
    await Promise.race([settled, grace]);
    timers.clear(timer);
    if (inFlight.size > 0) log.warn('unsettled', { destination: name, count: inFlight.size });
  }

  waker.wake();
  return {
    wake: waker.wake,
    change(next) {
      courier = next.courier ?? courier;
      concurrency = next.concurrency ?? concurrency;
      schedule = next.schedule ?? schedule;
      waker.wake();
    },
    close(closeOptions) {
      closing ??= waker.close().then(() => shutDown(closeOptions?.graceMs));
      return closing;
    },
  };
}

const realTimers: Timers = { set: setTimeout, clear: clearTimeout };

function recipientOf(parcel: Parcel): string {
  return parcel.kind === 'webhook' ? parcel.url : parcel.rcptTo.toLowerCase();
}

/** Answers often repeat an address of ours, and a log never holds a whole token. */
function withoutTokens(text: string): string {
  return text.replaceAll(/[0-9a-f]{32,}/gi, shortToken);
}
