/**
 * What one account's keys may have in work and in memory at a time, so that they never take what all accounts share. An
 * answer counts from its request until its client has taken it or is cut. Requests beyond that wait a moment for their
 * turn, in the order in which they came; when too many wait, or one waits too long, it is told to come again (429). While
 * somebody waits, those of the account's own requests give way that wait for a client who takes nothing of his answer.
 *
 * All accounts together have a bound too. Behind it there is a reserve for accounts that hold nothing: they are answered
 * while others have used up the rest. For one of these that waits, whoever takes nothing gives way, of all accounts.
 */

import { ReplydError } from '../base/errors.js';
import type { Exchange } from '../base/http.js';

/** Times in milliseconds. */
export interface ShareLimits {
  /** Requests in work, until their answer is made. */
  readonly inWork: number;
  /** Bytes of answers that are made and not yet taken. */
  readonly bytes: number;
  /** So many of these are kept for an answer that is being made. */
  readonly largest: number;
  /** Bytes of all accounts. */
  readonly all: number;
  /** Further ones, for accounts that hold none. */
  readonly reserve: number;
  readonly waiting: number;
  readonly wait: number;
  /** Whether those who stall are cut while others wait. */
  readonly givesWay: boolean;
  /**
   * Behind an answer the account's next one begins after as long as this one took to make, at most so long. Node takes one
   * new connection in each turn of its loop: without rest those of other accounts would wait behind as many answers as
   * connections came before them.
   */
  readonly rest: number;
}

const MIB = 1024 * 1024;

/** Reads of JSON, which take the one thread: an answer has 8 MiB at most (`limits.response_bytes`). */
export const READS: ShareLimits = {
  inWork: 2,
  bytes: 16 * MIB,
  largest: 8 * MIB,
  all: 32 * MIB,
  reserve: 16 * MIB,
  waiting: 100,
  wait: 1_500,
  givesWay: true,
  rest: 20,
};
/** Other requests, but for the event stream. */
export const OTHERS: ShareLimits = { ...READS, inWork: 32, largest: MIB / 4, rest: 0 };
/** Events that are on their way to readers of the stream. */
export const STREAMED: ShareLimits = {
  inWork: 4,
  bytes: 4 * MIB,
  largest: MIB,
  all: 16 * MIB,
  reserve: 8 * MIB,
  waiting: 500,
  wait: 30_000,
  givesWay: true,
  rest: 0,
};
/** Large bodies that are read, from their first byte on. */
export const BODIES: ShareLimits = {
  inWork: 4,
  bytes: Number.POSITIVE_INFINITY,
  largest: 0,
  all: Number.POSITIVE_INFINITY,
  reserve: 0,
  waiting: 32,
  wait: 60_000,
  givesWay: false,
  rest: 0,
};

/** One request that is in work. */
export interface Turn {
  /** Its answer is made and has so many bytes. */
  answers(bytes: number): void;
  /** Idempotent. */
  end(): void;
}

export type Seat = Pick<Exchange, 'stalls' | 'cut' | 'signal'>;

export interface Shares {
  /** Waits for a turn. Throws too_many_requests. */
  enter(owner: string, seat: Seat): Promise<Turn>;
}

interface Share {
  readonly open: Map<object, Seat>;
  /** Of these, those whose answer is not made yet. */
  inWork: number;
  readonly waiting: Set<{ readonly begin: () => void }>;
  bytes: number;
  rests: boolean;
}

const LOOK_EVERY = 250;

export function createShares(limits: ShareLimits): Shares {
  const shares = new Map<string, Share>();
  let total = 0;

  const hasOwnRoom = (share: Share) =>
    !share.rests && share.inWork < limits.inWork && share.bytes + limits.largest <= limits.bytes;
  const hasRoom = (share: Share) =>
    hasOwnRoom(share) && total + limits.largest <= limits.all + (share.bytes === 0 ? limits.reserve : 0);

  const hold = (share: Share, bytes: number) => {
    share.bytes += bytes;
    total += bytes;
  };

  function begin(share: Share, seat: Seat): Turn {
    const turn = {};
    let held = limits.largest;
    const began = performance.now();
    let isMade = false;
    share.open.set(turn, seat);
    share.inWork += 1;
    hold(share, held);
    const answers = (size: number) => {
      if (isMade) return;
      isMade = true;
      hold(share, size - held);
      held = size;
      share.inWork -= 1;
      const rest = Math.min(limits.rest, performance.now() - began);
      if (rest >= 1) {
        share.rests = true;
        setTimeout(() => {
          share.rests = false;
          next();
        }, rest);
      }
      // Others have their turn of the event loop first.
      else setImmediate(next);
    };
    return {
      answers,
      end() {
        if (!share.open.delete(turn)) return;
        answers(0);
        hold(share, -held);
        setImmediate(next);
      },
    };
  }

  /** Begins one request of each account that has room; bytes that one gave back may be another's. */
  function next(): void {
    for (const [owner, share] of shares) {
      const [first] = share.waiting;
      if (first !== undefined && hasRoom(share)) {
        first.begin();
        setImmediate(next);
      }
      if (share.open.size === 0 && share.waiting.size === 0 && !share.rests) shares.delete(owner);
    }
  }

  function giveWay(share: Share, mine: object): void {
    const [first] = share.waiting;
    if (!limits.givesWay || first !== mine) return;
    const spared = share.bytes === 0 && hasOwnRoom(share) ? shares.values() : [share];
    for (const { open } of spared) for (const seat of open.values()) if (seat.stalls()) seat.cut();
  }

  return {
    async enter(owner, seat) {
      const share = shares.get(owner) ?? { open: new Map(), inWork: 0, waiting: new Set(), bytes: 0, rests: false };
      shares.set(owner, share);
      if (share.waiting.size === 0 && hasRoom(share)) return begin(share, seat);
      if (share.waiting.size >= limits.waiting) throw tooMany();
      return new Promise<Turn>((resolve, reject) => {
        const done = () => {
          clearInterval(looking);
          clearTimeout(late);
          share.waiting.delete(mine);
          seat.signal.removeEventListener('abort', leave);
        };
        const leave = () => {
          done();
          reject(tooMany());
        };
        const mine = {
          begin() {
            done();
            resolve(begin(share, seat));
          },
        };
        const looking = setInterval(giveWay, LOOK_EVERY, share, mine);
        const late = setTimeout(leave, limits.wait);
        seat.signal.addEventListener('abort', leave, { once: true });
        share.waiting.add(mine);
      });
    },
  };
}

function tooMany(): ReplydError {
  return new ReplydError('too_many_requests', 'Too many requests of this account are in work; try again in 1 s.');
}
