/**
 * The HTTP API for applications: it finds the route, knows the caller by its key, counts its requests, checks the query,
 * gives each account its share (`shares.ts`), checks the body, runs the route and answers. Every fault is a problem
 * (RFC 9457) by the table in base/http.ts, with its code of base/errors.ts.
 *
 * It leaves alone all paths but /v1 and /openapi.json. Without a valid key everything under /v1 is 401, whether or not
 * there is such a route. A key is looked up for each request, so a revoked one is dead at once.
 */

import { errorText, isReplydError, ReplydError } from '../base/errors.js';
import type { Exchange, HttpHandler } from '../base/http.js';
import type { Log } from '../base/log.js';
import { counter, histogram } from '../base/metrics.js';
import { statusOf } from '../base/problem.js';
import type { SpaceBudget } from '../base/space.js';
import type { Caller, Clock } from '../conversation/ports.js';
import type { Store } from '../conversation/store.js';
import { callerOfKey, callerOfSession, redactor, storeFor } from './access.js';
import { ACCOUNT_ROUTES } from './accounts.js';
import { agentRoutes, type SignInSettings } from './agents.js';
import { discardParts, readRequestBody, SMALL_BODY } from './body.js';
import type { RequestBody } from './body-parse.js';
import { checkBody, readQuery } from './check.js';
import { CONTACT_ROUTES } from './contacts.js';
import { CONVERSATION_ROUTES } from './conversations.js';
import { type Cursors, cursorsFor } from './cursor.js';
import { DELIVERY_ROUTES } from './deliveries.js';
import { OPEN_PLACES } from './health.js';
import { openIdempotency } from './idempotency.js';
import { openApi } from './openapi.js';
import { OPERATOR_ROUTES } from './operators.js';
import { PREVIEW_ROUTE } from './preview.js';
import { createRates } from './rate.js';
import { type Call, pageOf, type Route } from './route.js';
import { LARGE_BODIES, type LargeBody } from './schema.js';
import { SEARCH_ROUTE } from './search.js';
import { BODIES, createShares, OTHERS, READS, type Turn } from './shares.js';
import { EVENTS, type EventStream, eventRoute } from './stream.js';
import { type TestHook, webhookRoutes } from './webhooks.js';

export interface ApiOptions {
  readonly store: Store;
  readonly log: Log;
  readonly clock: Clock;
  /** An existing folder for large bodies. */
  readonly folder: string;
  readonly space: SpaceBudget;
  readonly version: string;
  readonly limits: () => {
    /** Requests a minute for each key. */
    readonly requests: number;
    /** Bytes of a body. */
    readonly body: number;
    /** Bytes of JSON of a page. */
    readonly response: number;
  };
  /** `outbound.max_size`: bytes of a mail. */
  readonly mailSize: () => number;
  readonly testHook: TestHook;
  readonly stream: EventStream;
  /** Links for agents; absent: there is no page where they could sign in. */
  readonly signIn?: () => SignInSettings;
  /**
   * The secret of the session that a request without a key comes in, null when in none. Whoever gives it has made sure
   * that the page itself sent the request. Absent: agents are not served here.
   */
  readonly sessionOf?: (exchange: Exchange) => string | null;
  /** Seals the cursors of lists (`cursor.ts`). */
  readonly cursorKey: Uint8Array;
}

const HOUR = 3_600_000;

const requests = counter(
  'replyd_api_requests_total',
  'Requests of applications, by route, method and class of the answer; gone: nobody waited for it.',
  ['route', 'method', 'status'],
);
const seconds = histogram(
  'replyd_api_request_seconds',
  'From the header of a request to the end of its answer.',
  [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
  ['route', 'method'],
);
const limited = counter('replyd_api_limited_total', 'Requests refused because their key had used up its own.');

export function apiRoutes(
  options: Pick<ApiOptions, 'testHook' | 'stream'> & Partial<Pick<ApiOptions, 'signIn' | 'mailSize' | 'clock'>>,
): readonly Route[] {
  const settings = options.signIn ?? (() => ({ web: null, mails: false, envelopeSender: '' }));
  return [
    ...CONVERSATION_ROUTES,
    ...agentRoutes({ settings, mailSize: options.mailSize ?? (() => 0), now: options.clock ?? Date.now }),
    ...ACCOUNT_ROUTES,
    ...OPERATOR_ROUTES,
    ...CONTACT_ROUTES,
    ...DELIVERY_ROUTES,
    PREVIEW_ROUTE,
    SEARCH_ROUTE,
    ...webhookRoutes(options.testHook),
    eventRoute(options.stream),
  ];
}

export function createApi(options: ApiOptions): HttpHandler {
  const { store, clock, log } = options;
  const routes = apiRoutes(options).map(route => ({ ...route, pattern: patternOf(route.path) }));
  const idempotent = openIdempotency(store);
  const rates = createRates(() => options.limits().requests, clock);
  const reads = createShares(READS);
  const others = createShares(OTHERS);
  const bodies = createShares(BODIES);
  let description: string | null = null;

  return async exchange => {
    if (exchange.path === '/openapi.json' && ['GET', 'HEAD'].includes(exchange.method)) {
      description ??= JSON.stringify(openApi(routes, { version: options.version, open: OPEN_PLACES }));
      await exchange.send(200, Buffer.from(description), { 'content-type': 'application/json' });
      return true;
    }
    if (exchange.path !== '/v1' && !exchange.path.startsWith('/v1/')) return false;
    exchange.take('api');
    const found = routes.flatMap(route => {
      const params = matched(route.pattern, exchange.path);
      return params === null ? [] : [{ route, params }];
    });
    const method = exchange.method === 'HEAD' ? 'GET' : exchange.method;
    const chosen = found.find(each => each.route.method === method);
    const labels = chosen ? [chosen.route.path, chosen.route.method] : ['none', 'none'];
    const began = performance.now();
    let fault: number | null = null;
    try {
      const caller = await callerOf(exchange);
      if (caller === null) return true;
      if (chosen) await runInTurn({ ...chosen, caller, exchange });
      else if (found.length === 0) await exchange.problem(404, 'There is nothing at this address; see /openapi.json.');
      else {
        const allow = found.map(each => each.route.method).join(', ');
        await exchange.problem(405, `Here only ${allow} can be used.`, {}, { allow });
      }
      return true;
    } catch (error) {
      fault = statusOf(error);
      throw error;
    } finally {
      const status = exchange.status() ?? (exchange.signal.aborted ? null : fault);
      requests.add([...labels, status === null ? 'gone' : `${Math.floor(status / 100)}xx`]);
      if (chosen?.route.path !== EVENTS) seconds.observe((performance.now() - began) / 1000, labels);
    }
  };

  /** Null: answered already. */
  async function callerOf(exchange: Exchange): Promise<Caller | null> {
    const caller = (await callerWithKey(exchange)) ?? (await callerInSession(exchange));
    if (caller === null) {
      const detail =
        (options.sessionOf?.(exchange) ?? null) === null
          ? 'Give a key that is valid: `Authorization: Bearer rpk_…` (made by `replyd key add`).'
          : 'Nobody is signed in.';
      await exchange.problem(401, detail, {}, { 'www-authenticate': 'Bearer realm="replyd"' });
      return null;
    }
    exchange.know(ownerOf(caller));
    const wait = rates.take(caller.id);
    if (wait > 0) {
      limited.add();
      const headers = { 'retry-after': String(wait) };
      const who = caller.kind === 'session' ? 'You have' : 'This key has';
      await exchange.problem(429, `${who} used up the requests of a minute; try again in ${wait} s.`, {}, headers);
      return null;
    }
    return caller;
  }

  async function callerWithKey(exchange: Exchange): Promise<Caller | null> {
    const secret = exchange.bearer();
    const key = secret === null ? null : await store.verifyKey(secret);
    if (key === null) return null;
    if (key.last_used_at === null || clock() - Date.parse(key.last_used_at) > HOUR) {
      store.keyUsed(key.id).catch(error => log.warn('failed', { key: key.id, error: errorText(error) }));
    }
    return callerOfKey(key);
  }

  /** `unnoted`: nobody does anything in it just now. */
  async function callerInSession(exchange: Exchange, how: { unnoted?: boolean } = {}): Promise<Caller | null> {
    const secret = exchange.bearer() === null ? (options.sessionOf?.(exchange) ?? null) : null;
    const session = secret === null ? null : await store.session(secret, how);
    return session && callerOfSession(session);
  }

  /** Whether he could begin the same request now. */
  async function isStill(caller: Caller, exchange: Exchange): Promise<boolean> {
    const now =
      caller.kind === 'session'
        ? await callerInSession(exchange, { unnoted: true })
        : await store.verifyKey(exchange.bearer() ?? '').then(key => key && callerOfKey(key));
    return now?.id === caller.id && now.accounts?.join() === caller.accounts?.join();
  }

  async function runInTurn(request: RoutedRequest): Promise<void> {
    const { caller, exchange } = request;
    const owner = ownerOf(caller);
    const turns: Turn[] = [];
    const query = queryOf(request);
    try {
      if (request.route.path !== EVENTS) {
        if (isLarge(exchange)) turns.push(await bodies.enter(owner, exchange));
        turns.push(await (readsJson(request.route) ? reads : others).enter(owner, exchange));
      }
      await runRoute({ ...request, query }, size => turns.at(-1)?.answers(size));
    } catch (error) {
      if (!isReplydError(error, 'too_many_requests') || exchange.status() !== null) throw error;
      limited.add();
      await exchange.problem(
        429,
        error.message,
        { code: error.code },
        {
          'retry-after': String(error.details.retry_after ?? 1),
        },
      );
    } finally {
      for (const turn of turns) turn.end();
    }
  }

  function cursorsOf({ caller, exchange }: RoutedRequest): Cursors {
    return cursorsFor(options.cursorKey, caller, exchange.path);
  }

  /** Checked before the request takes anything. */
  function queryOf(request: RoutedRequest): unknown {
    const query = readQuery(request.route.query, request.exchange.query) as { readonly cursor?: string };
    return query.cursor === undefined ? query : { ...query, cursor: cursorsOf(request).open(query.cursor) };
  }

  /** `answers` is told how many bytes the answer has, before it goes out. */
  async function runRoute(
    request: RoutedRequest & { readonly query: unknown },
    answers: (bytes: number) => void,
  ): Promise<void> {
    const { route, params, caller, exchange, query } = request;
    const cursors = cursorsOf(request);
    const takesBody = route.method === 'POST' || route.method === 'PATCH';
    const body = takesBody ? await readBody(request) : null;
    try {
      if (body !== null && route.body !== undefined && !body.checked) checkBody(route.body, body.value);
      const name = route.method === 'POST' ? exchange.header('idempotency-key') : undefined;
      const about = `${route.method} ${exchange.path} ${body?.sha256 ?? ''}`;
      const repeatable = name === undefined ? null : idempotent({ caller: caller.id, name, about });
      const redact = await redactor(store, caller);
      let status: number = route.status;
      const call: Call<unknown, unknown> = {
        store: storeFor(store, caller, repeatable?.once),
        caller,
        redact,
        params,
        query,
        body: body?.value ?? {},
        exchange,
        page: (rows, limit, cursor) =>
          pageOf(rows, { limit, bytes: options.limits().response }, last => cursors.seal(cursor(last))),
        seal: cursors.seal,
        async content(place) {
          const part = body?.parts[Number(place)];
          if (part === undefined) throw new ReplydError('invalid', 'An attachment has no content.');
          return store.place(part.content, part);
        },
        repeated: repeatable?.repeated ?? (() => false),
        found: () => {
          status = 200;
        },
        onceOutside: repeatable?.onceOutside ?? (work => work()),
        isValid: () => isStill(caller, exchange),
      };
      const bytes = await answerOf(route, call);
      if (route.gives === null) await exchange.send(route.status, null);
      else if (bytes !== null) {
        answers(bytes.length);
        await exchange.send(status, bytes, {
          'content-type': 'application/json',
          ...(repeatable?.repeated() ? { 'idempotency-replayed': 'true' } : {}),
        });
      }
    } finally {
      if (body !== null) await discardParts(body);
    }
  }

  async function readBody({ route, caller, exchange }: RoutedRequest): Promise<RequestBody> {
    const type = (exchange.header('content-type') ?? '').split(';')[0]!.trim().toLowerCase();
    // Where nothing is required nothing need be sent.
    const isEmpty = (exchange.header('content-length') ?? '0') === '0' && !exchange.header('transfer-encoding');
    if (route.body !== undefined && type !== 'application/json' && !isEmpty) {
      throw new ReplydError('wrong_content_type', 'The body must be JSON: `Content-Type: application/json`.');
    }
    if ((exchange.header('content-encoding') ?? 'identity').toLowerCase() !== 'identity') {
      throw new ReplydError(
        'wrong_content_encoding',
        'The body must not be compressed: send it without Content-Encoding.',
      );
    }
    const large = (Object.keys(LARGE_BODIES) as LargeBody[]).find(name => LARGE_BODIES[name] === route.body) ?? null;
    return readRequestBody(exchange, {
      maxSize: options.limits().body,
      folder: options.folder,
      large,
      owner: ownerOf(caller),
      space: options.space,
    });
  }
}

interface RoutedRequest {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
  readonly caller: Caller;
  readonly exchange: Exchange;
}

/** The answer's JSON; null where there is none to send. A function of its own: while bytes wait for their client, nothing
 * that they were made of is kept. */
async function answerOf(route: Route, call: Call<unknown, unknown>): Promise<Buffer | null> {
  const answer = await route.run(call as Call<never, never>);
  if (route.gives === null || 'media' in route.gives) return null;
  const json = JSON.stringify(answer);
  const shown = call.redact === null ? json : await call.redact(json);
  // `${shown}\n` would be one more copy.
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(shown) + 1);
  bytes.write('\n', bytes.write(shown));
  return bytes;
}

function readsJson({ method, gives }: Route): boolean {
  return method === 'GET' && gives !== null && !('media' in gives);
}

/** Whose share its requests are counted in. */
function ownerOf(caller: Caller): string {
  return caller.accounts?.join() ?? 'operators';
}

/** Its body may have more than SMALL_BODY bytes. */
function isLarge(exchange: Exchange): boolean {
  const length = exchange.header('content-length');
  return length === undefined ? exchange.header('transfer-encoding') !== undefined : Number(length) > SMALL_BODY;
}

/** `/v1/hooks/{id}` → what matches such a path, with its parameters as groups. */
function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replaceAll(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`);
}

/** The parameters of a path, or null when it is another. */
function matched(pattern: RegExp, path: string): Readonly<Record<string, string>> | null {
  const found = pattern.exec(path);
  if (found === null) return null;
  try {
    return Object.fromEntries(
      Object.entries(found.groups ?? {}).map(([name, part]) => [name, decodeURIComponent(part)]),
    );
  } catch {
    return null;
  }
}
