/**
 * The HTTP doors: which address is whose, and what each provider is answered. A door (`relay.ts` and so on) translates
 * the request into posts; here each post goes to the reception, and one table says the ending in the provider's words,
 * so that he retries what should come again and stops what never will be taken.
 *
 * Several recipients of a mail, and several mails of a request, are handled one by one; each that can be stored is stored.
 * The answer is for the worst ending that a retry can mend: trouble, then a missing or too large mail. Otherwise one
 * recipient who has the mail makes it `stored`; refused ones are on record. A retry finds what was stored before, so
 * nothing is filed twice, and nothing is lost without a word. Refusals of mails that will come again are not recorded.
 *
 * A door without a secret is closed: 404, as if it were not there; but SendGrid drops a mail on that, so its door says
 * 503. What is wrong with a request is a line in the log; an error where a provider will throw mails away for it.
 */
import { randomUUID } from 'node:crypto';
import { copyFile, link } from 'node:fs/promises';
import path from 'node:path';
import type { Destination, Reception, Verdict } from '../conversation/ports.js';
import { errorText } from '../errors.js';
import type { Exchange, HttpHandler } from '../http.js';
import type { Log } from '../log.js';
import { normalizeAddress } from '../mail/address.js';
import type { Content } from '../mail/mail.js';
import type { Status } from '../mail/status.js';
import { type Door, type DoorRequest, discard, maxBodyOf, type Post, type Provider, type Translation } from './door.js';
import { readMailgun } from './mailgun.js';
import { readMandrill } from './mandrill.js';
import { readPostmark } from './postmark.js';
import { readRelay } from './relay.js';
import { readSendgrid } from './sendgrid.js';
import { maskRecipient } from './smtp-transaction.js';
import { openSpool } from './spool.js';

/** How a request ended. */
export type Ending = 'stored' | 'refused' | 'unproven' | 'malformed' | 'too_large' | 'trouble';

/** The answers of product.md section 8. SendGrid drops a mail on 3xx and 4xx; only 406 stops Mailgun, 403 Postmark. */
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

interface Result {
  readonly ending: Ending;
  /** For whoever reads it at the provider. */
  readonly detail: string;
  /** The door has no secret. */
  readonly closed?: boolean;
}

const TROUBLE: Result = { ending: 'trouble', detail: 'Temporary trouble here, try again later.' };
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
    const result = await take(options, exchange, provider, post);
    if (worst === null || ORDER.indexOf(result.ending) < ORDER.indexOf(worst.ending)) worst = result;
  }
  return worst ?? { ending: 'stored', detail: '' };
}

/** One mail, for all its recipients. */
async function take(options: DoorsOptions, exchange: Exchange, provider: Provider, post: Post): Promise<Result> {
  const { reception, log } = options;
  const { raw } = post;
  if (raw === 'too_large') return { ending: 'too_large', detail: 'The mail is larger than smtp.max_size.' };
  if (raw === 'missing') return { ending: 'malformed', detail: 'A part of the post has no raw mail or no recipient.' };
  let copy: Content | null = null;
  try {
    const asked = await askFor(reception, post.rcptTo);
    if (asked.deferred) return TROUBLE;
    copy = await keep(raw, options.spoolFolder);
    const mailFrom =
      normalizeAddress(post.mailFrom) ?? (isNullSender(post.mailFrom) ? '' : post.mailFrom.slice(0, 320));
    const { destinations } = asked;
    const verdicts =
      destinations.length === 0
        ? []
        : await reception.accept(
            {
              mailFrom,
              destinations,
              raw,
              via: provider,
              client: exchange.client,
              // The relay is a front MTA of our own; a provider lets pass what the sender wrote.
              trusted: provider === 'relay',
              ...(post.evidence === undefined ? {} : { evidence: post.evidence }),
            },
            { together: false },
          );
    if (verdicts.length < destinations.length || verdicts.some(verdict => verdict.word === 'deferred')) return TROUBLE;
    const refused = refusedOnes(asked, verdicts);
    const stored = verdicts.some(verdict => verdict.word === 'accepted');
    if (!stored || (refused.length > 0 && !post.guessed)) {
      await reception.refuse({
        envelope: { mailFrom, rcptTo: refused.map(one => one.address) },
        raw: await secondCopy(copy, options.spoolFolder),
        via: provider,
        client: exchange.client,
        reason: reasonOf(refused),
      });
      log.warn('rejected', {
        door: provider,
        client: exchange.client,
        to: refused.map(one => maskRecipient(one.address)),
        reason: reasonOf(refused),
      });
    }
    if (stored) return { ending: 'stored', detail: '' };
    return { ending: 'refused', detail: refused[0]?.status?.text ?? 'No recipient of this mail is here.' };
  } catch (error) {
    log.error('deferred', { door: provider, client: exchange.client, error: errorText(error) });
    return TROUBLE;
  } finally {
    post.release();
    await discard(raw);
    if (copy !== null) await discard(copy);
  }
}

interface Asked {
  readonly destinations: readonly Destination[];
  readonly refused: readonly Refused[];
  readonly deferred: boolean;
}

interface Refused {
  readonly address: string;
  readonly status: Status | null;
}

async function askFor(reception: Reception, recipients: readonly string[]): Promise<Asked> {
  const destinations = new Map<string, Destination>();
  const refused: Refused[] = [];
  let deferred = false;
  for (const recipient of new Set(recipients)) {
    const address = normalizeAddress(recipient) ?? recipient.slice(0, 320);
    const resolution = await reception.resolve(address);
    if (resolution.word === 'accepted') {
      const { destination } = resolution;
      destinations.set(`${destination.kind} ${destination.address.toLowerCase()}`, destination);
    } else if (resolution.word === 'deferred') deferred = true;
    else refused.push({ address, status: resolution.status });
  }
  return { destinations: [...destinations.values()], refused, deferred };
}

function refusedOnes(asked: Asked, verdicts: readonly Verdict[]): readonly Refused[] {
  const later = asked.destinations.flatMap(({ address }, at) => {
    const verdict = verdicts[at];
    return verdict?.word === 'rejected' ? [{ address, status: verdict.status }] : [];
  });
  return [...asked.refused, ...later];
}

function reasonOf(refused: readonly Refused[]): string {
  const status = refused[0]?.status;
  return status ? `${status.enhanced} ${status.text}` : 'no recipient';
}

/** The reception takes the file away; a link keeps the bytes for the record of a refusal. */
async function keep(raw: Content, folder: string): Promise<Content> {
  if ('bytes' in raw) return raw;
  const file = path.join(folder, `http-${randomUUID()}.eml`);
  await link(raw.file, file);
  return { file };
}

/** A file of its own: the first may be a link to one that the store has put in place. */
async function secondCopy(kept: Content, folder: string): Promise<Content> {
  if ('bytes' in kept) return kept;
  const file = path.join(folder, `http-${randomUUID()}.eml`);
  await copyFile(kept.file, file);
  return { file };
}

function isNullSender(text: string): boolean {
  return /^(?:<>|mailer-daemon|#@\[\])?$/i.test(text.trim());
}

/** Mandrill, and people with a browser, look whether the address is there. */
async function answerProbe(exchange: Exchange, provider: Provider): Promise<void> {
  if (exchange.method === 'GET' || exchange.method === 'HEAD') {
    await exchange.text(200, `replyd takes the posts of ${provider} here.\n`);
  } else await exchange.problem(405, 'Mails are posted here.', {}, { allow: 'GET, HEAD, POST' });
}

async function answer(options: DoorsOptions, exchange: Exchange, provider: Provider, result: Result): Promise<void> {
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
