/** What the parser's two executors have in common: the worker thread for small mails, child processes for large ones. */

import { ReplydError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { Parsed } from '../conversation/ports.js';
import type { Job, JobResult } from './job.js';

export interface ParserLimits {
  /** Milliseconds for one mail, counted from the moment its reading starts. */
  readonly parseTime: number;
  /** Bytes of memory for a child. */
  readonly parseMemory: number;
}

export interface ExecutorOptions {
  /** An existing folder on the store's file system. */
  readonly incomingFolder: string;
  readonly limits: () => ParserLimits;
  readonly log: Log;
}

export interface Executor {
  /** Throws 'unavailable' when the parser itself could not work. */
  run(job: Job): Promise<Parsed>;
  close(): Promise<void>;
}

/** How often the running job is checked, milliseconds. */
export const CHECK_INTERVAL = 250;
export const CLOSED = new ReplydError('unavailable', 'the parser is closed');

/** Throws 'unavailable' when the parser itself could not work. */
export function parsedOf(result: JobResult): Parsed {
  switch (result.kind) {
    case 'trouble':
      throw new ReplydError('unavailable', `the parser cannot work: ${result.reason}`);
    case 'broken':
      return { readable: false, facts: result.facts, reason: result.reason };
    case 'read':
      return result.parsed;
  }
}
