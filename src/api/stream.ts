/**
 * `GET /v1/events`: events as they happen (Server-Sent Events, WHATWG HTML 9.2). One query of the store serves all
 * readers, and each event is written as JSON once.
 *
 * Promises: a reader that reconnects with Last-Event-ID misses nothing and gets nothing twice. When events after that id
 * are gone, it gets `reset` and goes on from now. A reader without the header starts now and gets an id at once. A reader
 * who wants but some (types, one conversation) is told with each comment how far he has heard.
 * Every 15 seconds each reader gets a comment, so that proxies keep the connection; readers whose key was revoked are
 * dropped. A reader that is slower than the events catches up at its own pace; one that takes nothing for 30 s is cut off
 * and can reconnect. A reader has one piece in memory, and all readers of an account have their share (`shares.ts`).
 */
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { errorText, faultLevel, isReplydError, ReplydError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { counter, gauge } from '../base/metrics.js';
import { createPacer } from '../base/pacer.js';
import { createWaker } from '../base/waker.js';
import type { Store } from '../conversation/store.js';
import { accountFor, conversationRef } from './access.js';
import {
  bytesOf,
  createLately,
  type Encoded,
  encoded,
  isFor,
  nameOf,
  type Receiver,
  type Redact,
  take,
  type Wanted,
} from './encoded-events.js';
import { EventQuery, eventTypes } from './event-query.js';
import { type Route, route } from './route.js';
import { createShares, type Seat, STREAMED } from './shares.js';

export interface EventStream {
  /** The stream for one reader. */
  open(reader: {
    readonly wanted: Wanted;
    readonly lastEventId: string | null;
    /** Whether it may still read. */
    readonly isValid: () => Promise<boolean>;
    readonly seat: Seat;
    /** Takes out what no agent may read; null: it is no agent's. */
    readonly redact: Redact | null;
  }): Promise<AsyncIterableIterator<Buffer>>;
  /** Something was committed. */
  wake(): void;
  /** Ends all readers. */
  close(): void;
}

interface Reader extends Receiver {
  readonly isValid: () => Promise<boolean>;
  readonly seat: Seat;
  /** Events to read at a time from the store. */
  limit: number;
  /** Called when there is something for it (these bytes), or when it has ended; null: it waits for nothing. */
  wake: ((bytes: Buffer | null) => void) | null;
}

interface Piece {
  readonly bytes: Buffer;
  /** It is taken, or never will be. */
  end(): void;
}

/** Not timed: it lasts as long as its reader. */
export const EVENTS = '/v1/events';

const readersNow = gauge('replyd_stream_readers', 'Readers of the event stream.');
const cutOff = counter('replyd_stream_cut_off_total', 'Readers that took nothing for too long.');

const HEARTBEAT = 15_000;
/**
 * Milliseconds. On a busy store every commit wakes the stream, some hundred times a second, and nobody sees so fast: what is
 * new is read and given out together.
 */
const READ = { soon: 2, every: 50 };
/** Events read at a time for all: a few milliseconds of this thread. */
const PAGE = 60;
const MAX_READERS = 500;
/** Of one account. */
const MAX_READERS_OF_ACCOUNT = 250;
/** Bytes of events that a reader gets at a time, but for an event that is longer. */
const PIECE = 32 * 1024;
/** The same, and events read at a time, for a reader that catches up: each read of the store costs others something. */
const CATCH_UP_PIECE = 64 * 1024;
const CATCH_UP_PAGE = 60;
/** Bytes of encoded events that are kept for all readers. */
const KEPT = 2 * 1024 * 1024;
/** How long a reader may take nothing, milliseconds. */
const TIMEOUT = 30_000;
const STILL_HERE = Buffer.from(': still here\n\n');

/** Of what it wants nothing may come for weeks: with this id it can resume all the same. */
function stillHere({ types, conversation, position }: Reader): Buffer {
  return types === null && conversation === null ? STILL_HERE : Buffer.from(`: still here\nid: ${position}\n\n`);
}

export function openStream(options: {
  readonly store: Store;
  readonly log: Log;
  /** Default 30 s. */
  readonly timeout?: number;
  /** Between two comments; default 15 s. */
  readonly heartbeat?: number;
}): EventStream {
  const { store, log, timeout = TIMEOUT, heartbeat = HEARTBEAT } = options;
  const readers = new Set<Reader>();
  const shares = createShares(STREAMED);
  /** The latest events of all accounts: all after `from`, up to `position`. */
  let latest: Encoded[] = [];
  let latestBytes = 0;
  let from = '';
  let position = '';
  let lastTurn: Promise<unknown> = Promise.resolve();
  /** What readers got from the store lately, by reader's account and place: hundreds that fall behind together want the same. */
  const lately = createLately(KEPT);
  readersNow.set(0);
  const checks = setInterval(checkReaders, heartbeat);
  checks.unref();

  const waker = createWaker(readNew, error => {
    log[faultLevel(error)]('failed', { part: 'event stream', error: errorText(error) });
  });

  const pacer = createPacer(waker.wake, READ);

  async function readNew(): Promise<void> {
    while (readers.size > 0 && !waker.closed) {
      const events = await store.events({ after: position, limit: PAGE });
      for (const event of events) if (event.id > position) add(encoded(event));
      if (events.length === 0) return;
      // Sockets have their turn of the event loop.
      await setImmediate();
    }
  }

  function add(event: Encoded): void {
    latest.push(event);
    latestBytes += event.bytes.length;
    position = event.id;
    let gone = 0;
    for (; latestBytes > KEPT; gone += 1) {
      latestBytes -= latest[gone]!.bytes.length;
      from = latest[gone]!.id;
    }
    if (gone > 0) latest = latest.slice(gone);
    for (const reader of readers) {
      if (reader.wake === null || event.id <= reader.position) continue;
      if (isFor(reader, event)) reader.wake(null);
      else reader.position = event.id;
    }
  }

  /** The first of the latest events that it has not got. */
  function nextAt(reader: Reader): number {
    let [low, high] = [0, latest.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (latest[middle]!.id > reader.position) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** What comes next for it of the latest events; none: it has all of them. */
  function nextOfLatest(reader: Reader): readonly Encoded[] {
    const taken = take(reader, latest, { begin: nextAt(reader), most: PIECE });
    if (reader.position < position && taken.length === 0) reader.position = position;
    return taken;
  }

  /** What comes next for it, from the store or as another reader got it just now; none: it has all there was. */
  async function nextOfStore(reader: Reader): Promise<readonly Encoded[]> {
    const { account, position: after } = reader;
    const place = `${nameOf(reader)} ${after}`;
    const known = lately.get(place);
    if (known !== undefined) return take(reader, known, { begin: 0, most: CATCH_UP_PIECE });
    const seen = position;
    const events = await store.events({ ...(account === null ? {} : { account }), after, limit: reader.limit });
    const taken = take(reader, events.map(encoded), { begin: 0, most: CATCH_UP_PIECE });
    const count = taken.length;
    // The others of the page are read again when it has taken these: they are not kept for it.
    const hasAll = reader.position === events.at(-1)?.id;
    reader.limit = hasAll ? Math.min(reader.limit * 2, CATCH_UP_PAGE) : Math.max(1, count);
    if (events.length === 0 && reader.position < seen) reader.position = seen;
    if (count > 0) lately.add(place, taken);
    return taken;
  }

  /**
   * One reader behind the other: hundreds that fall behind together would hold as many pages of long events, and would
   * have this thread for themselves. So after each others have twice its time.
   */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    let begun = 0;
    const done = lastTurn.then(() => {
      begun = performance.now();
      return work();
    });
    const leave = async () => {
      // Behind what was done with its result.
      await setImmediate();
      await sleep(2 * (performance.now() - begun));
    };
    lastTurn = done.then(leave, leave);
    return done;
  }

  function end(reader: Reader): void {
    if (!readers.delete(reader)) return;
    readersNow.set(readers.size);
    reader.wake?.(null);
  }

  /** Null: the reader has ended. */
  async function nextPiece(reader: Reader): Promise<Piece | null> {
    while (readers.has(reader)) {
      const isLong = (latest[nextAt(reader)]?.bytes.length ?? 0) > PIECE;
      if (reader.position >= from && !isLong) {
        const taken = nextOfLatest(reader);
        // At once where it has all: an event that comes in between would wake nobody.
        const bytes = await (taken.length > 0 ? bytesOf(reader, taken) : somethingNew(reader));
        if (bytes !== null) return { bytes, end() {} };
        continue;
      }
      const turn = await shares.enter(reader.account ?? 'operators', reader.seat);
      try {
        const taken = reader.position >= from ? nextOfLatest(reader) : await inTurn(() => nextOfStore(reader));
        const bytes = await bytesOf(reader, taken);
        turn.answers(bytes?.length ?? 0);
        if (bytes !== null) return { bytes, end: turn.end };
      } catch (error) {
        turn.end();
        throw error;
      }
      turn.end();
    }
    return null;
  }

  function somethingNew(reader: Reader): Promise<Buffer | null> {
    return new Promise(resolve => {
      reader.wake = bytes => {
        reader.wake = null;
        resolve(bytes);
      };
    });
  }

  /** No generator: that would keep what it gave out until it gives out more. */
  function piecesFor(reader: Reader, first: Buffer): AsyncIterableIterator<Buffer> {
    let inHand: Piece | null = null;
    let late: NodeJS.Timeout | undefined;
    const taken = () => {
      clearTimeout(late);
      inHand?.end();
      inHand = null;
    };
    const give = (piece: Piece) => {
      inHand = piece;
      late = setTimeout(cutLate, timeout, reader);
      return { done: false, value: piece.bytes } as const;
    };
    const stop = async () => {
      taken();
      end(reader);
      return { done: true, value: undefined } as const;
    };
    let begun = false;
    return {
      [Symbol.asyncIterator]() {
        return this;
      },
      async next() {
        if (!begun) {
          begun = true;
          return give({ bytes: first, end() {} });
        }
        taken();
        const piece = await nextPiece(reader)
          .then(whileValid(reader))
          .catch(error => {
            // It waited too long for its share, or is gone.
            if (!isReplydError(error, 'too_many_requests'))
              log.error('failed', { part: 'event stream', error: errorText(error) });
            return null;
          });
        return piece === null ? stop() : give(piece);
      },
      return: stop,
    };
  }

  /** An agent whose session has ended gets nothing more, also of what was made for him. */
  const whileValid = (reader: Reader) => async (piece: Piece | null) => {
    if (piece === null || reader.redact === null || piece.bytes === STILL_HERE) return piece;
    const valid = await reader.isValid().catch(error => {
      piece.end();
      throw error;
    });
    if (valid) return piece;
    piece.end();
    return null;
  };

  function cutLate(reader: Reader): void {
    log.warn('disconnected', { part: 'event stream', account: reader.account, reason: 'too slow' });
    cutOff.add();
    end(reader);
    reader.seat.cut();
  }

  function checkReaders(): void {
    for (const reader of readers) {
      reader.wake?.(stillHere(reader));
      reader.isValid().then(
        valid => {
          if (valid) return;
          end(reader);
          reader.seat.cut();
        },
        // A store that cannot be read for a moment is no reason to drop anybody.
        () => undefined,
      );
    }
  }

  return {
    async open({ wanted, lastEventId, isValid, seat, redact }) {
      const { account } = wanted;
      if (waker.closed || readers.size >= MAX_READERS) {
        throw new ReplydError('too_many_readers', `There are ${readers.size} readers of the event stream already.`);
      }
      const own = [...readers].filter(reader => reader.account === account).length;
      if (own >= MAX_READERS_OF_ACCOUNT) {
        throw new ReplydError('too_many_readers', `There are ${own} readers of your event stream already.`);
      }
      const now = await store.latestEvent();
      const resumes = lastEventId !== null && (await store.canResume(lastEventId, account ?? undefined));
      if (readers.size === 0) {
        from = position = now;
        latest = [];
        latestBytes = 0;
      }
      const reader: Reader = {
        ...{ ...wanted, isValid, seat, redact },
        ...{ position: resumes ? lastEventId : now, limit: 1, wake: null },
      };
      readers.add(reader);
      readersNow.set(readers.size);
      seat.signal.addEventListener('abort', () => end(reader), { once: true });
      const reset = lastEventId !== null && !resumes;
      const words = reset ? `event: reset\ndata: {"reason":"what came after this id is gone"}\n` : '';
      const first = Buffer.from(`retry: 2000\nid: ${reader.position}\n${words}\n`);
      return piecesFor(reader, first);
    },
    wake: pacer.ask,
    close() {
      pacer.close();
      void waker.close();
      clearInterval(checks);
      for (const reader of readers) end(reader);
    },
  };
}

export function eventRoute(stream: EventStream): Route {
  return route(`GET ${EVENTS}`, {
    summary: 'Events as they happen (Server-Sent Events); Last-Event-ID resumes without a gap',
    gives: { media: 'text/event-stream' },
    query: EventQuery,
    async run({ caller, exchange, isValid, query, redact, store }) {
      const { account, types, conversation } = query;
      const only =
        conversation === undefined
          ? null
          : await store.conversation(conversationRef(caller, conversation), { messages: 0 });
      const all = only === null && caller.accounts === null && account === undefined;
      const pieces = await stream.open({
        wanted: {
          account: all ? null : accountFor(caller, account ?? only?.account),
          types: types === undefined ? null : new Set(eventTypes(types)),
          conversation: only?.id ?? null,
        },
        lastEventId: exchange.header('last-event-id') ?? null,
        isValid,
        seat: exchange,
        // To keys events come without what they may not read.
        redact: caller.kind === 'session' ? redact : null,
      });
      try {
        await exchange.send(200, pieces, { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' });
      } finally {
        // Nothing of it was taken: HEAD.
        await pieces.return?.();
      }
    },
  });
}
