/**
 * Where the page is, and which requests are its own. Three things keep others out: the Host field must name the page (a
 * name that somebody else points at our address is refused, DNS rebinding); what changes something must come with our own
 * Origin; and where the browser says from which site a request comes (Sec-Fetch-Site), that must be ours too.
 *
 * The session is in a cookie that no script reads. Over https its name begins with `__Host-`: a browser takes it from this
 * very host alone, over TLS, and sends it nowhere else (RFC 6265bis). Over http, which is for loopback alone, it can't have
 * that name everywhere (Safari takes no Secure cookie there); the port is in its name, since cookies know no ports.
 */
import type { Exchange, Headers } from '../base/http.js';

export interface Site {
  /** What `Origin` may say. */
  readonly origins: ReadonlySet<string>;
  /** What `Host` may say. */
  readonly hosts: ReadonlySet<string>;
  readonly secure: boolean;
  readonly cookie: string;
}

const DEFAULT_PORT = { 'http:': '80', 'https:': '443' } as const;
/** As long as a session lives at most. */
const COOKIE_LIFE = 30 * 24 * 3600;
const SESSION = /^rps_[\w-]{32}$/;

/** `publicUrl`: as agents see it; null: it is on loopback, and `port` is where it listens. */
export function siteOf({ publicUrl, port }: { readonly publicUrl: string | null; readonly port: number }): Site {
  const addresses =
    publicUrl === null ? ['localhost', '127.0.0.1', '[::1]'].map(host => `http://${host}:${port}`) : [publicUrl];
  const urls = addresses.map(address => new URL(address));
  const [{ protocol, port: named }] = urls as [URL];
  const usual = DEFAULT_PORT[protocol as 'http:' | 'https:'];
  const secure = protocol === 'https:';
  return {
    origins: new Set(urls.map(url => url.origin)),
    hosts: new Set(urls.flatMap(url => [url.host, ...(url.port === '' ? [`${url.hostname}:${usual}`] : [])])),
    secure,
    cookie: secure ? '__Host-replyd' : `replyd-${named || usual}`,
  };
}

/** Why a request is not the page's own: what was refused, for the figures; null: it is. */
export type Refusal = 'host' | 'origin' | null;

/** `open`: what everybody may ask for from everywhere: the page itself, which a link in a mail leads to. */
export function refusalOf(exchange: Exchange, site: Site, { open }: { readonly open: boolean }): Refusal {
  if (!site.hosts.has((exchange.header('host') ?? '').toLowerCase())) return 'host';
  const changes = !['GET', 'HEAD'].includes(exchange.method);
  const origin = exchange.header('origin');
  if (origin === undefined ? changes : !site.origins.has(origin)) return 'origin';
  const from = exchange.header('sec-fetch-site') ?? 'same-origin';
  // `none`: somebody typed the address, or opened a download once more.
  const allowed = changes ? from === 'same-origin' : open || from === 'same-origin' || from === 'none';
  return allowed ? null : 'origin';
}

/** The secret of the session in the request's cookie, or null. */
export function sessionIn(exchange: Exchange, site: Site): string | null {
  for (const pair of (exchange.header('cookie') ?? '').split(';')) {
    const at = pair.indexOf('=');
    if (at === -1 || pair.slice(0, at).trim() !== site.cookie) continue;
    const secret = pair.slice(at + 1).trim();
    return SESSION.test(secret) ? secret : null;
  }
  return null;
}

/** `secret` null: the browser forgets it. */
export function sessionCookie(site: Site, secret: string | null): Headers {
  const life = secret === null ? 0 : COOKIE_LIFE;
  const secure = site.secure ? '; Secure' : '';
  return { 'set-cookie': `${site.cookie}=${secret ?? ''}; Path=/; Max-Age=${life}; HttpOnly; SameSite=Lax${secure}` };
}

/** On every answer of the page's listener. What is shown there comes from here alone, runs no other script, and sits in no
 * other page. */
export function siteHeaders({ secure }: Pick<Site, 'secure'>): Headers {
  return {
    'content-security-policy': PAGE_POLICY,
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy': NOTHING.map(name => `${name}=()`).join(', '),
    ...(secure ? { 'strict-transport-security': 'max-age=31536000' } : {}),
  };
}

const PAGE_POLICY = [
  "default-src 'none'",
  ...["script-src 'self'", "style-src 'self'", "img-src 'self' data:", "connect-src 'self'", "frame-src 'self'"],
  ...["form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"],
].join('; ');

const NOTHING = ['camera', 'microphone', 'geolocation', 'display-capture', 'payment', 'usb', 'serial', 'midi', 'hid'];
