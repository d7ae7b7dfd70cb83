/**
 * What an attack is. A kind is one file: its head says what an attacker wants and what must hold, it exports one
 * `AttackKind`, and it stands in the list of `kinds.ts`. `run` tries everything of its kind on a daemon of its own and
 * counts; the frame (`main.ts`) adds what holds for all: the daemon lives, its memory stays small, and a customer's mail is
 * taken beside it all.
 */
import type { Settings } from '../daemon-process.js';
import { highestMemory } from '../process-figures.js';
import type { Target } from './target.js';

export interface AttackKind {
  /** For `--kind`. */
  readonly name: string;
  readonly about: string;
  /** Of its daemon, over those of every target. */
  readonly settings?: () => Settings;
  /** Bytes of a small file system of its own for the data; default: none. */
  readonly disk?: number;
  /** Why it can't be tried here, or null. */
  readonly obstacle?: () => string | null;
  /** What it attacks is known to be open: where that is written. It is shown and counted, and fails nothing. */
  readonly open?: string;
  run(target: Target, options: AttackOptions): Promise<AttackResult>;
}

export interface AttackOptions {
  /** The form for CI: less of the same. */
  readonly short: boolean;
  /** Every combination, where the usual form takes each thing at least once: an hour. */
  readonly every: boolean;
  /** Ends the customer's mails: what follows judges what the attack left, and the judge's own work counts for nobody. */
  over(): Promise<void>;
}

export interface AttackResult {
  readonly tried: number;
  readonly held: number;
  /** Each attack that was not held, with its proof; what else is worth a line. */
  readonly notes: readonly string[];
}

export interface Tally {
  /** Counts one attack. `fault`: what went wrong, null when it was held. */
  count(name: string, fault: string | null): void;
  /** A line for the report that is no fault. */
  note(line: string): void;
  result(): AttackResult;
}

const SHOWN = 20;

export function newTally(): Tally {
  let tried = 0;
  const faults: string[] = [];
  const notes: string[] = [];
  return {
    count(name, fault) {
      tried += 1;
      if (fault !== null) faults.push(`${name}: ${fault}`);
    },
    note: line => notes.push(line),
    result() {
      const more = faults.length > SHOWN ? [`… and ${faults.length - SHOWN} more`] : [];
      return { tried, held: tried - faults.length, notes: [...faults.slice(0, SHOWN), ...more, ...notes] };
    },
  };
}

/** Of memory, that is worth a line. */
const STEP = 30 * 1024 * 1024;

/** To be called behind each attack: notes by which one the daemon's most memory rose. */
export function memorySteps(pid: number, tally: Tally): (name: string) => void {
  let before = highestMemory(pid);
  return name => {
    const after = highestMemory(pid);
    if (after > before + STEP) tally.note(`${name}: the most memory rose from ${mib(before)} to ${mib(after)} MiB`);
    before = after;
  };
}

export function mib(bytes: number): number {
  return Math.round(bytes / 1024 / 1024);
}

/** Does `work` for each, so many at a time. */
export async function eachOf<T>(
  all: readonly T[],
  atATime: number,
  work: (one: T, index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const workOn = async () => {
    while (next < all.length) {
      const index = next;
      next += 1;
      await work(all[index]!, index);
    }
  };
  await Promise.all(Array.from({ length: atATime }, workOn));
}
