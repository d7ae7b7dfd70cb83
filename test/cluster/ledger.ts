/**
 * What was acknowledged: a file of the test, outside of all that is killed. A line is written before it counts. Also how
 * long nothing was acknowledged at most.
 */
import { appendFileSync, readFileSync } from 'node:fs';

export type Way = 'smtp' | 'lmtp' | 'postfix' | 'api';

export interface Entry {
  readonly way: Way;
  /** Of a mail its Message-ID without brackets; of a message of the API the first line of its text. */
  readonly word: string;
  /** Its place in the list of conversations. */
  readonly conversation: number;
  /** An answer that has to be mailed. */
  readonly mailed: boolean;
}

export interface Ledger {
  add(entry: Entry): void;
  readonly count: number;
  /** Mails alone. */
  readonly mails: number;
  entries(): readonly Entry[];
  /** Seconds. From the first call of `watch` to `rest` it looks at. */
  watch(): void;
  rest(): void;
  readonly longestSilence: number;
}

export function openLedger(file: string): Ledger {
  let count = 0;
  let mails = 0;
  let last: number | null = null;
  let longest = 0;
  const tick = () => {
    if (last === null) return;
    const now = performance.now();
    longest = Math.max(longest, (now - last) / 1000);
    last = now;
  };
  return {
    add(entry) {
      appendFileSync(file, `${JSON.stringify(entry)}\n`);
      count += 1;
      if (entry.way !== 'api') mails += 1;
      // What Postfix took shows nothing of replyd.
      if (entry.way !== 'postfix') tick();
    },
    get count() {
      return count;
    },
    get mails() {
      return mails;
    },
    entries: () =>
      readFileSync(file, 'utf8')
        .split('\n')
        .filter(line => line !== '')
        .map(line => JSON.parse(line) as Entry),
    watch() {
      last = performance.now();
    },
    rest() {
      tick();
      last = null;
    },
    get longestSilence() {
      return longest;
    },
  };
}
