/**
 * Large mails: each is read by a child process of its own, one at a time. A child that takes too long, or more memory
 * than it may, is killed and its mail is unreadable; one that somebody else killed gets a second try.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { errorText, ReplydError } from '../base/errors.js';
import type { Parsed } from '../conversation/ports.js';
import { factsOfStream } from '../mail/fingerprint.js';
import type { ChildJob } from './child.js';
import type { Job, JobResult } from './job.js';
import { CLOSED, type Lane, type LaneOptions, parsedOf, WATCH } from './lane.js';

export function openChildLane(options: LaneOptions): Lane {
  let last: Promise<unknown> = Promise.resolve();
  let running: ChildProcess | null = null;
  let closing = false;

  const readOne = async (job: Job): Promise<Parsed> => {
    if (closing) throw CLOSED;
    const started = (child: ChildProcess) => {
      running = child;
    };
    let result = await runChild(job, options, started);
    // Somebody else killed it, such as the kernel for want of memory: that may not have been the mail's fault.
    if ('died' in result && result.killed && !closing) result = await runChild(job, options, started);
    running = null;
    if (closing) throw CLOSED;
    if ('result' in result) return parsedOf(result.result);
    return {
      readable: false,
      facts: await factsOfStream(createReadStream((job.raw as { file: string }).file)),
      reason: result.died,
    };
  };

  return {
    run(job) {
      const turn = last.then(() => readOne(job));
      last = turn.catch(() => undefined);
      return turn;
    },
    async close() {
      closing = true;
      running?.kill('SIGKILL');
      await last;
    },
  };
}

/** One mail in one process. `died`: why it gave no answer; `killed`: by a signal that was not ours. */
function runChild(
  job: Job,
  options: LaneOptions,
  started: (child: ChildProcess) => void,
): Promise<{ result: JobResult } | { died: string; killed: boolean }> {
  const { parseTime, parseMemory } = options.limits();
  const child = fork(fileURLToPath(new URL('./child.js', import.meta.url)), [], {
    execArgv: [`--max-old-space-size=${Math.ceil(parseMemory / 2 ** 20)}`],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  started(child);
  return new Promise((resolve, reject) => {
    child.once('error', error =>
      reject(new ReplydError('unavailable', `cannot start the parser: ${errorText(error)}`)),
    );
    // No descriptors: there is no process, no channel to it, and nothing but the error will come.
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
    // The heap limit does not count buffers: what the process really holds is looked at from outside.
    const memory = setInterval(() => {
      void residentMemory(pid).then(bytes => {
        if (bytes > parseMemory) stop('it took more than limits.parse_memory to read');
      });
    }, WATCH);
    child.once('message', (message: JobResult) => {
      result = message;
    });
    child.once('close', (_code, signal) => {
      clearTimeout(time);
      clearInterval(memory);
      const killed = !stopped && (signal === 'SIGKILL' || signal === 'SIGTERM');
      resolve(result ? { result } : { died: reason, killed });
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
