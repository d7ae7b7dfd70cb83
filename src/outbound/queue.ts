/**
 * The one queue in front of an exit: leases what is due, tries it, settles what came of it. It knows neither mail nor
 * webhook: a destination (the smarthost, a hook) is a name, a courier does the trying.
 *
 *   outcome                     | delivery                       | destination
 *   sent                        | sent                           | out of trouble
 *   failed                      | failed                         | out of trouble
 *   retry                       | deferred, or given up          | out of trouble
 *   trouble                     | lease given back, not counted  | trouble: pause, then one probe an interval
 *   failed, refused by policy   | deferred until it is known     | trouble when 3 recipients in a row were, none taken
 *   the same again, others were | failed                         |
 *     taken since
 *
 *   the process dies …          | after the restart (the daemon voids all leases before it opens a queue)
 *   after lease, before try     | tried; one attempt too many is counted
 *   within the try              | tried again: at worst sent twice, with the same bytes and the same Message-ID
 *   after the try, not settled  | the same
 *   after settle                | nothing: it is settled
 *   the store fails at settle   | settled again every second, holding its slot; at shutdown left to the restart
 *   the store fails at lease    | tried again every second; what can't be given back is, as at settle
 *
 * Trouble and an operator's pause are rows, so they outlast a restart; which recipients were refused in a row is memory,
 * so a restart holds such a delivery once more. A probe takes another of the oldest deliveries each time: one mail that
 * always makes trouble can't keep all others waiting. While in trouble nothing is given up.
 */

import { errorText, isReplydError } from '../base/errors.js';
import { type Log, type LogFields, shortToken } from '../base/log.js';
import { counter } from '../base/metrics.js';
import type { Clock, Courier, DestinationState, Outcome, Parcel, QueueStore, Random } from '../conversation/ports.js';
import { createRefusals } from './refusals.js';
import { longestProbeWait, type ProbeSchedule, probeWait, type RetrySchedule, retryWait } from './schedule.js';

/** `setTimeout` and `clearTimeout`, or a test's. */
export interface Timers {
  set(callback: () => void, milliseconds: number): unknown;
  clear(handle: unknown): void;
}

export interface QueueOptions {
  readonly store: QueueStore;
  readonly courier: Courier;
  readonly destination: string;
  /** Tries at a time. */
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
  /** Something may have become due, or was paused or resumed: look now. Cheap; to be called after every commit. */
  wake(): void;
  /** For tries from now on (SIGHUP). Tries under way end with the courier they began with; closing it is the caller's. */
  change(next: Partial<Pick<QueueOptions, 'courier' | 'concurrency' | 'schedule'>>): void;
  /**
   * Begins no further try and waits for those under way: as long as the courier bounds them, or `graceMs`. What is not
   * settled by then keeps its lease for the restart to void. Idempotent.
   */
  close(options?: { readonly graceMs?: number }): Promise<void>;
}

const attempts = counter(
  'replyd_delivery_attempts_total',
  'Tries to deliver, by what came of them: sent, deferred, failed, or unsettled (tried, but not stored yet).',
  ['kind', 'outcome'],
);

const PROBES: ProbeSchedule = { first: 15_000, longest: 15 * 60_000 };
/** A probe picks one of so many. */
const PROBE_CHOICE = 10;
const STORE_WAIT = 1000;
/** What is due but can't be leased waits for an older one of its order; the usual end of that wakes the queue anyway. */
const BLOCKED_WAIT = 1000;
const LONGEST_SLEEP = 60 * 60_000;

/** Opens the queue and begins at once. The store's leases must have been voided before. */
export function openQueue(options: QueueOptions): Queue {
  const { store, clock, random, log, destination: name } = options;
  const timers = options.timers ?? realTimers;
  const probes = options.probes ?? PROBES;
  const refusals = createRefusals();
  const underWay = new Set<Promise<void>>();
  const pauses = new Set<() => void>();
  let { courier, concurrency, schedule } = options;
  let alarm: unknown = null;
  let looking: Promise<void> | null = null;
  let again = false;
  let closing: Promise<void> | null = null;
  /** Changes of the destination's state, one after the other. */
  let stateChange: Promise<void> = Promise.resolve();

  function wake(): void {
    if (closing) return;
    again = true;
    looking ??= look();
  }

  async function look(): Promise<void> {
    while (again && !closing) {
      again = false;
      sleep(null);
      try {
        await lookOnce();
      } catch (error) {
        log.error('queue', { destination: name, error: errorText(error) });
        sleep(STORE_WAIT);
      }
    }
    // In the same breath as the check above: a wake in between would be lost.
    looking = null;
  }

  async function lookOnce(): Promise<void> {
    const now = clock();
    const state = await store.destination(name);
    const free = concurrency - underWay.size;
    if (state.paused === 'operator' || free <= 0) return;
    const probing = state.paused === 'trouble';
    if (probing) {
      // Whatever is still under way may end the trouble; its end wakes us.
      if (underWay.size > 0) return;
      const wait = (state.nextProbeAt ?? now) - now;
      if (wait > 0 && wait <= longestProbeWait(probes)) return sleep(wait);
    }
    const due = await store.nextDueAt(name);
    if (due === null) return;
    if (due > now) return sleep(due - now);
    const parcels = await store.lease(name, { now, limit: probing ? PROBE_CHOICE : free });
    if (closing) return giveBack(parcels);
    if (parcels.length === 0) return sleep(BLOCKED_WAIT);
    const chosen = probing ? [parcels[state.failures % parcels.length]!] : parcels;
    for (const parcel of chosen) start(parcel, probing);
    await giveBack(parcels.filter(parcel => !chosen.includes(parcel)));
    again ||= !probing && parcels.length < free;
  }

  /** Until it is done: a lease that nobody works on would keep its delivery until the restart. */
  async function giveBack(parcels: readonly Parcel[]): Promise<void> {
    while (parcels.length > 0) {
      const last = closing !== null;
      try {
        return await store.release(parcels.map(parcel => parcel.deliveryId));
      } catch (error) {
        log.error('queue', { destination: name, error: errorText(error) });
        if (last) return;
        await pause(STORE_WAIT);
      }
    }
  }

  function start(parcel: Parcel, probing: boolean): void {
    const end = attempt(parcel, probing).finally(() => {
      underWay.delete(end);
      wake();
    });
    underWay.add(end);
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

  /** Is it this recipient, or all of them? Until that is known the delivery is held as deferred. */
  async function concludeRefusal(parcel: Parcel, outcome: Outcome, probing: boolean): Promise<void> {
    const verdict = refusals.refused(parcel.deliveryId, recipientOf(parcel));
    if (verdict === 'this one') return settle(parcel, outcome, null).then(endTrouble);
    if (probing || verdict === 'everybody') await beginTrouble(outcome.response, probing);
    if (probing) return release(parcel, outcome);
    const wait = nextWait(parcel, verdict === 'everybody');
    return settle(parcel, { kind: 'retry', response: outcome.response }, wait);
  }

  /** Null: given up, but never while the destination is in trouble. */
  function nextWait(parcel: Parcel, inTrouble: boolean): number | null {
    return retryWait(schedule, parcel.attempt, random) ?? (inTrouble ? schedule.waits.at(-1)! : null);
  }

  async function settle(parcel: Parcel, outcome: Outcome, wait: number | null): Promise<void> {
    const now = clock();
    const retryAt = wait === null ? null : now + wait;
    if (!(await persist(parcel, outcome, () => store.settle(parcel.deliveryId, outcome, { now, retryAt })))) return;
    if (outcome.kind === 'sent') tell('info', 'sent', parcel, outcome);
    else if (retryAt === null) tell('warn', 'failed', parcel, outcome);
    else tell('info', 'deferred', parcel, outcome, { next_attempt_at: new Date(retryAt).toISOString() });
  }

  async function release(parcel: Parcel, outcome: Outcome): Promise<void> {
    const given = await persist(parcel, outcome, () => store.release([parcel.deliveryId]));
    if (given) tell('info', 'deferred', parcel, outcome);
  }

  /** Writes until it is written. What was tried must not be tried again because a disk was full for a minute. */
  async function persist(parcel: Parcel, outcome: Outcome, write: () => Promise<void>): Promise<boolean> {
    for (;;) {
      const last = closing !== null;
      try {
        await write();
        return true;
      } catch (error) {
        tell('error', 'unsettled', parcel, outcome, { result: outcome.kind, error: errorText(error) });
        // Removed meanwhile; or the restart will void the lease.
        if (last || isReplydError(error, 'not_found')) return false;
        await pause(STORE_WAIT);
      }
    }
  }

  function tell(level: 'info' | 'warn' | 'error', event: string, parcel: Parcel, outcome: Outcome, more?: LogFields) {
    attempts.add([parcel.kind, event]);
    const { deliveryId: delivery, attempt } = parcel;
    const response = withoutTokens(outcome.response);
    log[level](event, { delivery, destination: name, attempt, response, ...more });
  }

  // -------------------------------------------------------------- the destination's own state

  function beginTrouble(reason: string, probing: boolean): Promise<void> {
    return changeState(state => {
      // An operator's pause is his to end; and only a probe makes the wait longer.
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
    // A state that can't be written is found out again by the next try.
    stateChange = done.catch(error => log.error('queue', { destination: name, error: errorText(error) }));
    return stateChange;
  }

  // -------------------------------------------------------------- waiting

  function sleep(milliseconds: number | null): void {
    if (alarm !== null) timers.clear(alarm);
    alarm = milliseconds === null || closing ? null : timers.set(wake, Math.min(milliseconds, LONGEST_SLEEP));
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
    await looking;
    for (const end of pauses) end();
    const settled = Promise.all(underWay);
    if (graceMs === undefined) {
      await settled;
      return;
    }
    let timer: unknown;
    const patience = new Promise<void>(resolve => {
      timer = timers.set(resolve, graceMs);
    });
    await Promise.race([settled, patience]);
    timers.clear(timer);
    if (underWay.size > 0) log.warn('unsettled', { destination: name, count: underWay.size });
  }

  wake();
  return {
    wake,
    change(next) {
      courier = next.courier ?? courier;
      concurrency = next.concurrency ?? concurrency;
      schedule = next.schedule ?? schedule;
      wake();
    },
    close(closeOptions) {
      closing ??= Promise.resolve().then(() => shutDown(closeOptions?.graceMs));
      return closing;
    },
  };
}

const realTimers: Timers = {
  set: (callback, milliseconds) => setTimeout(callback, milliseconds),
  clear: handle => clearTimeout(handle as NodeJS.Timeout),
};

function recipientOf(parcel: Parcel): string {
  return parcel.kind === 'mail' ? parcel.rcptTo.toLowerCase() : parcel.url;
}

/** Answers like to repeat an address of ours, and a log never holds a whole token. */
function withoutTokens(text: string): string {
  return text.replaceAll(/[0-9a-f]{32,}/gi, shortToken);
}
