/**
 * Mails that are large or suspected, and mails for the second reader: each is read by a child process of its own, one at
 * a time, in turns.
 *
 * | what goes wrong                           | what happens                                                |
 * |-------------------------------------------|-------------------------------------------------------------|
 * | it takes more than its time or its memory | the child is killed, the mail is unreadable                 |
 * | it ends the child                         | the mail is unreadable                                      |
 * | somebody else kills the child             | another child reads it, once: the kernel does that when     |
 * |                                           | memory is short, and that may not be the mail's fault       |
 * | no child can be started                   | 'unavailable': that says nothing about the mail             |
 * | no room for what it may write             | 'disk_full', before it is started                           |
 */
import { type ChildProcess, fork } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { errorText, ReplydError } from '../base/errors.js';
import { NO_BUDGET, withRoom } from '../base/space.js';
import type { Parsed } from '../conversation/ports.js';
import type { ChildJob } from './child.js';
import { CHECK_INTERVAL, CLOSED, type Executor, type ExecutorOptions, factsOfContent, parsedOf } from './executor.js';
import type { Job, JobResult } from './job.js';
import { createTurns } from './turns.js';

/** Half the space for young objects: decoded pieces that are written lie there until it is full. */
const YOUNG_MB = 2;
/** What the launcher says of buffers, where this Node knows it. */
const OF_BUFFERS = process.execArgv.filter(flag => flag.startsWith('--scavenger-'));

export function openChildExecutor(options: ExecutorOptions): Executor {
  const { space = NO_BUDGET } = options;
  const turns = createTurns<() => Promise<void>>();
  let reading: Promise<void> | null = null;
  let running: ChildProcess | null = null;
  let closing = false;

  const readOne = async (job: Job): Promise<Parsed> => {
    if (closing) throw CLOSED;
    const started = (child: ChildProcess) => {
      running = child;
    };
    let result = await runChild(job, options, started);
    if (result.kind === 'died' && result.killed && !closing) result = await runChild(job, options, started);
    running = null;
    if (closing) throw CLOSED;
    if (result.kind !== 'died') return parsedOf(result);
    return { kind: 'unreadable', facts: job.again?.facts ?? (await factsOfContent(job.raw)), reason: result.reason };
  };

  const readAll = async () => {
    for (let read = turns.next(); read !== undefined; read = turns.next()) await read();
    reading = null;
  };

  return {
    run(job, turn) {
      return new Promise((resolve, reject) => {
        // What it writes is decoded from the mail.
        const read = async () => withRoom(space, await sizeOf(job), () => readOne(job));
        turns.push(() => read().then(resolve, reject), turn);
        reading ??= Promise.resolve().then(readAll);
      });
    },
    async close() {
      closing = true;
      running?.kill('SIGKILL');
      await reading;
    },
  };
}

async function sizeOf({ raw }: Job): Promise<number> {
  return 'bytes' in raw ? raw.bytes.length : (await stat(raw.file)).size;
}

/** Of the daemon's variables those that say how Node runs, none that could hold a secret: it reads what strangers wrote. */
function harmless(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const names = ['PATH', 'TMPDIR', 'TZ', 'LANG', 'LC_ALL', 'NODE_OPTIONS'];
  return Object.fromEntries(names.flatMap(name => (env[name] === undefined ? [] : [[name, env[name]]])));
}

/** One mail in one process. `died`: it gave no answer; `killed`: by a signal that was not ours. */
function runChild(
  job: Job,
  options: ExecutorOptions,
  started: (child: ChildProcess) => void,
): Promise<JobResult | { readonly kind: 'died'; readonly reason: string; readonly killed: boolean }> {
  const { parseTime, parseMemory } = options.limits();
  const child = fork(fileURLToPath(new URL('./child.js', import.meta.url)), [], {
    execArgv: [
      `--max-old-space-size=${Math.ceil(parseMemory / 2 ** 20)}`,
      `--max-semi-space-size=${YOUNG_MB}`,
      ...OF_BUFFERS,
    ],
    serialization: 'advanced',
    env: harmless(process.env),
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  started(child);
  return new Promise((resolve, reject) => {
    child.once('error', error =>
      reject(new ReplydError('unavailable', `cannot start the parser: ${errorText(error)}`)),
    );
    // Without descriptors there is no process and no channel; only the error comes.
    if (child.pid === undefined) return;
    const { pid } = child;
    let reason = 'reading it ended the parser';
    let result: JobResult | null = null;
    let stopped = false;
    const stop = (why: string) => {
      reason = why;
      stopped = true;
      child.kill('SIGKILL');
    };
    const time = setTimeout(() => stop('it took longer than limits.parse_time to read'), parseTime);
    // The heap limit does not count buffers, so the memory of the whole process is read from outside.
    const memory = setInterval(() => {
      void residentMemory(pid).then(bytes => {
        if (bytes > parseMemory) stop('it took more than limits.parse_memory to read');
      });
    }, CHECK_INTERVAL);
    // The last one counts: the second reader sends what it has before it tries for more.
    child.on('message', (message: JobResult) => {
      result = message;
    });
    child.once('close', (_code, signal) => {
      clearTimeout(time);
      clearInterval(memory);
      const killed = !stopped && (signal === 'SIGKILL' || signal === 'SIGTERM');
      resolve(result ?? { kind: 'died', reason, killed });
    });
    child.send({ ...job, folder: options.incomingFolder } satisfies ChildJob, error => {
      // It was gone before it got the mail.
      if (error) child.kill('SIGKILL');
    });
  });
}

/** Bytes in memory, 0 where the system does not say. */
async function residentMemory(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/statm`, 'latin1').catch(() => '');
  return Number(text.split(' ')[1] ?? 0) * 4096;
}
