/**
 * The HTTP doors of the providers: whose address it is, what its file makes of the request (`provider.ts`), and the answer
 * from the provider's table.
 *
 * Several mails of a request are handled one by one (`take-post.ts`); each that can be stored is stored. The answer is
 * for the worst ending that a retry can fix: trouble, then a missing or too large mail; else `stored` if one is stored.
 * A retry finds what was stored before, so nothing is filed twice.
 *
 * A provider without a secret gets 404, as if there were no such address; one that loses mail on 404 gets 503. GET and
 * HEAD tell nobody which doors are open: below /ingress/ all are answered the same. What is wrong with a request is a
 * line in the log; an error where the provider will throw mails away for it.
 *
 * What somebody may cost before he has proven to be the provider stands in `unproven.ts`. A client is the address that
 * talks to us, or whom one of `trustedNetworks` names last in X-Forwarded-For.
 */

import { isIP } from 'node:net';
import { errorText } from '../../base/errors.js';
import type { Exchange, HttpHandler } from '../../base/http.js';
import type { Log } from '../../base/log.js';
import { type NetworkTest, parseNetworks, plainAddress } from '../../base/network.js';
import type { SpaceBudget } from '../../base/space.js';
import type { Reception } from '../../conversation/ports.js';
import { openSpool } from '../spool.js';
import { type ProviderName, providerAt } from './list.js';
import { type Ending, hasPassword, type Provider, type ProviderRequest, type Result } from './provider.js';
import { TROUBLE, takePost } from './take-post.js';
import { createUnproven, REQUEST_COST, TOO_MANY, TOO_MUCH } from './unproven.js';

/** What a reload can change. */
export interface DoorSettings {
  /** Bytes. */
  readonly maxSize: number;
  readonly publicUrl: string | null;
  /** A proxy there says for whom it speaks. */
  readonly trustedNetworks: readonly string[];
  /** Bytes, see `unproven.ts`. */
  readonly unprovenBytes: number;
  /** An empty list closes the door. */
  readonly secrets: Readonly<Record<ProviderName, readonly string[]>>;
}

export interface DoorsOptions {
  readonly reception: Reception;
  readonly log: Log;
  readonly now: () => number;
  /** Milliseconds of a clock that is never put back. */
  readonly steady: () => number;
  /** An existing folder on the store's file system. */
  readonly spoolFolder: string;
  readonly space: SpaceBudget;
  /** Read at each request. */
  readonly settings: () => DoorSettings;
  /** Told what an operator must fix: why a request could not be taken; null when one could. */
  readonly onFault?: (provider: Provider['name'], detail: string | null) => void;
}

/** What is set for the door of one provider. */
type Door = Pick<ProviderRequest, 'secrets' | 'maxSize' | 'publicUrl'>;
type DoorResult = Result & { readonly closed?: boolean };

/** The worst first. */
const ORDER: readonly Ending[] = ['trouble', 'unproven', 'malformed', 'too_large', 'stored', 'refused'];

const GUESSING: Result = {
  kind: 'trouble',
  detail: 'Too many wrong passwords came from this address: try again in an hour.',
};

/** After so many seconds the client may come again. */
const WAITS: ReadonlyMap<Result, number> = new Map<Result, number>([
  [GUESSING, 3600],
  [TOO_MUCH, 60],
  [TOO_MANY, 60],
]);

const MEMORY_LIMIT = 256 * 1024;
const MEMORY_BUDGET = 64 * 1024 * 1024;

export async function createDoors(options: DoorsOptions): Promise<HttpHandler> {
  const { reception, log, space, spoolFolder: folder } = options;
  const memory = { memoryLimit: MEMORY_LIMIT, memoryBudget: MEMORY_BUDGET };
  const spool = await openSpool({ folder, name: 'http', ...memory, space });
  const unproven = createUnproven({ limit: () => options.settings().unprovenBytes, now: options.steady });
  const clientOf = createClientOf(() => options.settings().trustedNetworks);

  /** Null: the client went away. */
  async function resultOf(
    exchange: Exchange,
    { provider, door, client }: { provider: Provider; door: Door; client: string | null },
  ): Promise<DoorResult | null> {
    const { secrets, maxSize } = door;
    const maxBody = provider.maxBody(maxSize);
    if (secrets.length === 0) {
      const detail = `This door is closed: ingress.${provider.name}.${provider.secretKey} is not set.`;
      return { kind: 'trouble', detail, closed: true };
    }
    if (reception.lowOnSpace()) return { kind: 'trouble', detail: 'There is no space to store the mail.' };
    if (Number(exchange.header('content-length') ?? 0) > maxBody) {
      // Not read at all; the client hears why before it has sent it.
      return { kind: 'too_large', detail: 'The post is larger than one with the largest mail (smtp.max_size).' };
    }
    const allowance = unproven.open(client, maxBody, {
      stalls: exchange.stalls,
      cut() {
        log.warn('deferred', { door: provider.name, client, detail: TOO_MANY.detail });
        exchange.cut();
      },
    });
    try {
      if (provider.wrongPassword !== undefined) {
        if (unproven.isGuessing(client)) return GUESSING;
        if (!hasPassword(exchange, secrets)) {
          const tried = exchange.basic();
          if (tried !== null) unproven.wrongPassword(client, `${tried.user}:${tried.password}`);
          return { kind: 'unproven', detail: provider.wrongPassword };
        }
        allowance.proven();
      }
      if (!allowance.enter()) return TOO_MANY;
      if (!allowance.take(REQUEST_COST)) return TOO_MUCH;
      const lowOnSpace = () => reception.lowOnSpace();
      const request = { ...door, exchange, spool, folder, space, maxBody, lowOnSpace, now: options.now, allowance };
      const found = await provider.read(request);
      if (found.kind === 'gone') return null;
      if (found.kind !== 'posts') return found;
      exchange.know(provider.name);
      const results: Result[] = [];
      for (const post of found.posts) {
        results.push(await takePost(options, { provider, client: exchange.client }, post));
      }
      results.sort((one, other) => ORDER.indexOf(one.kind) - ORDER.indexOf(other.kind));
      return results[0] ?? { kind: 'stored', detail: '' };
    } catch (error) {
      log.error('deferred', { door: provider.name, client: exchange.client, error: errorText(error) });
      return TROUBLE;
    } finally {
      allowance.end();
    }
  }

  return async exchange => {
    const provider = providerAt(exchange.path);
    const isLook = exchange.method === 'GET' || exchange.method === 'HEAD';
    if (isLook && (provider !== null || exchange.path.startsWith('/ingress/'))) {
      // Mandrill looks whether the address is there.
      await exchange.text(200, '');
      return true;
    }
    if (provider === null) return false;
    const { secrets: all, ...settings } = options.settings();
    const secrets = all[provider.name];
    if (secrets.length === 0 && !('losesMail' in provider)) return false;
    exchange.take('doors');
    if (exchange.method !== 'POST') {
      await exchange.problem(405, 'Mails are posted here.', {}, { allow: 'GET, HEAD, POST' });
      return true;
    }
    const client = clientOf(exchange);
    const result = await resultOf(exchange, { provider, door: { ...settings, secrets }, client });
    if (result === null) log.info('disconnected', { door: provider.name, client: exchange.client });
    else await answer(options, exchange, { provider, result, client: client ?? exchange.client });
    return true;
  };
}

/** Whom a request counts for; null: a proxy that does not say. */
function createClientOf(trustedNetworks: () => readonly string[]): (exchange: Exchange) => string | null {
  let networks: readonly string[] = [];
  let isTrusted: NetworkTest = () => false;
  return exchange => {
    const next = trustedNetworks();
    if (next !== networks) {
      isTrusted = parseNetworks(next);
      networks = next;
    }
    const { client } = exchange;
    if (client === null || !isTrusted(client)) return client;
    // What stands before the last was said by the proxy's own client, who may be anybody.
    const named = plainAddress((exchange.header('x-forwarded-for') ?? '').split(',').at(-1)!.trim());
    return isIP(named) === 0 ? null : named;
  };
}

async function answer(
  options: DoorsOptions,
  exchange: Exchange,
  { provider, result, client }: { provider: Provider; result: DoorResult; client: string | null },
): Promise<void> {
  const { kind, detail } = result;
  const status = provider.answers[kind];
  if (kind === 'stored') options.onFault?.(provider.name, null);
  const wait = WAITS.get(result);
  if (wait !== undefined) {
    options.log.warn('deferred', { door: provider.name, client, detail, status });
    // What is still to come of the post is not read.
    await exchange.problem(status, detail, {}, { 'retry-after': String(wait), connection: 'close' });
    return;
  }
  if (kind === 'unproven' || kind === 'malformed' || kind === 'too_large' || result.closed) {
    const level = provider.losesMail === undefined ? 'warn' : 'error';
    options.log[level]('rejected', { door: provider.name, client, reason: kind, detail, status });
    options.onFault?.(provider.name, detail);
  }
  if (status === 204) await exchange.send(204, null);
  else if (status === 200)
    await exchange.text(200, kind === 'stored' ? 'stored\n' : 'refused, see the log of replyd\n');
  else await exchange.problem(status, detail);
}
