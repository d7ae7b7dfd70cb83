/**
 * `GET /v1/events`: events as they happen (Server-Sent Events, WHATWG HTML 9.2). One query of the store serves all
 * readers, and each event is written as JSON once.
 *
 * Promises: a reader that reconnects with Last-Event-ID misses nothing and gets nothing twice. When events after that id
 * are gone, it gets `reset` and goes on from now. A reader without the header starts now and gets an id at once.
 * Every 15 seconds each reader gets a comment, so that proxies keep the connection; readers whose key was revoked are
 * dropped. A reader that is slower than the events catches up at its own pace, with little in memory; one that takes
 * nothing for 30 s is cut off and can reconnect.
 */
import { Readable } from 'node:stream';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { errorText, ReplydError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { counter, gauge } from '../base/metrics.js';
import { createWaker } from '../base/waker.js';
import type { Event } from '../conversation/model.js';
import type { Store } from '../conversation/store.js';
import { accountFor } from './access.js';
import { type Route, route } from './route.js';

export interface EventStream {
  /** The stream for one reader. `isValid`: whether it may still read. */
  open(reader: {
    /** Slug; null: all accounts. */
    readonly account: string | null;
    readonly lastEventId: string | null;
    readonly isValid: () => Promise<boolean>;
  }): Promise<Readable>;
  /** Something was committed. */
  wake(): void;
  /** Ends all readers. */
  close(): void;
}

interface Reader {
  readonly account: string | null;
  readonly stream: Readable;
  readonly isValid: () => Promise<boolean>;
  /** Id of the last event that it got. */
  position: string;
  /** It has caught up and gets events as they happen. */
  live: boolean;
  /** Something happened while it was catching up. */
  behind: boolean;
  /** Called when it has taken some of what is ready. */
  resume: (() => void) | null;
}

/** Not timed: it lasts as long as its reader. */
export const EVENTS = '/v1/events';

const readersNow = gauge('replyd_stream_readers', 'Readers of the event stream.');
const cutOff = counter('replyd_stream_cut_off_total', 'Readers that took nothing for too long.');

const HEARTBEAT = 15_000;
/** Events read at a time for all: a few milliseconds of this thread. */
const PAGE = 50;
const MAX_READERS = 500;
/** Of one account. */
const MAX_READERS_OF_ACCOUNT = 250;
/** Events read at a time for one reader. */
const CATCH_UP_PAGE = 20;
/** Bytes that may be ready for a reader before it has to take some. */
const READY = 256 * 1024;
/** Bytes of encoded events that are kept for other readers. */
const KEPT = 4 * 1024 * 1024;
/** How long a reader may take nothing, milliseconds. */
const TIMEOUT = 30_000;

export function openStream(options: {
  readonly store: Store;
  readonly log: Log;
  /** Default 30 s. */
  readonly timeout?: number;
}): EventStream {
  const { store, log, timeout = TIMEOUT } = options;
  const readers = new Set<Reader>();
  /** The last event that the live readers got. */
  let position = '';
  const encoded = createEncoder();
  let lastPage: Promise<unknown> = Promise.resolve();
  readersNow.set(0);
  const checks = setInterval(checkReaders, HEARTBEAT);
  checks.unref();

  const waker = createWaker(sendNew, error => {
    log.error('failed', { part: 'event stream', error: errorText(error) });
  });

  async function sendNew(): Promise<void> {
    while (readers.size > 0 && !waker.closed) {
      const events = await store.events({ after: position, limit: PAGE });
      for (const event of events) sendToAll(event);
      if (events.length === 0) return;
      // Sockets have their turn of the event loop.
      await setImmediate();
    }
  }

  function sendToAll(event: Event): void {
    position = event.id;
    let chunk: Buffer | null = null;
    for (const reader of readers) {
      if (!reader.live) {
        reader.behind = true;
        continue;
      }
      if (event.id <= reader.position) continue;
      reader.position = event.id;
      if (reader.account !== null && reader.account !== event.account) continue;
      chunk ??= encoded(event);
      send(reader, chunk);
    }
  }

  function send(reader: Reader, chunk: Buffer): void {
    if (reader.stream.destroyed) return;
    reader.stream.push(chunk);
    if (!reader.live || reader.stream.readableLength <= READY) return;
    reader.live = false;
    startCatchUp(reader);
  }

  function startCatchUp(reader: Reader): void {
    catchUp(reader).catch(error => {
      log.error('failed', { part: 'event stream', error: errorText(error) });
      drop(reader);
    });
  }

  function drop(reader: Reader): void {
    readers.delete(reader);
    readersNow.set(readers.size);
    reader.stream.destroy();
    reader.resume?.();
  }

  /** One reader's page after the other: hundreds that fall behind together would hold as many pages of long events. */
  function readPage(query: Parameters<Store['events']>[0]): Promise<readonly Event[]> {
    const page = lastPage.then(() => store.events(query));
    // Its events are sent, and sockets have their turn, before the next page is read.
    lastPage = page.then(
      () => setImmediate(),
      () => setImmediate(),
    );
    return page;
  }

  /** Reads what it missed, a page at a time and no faster than it takes them, until it has all of it. */
  async function catchUp(reader: Reader): Promise<void> {
    const filter = reader.account === null ? {} : { account: reader.account };
    // One first: whoever fell behind has events so long that he takes few of them.
    let limit = 1;
    while (readers.has(reader)) {
      if (reader.stream.readableLength > READY) {
        await taken(reader);
        continue;
      }
      reader.behind = false;
      const events = await readPage({ ...filter, after: reader.position, limit });
      let sent = 0;
      for (const event of events) {
        // The others of the page are read again when it has taken these: they are not kept for it.
        if (reader.stream.readableLength > READY) break;
        sent += 1;
        reader.position = event.id;
        send(reader, encoded(event));
      }
      limit = sent < events.length ? Math.max(1, sent) : Math.min(limit * 2, CATCH_UP_PAGE);
      // Nothing ran between the query and here, so it has all there is.
      if (events.length === 0 && !reader.behind) {
        reader.live = true;
        return;
      }
    }
  }

  /** Waits until it takes what is ready; cuts it off when it does not. */
  async function taken(reader: Reader): Promise<void> {
    const timer = new AbortController();
    const resumed = new Promise<'resumed'>(resolve => {
      reader.resume = () => resolve('resumed');
    });
    const late = setTimeout(timeout, 'late', { ref: false, signal: timer.signal });
    const ended = await Promise.race([resumed, late]);
    timer.abort();
    if (ended === 'resumed') return;
    log.warn('disconnected', { part: 'event stream', account: reader.account, reason: 'too slow' });
    cutOff.add();
    drop(reader);
  }

  function checkReaders(): void {
    const comment = Buffer.from(': still here\n\n');
    for (const reader of readers) {
      if (reader.live) send(reader, comment);
      reader.isValid().then(
        valid => valid || drop(reader),
        // A store that cannot be read for a moment is no reason to drop anybody.
        () => undefined,
      );
    }
  }

  return {
    async open({ account, lastEventId, isValid }) {
      if (waker.closed || readers.size >= MAX_READERS) {
        throw new ReplydError('too_many_readers', `There are ${readers.size} readers of the event stream already.`);
      }
      const own = [...readers].filter(reader => reader.account === account).length;
      if (own >= MAX_READERS_OF_ACCOUNT) {
        throw new ReplydError('too_many_readers', `There are ${own} readers of your event stream already.`);
      }
      const latest = await store.latestEvent();
      const resumes = lastEventId !== null && (await store.canResume(lastEventId, account ?? undefined));
      const reader: Reader = {
        account,
        isValid,
        position: resumes ? lastEventId : latest,
        live: false,
        behind: false,
        resume: null,
        stream: new Readable({
          read() {
            reader.resume?.();
            reader.resume = null;
          },
        }),
      };
      if (readers.size === 0) position = latest;
      readers.add(reader);
      readersNow.set(readers.size);
      reader.stream.once('close', () => drop(reader));
      const reset = lastEventId !== null && !resumes;
      const words = reset ? `event: reset\ndata: {"reason":"what came after this id is gone"}\n` : '';
      send(reader, Buffer.from(`retry: 2000\nid: ${reader.position}\n${words}\n`));
      startCatchUp(reader);
      return reader.stream;
    },
    wake: waker.wake,
    close() {
      void waker.close();
      clearInterval(checks);
      for (const reader of readers) {
        readers.delete(reader);
        reader.stream.push(null);
        reader.resume?.();
      }
      readersNow.set(0);
    },
  };
}

export function eventRoute(stream: EventStream): Route {
  return route(`GET ${EVENTS}`, {
    summary: 'Events as they happen (Server-Sent Events); Last-Event-ID resumes without a gap',
    gives: { media: 'text/event-stream' },
    async run({ caller, exchange, isValid }) {
      const readable = await stream.open({
        account: caller.accounts === null ? null : accountFor(caller, undefined),
        lastEventId: exchange.header('last-event-id') ?? null,
        isValid,
      });
      exchange.signal.addEventListener('abort', () => readable.destroy(), { once: true });
      await exchange.send(200, readable, { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' });
    },
  });
}

/** Events as they are sent. The latest are kept: readers that fall behind together then share their bytes. */
function createEncoder(): (event: Event) => Buffer {
  const kept = new Map<string, Buffer>();
  let bytes = 0;
  return event => {
    const known = kept.get(event.id);
    if (known !== undefined) return known;
    const chunk = Buffer.from(`id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
    kept.set(event.id, chunk);
    bytes += chunk.length;
    for (const [id, { length }] of kept) {
      if (bytes <= KEPT) break;
      kept.delete(id);
      bytes -= length;
    }
    return chunk;
  };
}
