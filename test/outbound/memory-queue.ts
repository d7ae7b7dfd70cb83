/** What the queue needs, in memory: a store that obeys the comments in ports.ts, and a clock that a test moves on. */
import type { DestinationState, MailParcel, Outcome, QueueStore } from '#replyd/conversation/ports.js';
import type { Timers } from '#replyd/outbound/queue.js';

export interface MemoryDelivery {
  readonly id: string;
  readonly rcptTo: string;
  readonly orderKey: string;
  readonly destination: string;
  state: 'waiting' | 'leased' | 'deferred' | 'sent' | 'failed';
  attempts: number;
  /** Of the last lease. */
  lease: number;
  dueAt: number;
  response: string | null;
}

export interface MemoryStore extends QueueStore {
  readonly deliveries: MemoryDelivery[];
  state: DestinationState;
  /** Errors that the next calls throw, by name of the method. */
  readonly faults: Partial<Record<keyof QueueStore, Error[]>>;
  add(fields?: Partial<MemoryDelivery>): MemoryDelivery;
  of(id: string): MemoryDelivery;
}

export function memoryStore(name = 'smarthost'): MemoryStore {
  const deliveries: MemoryDelivery[] = [];
  const faults: MemoryStore['faults'] = {};
  const fault = async (method: keyof QueueStore) => {
    const error = faults[method]?.shift();
    if (error) throw error;
  };
  const unfinished = (each: MemoryDelivery) => ['waiting', 'leased', 'deferred'].includes(each.state);
  const idle = (each: MemoryDelivery) => each.state === 'waiting' || each.state === 'deferred';
  const giveBack = (each: MemoryDelivery) => {
    each.state = each.attempts > 0 ? 'deferred' : 'waiting';
  };
  const store: MemoryStore = {
    deliveries,
    faults,
    state: { name, paused: null, reason: null, nextProbeAt: null, failures: 0 },
    add(fields = {}) {
      const id = fields.id ?? `dl_${deliveries.length + 1}`;
      const delivery: MemoryDelivery = {
        id,
        rcptTo: `${id}@customer.example`,
        orderKey: id,
        destination: name,
        state: 'waiting',
        attempts: 0,
        lease: 0,
        dueAt: 0,
        response: null,
        ...fields,
      };
      deliveries.push(delivery);
      return delivery;
    },
    of: id => deliveries.find(each => each.id === id)!,
    async voidLeases() {
      const leased = deliveries.filter(each => each.state === 'leased');
      leased.forEach(giveBack);
      return leased.length;
    },
    async voidLost(destination, held) {
      const ids = held.map(parcel => parcel.deliveryId);
      const lost = deliveries.filter(
        each => each.state === 'leased' && each.destination === destination && !ids.includes(each.id),
      );
      lost.forEach(giveBack);
      return lost.length;
    },
    async lease(destination, options) {
      await fault('lease');
      const due = deliveries
        .filter((each, index) => {
          const blocked = deliveries
            .slice(0, index)
            .some(older => older.orderKey === each.orderKey && unfinished(older));
          return each.destination === destination && idle(each) && each.dueAt <= options.now && !blocked;
        })
        .slice(0, options.limit);
      return due.map(each => {
        each.state = 'leased';
        each.attempts += 1;
        each.lease += 1;
        return parcelOf(each);
      });
    },
    async settle(deliveryId, outcome, options) {
      await fault('settle');
      const delivery = store.of(deliveryId);
      if (delivery.state !== 'leased') throw new Error(`${deliveryId} settled without a lease`);
      delivery.response = outcome.response;
      if (outcome.kind === 'sent' || outcome.kind === 'failed') delivery.state = outcome.kind;
      else {
        delivery.state = options.retryAt === null ? 'failed' : 'deferred';
        delivery.dueAt = options.retryAt ?? delivery.dueAt;
      }
      return options.lease === undefined || options.lease === delivery.lease;
    },
    async release(parcels) {
      await fault('release');
      for (const delivery of parcels.map(parcel => store.of(parcel.deliveryId))) {
        if (delivery.state !== 'leased') throw new Error(`${delivery.id} released without a lease`);
        delivery.attempts -= 1;
        giveBack(delivery);
      }
    },
    async nextDueAt(destination) {
      await fault('nextDueAt');
      const due = deliveries.filter(each => each.destination === destination && idle(each)).map(each => each.dueAt);
      return due.length === 0 ? null : Math.min(...due);
    },
    async destination() {
      await fault('destination');
      return store.state;
    },
    async setDestination(state, by) {
      await fault('setDestination');
      if (by === 'operator' || store.state.paused !== 'operator') store.state = state;
    },
  };
  return store;
}

function parcelOf(delivery: MemoryDelivery): MailParcel {
  return {
    kind: 'mail',
    deliveryId: delivery.id,
    lease: delivery.lease,
    attempt: delivery.attempts,
    mailFrom: '',
    rcptTo: delivery.rcptTo,
    head: '',
    content: { bytes: new Uint8Array() },
    messageId: `<${delivery.id}@reply.example.com>`,
    signature: null,
  };
}

/** Time that stands still until it is moved on; timers run in their order, each with its own `now`. */
export class FakeTime implements Timers {
  now = 1_000_000;
  readonly pending = new Map<number, { readonly at: number; readonly callback: () => void }>();
  private handles = 0;

  readonly clock = (): number => this.now;

  set(callback: () => void, milliseconds: number): number {
    this.handles += 1;
    this.pending.set(this.handles, { at: this.now + milliseconds, callback });
    return this.handles;
  }

  clear(handle: unknown): void {
    this.pending.delete(handle as number);
  }

  /** Milliseconds to the next timer, or null. */
  next(): number | null {
    const moments = [...this.pending.values()].map(timer => timer.at);
    return moments.length === 0 ? null : Math.min(...moments) - this.now;
  }

  async advance(milliseconds: number): Promise<void> {
    const until = this.now + milliseconds;
    await settled();
    for (;;) {
      const [due] = [...this.pending].filter(([, timer]) => timer.at <= until).sort((a, b) => a[1].at - b[1].at);
      if (due === undefined) break;
      this.pending.delete(due[0]);
      this.now = due[1].at;
      due[1].callback();
      await settled();
    }
    this.now = until;
  }
}

/** Lets everything run that needs no time: all of it is promises. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise(resolve => setImmediate(resolve));
}

export const SENT: Outcome = { kind: 'sent', response: '250 ok' };
export const RETRY: Outcome = { kind: 'retry', response: '451 later' };
export const TROUBLE: Outcome = { kind: 'trouble', response: 'connect ECONNREFUSED' };
export const FAILED: Outcome = { kind: 'failed', response: '550 5.1.1 x', suspend: true, refusedByPolicy: false };
export const REFUSED: Outcome = {
  kind: 'failed',
  response: '554 5.7.1 Relay access denied',
  suspend: false,
  refusedByPolicy: true,
};
