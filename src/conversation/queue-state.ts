/**
 * Whether mails may leave: the queue in front of the smarthost, which is one for all accounts, paused and resumed by a
 * person. What a person says counts more than what the queue finds out by itself.
 */
import type { DestinationState, QueueStore } from './ports.js';

/** As people see it. */
export interface QueueState {
  readonly name: string;
  /** By a person, or by trouble with the smarthost; null: mails may leave. */
  readonly paused: DestinationState['paused'];
  readonly reason: string | null;
  /** When it is tried again by itself. */
  readonly next_probe_at: string | null;
  /** Tries in a row that met the trouble. */
  readonly failures: number;
}

const SMARTHOST = 'smarthost';

type States = Pick<QueueStore, 'destination' | 'setDestination'>;

export async function queueState(store: Pick<States, 'destination'>): Promise<QueueState> {
  const { name, paused, reason, nextProbeAt, failures } = await store.destination(SMARTHOST);
  return {
    name,
    paused,
    reason,
    next_probe_at: nextProbeAt === null ? null : new Date(nextProbeAt).toISOString(),
    failures,
  };
}

/** `reason`: for everybody who looks why nothing leaves. */
export function pauseQueue(store: States, reason: string | null): Promise<QueueState> {
  return changeQueue(store, { paused: 'operator', reason, nextProbeAt: null });
}

/** Also after trouble with the smarthost: it is tried at once. */
export function resumeQueue(store: States): Promise<QueueState> {
  return changeQueue(store, { paused: null, reason: null, nextProbeAt: null, failures: 0 });
}

async function changeQueue(store: States, change: Partial<DestinationState>): Promise<QueueState> {
  await store.setDestination({ ...(await store.destination(SMARTHOST)), ...change }, 'operator');
  return queueState(store);
}
