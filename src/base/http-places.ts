/**
 * The places of one HTTP listener: who gets one, who loses his when all are taken, and whose time is over.
 *
 * Promises: strangers (no trusted network, no valid key shown) have so many places from one address, four times as many
 * from its network, and never all. When there is no place, the stranger goes who has been idle or without a whole header
 * for longest, then the one who has kept us waiting for longest within a request or an answer; a newcomer who is known may
 * also take the place of one who is known, in the same order. Requests of one kind (doors, API, health, the page) never take the whole
 * listener. One request at a time is in work on a connection: what comes behind it waits, and MAX_WAITING of them is the
 * most.
 *
 * A client that we wait for (the rest of its body, or that it takes our answer) and that moves fewer than STEP bytes in
 * `idle` is cut; so is one that still sends a body `linger` after its answer. Nothing here throws or answers: who asks for
 * a place hears whether there is one.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { counter } from './metrics.js';

/** Whom the limits count: an address, and the network that one customer of a provider can rent. */
export interface HttpClient {
  readonly address: string;
  readonly network: string;
}

export type Share = 'doors' | 'api' | 'health' | 'web';

/** Times in milliseconds. */
export const PLACE_LIMITS = {
  places: 1000,
  /** Places that strangers can have together: the others are kept for those who are known. */
  strangers: 750,
  /** Of one address; four times as many of its network. */
  perClient: 200,
  /** Connections that show keys of one account and count as known; further ones are strangers. */
  perOwner: 300,
  /** For 16 KiB of a body to come, or of an answer to be taken. */
  idle: 30_000,
  /** For the rest of a body that nobody reads any more. */
  linger: 30_000,
};

export type PlaceLimits = typeof PLACE_LIMITS;

/** Requests of a kind in work at a time. */
const SHARES: Readonly<Record<Share, number>> = { doors: 400, api: 700, health: 50, web: 200 };
const NETWORK_SHARES = 4;
/** Requests that wait on a connection behind the one in work. */
export const MAX_WAITING = 16;
/** Bytes that count as going on. */
const STEP = 16 * 1024;
/** Whoever kept us waiting so long may lose his place to others. */
const STALLED = 1_500;
const INTERVAL = 500;

const cuts = counter('replyd_http_cut_total', 'HTTP connections that were cut, by the limit they met.', ['reason']);

export interface Connection {
  readonly socket: Socket;
  /** Null: trusted, or known by now. */
  client: HttpClient | null;
  owner: string | null;
  /** Since when it has been without a whole header, idle, or in work. */
  since: number;
  work: { readonly request: IncomingMessage; readonly response: ServerResponse; share: Share | null } | null;
  /** Its last request, which may still be coming in behind its answer. */
  last: IncomingMessage | null;
  /** Requests behind the one in work. */
  readonly waiting: (() => void)[];
  /** A piece of an answer waits to be taken. */
  sending: boolean;
  /** When it last went on, and what it had moved by then. */
  movedAt: number;
  moved: number;
}

export interface Places {
  /** Null: there is none for this one, which has been told so. */
  admit(socket: Socket): Connection | null;
  /** Starts the request, at once or behind those before it. */
  enter(connection: Connection, request: IncomingMessage, response: ServerResponse, start: () => void): void;
  /** The one behind the connection has shown that he may be here. */
  know(connection: Connection, owner: string): void;
  /** A place for a request among those of its kind; false: there is none. */
  take(connection: Connection, share: Share): boolean;
  sending(connection: Connection, waits: boolean): void;
  /** It has kept us waiting within a request or an answer. */
  stalls(connection: Connection): boolean;
  /** Ends connections without a request in work. */
  endIdle(): void;
  close(): void;
}

export function openPlaces(options: {
  readonly limits: PlaceLimits;
  /** Null: a trusted client. */
  readonly clientOf: (address: string) => HttpClient | null;
}): Places {
  const { limits, clientOf } = options;
  const open = new Set<Connection>();
  const counts = new Map<string, number>();
  const ticking = setInterval(check, INTERVAL);
  ticking.unref();

  const count = (name: string, step: 1 | -1) => {
    const next = (counts.get(name) ?? 0) + step;
    if (next > 0) counts.set(name, next);
    else counts.delete(name);
  };
  const countClient = ({ address, network }: HttpClient, step: 1 | -1) => {
    count('strangers', step);
    count(`a ${address}`, step);
    count(`n ${network}`, step);
  };

  function cut(connection: Connection, reason: string): void {
    cuts.add([reason]);
    leave(connection);
    connection.socket.destroy();
  }

  function leave(connection: Connection): void {
    if (!open.delete(connection)) return;
    connection.waiting.length = 0;
    if (connection.client !== null) countClient(connection.client, -1);
    if (connection.owner !== null) count(`o ${connection.owner}`, -1);
    if (connection.work !== null) leaveShare(connection.work.share);
    connection.work = null;
  }

  function leaveShare(share: Share | null): void {
    if (share !== null) count(`s ${share}`, -1);
  }

  /** Cuts the one that can best be spared of those; false: none can. */
  function spare(of: (connection: Connection) => boolean, known: boolean): boolean {
    let best: { readonly connection: Connection; readonly rank: number; readonly at: number } | null = null;
    for (const connection of open) {
      if (!of(connection)) continue;
      const stranger = connection.client !== null;
      const idle = connection.work === null;
      const rank =
        stranger && idle
          ? 0
          : stranger && stalls(connection)
            ? 1
            : known && idle
              ? 2
              : known && stalls(connection)
                ? 3
                : null;
      const at = idle ? connection.since : connection.movedAt;
      if (rank === null) continue;
      if (best === null || rank < best.rank || (rank === best.rank && at < best.at)) best = { connection, rank, at };
    }
    if (best !== null) cut(best.connection, 'places');
    return best !== null;
  }

  function hasPlace(client: HttpClient | null): boolean {
    const most = limits.perClient;
    if (client !== null) {
      const { address, network } = client;
      if ((counts.get(`a ${address}`) ?? 0) >= most) {
        if (!spare(other => other.client?.address === address, false)) return false;
      } else if ((counts.get(`n ${network}`) ?? 0) >= most * NETWORK_SHARES) {
        if (!spare(other => other.client?.network === network, false)) return false;
      }
      if ((counts.get('strangers') ?? 0) >= limits.strangers) return spare(other => other.client !== null, false);
    }
    return open.size < limits.places || spare(() => true, client === null);
  }

  function start(connection: Connection, request: IncomingMessage, response: ServerResponse, run: () => void): void {
    connection.work = { request, response, share: null };
    connection.last = request;
    connection.since = connection.movedAt = performance.now();
    connection.moved = movedBy(connection);
    response.once('close', () => {
      if (!open.has(connection)) return;
      leaveShare(connection.work?.share ?? null);
      connection.work = null;
      connection.sending = false;
      connection.since = performance.now();
      // Of a connection that was cut nothing more is asked, though its own end comes a moment later.
      if (!connection.socket.destroyed) connection.waiting.shift()?.();
    });
    run();
  }

  function check(): void {
    const now = performance.now();
    for (const connection of open) {
      if (connection.work === null) {
        const lingers = connection.last !== null && !connection.last.complete;
        if (lingers && now - connection.since > limits.linger) cut(connection, 'linger');
        continue;
      }
      const moved = movedBy(connection);
      if (!waitsForClient(connection) || moved - connection.moved >= STEP) {
        connection.movedAt = now;
        connection.moved = moved;
      } else if (now - connection.movedAt > limits.idle) cut(connection, connection.sending ? 'deaf' : 'slow');
    }
  }

  return {
    admit(socket) {
      const client = clientOf(socket.remoteAddress ?? '');
      if (!hasPlace(client)) {
        cuts.add(['full']);
        socket.on('error', () => undefined);
        socket.end(
          'HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\nconnection: close\r\ncontent-length: 0\r\n\r\n',
        );
        socket.destroySoon();
        return null;
      }
      const connection: Connection = {
        socket,
        client,
        owner: null,
        since: performance.now(),
        work: null,
        last: null,
        waiting: [],
        sending: false,
        movedAt: 0,
        moved: 0,
      };
      open.add(connection);
      if (client !== null) countClient(client, 1);
      socket.once('close', () => leave(connection));
      return connection;
    },
    enter(connection, request, response, run) {
      if (!open.has(connection) || connection.socket.destroyed) return;
      const begin = () => start(connection, request, response, run);
      if (connection.work === null) begin();
      else if (connection.waiting.length < MAX_WAITING) connection.waiting.push(begin);
      else cut(connection, 'pipelined');
    },
    know(connection, owner) {
      if (!open.has(connection) || connection.owner !== null) return;
      if ((counts.get(`o ${owner}`) ?? 0) >= limits.perOwner) return;
      connection.owner = owner;
      count(`o ${owner}`, 1);
      if (connection.client !== null) countClient(connection.client, -1);
      connection.client = null;
    },
    take(connection, share) {
      if (connection.work === null) return true;
      const isFull = (counts.get(`s ${share}`) ?? 0) >= SHARES[share];
      if (isFull && !spare(other => other.work?.share === share, false)) return false;
      connection.work.share = share;
      count(`s ${share}`, 1);
      return true;
    },
    sending(connection, waits) {
      if (waits && !connection.sending) connection.movedAt = performance.now();
      connection.sending = waits;
    },
    stalls,
    endIdle() {
      for (const { work, socket } of open) if (work === null) socket.destroy();
    },
    close: () => clearInterval(ticking),
  };
}

function stalls(connection: Connection): boolean {
  return waitsForClient(connection) && performance.now() - connection.movedAt > STALLED;
}

function waitsForClient({ work, sending }: Connection): boolean {
  if (work === null) return false;
  const { request } = work;
  return sending || (!request.complete && request.readableLength < request.readableHighWaterMark);
}

/** Bytes that came from it, and those of ours that it took. */
function movedBy({ socket }: Connection): number {
  return socket.bytesRead + socket.bytesWritten - socket.writableLength;
}
