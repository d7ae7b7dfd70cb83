/** What the parser's two executors have in common: the worker thread for small mails, child processes for large ones. */

import { ReplydError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { SpaceBudget } from '../base/space.js';
import { readFileStream } from '../base/text-file.js';
import type { Parsed, Turn } from '../conversation/ports.js';
import { factsOf, factsOfStream } from '../mail/fingerprint.js';
import type { Content, RawFacts } from '../mail/mail.js';
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
  /** For attachments in files; default: everything fits. */
  readonly space?: SpaceBudget;
  readonly log: Log;
}

export interface Executor {
  /** Throws 'unavailable' when the parser itself could not work. */
  run(job: Job, turn: Turn): Promise<Parsed>;
  close(): Promise<void>;
}

/** How often the running job is checked, milliseconds. */
export const CHECK_INTERVAL = 250;
export const CLOSED = new ReplydError('unavailable', 'the parser is closed');

/** Throws 'unavailable' when the parser itself could not work. */
export function parsedOf(result: JobResult): Parsed {
  if (result.kind !== 'trouble') return result;
  throw new ReplydError('unavailable', `the parser cannot work: ${result.reason}`);
}

export async function factsOfContent(raw: Content): Promise<RawFacts> {
  return 'bytes' in raw ? factsOf(raw.bytes) : factsOfStream(readFileStream(raw.file));
}
