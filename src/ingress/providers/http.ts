/**
 * The HTTP doors: which address is whose, and what each provider is answered. A door (`relay.ts` and so on) translates
 * the request into posts; here each post goes to the reception, and one table says the ending in the provider's words,
 * so that he retries what should come again and stops what never will be taken.
 *
 * Several mails of a request are handled one by one (`take-post.ts`); each that can be stored is stored. The answer is
 * for the worst ending that a retry can mend: trouble, then a missing or too large mail; else one that is stored makes
 * it `stored`. A retry finds what was stored before, so nothing is filed twice, and nothing is lost without a word.
 *
 * A door without a secret is closed: 404, as if it were not there; but SendGrid drops a mail on that, so its door says
 * 503. What is wrong with a request is a line in the log; an error where a provider will throw mails away for it.
 */

import { errorText } from '../../base/errors.js';
import type { Exchange, HttpHandler } from '../../base/http.js';
import type { Log } from '../../base/log.js';
import type { Reception } from '../../conversation/ports.js';
import { type Door, type DoorRequest, maxBodyOf, type Provider, type Translation } from '../door.js';
import { openSpool } from '../spool.js';
import { readMailgun } from './mailgun.js';
import { readMandrill } from './mandrill.js';
import { readPostmark } from './postmark.js';
import { readRelay } from './relay.js';
import { readSendgrid } from './sendgrid.js';
import { type Ending, type Result, TROUBLE, takePost } from './take-post.js';

/** The answers of docs/contract.md section 8. SendGrid drops a mail on 3xx and 4xx; only 406 stops Mailgun, 403 Postmark. */
export const ANSWERS: Readonly<Record<Ending, Readonly<Record<Provider, number>>>> = {
  stored: { mailgun: 200, mandrill: 200, postmark: 200, sendgrid: 200, relay: 204 },
  refused: { mailgun: 406, mandrill: 200, postmark: 403, sendgrid: 200, relay: 404 },
  unproven: { mailgun: 401, mandrill: 401, postmark: 401, sendgrid: 503, relay: 401 },
  malformed: { mailgun: 422, mandrill: 422, postmark: 422, sendgrid: 503, relay: 422 },
  too_large: { mailgun: 413, mandrill: 413, postmark: 413, sendgrid: 503, relay: 413 },
  trouble: { mailgun: 503, mandrill: 503, postmark: 503, sendgrid: 503, relay: 503 },
};

const DOORS: Readonly<Record<Provider, Door>> = {
  relay: readRelay,
  mailgun: readMailgun,
  mandrill: readMandrill,
  postmark: readPostmark,
  sendgrid: readSendgrid,
};

/** Ours, and those of Rails Action Mailbox. Mailgun's without `mime` are there to say what is wrong with them. */
export const PATHS: Readonly<Record<string, Provider>> = {
  '/ingress/relay': 'relay',
  '/ingress/mailgun': 'mailgun',
  '/ingress/mailgun/mime': 'mailgun',
  '/ingress/mandrill': 'mandrill',
  '/ingress/postmark': 'postmark',
  '/ingress/sendgrid': 'sendgrid',
  '/rails/action_mailbox/relay/inbound_emails': 'relay',
  '/rails/action_mailbox/mailgun/inbound_emails': 'mailgun',
  '/rails/action_mailbox/mailgun/inbound_emails/mime': 'mailgun',
  '/rails/action_mailbox/mandrill/inbound_emails': 'mandrill',
  '/rails/action_mailbox/postmark/inbound_emails': 'postmark',
  '/rails/action_mailbox/sendgrid/inbound_emails': 'sendgrid',
};

/** What a reload can change. */
export interface DoorSettings {
  /** Bytes. */
  readonly maxSize: number;
  readonly publicUrl: string | null;
  /** An empty list closes the door. */
  readonly secrets: Readonly<Record<Provider, readonly string[]>>;
}

export interface DoorsOptions {
  readonly reception: Reception;
  readonly log: Log;
  readonly now: () => number;
  /** An existing folder on the store's file system. */
  readonly spoolFolder: string;
  /** Read at each request. */
  readonly settings: () => DoorSettings;
  /** Told what an operator must mend: why a request could not be taken; null when one could. */
  readonly onFault?: (provider: Provider, detail: string | null) => void;
}

const MEMORY_LIMIT = 256 * 1024;
const MEMORY_BUDGET = 64 * 1024 * 1024;

export async function createDoors(options: DoorsOptions): Promise<HttpHandler> {
  const { reception, log, spoolFolder: folder } = options;
  const spool = await openSpool({ folder, name: 'http', memoryLimit: MEMORY_LIMIT, memoryBudget: MEMORY_BUDGET });
  return async exchange => {
    const provider = providerOf(exchange.path);
    if (provider === null) return false;
    const { secrets, maxSize, publicUrl } = options.settings();
    const closed = secrets[provider].length === 0;
    if (closed && provider !== 'sendgrid') return false;
    if (exchange.method !== 'POST') {
      await answerProbe(exchange, provider);
      return true;
    }
    if (closed) {
      await answer(options, exchange, provider, {
        ending: 'trouble',
        detail: 'This door is closed: ingress.sendgrid.password is not set.',
        closed: true,
      });
      return true;
    }
    if (reception.lowOnSpace()) {
      await answer(options, exchange, provider, { ending: 'trouble', detail: 'There is no space to store the mail.' });
      return true;
    }
    const maxBody = maxBodyOf(provider, maxSize);
    if (Number(exchange.header('content-length') ?? 0) > maxBody) {
      // Not read at all; the client hears why before it has sent it.
      const detail = 'The post is larger than one with the largest mail (smtp.max_size).';
      await answer(options, exchange, provider, { ending: 'too_large', detail });
      return true;
    }
    const request: DoorRequest = {
      exchange,
      secrets: secrets[provider],
      spool,
      folder,
      maxSize,
      maxBody,
      lowOnSpace: () => reception.lowOnSpace(),
      now: options.now,
      publicUrl,
    };
    const translation = await DOORS[provider](request).catch((error: unknown): Translation | null => {
      log.error('deferred', { door: provider, client: exchange.client, error: errorText(error) });
      return null;
    });
    if (translation?.word === 'gone') {
      log.info('disconnected', { door: provider, client: exchange.client });
      return true;
    }
    const result = translation === null ? TROUBLE : await finish(options, exchange, provider, translation);
    await answer(options, exchange, provider, result);
    return true;
  };
}

export function providerOf(address: string): Provider | null {
  const plain = address.endsWith('/') ? address.slice(0, -1) : address;
  return Object.hasOwn(PATHS, plain) ? PATHS[plain]! : null;
}

/** The worst first. */
const ORDER: readonly Ending[] = ['trouble', 'malformed', 'too_large', 'stored', 'refused'];

async function finish(
  options: DoorsOptions,
  exchange: Exchange,
  provider: Provider,
  translation: Exclude<Translation, { word: 'gone' }>,
): Promise<Result> {
  if (translation.word !== 'posts') return { ending: translation.word, detail: translation.detail };
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
    await exchange.text(200, `replyd takes the posts of ${provider} here.\n`);
  } else await exchange.problem(405, 'Mails are posted here.', {}, { allow: 'GET, HEAD, POST' });
}

async function answer(
  options: DoorsOptions,
  exchange: Exchange,
  provider: Provider,
  result: Result & { readonly closed?: boolean },
): Promise<void> {
  const { ending, detail } = result;
  const status = ANSWERS[ending][provider];
  if (ending === 'stored') options.onFault?.(provider, null);
  if (ending === 'unproven' || ending === 'malformed' || ending === 'too_large' || result.closed) {
    // After three days SendGrid drops what we never took.
    const level = provider === 'sendgrid' ? 'error' : 'warn';
    options.log[level]('rejected', { door: provider, client: exchange.client, reason: ending, detail, status });
    options.onFault?.(provider, detail);
  }
  if (status === 204) await exchange.send(204, null);
  else if (status === 200)
    await exchange.text(200, ending === 'stored' ? 'stored\n' : 'refused, see the log of replyd\n');
  else await exchange.problem(status, detail);
}
