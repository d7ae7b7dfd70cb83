/** The API on a real socket and a real store, without the rest of the daemon. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { type ApiOptions, createApi } from '#replyd/api/api.js';
import { createHealth } from '#replyd/api/health.js';
import { type EventStream, openStream } from '#replyd/api/stream.js';
import { type HttpHandler, type HttpListener, openHttp } from '#replyd/base/http.js';
import { silentLog } from '#replyd/base/log.js';
import { NO_BUDGET } from '#replyd/base/space.js';
import type { NewAgent } from '#replyd/conversation/agent-store.js';
import type { Conversation, Message } from '#replyd/conversation/model.js';
import type { OpenStore } from '#replyd/store/assembled.js';
import { openTestStore } from '../engine.js';

export const RULES = {
  prefixes: ['reply'],
  separator: '+',
  delay: 120_000,
  maxSize: 30_000_000,
  responseBytes: 8_388_608,
};

/** The fields that tests look at; which of them are there is each route's affair. */
export interface AnswerBody {
  readonly id: string;
  readonly seq: number;
  readonly account: string;
  readonly email: string;
  readonly name: string;
  readonly contact: { readonly id: string };
  readonly messages: readonly Message[];
  readonly data: readonly { readonly id: string; readonly seq: number; readonly slug: string }[];
  readonly key: string | null;
  readonly next_cursor: string | null;
  readonly status: number;
  readonly detail: string;
  readonly contact_id: string;
  readonly code: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** What came, whatever it is; null when it is no JSON. */
  readonly body: AnswerBody;
  readonly text: string;
}

export interface Served {
  readonly store: OpenStore;
  readonly stream: EventStream;
  readonly folder: string;
  readonly url: string;
  /** Secrets of keys: of two accounts, and an operator's. */
  readonly acme: string;
  readonly other: string;
  readonly operator: string;
  /** The secret of a session of one of acme's agents, made when it is first asked for. Goes in the header `x-session`. */
  session(): Promise<string>;
  call(
    key: string | null,
    method: string,
    place: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer>;
}

type ServeOptions = Partial<ApiOptions> & {
  readonly streamTimeout?: number;
  readonly heartbeat?: number;
  /** Opens another listener over the same API. */
  readonly beside?: (parts: { readonly api: HttpHandler; readonly store: OpenStore }) => Promise<HttpListener>;
};

export async function serve(
  context: TestContext,
  { streamTimeout = 300, heartbeat = 15_000, beside, ...more }: ServeOptions = {},
): Promise<Served> {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'replyd-api-'));
  const store = await openTestStore(dataDir, { writer: 'direct', rules: RULES });
  const stream = openStream({ store, log: more.log ?? silentLog, timeout: streamTimeout, heartbeat });
  const stop = store.onChange(stream.wake);
  const api = createApi({
    store,
    log: silentLog,
    clock: Date.now,
    folder: dataDir,
    space: NO_BUDGET,
    version: '0.0.0',
    limits: () => ({ requests: 100_000, body: 8_000_000, response: RULES.responseBytes }),
    mailSize: () => RULES.maxSize,
    testHook: async () => ({ ok: true, response: '200 OK' }),
    signIn: () => ({ web: 'https://support.example', mails: false, envelopeSender: 'bounce' }),
    sessionOf: exchange => exchange.header('x-session') ?? null,
    stream,
    cursorKey: new Uint8Array(32).fill(7),
    ...more,
  });
  const space = { low: () => false, free: () => 1e9 };
  const health = createHealth({ version: '0.0.0', store, space, closing: () => false, now: Date.now });
  const handlers = [health, api];
  const listener = await openHttp({ listen: { host: '127.0.0.1', port: 0 }, handlers, log: silentLog });
  const other = await beside?.({ api, store });
  context.after(async () => {
    stop();
    stream.close();
    await listener.close({ graceMs: 0 });
    await other?.close({ graceMs: 0 });
    await store.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  for (const slug of ['acme', 'other']) {
    await store.addAccount({ slug, domains: ['reply.example.com'], support_email: 'support@example.com' });
  }
  const url = `http://${listener.address}`;
  let session: Promise<string> | null = null;
  return {
    store,
    stream,
    folder: dataDir,
    url,
    acme: (await store.addKey({ account: 'acme' })).secret,
    other: (await store.addKey({ account: 'other' })).secret,
    operator: (await store.addKey({ account: null })).secret,
    session() {
      session ??= signedIn(store, { account: 'acme', email: 'agent@acme.example', name: 'Agent' });
      return session;
    },
    async call(key, method, place, body, headers = {}) {
      const response = await fetch(url + place, {
        method,
        headers: {
          ...(key === null ? {} : { authorization: `Bearer ${key}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      const json = (response.headers.get('content-type') ?? '').includes('json') && text !== '';
      return { status: response.status, headers: response.headers, text, body: json ? JSON.parse(text) : null };
    },
  };
}

const begun = new WeakMap<OpenStore, number>();

/** A conversation of `acme` in a web widget, with one message: each time another one. */
export function startConversation(store: OpenStore): Promise<Conversation> {
  const number = (begun.get(store) ?? 0) + 1;
  begun.set(store, number);
  return store.startConversation({
    account: 'acme',
    channel: 'web_widget',
    source_id: `w-${number}`,
    contact: { email: 'carla@customer.example', name: 'Carla', source_id: 'visitor-1' },
    text: 'Where is my parcel?',
    via: 'api',
  });
}

/** Adds an agent who signs in; gives the secret of his session. */
export async function signedIn(store: OpenStore, agent: NewAgent): Promise<string> {
  return signIn(store, (await store.addAgent(agent)).id);
}

/** The secret of a session: to hash a password takes a while. */
export async function signIn(store: OpenStore, id: string): Promise<string> {
  const { secret } = await store.newSignInLink(id, { knownTo: 'nobody' });
  return (await store.useSignInLink(secret, 'correct horse battery'))!.secret;
}
