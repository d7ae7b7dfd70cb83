/**
 * The page for agents, over HTTP: the page itself and its files, signing in and out, mails as documents, and `/v1`, which is
 * the API's handler with another way to know who asks: a session in a cookie in place of a key, which is not taken here.
 *
 * Every request passes `refusalOf` first: the Host field is the page's own, and whatever changes something comes from the
 * page itself. A session is looked up at each request, so one that was ended counts no more at once. Answers carry
 * `siteHeaders`; the listener adds them (`HttpOptions.headers`), so that faults have them too.
 */
import type { Exchange, HttpHandler } from '../base/http.js';
import { counter } from '../base/metrics.js';
import { clientOf, forwardedFor, type NetworkTest } from '../base/network.js';
import type { AgentProfile } from '../conversation/model.js';
import type { Bundle } from './bundle.js';
import { DOCUMENT_HEADERS, type DocumentStore, documentOf } from './html-document.js';
import { type SignInOptions, type SignInStore, signInRoutes } from './sign-in.js';
import { refusalOf, sessionIn } from './site.js';

export interface WebOptions extends Omit<SignInOptions, 'clientOf' | 'store'> {
  readonly store: SignInStore & DocumentStore;
  readonly bundle: Bundle;
  /** The API: what it does not know the caller of, it refuses. It asks `sessionOf`. */
  readonly api: HttpHandler;
  /** A reverse proxy in front of the page, whose X-Forwarded-For counts. */
  readonly isProxy: NetworkTest;
}

/** Documents that are being sent: of one agent, and in all. */
const DOCUMENTS = { own: 4, all: 24 };

const requests = counter(
  'replyd_web_requests_total',
  "Requests of agents' browsers, by what was asked and its answer.",
  ['route', 'status'],
);
const refusals = counter(
  'replyd_web_refused_total',
  'Requests that were not of the page itself: host (another name), origin (another site), key (of the API).',
  ['reason'],
);

const sessions = new WeakMap<Exchange, string>();

/** The secret of the session in which a request came that passed the checks here; null: it came in none. */
export function sessionOf(exchange: Exchange): string | null {
  return sessions.get(exchange) ?? null;
}

/** Paths that the page shows something at: `state/route.ts` of the page reads them. */
const PAGES = /^\/(?:sign-in|(?:conversations|settings)(?:\/[^/]{1,200})?)?$/;
const DOCUMENT = /^\/html\/(msg_[0-9A-Za-z]{1,40})$/;

/** Whether an Accept-Encoding names gzip, and not with the weight 0 (RFC 9110 section 12.5.3). Linear, whatever it is. */
function takesGzip(accepted: string): boolean {
  return accepted.split(',').some(each => {
    const [name = '', weight = ''] = each.split(';', 2).map(part => part.trim().toLowerCase());
    return (name === 'gzip' || name === 'x-gzip') && !/^q=0(?:\.0{0,3})?$/.test(weight);
  });
}

export function createWeb(options: WebOptions): HttpHandler {
  const { store, bundle, api, site, isProxy } = options;
  const posts = signInRoutes({ ...options, clientOf: exchange => clientOf(clientAddress(exchange)).address });
  const documents = new Map<string, number>();
  let sending = 0;

  /** The address that is counted: whom a proxy of ours names, else who talks to us. */
  function clientAddress(exchange: Exchange): string {
    const { client } = exchange;
    if (client === null || !isProxy(client)) return client ?? 'unknown';
    return forwardedFor(exchange.header('x-forwarded-for'), isProxy) ?? client;
  }

  async function sendDocument(exchange: Exchange, agent: AgentProfile, messageId: string): Promise<void> {
    const own = documents.get(agent.id) ?? 0;
    if (own >= DOCUMENTS.own || sending >= DOCUMENTS.all) {
      return exchange.problem(503, 'Too many mails are being shown just now.', {}, { 'retry-after': '1' });
    }
    documents.set(agent.id, own + 1);
    sending += 1;
    try {
      const document = await documentOf(store, agent, messageId);
      if (document === null)
        await exchange.problem(404, 'There is no such message with HTML.', { code: 'message_not_found' });
      else await exchange.send(200, document, DOCUMENT_HEADERS);
    } finally {
      sending -= 1;
      const left = (documents.get(agent.id) ?? 1) - 1;
      if (left > 0) documents.set(agent.id, left);
      else documents.delete(agent.id);
    }
  }

  /** Which route it was, for the figures; null: there is none here. */
  async function answer(exchange: Exchange): Promise<string | null> {
    const { method, path } = exchange;
    const isApi = path === '/v1' || path.startsWith('/v1/');
    const reads = method === 'GET' || method === 'HEAD';
    const open = reads && (PAGES.test(path) || path.startsWith('/assets/'));
    const refusal = refusalOf(exchange, site(), { open });
    if (refusal !== null) {
      refusals.add([refusal]);
      if (refusal === 'origin') await exchange.problem(403, 'This request does not come from the page itself.');
      else {
        const detail = 'The Host field is not that of the page (web.public_url): a proxy in front has to pass it on.';
        await exchange.problem(421, detail, { code: 'forbidden' });
      }
      return 'refused';
    }
    if (isApi) {
      if (exchange.header('authorization') !== undefined) {
        refusals.add(['key']);
        await exchange.problem(401, 'Keys are not taken here, but at http.listen: here people sign in.');
        return 'refused';
      }
      const secret = sessionIn(exchange, site());
      if (secret !== null) sessions.set(exchange, secret);
      return (await api(exchange)) ? 'api' : null;
    }
    exchange.take('web');
    if (reads && PAGES.test(path)) {
      await exchange.send(200, bundle.page, { 'content-type': 'text/html; charset=utf-8' });
      return 'page';
    }
    const asset = reads ? bundle.assets.get(path) : undefined;
    if (asset !== undefined) {
      const zipped = takesGzip(exchange.header('accept-encoding') ?? '');
      await exchange.send(200, zipped ? asset.gzip : asset.bytes, {
        'content-type': asset.type,
        'cache-control': 'public, max-age=31536000, immutable',
        vary: 'accept-encoding',
        ...(zipped ? { 'content-encoding': 'gzip' } : {}),
      });
      return 'assets';
    }
    const messageId = reads ? DOCUMENT.exec(path)?.[1] : undefined;
    if (messageId !== undefined) {
      const secret = sessionIn(exchange, site());
      const session = secret === null ? null : await store.session(secret);
      if (session === null) await exchange.problem(401, 'Nobody is signed in.');
      else {
        exchange.know(session.agent.accounts.map(({ account }) => account).join());
        await sendDocument(exchange, session.agent, messageId);
      }
      return 'html';
    }
    const post = Object.hasOwn(posts, path) ? posts[path] : undefined;
    if (post === undefined) return null;
    if (method === 'POST') await post(exchange);
    else await exchange.problem(405, 'Here only POST can be used.', {}, { allow: 'POST' });
    return path.slice(1).replaceAll(/\W/g, '_');
  }

  return async exchange => {
    let route: string | null = 'fault';
    try {
      route = await answer(exchange);
      return route !== null;
    } finally {
      const status = exchange.status();
      requests.add([route ?? 'none', status === null ? 'none' : `${Math.floor(status / 100)}xx`]);
    }
  };
}
