/**
 * What one account's keys may have in work at a time, so that they never take what all accounts share. Requests beyond that
 * wait for their turn, in the order in which they came; when too many wait, or one waits too long, it is told to come
 * again (429). While somebody waits, those of the account's own requests give way that wait for a client who takes
 * nothing of his answer.
 */

import { ReplydError } from '../base/errors.js';
import type { Exchange } from '../base/http.js';

/** Times in milliseconds. */
export interface ShareLimits {
  /** Requests in work, until their answer is made. */
  readonly inWork: number;
  /** Bytes of answers that are made and not yet taken. */
  readonly bytes: number;
  readonly waiting: number;
  readonly wait: number;
  /** Whether those who stall are cut while others wait. */
  readonly givesWay: boolean;
}

/** Reads of JSON, which take the one thread: an answer has 8 MiB at most (`limits.response_bytes`). */
export const READS: ShareLimits = { inWork: 2, bytes: 16 * 1024 * 1024, waiting: 100, wait: 10_000, givesWay: true };
/** Other requests, but for the event stream. */
export const OTHERS: ShareLimits = { ...READS, inWork: 32 };
/** Large bodies that are read, from their first byte on. */
export const BODIES: ShareLimits = {
  inWork: 4,
  bytes: Number.POSITIVE_INFINITY,
  waiting: 32,
  wait: 60_000,
  givesWay: false,
};

/** One request that is in work. */
export interface Turn {
  /** Its answer is made and has so many bytes. */
  answers(bytes: number): void;
  /** Idempotent. */
  end(): void;
}

export interface Shares {
  /** Waits for a turn. Throws too_many_requests. */
  enter(owner: string, exchange: Pick<Exchange, 'stalls' | 'cut' | 'signal'>): Promise<Turn>;
}

interface Share {
  readonly open: Map<object, Pick<Exchange, 'stalls' | 'cut'>>;
  /** Of these, those whose answer is not made yet. */
  inWork: number;
  readonly waiting: Set<{ readonly begin: () => void }>;
  bytes: number;
}

const LOOK_EVERY = 250;

export function createShares(limits: ShareLimits): Shares {
  const shares = new Map<string, Share>();

  const hasRoom = (share: Share) => share.inWork < limits.inWork && share.bytes < limits.bytes;

  function begin(owner: string, share: Share, exchange: Pick<Exchange, 'stalls' | 'cut'>): Turn {
    const turn = {};
    let bytes: number | null = null;
    share.open.set(turn, exchange);
    share.inWork += 1;
    const answers = (size: number) => {
      if (bytes !== null) return;
      bytes = size;
      share.bytes += size;
      share.inWork -= 1;
      // Others have their turn of the event loop first.
      if (share.waiting.size > 0) setImmediate(next, owner, share);
    };
    return {
      answers,
      end() {
        if (!share.open.delete(turn)) return;
        answers(0);
        share.bytes -= bytes!;
        setImmediate(next, owner, share);
      },
    };
  }

  function next(owner: string, share: Share): void {
    const [first] = share.waiting;
    if (first !== undefined && hasRoom(share)) {
      first.begin();
      setImmediate(next, owner, share);
    }
    if (share.open.size === 0 && share.waiting.size === 0 && shares.get(owner) === share) shares.delete(owner);
  }

  function giveWay(share: Share): void {
    if (!limits.givesWay) return;
    for (const exchange of share.open.values()) if (exchange.stalls()) exchange.cut();
  }

  return {
    async enter(owner, exchange) {
      const share = shares.get(owner) ?? { open: new Map(), inWork: 0, waiting: new Set(), bytes: 0 };
      shares.set(owner, share);
      if (share.waiting.size === 0 && hasRoom(share)) return begin(owner, share, exchange);
      if (share.waiting.size >= limits.waiting) throw tooMany();
      return new Promise<Turn>((resolve, reject) => {
        const looking = setInterval(giveWay, LOOK_EVERY, share);
        const done = () => {
          clearInterval(looking);
          clearTimeout(late);
          share.waiting.delete(mine);
          exchange.signal.removeEventListener('abort', leave);
        };
        const leave = () => {
          done();
          reject(tooMany());
        };
        const mine = {
          begin() {
            done();
            resolve(begin(owner, share, exchange));
          },
        };
        const late = setTimeout(leave, limits.wait);
        exchange.signal.addEventListener('abort', leave, { once: true });
        share.waiting.add(mine);
      });
    },
  };
}

function tooMany(): ReplydError {
  return new ReplydError('too_many_requests', 'Too many requests of this account are in work; try again in 1 s.');
}
