/**
 * Reads mails away from the socket thread. Small mails (in memory) go to one worker thread, which is faster than two on
 * two cores; large mails (in a file) are read as a stream by a child process with a memory limit, one at a time.
 *
 * When a mail takes longer than its time, the worker or child that reads it is ended and the mail is `broken`; the
 * others in line are read by a new one. Ending a worker helps against loops, not against one huge allocation, which
 * takes the whole process down: then its hash stands in the file `parsing`, among those of its neighbours. Mails found
 * there at start are read by a child when they come again, so that a poison mail can't crash the daemon in a loop, and
 * one that merely was in hand when the daemon was killed is still read.
 *
 * A worker or child that can't even be started (no memory, no descriptors) says nothing about the mail: `unavailable`.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Log } from '../base/log.js';
import { histogram } from '../base/metrics.js';
import type { Parsed, Parser, ReadingContext } from '../conversation/ports.js';
import { factsOf } from '../mail/fingerprint.js';
import type { Content } from '../mail/mail.js';
import { openChildLane } from './child-lane.js';
import type { LaneOptions } from './lane.js';
import { openWorkerLane } from './worker-lane.js';

export interface ParserOptions extends LaneOptions {
  readonly dataDir: string;
}

export interface OpenParser extends Parser {
  close(): Promise<void>;
}

const parseSeconds = histogram(
  'replyd_parse_seconds',
  'Time to read a mail, with waiting for the one before; large ones in a process of their own.',
  [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30],
  ['lane'],
);

export async function openParser(options: ParserOptions): Promise<OpenParser> {
  const parsingFile = path.join(options.dataDir, 'parsing');
  const suspects = readSuspects(parsingFile, options.log);
  const small = openWorkerLane(parsingFile, options);
  const large = openChildLane(options);
  let lastId = 0;
  const newId = () => {
    lastId = (lastId % 0x7fffffff) + 1;
    return lastId;
  };
  const isSuspect = ({ bytes }: { readonly bytes: Uint8Array }) =>
    suspects.size > 0 && suspects.has(factsOf(bytes).sha256);
  const timed = async (lane: 'small' | 'large', reading: Promise<Parsed>) => {
    const since = performance.now();
    try {
      return await reading;
    } finally {
      parseSeconds.observe((performance.now() - since) / 1000, [lane]);
    }
  };

  const readLarge = (raw: { readonly file: string }, about: ReadingContext) =>
    timed('large', large.run({ id: newId(), raw, about }));

  const parse = async (raw: Content, about: ReadingContext): Promise<Parsed> => {
    if ('file' in raw) return readLarge(raw, about);
    if (!isSuspect(raw)) return timed('small', small.run({ id: newId(), raw, about }));
    const file = path.join(options.incomingFolder, `suspect-${randomBytes(12).toString('hex')}`);
    await writeFile(file, raw.bytes, { mode: 0o600 });
    try {
      return await readLarge({ file }, about);
    } finally {
      await rm(file, { force: true });
    }
  };

  return {
    parse,
    async close() {
      await Promise.all([small.close(), large.close()]);
      await rm(parsingFile, { force: true });
    },
  };
}

/** Hashes of the mails that were in hand when the process went down. */
function readSuspects(file: string, log: Log): ReadonlySet<string> {
  try {
    const found = new Set(readFileSync(file, 'latin1').match(/\b[0-9a-f]{64}\b/g));
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
