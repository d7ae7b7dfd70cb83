/**
 * Posts webhooks. They are signed by the Standard Webhooks scheme (id, time, HMAC-SHA256 for each secret in force). A
 * post is bounded in time and in what is read of the answer, follows no redirect, and goes to no private address unless
 * that is allowed: the addresses of a name are filtered in the DNS query of the connection itself.
 *
 * `post` never throws: it returns a status, or the reason why there is none. `outcomeOf` decides what that means for the
 * delivery and the hook.
 */
import { createHmac } from 'node:crypto';
import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { errorText } from '../base/errors.js';
import type { Clock, Outcome, WebhookParcel } from '../conversation/ports.js';

export interface HookAnswer {
  /** HTTP status, null when there was no answer. */
  readonly status: number | null;
  /** For people: the status line and the beginning of the body, or what went wrong. */
  readonly text: string;
}

export interface Poster {
  post(parcel: Pick<WebhookParcel, 'url' | 'eventId' | 'body' | 'secrets'>): Promise<HookAnswer>;
  close(): void;
}

export interface PosterOptions {
  readonly allowPrivate: () => boolean;
  readonly clock: Clock;
  /** Milliseconds for one attempt; default 15 s. */
  readonly timeout?: number;
  /** In place of the system's DNS. */
  readonly lookup?: (
    hostname: string,
    callback: (error: NodeJS.ErrnoException | null, addresses: readonly LookupAddress[]) => void,
  ) => void;
}

const TIMEOUT = 15_000;
/** Bytes of an answer that are read, and characters that are kept. */
const MAX_ANSWER = 64 * 1024;
const KEPT_ANSWER = 300;

const PRIVATE_RANGES: readonly [string, number][] = [
  // RFC 6890 and its successors: this host, private, shared, loopback, link local, protocols, tests, multicast, reserved.
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
];
const PRIVATE_RANGES_6: readonly [string, number][] = [
  // Only 2000::/3 is the Internet; within it tunnels that carry any IPv4 address, and documentation.
  ['::', 3],
  ['4000::', 2],
  ['8000::', 1],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
];

const privateAddresses = new BlockList();
for (const [net, prefix] of PRIVATE_RANGES) privateAddresses.addSubnet(net, prefix, 'ipv4');
const privateAddresses6 = new BlockList();
for (const [net, prefix] of PRIVATE_RANGES_6) privateAddresses6.addSubnet(net, prefix, 'ipv6');

/** True for what is not on the Internet, and for what is no address. IPv4 within IPv6 (::ffff:…) is never public. */
export function isPrivateAddress(address: string): boolean {
  const family = isIP(address.split('%')[0]!);
  if (family === 4) return privateAddresses.check(address, 'ipv4');
  return family === 0 || address.includes('%') || privateAddresses6.check(address, 'ipv6');
}

/** `webhook-signature` for these bytes; one signature a secret, the newest first. `timestamp` in seconds. */
export function signature(secrets: readonly string[], id: string, timestamp: number, body: string): string {
  return secrets
    .map(secret => {
      const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
      return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
    })
    .join(' ');
}

/**
 * 2xx: taken. 410: the hook is over. Another 4xx is about this one event, which is retried alone. All else is trouble of
 * the receiver: nothing else is tried until it takes a probe.
 */
export function outcomeOf({ status, text }: HookAnswer): Outcome {
  if (status !== null && status >= 200 && status < 300) return { kind: 'sent', response: text };
  if (status === 410) return { kind: 'failed', response: text, suspend: false, refusedByPolicy: false };
  const about = status !== null && status >= 400 && status < 500 && ![401, 403, 404, 407, 408, 429].includes(status);
  return { kind: about ? 'retry' : 'trouble', response: text };
}

export function createPoster(options: PosterOptions): Poster {
  const timeout = options.timeout ?? TIMEOUT;
  const agentOptions = { keepAlive: true, maxFreeSockets: 20, timeout: 60_000, scheduling: 'lifo' as const };
  const agents = { 'http:': new http.Agent(agentOptions), 'https:': new https.Agent(agentOptions) };
  const resolve = options.lookup ?? ((name, callback) => systemLookup(name, { all: true }, callback));

  const lookup: LookupFunction = (hostname, how, callback) => {
    resolve(hostname, (error, found) => {
      const usable = found?.filter(each => !how.family || how.family === 0 || each.family === how.family) ?? [];
      const allowed = options.allowPrivate() ? usable : usable.filter(each => !isPrivateAddress(each.address));
      const first = allowed[0];
      if (error || first === undefined) {
        const fault =
          error ?? new Error(usable.length > 0 ? refused(hostname, usable[0]!.address) : `${hostname} has no address`);
        callback(fault as NodeJS.ErrnoException, '', 0);
      } else if (how.all) (callback as unknown as (error: null, all: LookupAddress[]) => void)(null, [...allowed]);
      else callback(null, first.address, first.family);
    });
  };

  async function attempt(parcel: Parameters<Poster['post']>[0]): Promise<HookAnswer & { readonly stale?: boolean }> {
    const { eventId, body, secrets } = parcel;
    const url = new URL(parcel.url);
    const literal = url.hostname.replace(/^\[|\]$/g, '');
    // A literal address needs no DNS query.
    if (isIP(literal) !== 0 && !options.allowPrivate() && isPrivateAddress(literal)) {
      return { status: null, text: refused(url.hostname, literal) };
    }
    const timestamp = Math.floor(options.clock() / 1000);
    const protocol = url.protocol === 'https:' ? 'https:' : 'http:';
    const signal = AbortSignal.timeout(timeout);
    const request = (protocol === 'https:' ? https : http).request(url, {
      method: 'POST',
      agent: agents[protocol],
      lookup,
      signal,
      headers: {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        'user-agent': 'replyd',
        'webhook-id': eventId,
        'webhook-timestamp': String(timestamp),
        'webhook-signature': signature(secrets, eventId, timestamp, body),
      },
    });
    // Once there is an answer, what happens to the connection does not matter.
    request.on('error', () => {});
    request.end(body);
    try {
      const [response] = (await once(request, 'response')) as [http.IncomingMessage];
      const status = response.statusCode ?? 0;
      const line = `${status} ${response.statusMessage ?? ''}`.trim();
      return { status, text: [line, oneLine(await beginningOf(response))].filter(Boolean).join(': ') };
    } catch (error) {
      if (signal.aborted) return { status: null, text: `no answer within ${timeout} ms` };
      const isLost = (error as NodeJS.ErrnoException).code === 'ECONNRESET';
      return { status: null, text: errorText(error), stale: request.reusedSocket && isLost };
    }
  }

  return {
    async post(parcel) {
      try {
        // The receiver had closed the kept connection: it took nothing.
        const first = await attempt(parcel);
        const { status, text } = first.stale ? await attempt(parcel) : first;
        return { status, text };
      } catch (error) {
        return { status: null, text: errorText(error) };
      }
    },
    close() {
      agents['http:'].destroy();
      agents['https:'].destroy();
    },
  };
}

/** The rest is read too, so that the connection can be used again, but for what is too long. */
async function beginningOf(response: AsyncIterable<Buffer>): Promise<string> {
  let kept = '';
  let size = 0;
  try {
    for await (const chunk of response) {
      if (kept.length < KEPT_ANSWER) kept += chunk.subarray(0, KEPT_ANSWER).toString('utf8');
      size += chunk.length;
      if (size > MAX_ANSWER) break;
    }
  } catch {
    // It broke off. The status has come, and that decides.
  }
  return kept;
}

function refused(name: string, address: string): string {
  return `${name} is ${name === address ? '' : `${address}, `}a private address: hooks.allow_private is off`;
}

function oneLine(text: string): string {
  return text
    .slice(0, KEPT_ANSWER)
    .replaceAll(/[\x00-\x1f\x7f\s]+/g, ' ')
    .trim();
}
