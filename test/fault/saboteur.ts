/**
 * Loaded in front of the daemon (`NODE_OPTIONS=--import`), in every thread and process of it: mails with certain words are
 * poison to the parser that reads them. No mail is known that does this to it; one may be found.
 *
 *   POISON-LOOP    it never ends                 POISON-EXIT    the worker or child ends
 *   POISON-MEMORY  it takes all memory there is  POISON-ABORT   the whole process ends
 *
 * They are poison to replyd's own reader; with -TWICE behind it (POISON-LOOP-TWICE) to the second reader as well.
 */
import { readFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import threads from 'node:worker_threads';

const { isMainThread, parentPort } = threads;

interface Job {
  readonly id: number;
  readonly raw?: { readonly bytes?: Uint8Array; readonly file?: string };
  /** For the second reader. */
  readonly again?: object;
}

function poisonIn(job: Job): string | null {
  const bytes = job?.raw?.bytes ?? (job?.raw?.file === undefined ? null : readFileSync(job.raw.file));
  if (bytes === null) return null;
  const [, poison = null, twice] = /(POISON-[A-Z]+)(-TWICE)?/.exec(Buffer.from(bytes).toString('latin1')) ?? [];
  return job.again === undefined || twice !== undefined ? poison : null;
}

function act(poison: string): void {
  const hoard: unknown[] = [];
  switch (poison) {
    case 'POISON-LOOP':
      for (;;) hoard.length = 0;
    case 'POISON-MEMORY':
      for (;;) hoard.push(Array.from({ length: 1000 }, (_, index) => ({ index })));
    case 'POISON-EXIT':
      process.exit(7);
      break;
    case 'POISON-ABORT':
      // As an allocation that fails does.
      process.kill(process.pid, 'SIGABRT');
      for (;;) hoard.length = 0;
  }
}

/** Listening here would swallow what comes before the program listens: what it listens with is looked into instead. */
function lookInto<Emitter extends { on: unknown; once: unknown }, Message>(
  emitter: Emitter,
  method: 'on' | 'once',
  look: (message: Message) => void,
): void {
  const original = (emitter[method] as (event: string, listener: (message: Message) => void) => Emitter).bind(emitter);
  emitter[method] = ((event: string, listener: (message: Message) => void) =>
    original(
      event,
      event !== 'message'
        ? listener
        : message => {
            look(message);
            listener(message);
          },
    )) as Emitter['on'];
}

if (!isMainThread && parentPort !== null) {
  const poisons = new Map<number, string>();
  /** The jobs that come together. */
  const look = (jobs: readonly Job[]) => {
    for (const job of [jobs].flat()) {
      const poison = poisonIn(job);
      if (poison !== null) poisons.set(job.id, poison);
    }
  };
  lookInto(parentPort, 'on', look);
  const { receiveMessageOnPort } = threads;
  threads.receiveMessageOnPort = port => {
    const received = receiveMessageOnPort(port) as { message: readonly Job[] } | undefined;
    if (received !== undefined) look(received.message);
    return received;
  };
  syncBuiltinESMExports();
  // The worker says by this that it begins with a job: first to take its hash for the note of what is in hand, then to
  // read it, which is where poison that stands in a mail acts.
  const hashed = new Set<number>();
  const { store } = Atomics;
  Atomics.store = ((array: Int32Array, index: number, value: number) => {
    const done = store(array, index, value);
    if (index !== 0) return done;
    const poison = poisons.get(value);
    if (poison !== undefined && hashed.has(value)) act(poison);
    hashed.add(value);
    return done;
  }) as typeof Atomics.store;
}

if (isMainThread && process.argv[1]?.endsWith('/parsing/child.js')) {
  lookInto(process, 'once', (job: Job) => {
    const poison = poisonIn(job);
    if (poison !== null) act(poison);
  });
}
