/** What the parser's two lanes have in common: the worker's for small mails, the child's for large ones. */

import { ReplydError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { Parsed } from '../conversation/ports.js';
import type { Job, JobResult } from './job.js';

export interface ParserLimits {
  /** Milliseconds for one mail, counted from the moment its reading begins. */
  readonly parseTime: number;
  /** Bytes of memory for the child. */
  readonly parseMemory: number;
}

export interface LaneOptions {
  /** An existing folder on the store's file system. */
  readonly incomingFolder: string;
  readonly limits: () => ParserLimits;
  readonly log: Log;
}

export interface Lane {
  run(job: Job): Promise<Parsed>;
  close(): Promise<void>;
}

/** How often the running job is looked at, milliseconds. */
export const WATCH = 250;
export const CLOSED = new ReplydError('unavailable', 'the parser is closed');

/** Throws 'unavailable' when the parser itself could not work. */
export function parsedOf(result: JobResult): Parsed {
  switch (result.outcome) {
    case 'trouble':
      throw new ReplydError('unavailable', `the parser cannot work: ${result.reason}`);
    case 'broken':
      return { readable: false, facts: result.facts, reason: result.reason };
    case 'read':
      return result.parsed;
  }
}
