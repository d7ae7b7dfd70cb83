/**
 * What everything over HTTP stands on: listeners, limits, requests, answers. Rooms give handlers (`HttpHandler`), each with
 * its own routes; they are asked in turn until one returns true, which means that it has answered.
 *
 * Promises: headers, bodies, answers and idle connections have limits of size and time, and connections have places
 * (`http-places.ts`). One request of a connection is in work at a time; an answer goes out in pieces, no faster than the
 * client takes them. A body above the memory limit waits in a file, which is removed when the exchange ends. What a handler
 * did not read of a body is dropped, so that the next request on that connection is heard. An answer never redirects and
 * never holds a stack trace.
 *
 * When a handler throws a ReplydError, the answer is a problem (RFC 9457, `problem.ts`). Anything
 * else thrown is our own trouble: 503, and the reason stands in the log alone. A request that no handler takes: 404. A
 * client that goes away ends its exchange only. `close` lets exchanges end within the grace period and cuts the rest.
 */
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { type BodyContent, type BodyLimits, readBody } from './body.js';
import { errorText, isReplydError, ReplydError } from './errors.js';
import { type Connection, type HttpClient, openPlaces, PLACE_LIMITS, type Places, type Share } from './http-places.js';
import type { Log } from './log.js';
import { printBound, printListen } from './place.js';
import { CODE_OF_STATUS, statusOf } from './problem.js';

/** True: it has answered the request. False: the request is not its own; it has read and written nothing. */
export type HttpHandler = (exchange: Exchange) => Promise<boolean>;

export interface HttpOptions {
  /** Port 0: any free one. `fd`: a listening socket that was handed over. */
  readonly listen: { readonly host: string; readonly port: number } | { readonly fd: number };
  readonly handlers: readonly HttpHandler[];
  readonly log: Log;
  readonly limits?: HttpLimits;
  /** Whom limits of places count; null: a client that is trusted. Default: each is. */
  readonly clientOf?: (address: string) => HttpClient | null;
  /** On every answer, also on faults. A handler may say otherwise. */
  readonly headers?: Headers;
  /** What a 401 asks for (RFC 9110 section 11.6.1). Default: Basic. */
  readonly challenge?: string;
}

/** Times in milliseconds. */
const LIMITS = {
  /** For the whole header to come in. */
  headersTimeout: 20_000,
  /** For the whole request to come in: a large mail on a slow line needs so long. */
  requestTimeout: 600_000,
  /** How long an idle connection is kept: longer than the usual reverse proxies keep theirs. */
  keepAliveTimeout: 65_000,
  /** Bytes of a header, and fields of it. */
  maxHeaderSize: 16 * 1024,
  maxHeadersCount: 100,
  /** Then the connection is closed behind the answer; clients open another. */
  maxRequestsPerSocket: 10_000,
  ...PLACE_LIMITS,
};

/** An answer goes out in pieces of so many bytes. */
const PIECE = 64 * 1024;
/** Connections beyond the places: those that are being cut. */
const CLOSING = 100;

export type HttpLimits = Partial<typeof LIMITS>;

export interface HttpListener {
  /** `127.0.0.1:8025`, as really bound. */
  readonly address: string;
  /** Takes no new connection; the old ones go on. */
  stopListening(): void;
  /** Idempotent. */
  close(options: { readonly graceMs: number }): Promise<void>;
}

export type Headers = Readonly<Record<string, string>>;

/** One request and its answer. Exactly one of the answering functions is to be called, once. */
export interface Exchange {
  readonly method: string;
  /** As it was sent: begins with `/`, percent-encoded, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Path and query, byte for byte as they were sent. */
  readonly target: string;
  /** The address that talks to us (a reverse proxy's, where there is one). */
  readonly client: string | null;
  /** Ended when the client goes away before it is answered. */
  readonly signal: AbortSignal;
  /** A header field, name in lower case; of several fields the values joined by commas. */
  header(name: string): string | undefined;
  /** The credentials of `Authorization: Basic` (RFC 7617), or null. */
  basic(): { readonly user: string; readonly password: string } | null;
  /** The token of `Authorization: Bearer` (RFC 6750), or null. */
  bearer(): string | null;
  /** The request is of this kind. Throws too_many_requests when too many of them are in work. */
  take(share: Share): void;
  /** The client has shown that he may be here: his connection counts as this one's (an account), and as no stranger's. */
  know(owner: string): void;
  /** It waits for a client who has taken nothing of its answer for a while. */
  stalls(): boolean;
  /** Ends it and its connection. */
  cut(): void;
  /** The body as it comes, for whoever reads it as a stream, in place of `body`. Limits are the reader's then. */
  readonly stream: Readable;
  /** Reads the body to its end; once. Throws too_large, or unavailable (client gone, disk full). */
  body(limits: BodyLimits): Promise<{ readonly content: BodyContent; readonly size: number }>;
  json(status: number, value: unknown, headers?: Headers): Promise<void>;
  /** RFC 9457. `detail` is for people and says what to do; `more` goes beside it (`code`; default: by the status). */
  problem(status: number, detail: string, more?: Readonly<Record<string, unknown>>, headers?: Headers): Promise<void>;
  text(status: number, text: string, headers?: Headers): Promise<void>;
  /** What was answered; null as long as nothing was. */
  status(): number | null;
  /** Any bytes, or a stream of them, or nothing. The next piece of a stream is asked for when the one before is taken. */
  send(status: number, body: Uint8Array | AsyncIterable<Uint8Array> | null, headers?: Headers): Promise<void>;
}

const COMMON_HEADERS: Headers = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };
/** What a broken request is answered, by the parser's code; everything else is 400. */
const BROKEN: Readonly<Record<string, number>> = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 };

/** Listens, or throws ReplydError 'unavailable' that names the place. */
export async function openHttp(options: HttpOptions): Promise<HttpListener> {
  const { listen, log } = options;
  const headers = Object.entries(options.headers ?? {}).map(([name, value]) => `${name}: ${value}\r\n`);
  const limits = { ...LIMITS, ...options.limits };
  const { headersTimeout, requestTimeout, keepAliveTimeout, maxHeaderSize, maxHeadersCount } = limits;
  const server = createServer({
    ...{ headersTimeout, requestTimeout, keepAliveTimeout, maxHeaderSize },
    connectionsCheckingInterval: 2_000,
  });
  server.maxConnections = limits.places + CLOSING;
  server.maxRequestsPerSocket = limits.maxRequestsPerSocket;
  // Node leaves out those beyond; one more than is allowed tells that there were more.
  server.maxHeadersCount = maxHeadersCount + 1;
  const places = openPlaces({ limits, clientOf: options.clientOf ?? (() => null) });
  const connections = new WeakMap<Socket, Connection>();
  server.on('connection', socket => {
    const connection = places.admit(socket);
    if (connection !== null) connections.set(socket, connection);
  });
  server.on('request', (request, response) => {
    const connection = connections.get(request.socket);
    if (connection === undefined || request.socket.destroyed) {
      // Read together with what was cut: else Node makes an error with a stack for each when it notices.
      request.destroy();
      return;
    }
    // Without listeners an aborted request would end the process.
    request.on('error', ignore);
    response.on('error', ignore);
    response.once('close', () => {
      if (!server.listening) request.socket.end();
    });
    const isLong = request.rawHeaders.length > maxHeadersCount * 2;
    const context = { connection, places, server, isLong };
    places.enter(connection, request, response, () => void exchangeOn(options, context, request, response));
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    log.debug('disconnected', { door: 'http', error: errorText(error) });
    const status = BROKEN[error.code ?? ''] ?? 400;
    const connection = connections.get(socket as Socket);
    // An answer of ours may be half out.
    if (error.code === 'ECONNRESET' || !socket.writable || connection?.work?.response.headersSent) socket.destroy();
    else {
      const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${headers.join('')}`;
      socket.end(`${head}connection: close\r\ncontent-length: 0\r\n\r\n`);
      (socket as Socket).destroySoon();
    }
  });
  server.listen(listen);
  await once(server, 'listening').catch(error => {
    const place = 'fd' in listen ? `fd:${listen.fd}` : printListen({ kind: 'tcp', ...listen });
    throw new ReplydError('unavailable', `cannot listen on ${place}: ${errorText(error)}`, { cause: error });
  });
  server.on('error', error => log.error('failed', { door: 'http', error: errorText(error) }));
  const stopped = new Promise<void>(resolve => server.once('close', resolve)).finally(() => places.close());
  const stopListening = () => {
    if (!server.listening) return;
    server.close();
    // Node's `closeIdleConnections` misses a connection that has not asked yet.
    places.endIdle();
  };
  return {
    address: printBound(server.address()) ?? 'inherited unix socket',
    stopListening,
    close({ graceMs }) {
      stopListening();
      const late = setTimeout(() => server.closeAllConnections(), graceMs);
      return stopped.finally(() => clearTimeout(late));
    },
  };
}

interface ExchangeContext {
  readonly connection: Connection;
  readonly places: Places;
  readonly server: Server;
  /** Its header has too many fields. */
  readonly isLong: boolean;
}

async function exchangeOn(
  options: HttpOptions,
  context: ExchangeContext,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { handlers, log } = options;
  const files: string[] = [];
  const exchange = createExchange(request, response, { ...options, ...context, files });
  try {
    if (context.isLong) {
      await exchange.problem(431, 'The header has too many fields.', {}, { connection: 'close' });
      return;
    }
    if (!exchange.target.startsWith('/')) {
      response.writeHead(400, { ...COMMON_HEADERS, ...options.headers, connection: 'close' }).end();
      return;
    }
    for (const handler of handlers) if (await handler(exchange)) return;
    await exchange.problem(404, 'There is nothing at this address.');
  } catch (error) {
    if (response.headersSent || response.destroyed) {
      response.destroy();
      log.debug('disconnected', { door: 'http', error: errorText(error) });
    } else await answerFault(exchange, error, log);
  } finally {
    // Node drops the rest of a body only where nobody began to read it: the next request on the connection would wait.
    request.resume();
    for (const file of files) await rm(file, { force: true }).catch(ignore);
  }
}

async function answerFault(exchange: Exchange, error: unknown, log: Log): Promise<void> {
  const about = { method: exchange.method, path: exchange.path, client: exchange.client, error: errorText(error) };
  if (!isReplydError(error)) {
    log.error('failed', about);
    return exchange.problem(503, 'Temporary trouble here, try again later.').catch(ignore);
  }
  const status = statusOf(error);
  log[status === 503 ? 'warn' : 'debug']('rejected', { ...about, status });
  await exchange.problem(status, error.message, { ...error.details, code: error.code }).catch(ignore);
}

function createExchange(
  request: IncomingMessage,
  response: ServerResponse,
  context: ExchangeContext & Pick<HttpOptions, 'headers' | 'challenge'> & { readonly files: string[] },
): Exchange {
  const { connection, places, server, challenge = 'Basic realm="replyd"' } = context;
  const target = request.url ?? '';
  const mark = target.indexOf('?');
  const gone = new AbortController();
  let wake: () => void = ignore;
  response.once('close', () => {
    if (!response.writableFinished) gone.abort();
    wake();
  });
  /** Hands a piece over, the last one with null, and waits until it is taken or the client is gone. */
  const hand = (piece: Uint8Array | null, last: boolean) =>
    new Promise<void>(resolve => {
      if (gone.signal.aborted) return resolve();
      wake = resolve;
      places.sending(connection, true);
      if (last) response.end(piece ?? undefined, resolve);
      else response.write(piece, () => resolve());
    }).finally(() => places.sending(connection, false));
  async function handAll(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length && !gone.signal.aborted; at += PIECE)
      await hand(chunk.subarray(at, at + PIECE), false);
  }

  /** False: there are no more. A `for await` would keep the last one until the next comes. */
  async function handNext(pieces: AsyncIterator<Uint8Array>): Promise<boolean> {
    const { done, value } = await pieces.next();
    if (done !== true) await handAll(value);
    return done !== true;
  }

  const send: Exchange['send'] = async (status, body, headers = {}) => {
    const length = body === null ? 0 : body instanceof Uint8Array ? body.length : null;
    response.writeHead(status, {
      ...COMMON_HEADERS,
      ...context.headers,
      ...(length === null || status === 204 ? {} : { 'content-length': String(length) }),
      ...(server.listening ? {} : { connection: 'close' }),
      ...headers,
    });
    if (request.method === 'HEAD' || body === null) {
      if (body instanceof Readable) body.destroy();
      return hand(null, true);
    }
    if (body instanceof Uint8Array) {
      if (body.length <= PIECE) return hand(body, true);
      await handAll(body);
    } else {
      if (body instanceof Readable) {
        gone.signal.addEventListener('abort', () => body.destroy(), { once: true });
        if (gone.signal.aborted) body.destroy();
      }
      const pieces = body[Symbol.asyncIterator]();
      try {
        while (!gone.signal.aborted && (await handNext(pieces)));
      } finally {
        await pieces.return?.();
      }
    }
    await hand(null, true);
  };
  const sendText = (status: number, type: string, text: string, headers: Headers = {}) =>
    send(status, Buffer.from(text), { 'content-type': type, ...headers });

  const exchange: Exchange = {
    method: request.method ?? '',
    path: mark === -1 ? target : target.slice(0, mark),
    query: new URLSearchParams(mark === -1 ? '' : target.slice(mark + 1)),
    target,
    client: request.socket.remoteAddress ?? null,
    signal: gone.signal,
    header(name) {
      const value = request.headers[name];
      return Array.isArray(value) ? value.join(', ') : value;
    },
    basic() {
      const coded = /^basic +([A-Za-z0-9+/_=-]+) *$/i.exec(request.headers.authorization ?? '')?.[1];
      const text = coded === undefined ? '' : Buffer.from(coded, 'base64').toString('utf8');
      const colon = text.indexOf(':');
      return colon === -1 ? null : { user: text.slice(0, colon), password: text.slice(colon + 1) };
    },
    take(share) {
      if (places.take(connection, share)) return;
      throw new ReplydError('too_many_requests', 'Too many requests of this kind are in work here, try again later.');
    },
    know: owner => places.know(connection, owner),
    stalls: () => places.stalls(connection),
    cut: () => response.destroy(),
    bearer: () => /^bearer +([A-Za-z0-9._~+/=-]+) *$/i.exec(request.headers.authorization ?? '')?.[1] ?? null,
    stream: request,
    body: limits => readBody(request, limits, context.files),
    json: (status, value, headers) => sendText(status, 'application/json', `${JSON.stringify(value)}\n`, headers),
    problem: (status, detail, more = {}, headers = {}) =>
      sendText(
        status,
        'application/problem+json',
        `${JSON.stringify({ code: CODE_OF_STATUS[status] ?? 'invalid', ...more, type: 'about:blank', title: STATUS_CODES[status] ?? '', status, detail })}\n`,
        { ...(status === 401 ? { 'www-authenticate': challenge } : {}), ...headers },
      ),
    text: (status, text, headers) => sendText(status, 'text/plain; charset=utf-8', text, headers),
    status: () => (response.headersSent ? response.statusCode : null),
    send,
  };
  return exchange;
}

function ignore(): void {}
