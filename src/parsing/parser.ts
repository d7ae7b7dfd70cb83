/**
 * Reads mails away from the thread that has the sockets. Small mails (in memory) go to one worker thread, which is faster
 * than two on two cores. Large mails (in a file) go to child processes with a memory limit, one at a time. A mail that
 * turns out unreadable is read once more by the second reader, in a child; only what both cannot read stays unreadable,
 * for the reason of the first. In both places networks, clients and accounts take turns (`turns.ts`).
 *
 * | what goes wrong                              | what happens                                                       |
 * |----------------------------------------------|--------------------------------------------------------------------|
 * | our reader throws, takes more than its time  | the second reader reads the mail; its worker or child is ended if  |
 * | or memory, or ends its worker or child       | it still runs, and a new worker reads the other mails              |
 * | the same happens to the second reader        | the mail is unreadable                                             |
 * | a mail takes the whole process down (a huge  | its hash is in the file `parsing`, with those of the mails beside  |
 * | allocation: ending the worker can't help)    | it; after the next start a child reads these mails                 |
 * | a worker or child can't be started           | 'unavailable': that says nothing about the mail                    |
 */
import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { Log } from '../base/log.js';
import { histogram } from '../base/metrics.js';
import { readTextFile } from '../base/text-file.js';
import type { Parser, Turn } from '../conversation/ports.js';
import { factsOf } from '../mail/fingerprint.js';
import { openChildExecutor } from './child-executor.js';
import { type ExecutorOptions, factsOfContent } from './executor.js';
import type { Job } from './job.js';
import { openWorkerExecutor } from './worker-executor.js';

export interface ParserOptions extends ExecutorOptions {
  readonly dataDir: string;
}

export interface OpenParser extends Parser {
  close(): Promise<void>;
}

const parseSeconds = histogram(
  'replyd_parse_seconds',
  'Time to read a mail, with waiting for the one before; large ones, and the second reader, in a process of their own.',
  [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30],
  ['lane'],
);

export async function openParser(options: ParserOptions): Promise<OpenParser> {
  const parsingFile = path.join(options.dataDir, 'parsing');
  const suspects = readSuspects(parsingFile, options.log);
  const worker = openWorkerExecutor(parsingFile, options);
  const children = openChildExecutor(options);
  let lastId = 0;
  const run = async (lane: 'small' | 'large' | 'second', job: Omit<Job, 'id'>, turn: Turn) => {
    lastId = (lastId % 0x7fffffff) + 1;
    const since = performance.now();
    try {
      return await (lane === 'small' ? worker : children).run({ ...job, id: lastId }, turn);
    } finally {
      parseSeconds.observe((performance.now() - since) / 1000, [lane]);
    }
  };

  return {
    async parse(raw, about, turn) {
      const apart = 'file' in raw || (suspects.size > 0 && suspects.has(factsOf(raw.bytes).sha256));
      const first = await run(apart ? 'large' : 'small', { raw, about }, turn);
      if (first.kind === 'read') return first;
      const { facts, reason } = first;
      const second = await run('second', { raw, about, again: { facts } }, turn);
      options.log.warn('second_reader', { sha256: facts.sha256, reason, read: second.kind === 'read' });
      return second.kind === 'read' ? second : first;
    },
    facts: factsOfContent,
    async close() {
      await Promise.all([worker.close(), children.close()]);
      await rm(parsingFile, { force: true });
    },
  };
}

/** Hashes of the mails that were being read when the process went down. */
function readSuspects(file: string, log: Log): ReadonlySet<string> {
  try {
    const found = new Set(readTextFile(file).match(/\b[0-9a-f]{64}\b/g));
    for (const sha256 of found) {
      log.warn('parsing_interrupted', {
        sha256,
        advice: 'this mail is read in a process of its own when it comes again',
      });
    }
    return found;
  } catch {
    return new Set();
  }
}
