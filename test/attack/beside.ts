/**
 * What goes on beside an attack, in a thread of its own so that the attacker's work does not delay it: a customer's mail
 * from the trusted client every half second, each on a new connection, and a look at the memory of the daemon and of the
 * processes that it has started. It ends when it is told to, behind the mail that is on its way.
 */
import { readFileSync } from 'node:fs';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { mailBytes } from '../durability/load.js';
import { sendMail } from '../interop/smtp-talk.js';
import { residentMemory } from '../process-figures.js';

/** A customer's mail has its 250 within that time, milliseconds. */
export const CUSTOMER_TIME = 2_000;
const EVERY = 500;
const LOOK_EVERY = 100;
/** Longer than the time that is allowed, so that what is late is known to be late and not lost. */
const TIMEOUT = 30_000;

export interface Seen {
  readonly mails: number;
  /** From connecting to the 250, milliseconds. */
  readonly slowest: number;
  /** What was late, refused or lost. */
  readonly faults: readonly string[];
  /** Most resident memory of the daemon, and of its child processes together, bytes. */
  readonly memory: { readonly daemon: number; readonly children: number };
}

export interface Beside {
  stop(): Promise<Seen>;
}

interface Work {
  readonly host: string;
  readonly port: number;
  readonly recipient: string;
  readonly pid: number;
}

export function startBeside(work: Work): Beside {
  const worker = new Worker(new URL(import.meta.url), { workerData: work });
  const ended = new Promise<Seen>((resolve, reject) => {
    worker.on('message', resolve);
    worker.on('error', reject);
  });
  ended.catch(() => {});
  return {
    async stop() {
      worker.postMessage('stop');
      const seen = await ended;
      await worker.terminate();
      return seen;
    },
  };
}

async function workBeside({ host, port, recipient, pid }: Work, stopped: () => boolean): Promise<Seen> {
  const faults: string[] = [];
  const memory = { daemon: 0, children: 0 };
  let slowest = 0;
  let mails = 0;
  const look = () => {
    try {
      memory.daemon = Math.max(memory.daemon, residentMemory(pid));
      memory.children = Math.max(
        memory.children,
        childrenOf(pid).reduce((sum, child) => sum + memoryOf(child), 0),
      );
    } catch {
      // It is gone: the frame says so.
    }
  };
  const looking = setInterval(look, LOOK_EVERY);
  while (!stopped()) {
    const from = performance.now();
    const took = () => Math.round(performance.now() - from);
    mails += 1;
    const data = mailBytes(`customer-${mails}.`, recipient, 3_000);
    try {
      const mail = { from: 'customer@customer.example', to: [recipient], data };
      const { recipients, data: replies } = await sendMail({ host, port }, mail, { timeout: TIMEOUT });
      const last = replies[0] ?? recipients[0];
      slowest = Math.max(slowest, took());
      if (last?.code !== 250) faults.push(`the customer's mail got ${last?.raw}`);
      else if (took() > CUSTOMER_TIME) faults.push(`the customer's mail took ${took()} ms`);
    } catch (error) {
      faults.push(`the customer's mail was not taken in ${took()} ms: ${firstLine(error)}`);
    }
    await new Promise(resolve => setTimeout(resolve, Math.max(0, EVERY - took())));
  }
  clearInterval(looking);
  look();
  return { mails, slowest, faults, memory };
}

function firstLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error).split('\n')[0]!;
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ').filter(Boolean).map(Number);
}

function memoryOf(pid: number): number {
  try {
    return residentMemory(pid);
  } catch {
    return 0;
  }
}

if (!isMainThread && parentPort !== null && typeof workerData?.recipient === 'string') {
  const port = parentPort;
  let stopped = false;
  port.on('message', () => {
    stopped = true;
  });
  port.postMessage(await workBeside(workerData as Work, () => stopped));
}
