/**
 * The plumbing under everything that is spoken over HTTP: listeners, limits, bodies, answers. Rooms hand in handlers
 * (`HttpHandler`), each with routes of its own; the first one that says "mine" has answered.
 *
 * Promises: headers, bodies and idle connections are bounded in size and time; a body above the memory limit waits in a
 * file that is gone when the exchange ends, however it ends; what a handler left of a body is dropped, so that the next
 * request on that connection is heard; an answer never redirects and never holds a stack trace.
 * A handler that throws a ReplydError answers with the problem (RFC 9457) of the one table below; anything else thrown
 * is our own trouble: 503, with the reason in the log alone. Nobody's request: 404. A client that goes away ends its
 * exchange and nothing else. `close` lets what is in flight end within the grace period and cuts the rest.
 */
import { createHash, randomUUID, timingSafeEqual } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type ErrorCode, type ErrorKind, errorText, isReplydError, ReplydError } from './errors.js';
import type { Log } from './log.js';

/** True: the request was this room's, and it is answered. False: ask the next one; nothing was read or written. */
export type HttpHandler = (exchange: Exchange) => Promise<boolean>;

export interface HttpOptions {
  /** Port 0: any free one. `fd`: a listening socket that was handed over. */
  readonly listen: { readonly host: string; readonly port: number } | { readonly fd: number };
  readonly handlers: readonly HttpHandler[];
  readonly log: Log;
  readonly limits?: HttpLimits;
}

/** Times in milliseconds. */
export interface HttpLimits {
  /** For the whole header to come in; default 20 s. */
  readonly headersTimeout?: number;
  /** For the whole request to come in; default 10 min, which a large mail on a slow line needs. */
  readonly requestTimeout?: number;
  /** How long an idle connection is kept; default 65 s, longer than the usual reverse proxies keep theirs. */
  readonly keepAliveTimeout?: number;
  /** Default 1000. */
  readonly maxConnections?: number;
}

export interface HttpListener {
  /** `127.0.0.1:8025`, as really bound. */
  readonly address: string;
  /** Takes no new connection; the old ones go on. */
  stopListening(): void;
  /** Idempotent. */
  close(options: { readonly graceMs: number }): Promise<void>;
}

/** Of a body, in memory or in a file. */
export type BodyContent = { readonly bytes: Uint8Array } | { readonly file: string };

export interface BodyLimits {
  /** Bytes; more is ReplydError 'too_large'. */
  readonly maxSize: number;
  /** An existing folder for bodies above `memoryLimit`; without one every body stays in memory. */
  readonly folder?: string;
  /** Default 256 KiB. */
  readonly memoryLimit?: number;
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
  /** The body as it comes, for whoever reads it as a stream, in place of `body`. Limits are the reader's then. */
  readonly stream: Readable;
  /** Reads the body to its end; once. Throws too_large, or unavailable (client gone, disk full). */
  body(limits: BodyLimits): Promise<{ readonly content: BodyContent; readonly size: number }>;
  /** Reads a JSON body (RFC 8259) into memory. Throws too_large, or invalid when it is no JSON. */
  readJson(limits: { readonly maxSize: number }): Promise<unknown>;
  json(status: number, value: unknown, headers?: Headers): Promise<void>;
  /** RFC 9457. `detail` is for people and says what to do; `more` goes beside it (`code`; default: by the status). */
  problem(status: number, detail: string, more?: Readonly<Record<string, unknown>>, headers?: Headers): Promise<void>;
  text(status: number, text: string, headers?: Headers): Promise<void>;
  /** What was answered; null as long as nothing was. */
  status(): number | null;
  /** Any bytes, or a stream of them, or nothing. */
  send(status: number, body: Uint8Array | Readable | null, headers?: Headers): Promise<void>;
}

/** The one table from faults to statuses. What is no ReplydError is 503: unknown is temporary. */
export const PROBLEM_STATUS: Readonly<Record<ErrorKind, number>> = {
  invalid: 422,
  not_found: 404,
  conflict: 409,
  unauthorized: 401,
  too_large: 413,
  unavailable: 503,
};

/** The code of a problem that was answered without a fault. */
const CODE_OF_STATUS: Readonly<Record<number, ErrorCode>> = {
  401: 'unauthorized',
  404: 'route_not_found',
  405: 'method_not_allowed',
  409: 'conflict',
  413: 'too_large',
  429: 'too_many_requests',
  503: 'unavailable',
};

export function statusOf(error: unknown): number {
  return isReplydError(error) ? PROBLEM_STATUS[error.kind] : 503;
}

const MEMORY_LIMIT = 256 * 1024;
const COMMON_HEADERS: Headers = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };
/** What a broken request is answered, by the parser's code; everything else is 400. */
const BROKEN: Readonly<Record<string, number>> = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 };

/** Listens, or throws ReplydError 'unavailable' that names the place. */
export async function openHttp(options: HttpOptions): Promise<HttpListener> {
  const { listen, log, limits = {} } = options;
  const server = createServer({
    headersTimeout: limits.headersTimeout ?? 20_000,
    requestTimeout: limits.requestTimeout ?? 600_000,
    keepAliveTimeout: limits.keepAliveTimeout ?? 65_000,
    connectionsCheckingInterval: 2_000,
  });
  server.maxConnections = limits.maxConnections ?? 1000;
  // The library's own "idle" knows neither a connection that has not asked yet nor one whose last answer ended after
  // the close began: both would hold it up until a time-out.
  const asking = new Map<Socket, boolean>();
  server.on('connection', socket => {
    asking.set(socket, false);
    socket.once('close', () => asking.delete(socket));
  });
  server.on('request', (request, response) => {
    asking.set(request.socket, true);
    response.once('close', () => {
      if (asking.has(request.socket)) asking.set(request.socket, false);
      if (!server.listening) request.socket.end();
    });
    void exchangeOn(options, server, request, response);
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    log.debug('disconnected', { door: 'http', error: errorText(error) });
    const status = BROKEN[error.code ?? ''] ?? 400;
    if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy();
    else socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', error => {
      const place = 'fd' in listen ? `fd:${listen.fd}` : `${listen.host}:${listen.port}`;
      reject(new ReplydError('unavailable', `cannot listen on ${place}: ${errorText(error)}`, { cause: error }));
    });
    server.listen('fd' in listen ? { fd: listen.fd } : { host: listen.host, port: listen.port }, resolve);
  });
  server.on('error', error => log.error('failed', { door: 'http', error: errorText(error) }));
  const stopped = new Promise<void>(resolve => server.once('close', resolve));
  let closing: Promise<void> | null = null;
  const stopListening = () => {
    if (!server.listening) return;
    server.close();
    for (const [socket, isAsking] of asking) if (!isAsking) socket.destroy();
  };
  return {
    address: printAddress(server),
    stopListening,
    close({ graceMs }) {
      stopListening();
      const late = setTimeout(() => server.closeAllConnections(), graceMs);
      closing ??= stopped;
      return closing.finally(() => clearTimeout(late));
    },
  };
}

/** True when `given` is one of the secrets; its time says nothing about them but their number. */
export function isSecret(given: string | null | undefined, secrets: readonly string[]): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const mine = digest(given ?? '');
  let found = false;
  for (const secret of secrets) found = timingSafeEqual(mine, digest(secret)) || found;
  return found && typeof given === 'string' && given !== '';
}

async function exchangeOn(
  { handlers, log }: HttpOptions,
  server: Server,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  // Without listeners an aborted request would end the process.
  request.on('error', ignore);
  response.on('error', ignore);
  const files: string[] = [];
  const exchange = createExchange(request, response, { files, closing: () => !server.listening });
  try {
    if (exchange === null) {
      response.writeHead(400, { ...COMMON_HEADERS, connection: 'close' }).end();
      return;
    }
    for (const handler of handlers) if (await handler(exchange)) return;
    await exchange.problem(404, 'There is nothing at this address.');
  } catch (error) {
    if (response.headersSent || response.destroyed || exchange === null) {
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
  context: { readonly files: string[]; readonly closing: () => boolean },
): Exchange | null {
  const target = request.url ?? '';
  const mark = target.indexOf('?');
  const gone = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) gone.abort();
  });
  if (!target.startsWith('/')) return null;

  const send: Exchange['send'] = async (status, body, headers = {}) => {
    const length = body === null ? 0 : body instanceof Uint8Array ? body.length : null;
    response.writeHead(status, {
      ...COMMON_HEADERS,
      ...(length === null || status === 204 ? {} : { 'content-length': String(length) }),
      ...(context.closing() ? { connection: 'close' } : {}),
      ...headers,
    });
    if (body === null || body instanceof Uint8Array) {
      await new Promise<void>(resolve => {
        response.once('close', resolve);
        response.end(body ?? undefined, resolve);
      });
    } else if (request.method === 'HEAD') {
      body.destroy();
      response.end();
    } else await pipeline(body, response);
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
    bearer: () => /^bearer +([A-Za-z0-9._~+/=-]+) *$/i.exec(request.headers.authorization ?? '')?.[1] ?? null,
    stream: request,
    body: limits => readBody(request, limits, context.files),
    async readJson({ maxSize }) {
      const { content } = await readBody(request, { maxSize }, context.files);
      try {
        return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode((content as { bytes: Uint8Array }).bytes));
      } catch (error) {
        throw new ReplydError('invalid_json', `The body is no JSON: ${errorText(error)}`);
      }
    },
    json: (status, value, headers) => sendText(status, 'application/json', `${JSON.stringify(value)}\n`, headers),
    problem: (status, detail, more = {}, headers = {}) =>
      sendText(
        status,
        'application/problem+json',
        `${JSON.stringify({ code: CODE_OF_STATUS[status] ?? 'invalid', ...more, type: 'about:blank', title: STATUS_CODES[status] ?? '', status, detail })}\n`,
        { ...(status === 401 ? { 'www-authenticate': 'Basic realm="replyd"' } : {}), ...headers },
      ),
    text: (status, text, headers) => sendText(status, 'text/plain; charset=utf-8', text, headers),
    status: () => (response.headersSent ? response.statusCode : null),
    send,
  };
  return exchange;
}

/**
 * In memory, then in a file. What is too large is still read, so that the client gets to hear its answer; far beyond
 * the limit the connection is left to be cut.
 */
async function readBody(
  request: IncomingMessage,
  limits: BodyLimits,
  files: string[],
): Promise<{ content: BodyContent; size: number }> {
  const { maxSize, folder, memoryLimit = MEMORY_LIMIT } = limits;
  const cutOff = maxSize * 2 + 1024 * 1024;
  const tooLarge = () => new ReplydError('too_large', `The body is larger than ${maxSize} bytes.`);
  if (Number(request.headers['content-length'] ?? 0) > cutOff) throw tooLarge();
  let size = 0;
  let chunks: Buffer[] = [];
  let file: { readonly handle: FileHandle; readonly path: string } | null = null;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > cutOff) break;
      if (size > maxSize) {
        chunks = [];
        continue;
      }
      chunks.push(chunk);
      if (folder === undefined || (file === null && size <= memoryLimit)) continue;
      if (file === null) {
        const place = path.join(folder, `http-${randomUUID()}.body`);
        files.push(place);
        file = { handle: await open(place, 'wx', 0o600), path: place };
      }
      await writeAll(file.handle, chunks);
      chunks = [];
    }
    if (size > maxSize) throw tooLarge();
    return { content: file === null ? { bytes: Buffer.concat(chunks) } : { file: file.path }, size };
  } catch (error) {
    if (isReplydError(error)) throw error;
    const full = ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '');
    throw new ReplydError(full ? 'disk_full' : 'unavailable', `The body could not be read: ${errorText(error)}`, {
      cause: error,
      ...(full ? { details: { reason: 'disk_full' } } : {}),
    });
  } finally {
    await file?.handle.close();
  }
}

async function writeAll(handle: FileHandle, chunks: readonly Buffer[]): Promise<void> {
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) at += (await handle.write(chunk, at)).bytesWritten;
  }
}

function printAddress(server: Server): string {
  const bound = server.address();
  if (bound === null || typeof bound === 'string') return String(bound);
  return `${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`;
}

function ignore(): void {}
