/**
 * The connections of a store, and what waits for one. Whatever comes while all are busy goes with the next batch: they
 * grow under load by themselves. Connections are opened when they are needed and stay open.
 *
 * A call that got no connection within `patience` fails with unavailable, and so does everything on a connection that was
 * lost. While none can be opened it is tried again and again, and what is asked meanwhile fails at once: when the database
 * is back all goes on by itself.
 */
import { ReplydError } from '../../base/errors.js';
import { awayFault, storeFault } from '../fault.js';
import { batchWrites, commitSeconds, databaseConnections, databaseWaiting } from '../figures.js';
import type { Presence } from '../presence.js';
import type { Answer, Call } from './batch.js';
import { type Connection, connect, type ServerConfig } from './connection.js';

/** More than this is not gained by waiting longer, and each answer would wait for all. */
const MAX_BATCH = 128;
/** Between two tries to connect, milliseconds. */
const AGAIN = 250;

export interface LaneOptions {
  /** For figures. */
  readonly name: 'write' | 'read' | 'large';
  readonly servers: readonly ServerConfig[];
  /** Connections that it opens at most. */
  readonly most: number;
  /** Milliseconds. */
  readonly patience: () => number;
  /** Asked of each new connection; throws when this database is not to be used. */
  readonly admit: (connection: Connection) => Promise<void>;
  readonly run: (connection: Connection, calls: readonly Call[]) => Promise<readonly Answer[]>;
  /** Calls in one batch. */
  readonly together?: number;
  readonly presence?: Presence | undefined;
}

interface Waiting extends Call {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  timer: NodeJS.Timeout | null;
  readonly since: number;
  /** The connection was lost under it once. */
  lost: boolean;
}

export interface Lane {
  run(call: Call): Promise<unknown>;
  /** Behind what is on its way. What waits fails. */
  close(): Promise<void>;
}

export function openLane(options: LaneOptions): Lane {
  const { name, servers, most, run } = options;
  const waiting: Waiting[] = [];
  const idle: Connection[] = [];
  let connections = 0;
  let connecting = false;
  let closing = false;
  /** Since when no connection could be opened, milliseconds of a steady clock. */
  let fault: { readonly error: unknown; readonly since: number } | null = null;
  let scheduled = false;
  const working = new Set<Promise<void>>();

  const tell = () => {
    databaseConnections.set(connections, [name]);
    databaseWaiting.set(waiting.length, [name]);
  };
  const fail = (call: Waiting, error: Error) => {
    if (call.timer) clearTimeout(call.timer);
    call.reject(error);
  };
  const late = (call: Waiting) => {
    const at = waiting.indexOf(call);
    if (at === -1) return;
    waiting.splice(at, 1);
    tell();
    fail(
      call,
      fault === null
        ? new ReplydError('unavailable', 'the database has no connection free', { details: { reason: 'busy' } })
        : awayFault(fault.error),
    );
  };
  const enqueue = (call: Waiting) => {
    call.timer = setTimeout(late, options.patience(), call);
    waiting.push(call);
  };
  /** Whoever asks now need not wait: those before him did, for so long. */
  const isAwayLong = () =>
    fault !== null && connections === (connecting ? 1 : 0) && performance.now() - fault.since > options.patience();
  const open = async () => {
    if (connecting || closing || connections >= most) return;
    connecting = true;
    connections += 1;
    try {
      const connection = await connect(servers, options.patience());
      try {
        await options.admit(connection);
      } catch (error) {
        await connection.close();
        throw error;
      }
      if (closing) return void connection.close();
      idle.push(connection);
      fault = null;
      options.presence?.here();
    } catch (error) {
      connections -= 1;
      fault ??= { error, since: performance.now() };
      options.presence?.away(error);
    } finally {
      connecting = false;
    }
    tell();
    if (fault === null) start();
    else if (!closing) setTimeout(open, AGAIN).unref();
  };
  const start = () => {
    scheduled = false;
    while (waiting.length > 0) {
      const connection = idle.pop();
      if (connection === undefined) {
        // Otherwise it is tried again soon in any case.
        if (fault === null) void open();
        return;
      }
      if (connection.lost !== null) {
        connections -= 1;
        continue;
      }
      const calls = waiting.splice(0, options.together ?? MAX_BATCH);
      const done = work(connection, calls);
      working.add(done);
      void done.finally(() => working.delete(done));
    }
  };
  /** What was only read can be read on another connection. */
  const again = (call: Waiting) => {
    if (closing) return fail(call, new ReplydError('unavailable', 'the store is closed'));
    call.lost = true;
    enqueue(call);
  };
  const work = async (connection: Connection, calls: readonly Waiting[]) => {
    for (const call of calls) if (call.timer) clearTimeout(call.timer);
    if (name === 'write') batchWrites.observe(calls.length);
    tell();
    try {
      const answers = await run(connection, calls);
      const now = performance.now();
      calls.forEach((call, index) => {
        const answer = answers[index]!;
        if ('error' in answer && connection.lost !== null && name === 'read' && !call.lost) again(call);
        else if ('error' in answer) call.reject(answer.error);
        else call.resolve(answer.value);
        if (name === 'write') commitSeconds.observe((now - call.since) / 1000);
      });
    } catch (error) {
      for (const call of calls) call.reject(storeFault(error, `store: ${call.name}`));
    }
    if (connection.lost === null) idle.push(connection);
    else connections -= 1;
    start();
    tell();
  };
  return {
    run(asked) {
      if (closing) return Promise.reject(new ReplydError('unavailable', 'the store is closed'));
      if (isAwayLong()) return Promise.reject(awayFault(fault?.error));
      return new Promise((resolve, reject) => {
        const call: Waiting = { ...asked, resolve, reject, timer: null, since: performance.now(), lost: false };
        enqueue(call);
        tell();
        // Calls of one turn of the event loop go together.
        if (!scheduled) {
          scheduled = true;
          setImmediate(start);
        }
      });
    },
    async close() {
      closing = true;
      for (const call of waiting.splice(0)) fail(call, new ReplydError('unavailable', 'the store is closed'));
      await Promise.allSettled(working);
      await Promise.all(idle.splice(0).map(connection => connection.close()));
    },
  };
}
