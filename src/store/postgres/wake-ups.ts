/**
 * Wake-ups between nodes: behind its commits a node sends NOTIFY, and LISTENs for those of others, on one connection of its
 * own beside the lanes. It only makes faster what polling finds in any case: a wake-up that is lost does no harm, and one
 * that somebody else sends makes a node look once more, no more often than `assembled.ts` allows. It carries nothing, and
 * nothing that it carries is read.
 *
 * NOTIFY makes commits of a whole server wait for each other, so it never stands in a transaction of the store. It writes
 * a commit of its own, which this connection does not wait for: nothing else is ever written on it.
 *
 * A connection that is lost is made again, later and later. Behind a pooler, where a connection of the server is anybody's,
 * none is kept: polling stays.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { createPacer } from '../../base/pacer.js';
import { createWaker } from '../../base/waker.js';
import { databaseConnections } from '../figures.js';
import { type Connection, connect, type ServerConfig } from './connection.js';

export interface WakeUps {
  /** This node has committed what others may wait for. Cheap. */
  tell(): void;
  /** Idempotent. */
  close(): Promise<void>;
}

export interface WakeUpsOptions {
  readonly servers: readonly ServerConfig[];
  /** Milliseconds that connecting and each answer may take. */
  readonly patience: number;
  /** Others may have committed. As often as anybody in the database likes. */
  readonly heard: () => void;
}

const LISTEN = 'listen replyd';
const NOTIFY = 'notify replyd';
/** Milliseconds. */
const TOLD_AFTER = 1;
const TOLD_AT_MOST_EVERY = 20;
/** A network that was cut tells nobody: it is asked so often whether it still listens. */
const ASKED_EVERY = 30_000;
const FIRST_WAIT = 250;
const LONGEST_WAIT = 30_000;

/** Connects behind this call; nobody waits for it. */
export function openWakeUps({ servers, patience, heard }: WakeUpsOptions): WakeUps {
  const ending = new AbortController();
  const { signal } = ending;
  let connection: Connection | null = null;
  const pause = (milliseconds: number) => sleep(milliseconds, undefined, { signal, ref: false }).catch(() => undefined);
  const teller = createWaker(
    async () => {
      await connection?.query(NOTIFY);
    },
    // It is lost then, and the others poll.
    () => undefined,
  );
  const pacer = createPacer(teller.wake, { soon: TOLD_AFTER, every: TOLD_AT_MOST_EVERY });

  /** Until the connection is lost. False: it is of no use to listen here. */
  const listen = async (): Promise<boolean> => {
    const made = await connect(servers, patience);
    try {
      if (made.pooled || signal.aborted) return false;
      await made.query('set synchronous_commit = off');
      made.onNotification(heard);
      await made.query(LISTEN);
      connection = made;
      databaseConnections.set(1, ['listen']);
      // For what came while nobody listened, and for what was committed while nobody could be told.
      heard();
      pacer.ask();
      while (made.lost === null && !signal.aborted) {
        await Promise.race([made.gone, pause(ASKED_EVERY)]);
        if (!signal.aborted) await made.query(LISTEN);
      }
      return true;
    } finally {
      connection = null;
      databaseConnections.set(0, ['listen']);
      await made.close();
    }
  };

  const keepListening = async () => {
    for (let wait = FIRST_WAIT; !signal.aborted; wait = Math.min(2 * wait, LONGEST_WAIT)) {
      const since = performance.now();
      const useful = await listen().catch(() => true);
      if (!useful) return;
      if (performance.now() - since > LONGEST_WAIT) wait = FIRST_WAIT;
      await pause(wait);
    }
  };
  void keepListening();
  return {
    tell: pacer.ask,
    async close() {
      pacer.close();
      ending.abort();
      // Who connects just now finds out by himself.
      await connection?.close();
    },
  };
}
