/**
 * The HTTP doors of the providers: whose address it is, what its file makes of the request (`provider.ts`), and the answer
 * from the provider's table.
 *
 * Several mails of a request are handled one by one (`take-post.ts`); each that can be stored is stored. The answer is
 * for the worst ending that a retry can fix: trouble, then a missing or too large mail; else `stored` if one is stored.
 * A retry finds what was stored before, so nothing is filed twice.
 *
 * A provider without a secret gets 404, as if there were no such address; one that loses mail on 404 gets 503. What is
 * wrong with a request is a line in the log; an error where the provider will throw mails away for it.
 */

import { errorText } from '../../base/errors.js';
import type { Exchange, HttpHandler } from '../../base/http.js';
import type { Log } from '../../base/log.js';
import type { Reception } from '../../conversation/ports.js';
import { openSpool } from '../spool.js';
import { type ProviderName, providerAt } from './list.js';
import type { Ending, Provider, ProviderRequest, Translation } from './provider.js';
import { type Result, TROUBLE, takePost } from './take-post.js';

/** What a reload can change. */
export interface DoorSettings {
  /** Bytes. */
  readonly maxSize: number;
  readonly publicUrl: string | null;
  /** An empty list closes the door. */
  readonly secrets: Readonly<Record<ProviderName, readonly string[]>>;
}

export interface DoorsOptions {
  readonly reception: Reception;
  readonly log: Log;
  readonly now: () => number;
  /** An existing folder on the store's file system. */
  readonly spoolFolder: string;
  /** Read at each request. */
  readonly settings: () => DoorSettings;
  /** Told what an operator must fix: why a request could not be taken; null when one could. */
  readonly onFault?: (provider: Provider['name'], detail: string | null) => void;
}

const MEMORY_LIMIT = 256 * 1024;
const MEMORY_BUDGET = 64 * 1024 * 1024;

export async function createDoors(options: DoorsOptions): Promise<HttpHandler> {
  const { reception, log, spoolFolder: folder } = options;
  const spool = await openSpool({ folder, name: 'http', memoryLimit: MEMORY_LIMIT, memoryBudget: MEMORY_BUDGET });
  return async exchange => {
    const found = providerAt(exchange.path);
    if (found === null) return false;
    const provider: Provider = found;
    const { secrets: all, maxSize, publicUrl } = options.settings();
    const secrets = all[found.name];
    const closed = secrets.length === 0;
    if (closed && provider.losesMail === undefined) return false;
    if (exchange.method !== 'POST') {
      await answerProbe(exchange, provider);
      return true;
    }
    if (closed) {
      await answer(options, exchange, provider, {
        ending: 'trouble',
        detail: `This door is closed: ingress.${provider.name}.${provider.secretKey} is not set.`,
        closed: true,
      });
      return true;
    }
    if (reception.lowOnSpace()) {
      await answer(options, exchange, provider, { ending: 'trouble', detail: 'There is no space to store the mail.' });
      return true;
    }
    const maxBody = provider.maxBody(maxSize);
    if (Number(exchange.header('content-length') ?? 0) > maxBody) {
      // Not read at all; the client hears why before it has sent it.
      const detail = 'The post is larger than one with the largest mail (smtp.max_size).';
      await answer(options, exchange, provider, { ending: 'too_large', detail });
      return true;
    }
    const request: ProviderRequest = {
      exchange,
      secrets,
      spool,
      folder,
      maxSize,
      maxBody,
      lowOnSpace: () => reception.lowOnSpace(),
      now: options.now,
      publicUrl,
    };
    const translation = await provider.read(request).catch((error: unknown): Translation | null => {
      log.error('deferred', { door: provider.name, client: exchange.client, error: errorText(error) });
      return null;
    });
    if (translation?.kind === 'gone') {
      log.info('disconnected', { door: provider.name, client: exchange.client });
      return true;
    }
    const result = translation === null ? TROUBLE : await finish(options, exchange, provider, translation);
    await answer(options, exchange, provider, result);
    return true;
  };
}

/** The worst first. */
const ORDER: readonly Ending[] = ['trouble', 'malformed', 'too_large', 'stored', 'refused'];

async function finish(
  options: DoorsOptions,
  exchange: Exchange,
  provider: Provider,
  translation: Exclude<Translation, { kind: 'gone' }>,
): Promise<Result> {
  if (translation.kind !== 'posts') return { ending: translation.kind, detail: translation.detail };
  let worst: Result | null = null;
  for (const post of translation.posts) {
    const result = await takePost(options, { provider, client: exchange.client }, post);
    if (worst === null || ORDER.indexOf(result.ending) < ORDER.indexOf(worst.ending)) worst = result;
  }
  return worst ?? { ending: 'stored', detail: '' };
}

/** Mandrill, and people with a browser, look whether the address is there. */
async function answerProbe(exchange: Exchange, provider: Provider): Promise<void> {
  if (exchange.method === 'GET' || exchange.method === 'HEAD') {
    await exchange.text(200, `replyd takes the posts of ${provider.name} here.\n`);
  } else await exchange.problem(405, 'Mails are posted here.', {}, { allow: 'GET, HEAD, POST' });
}

async function answer(
  options: DoorsOptions,
  exchange: Exchange,
  provider: Provider,
  result: Result & { readonly closed?: boolean },
): Promise<void> {
  const { ending, detail } = result;
  const status = provider.answers[ending];
  if (ending === 'stored') options.onFault?.(provider.name, null);
  if (ending === 'unproven' || ending === 'malformed' || ending === 'too_large' || result.closed) {
    const level = provider.losesMail === undefined ? 'warn' : 'error';
    options.log[level]('rejected', { door: provider.name, client: exchange.client, reason: ending, detail, status });
    options.onFault?.(provider.name, detail);
  }
  if (status === 204) await exchange.send(204, null);
  else if (status === 200)
    await exchange.text(200, ending === 'stored' ? 'stored\n' : 'refused, see the log of replyd\n');
  else await exchange.problem(status, detail);
}
