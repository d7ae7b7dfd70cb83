/**
 * `GET /v1/events`: events as they happen (Server-Sent Events, WHATWG HTML 9.2). One reading of the store serves all
 * readers; each event is written out once, however many listen.
 *
 * Promises: a reader that comes again with Last-Event-ID misses nothing and sees nothing twice; when what came after it
 * is no longer all there it is told `reset` and goes on from now. A reader that comes without one begins now and gets
 * an id at once to come again with. A comment every 15 seconds keeps proxies from closing the line and finds dead
 * readers and revoked keys. A reader that is slower than what happens reads up at its own pace, so that little lies
 * ready for it; one that takes nothing for a while is cut off, and can come again.
 */
import { Readable } from 'node:stream';
import { errorText, ReplydError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { counter, gauge } from '../base/metrics.js';
import type { Event } from '../conversation/model.js';
import type { Store } from '../conversation/store.js';
import { accountFor } from './access.js';
import { type Route, route } from './route.js';

export interface EventStream {
  /** The stream for one reader. `isValid`: may he still read? */
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
  /** Id of the last event that he was given. */
  position: string;
  /** Not reading up any more: he is given what happens. */
  live: boolean;
  /** Something happened while he was reading up. */
  behind: boolean;
  /** Waits until he has taken some of what lies ready. */
  resume: (() => void) | null;
}

/** It ends when somebody leaves: nobody asks how long that took. */
export const EVENTS = '/v1/events';

const readersNow = gauge('replyd_stream_readers', 'Readers of the event stream.');
const cutOff = counter('replyd_stream_cut_off_total', 'Readers that took nothing for too long.');

const HEARTBEAT = 15_000;
/** Events read at a time for all: a few milliseconds of this thread. */
const PAGE = 50;
const MAX_READERS = 500;
/** Events read at a time for one reader. */
const OWN_PAGE = 20;
/** Bytes that may lie ready for a reader before it has to take some. */
const READY = 256 * 1024;
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
  /** Up to where the events were given out to those who are live. */
  let position = '';
  let running = false;
  let again = false;
  let closed = false;
  readersNow.set(0);
  const heart = setInterval(beat, HEARTBEAT);
  heart.unref();

  function wake(): void {
    again = true;
    if (running || readers.size === 0 || closed) return;
    running = true;
    giveOut()
      .catch(error => log.error('failed', { part: 'event stream', error: errorText(error) }))
      .finally(() => {
        running = false;
        if (again) wake();
      });
  }

  async function giveOut(): Promise<void> {
    while (again && readers.size > 0 && !closed) {
      again = false;
      for (;;) {
        const events = await store.events({ after: position, limit: PAGE });
        for (const event of events) giveToAll(event);
        if (events.length === 0) break;
        await turn();
      }
    }
  }

  function giveToAll(event: Event): void {
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
      give(reader, chunk);
    }
  }

  function give(reader: Reader, chunk: Buffer): void {
    if (reader.stream.destroyed) return;
    reader.stream.push(chunk);
    if (!reader.live || reader.stream.readableLength <= READY) return;
    reader.live = false;
    begin(reader);
  }

  function begin(reader: Reader): void {
    readUp(reader).catch(error => {
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

  /** Reads what he missed, a page at a time and no faster than he takes it, until he has all of it. */
  async function readUp(reader: Reader): Promise<void> {
    const filter = reader.account === null ? {} : { account: reader.account };
    while (readers.has(reader)) {
      if (reader.stream.readableLength > READY) {
        await taken(reader);
        continue;
      }
      reader.behind = false;
      const events = await store.events({ ...filter, after: reader.position, limit: OWN_PAGE });
      for (const event of events) {
        reader.position = event.id;
        give(reader, encoded(event));
      }
      // Between the reading above and here nothing else ran that could have given him less than all.
      if (events.length === 0 && !reader.behind) {
        reader.live = true;
        return;
      }
      await turn();
    }
  }

  /** Until he has taken what lies ready, or has shown that he does not. */
  async function taken(reader: Reader): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>(resolve => {
      timer = setTimeout(resolve, timeout, true);
      timer.unref();
    });
    const resumed = new Promise<boolean>(resolve => {
      reader.resume = () => resolve(false);
    });
    if (await Promise.race([late, resumed])) {
      log.warn('disconnected', { part: 'event stream', account: reader.account, reason: 'too slow' });
      cutOff.add();
      drop(reader);
    }
    clearTimeout(timer);
  }

  function beat(): void {
    const comment = Buffer.from(': still here\n\n');
    for (const reader of readers) {
      if (reader.live) give(reader, comment);
      reader.isValid().then(
        valid => valid || drop(reader),
        // A store that can't be read for a moment is no reason to throw anybody out.
        () => undefined,
      );
    }
  }

  return {
    async open({ account, lastEventId, isValid }) {
      if (closed || readers.size >= MAX_READERS) {
        throw new ReplydError('too_many_readers', `There are ${readers.size} readers of the event stream already.`);
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
      give(reader, Buffer.from(`retry: 2000\nid: ${reader.position}\n${words}\n`));
      begin(reader);
      return reader.stream;
    },
    wake,
    close() {
      closed = true;
      clearInterval(heart);
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
  return route({
    method: 'GET',
    path: EVENTS,
    summary: 'Events as they happen (Server-Sent Events); Last-Event-ID resumes without a gap',
    gives: { media: 'text/event-stream' },
    status: 200,
    async run({ caller, exchange, isValid }) {
      const readable = await stream.open({
        account: caller.accounts === null ? null : accountFor(caller, undefined),
        lastEventId: exchange.header('last-event-id') ?? null,
        isValid,
      });
      exchange.signal.addEventListener('abort', () => readable.destroy(), { once: true });
      await exchange.send(200, readable, { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' });
      return undefined;
    },
  });
}

function encoded(event: Event): Buffer {
  return Buffer.from(`id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
}

/** Lets sockets have their turn. */
function turn(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve));
}
