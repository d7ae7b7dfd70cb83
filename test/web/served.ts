/** The page's server on a real socket, over the API and a real store, without the rest of the daemon. */
import { once } from 'node:events';
import { type IncomingHttpHeaders, request } from 'node:http';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { createAttempts } from '#replyd/base/attempts.js';
import { openHttp } from '#replyd/base/http.js';
import type { Log } from '#replyd/base/log.js';
import { silentLog } from '#replyd/base/log.js';
import { parseNetworks } from '#replyd/base/network.js';
import { readBundle } from '#replyd/web/bundle.js';
import { createWeb, sessionOf } from '#replyd/web/server.js';
import { siteHeaders, siteOf } from '#replyd/web/site.js';
import { type Served, serve } from '../api/served.js';

export interface PageAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface Asked {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly cookie?: string;
}

export interface ServedPage {
  readonly served: Served;
  readonly origin: string;
  readonly port: number;
  /** As the page itself asks: with its Host, and its Origin where something changes. */
  ask(method: string, place: string, asked?: Asked): Promise<PageAnswer>;
  /** The cookie of a new session. */
  signIn(who: { readonly email: string; readonly password: string }): Promise<string>;
  /** Adds an agent with a password, who is not signed in. */
  addAgent(agent: {
    readonly account: string;
    readonly email: string;
    readonly role?: 'admin' | 'agent';
  }): Promise<{ readonly id: string; readonly email: string; readonly password: string }>;
}

export const PASSWORD = 'correct horse battery';

export async function servePage(
  context: TestContext,
  options: {
    readonly publicUrl?: string;
    readonly proxies?: readonly string[];
    readonly log?: Log;
    readonly clock?: () => number;
  } = {},
): Promise<ServedPage> {
  const { publicUrl = null, proxies = [], log = silentLog, clock = Date.now } = options;
  let site = siteOf({ publicUrl, port: 0 });
  let port = 0;
  const served = await serve(context, {
    sessionOf,
    log,
    async beside({ api, store }) {
      const handler = createWeb({
        ...{ api, store, log },
        bundle: readBundle(path.resolve('dist/web')),
        isProxy: parseNetworks(proxies),
        attempts: createAttempts(clock),
        site: () => site,
      });
      const listener = await openHttp({
        listen: { host: '127.0.0.1', port: 0 },
        handlers: [handler],
        log,
        headers: siteHeaders(site),
        challenge: 'Cookie realm="replyd"',
      });
      port = Number(listener.address.split(':')[1]);
      site = siteOf({ publicUrl, port });
      return listener;
    },
  });
  const origin = publicUrl ?? `http://127.0.0.1:${port}`;
  const ask: ServedPage['ask'] = (method, place, { headers = {}, body, cookie } = {}) =>
    askAt(
      port,
      { method, place, body },
      {
        host: new URL(origin).host,
        ...(['GET', 'HEAD'].includes(method) ? {} : { origin }),
        ...(cookie === undefined ? {} : { cookie }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
    );
  return {
    ...{ served, origin, port, ask },
    async signIn(who) {
      const { headers, status, text } = await ask('POST', '/sign-in', { body: who });
      if (status !== 204) throw new Error(`not signed in: ${status} ${text}`);
      return cookieOf(headers);
    },
    async addAgent({ account, email, role = 'agent' }) {
      const { id } = await served.store.addAgent({ account, email, role, name: email.split('@')[0]! });
      const { secret } = await served.store.newSignInLink(id, { knownTo: 'nobody' });
      await served.store.useSignInLink(secret, PASSWORD);
      return { id, email, password: PASSWORD };
    },
  };
}

/** `name=value` of the cookie that was set. */
export function cookieOf(headers: IncomingHttpHeaders): string {
  return headers['set-cookie']![0]!.split(';')[0]!;
}

/** A request just as it is said, with no field that was not. */
export async function askAt(
  port: number,
  { method, place, body }: { readonly method: string; readonly place: string; readonly body?: unknown },
  headers: Readonly<Record<string, string>>,
): Promise<PageAnswer> {
  const sent = request({ host: '127.0.0.1', port, method, path: place, headers, setHost: false, agent: false });
  sent.end(body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body));
  const [response] = (await once(sent, 'response')) as [import('node:http').IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode!, headers: response.headers, text: Buffer.concat(chunks).toString() };
}
