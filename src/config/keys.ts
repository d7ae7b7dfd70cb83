/**
 * The one table of configuration keys: name, kind, default, meaning, whether only a restart changes it and whether it is
 * a secret. Parsing, environment variables, the type `Config`, the reference file and the reference page follow from it:
 * a new key is one entry here and nothing else.
 *
 * Meanings are for operators, in whole sentences. They say what zero, "" or [] mean where that is allowed.
 */

import { LOG_LEVELS } from '../base/log.js';
import { VERIFY_MODES } from '../conversation/rules/verification.js';
import { PROVIDERS, type SecretKey, secretKeyOf } from '../ingress/providers/list.js';
import { maskUrl } from '../store/postgres/address.js';
import {
  anyListen,
  databaseUrl,
  emailAddress,
  hostName,
  hostOrAddress,
  network,
  replyPrefix,
  tcpListen,
  webAddress,
  wordOrAddress,
} from './place.js';
import type { Kind, Written } from './values.js';
import {
  duration,
  durationOrAlways,
  fileMode,
  filePath,
  listOf,
  oneOf,
  optional,
  secret,
  size,
  text,
  whole,
  yesNo,
} from './values.js';

export interface Key<T> {
  readonly kind: Kind<T>;
  /** As it would be written in the file. */
  readonly default: Written;
  readonly meaning: string;
  /** Only a restart changes it; the others change with SIGHUP. */
  readonly restart?: boolean;
  /** Its value is never shown: `mask` gives what is, of the value as it is written; without it that is nothing. */
  readonly secret?: boolean;
  readonly mask?: (written: string) => string;
  /** What the example file shows where the default is "nothing". */
  readonly example?: Written;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Whoever finds a provider's secret can write into conversations, and everybody can try. */
const MIN_PROVIDER_SECRET = 16;

const timeout = () => duration(100, DAY);

export const KEYS = {
  data_dir: key(filePath(), './data', {
    meaning:
      "The folder that keeps everything: the store, large mails, locks, listening.json. Made with mode 0700. With store.url it is this machine's working folder: mails on their way in, locks, listening.json; each node has its own.",
    restart: true,
  }),

  'store.url': key(optional(databaseUrl()), '', {
    meaning:
      "The PostgreSQL database (14 or newer) that keeps the store, for several machines on one store; of several hosts (host1,host2) the first that can be written to is used. sslmode, sslrootcert and libpq's variables (PGHOST, PGUSER, PGPASSWORD, …) mean what they mean to psql. In user and password % @ / ? : # are written as %25 %40 %2F %3F %3A %23. Empty: SQLite in data_dir.",
    example: 'postgres://replyd:password@db1.example.com,db2.example.com/replyd?sslmode=require',
    secret: true,
    mask: maskUrl,
    restart: true,
  }),
  'store.pool': key(whole(5, 200), 10, {
    meaning:
      'With store.url: the most connections of the daemon to PostgreSQL, beside one that only hears of what other nodes committed. A command has its own, at most as many.',
    restart: true,
  }),
  'store.patience': key(duration(500, 60_000), '5s', {
    meaning:
      'With store.url: a database that is silent for this long is away. Mail is answered 451 and requests 503 then, and all goes on by itself when it is back.',
    restart: true,
  }),
  'store.standbys': key(whole(0, 10), 0, {
    meaning:
      'With store.url: on how many standbys, beside the primary, each mail has to be on disk before it is answered. /readyz and `replyd doctor` then demand that synchronous_standby_names of PostgreSQL says at least as many. 0: the primary alone.',
    restart: true,
  }),

  'log.level': key(oneOf(LOG_LEVELS), 'info', { meaning: 'Lines below this level are not written.' }),
  'log.format': key(oneOf(['json', 'pretty']), 'json', {
    meaning: 'One JSON object a line, or lines for people.',
    restart: true,
  }),

  'operator.address': key(optional(emailAddress()), '', {
    meaning: 'Mail to postmaster@ and abuse@ of the inbound domains is sent on to this address. Empty: only kept.',
    example: 'ops@example.com',
  }),

  'smtp.listen': key(listOf(tcpListen()), ['127.0.0.1:2525'], {
    meaning: 'Where SMTP listens. As an MX: ["[::]:25"], which takes IPv4 too. Empty list: no SMTP.',
    restart: true,
  }),
  'smtp.hostname': key(optional(hostName()), '', {
    meaning: 'The name in the greeting and in our EHLO; it should have a PTR record. Empty: the name of the machine.',
    example: 'mx.example.com',
    restart: true,
  }),
  'smtp.max_size': key(size(1024), '35MiB', { meaning: 'The largest mail that every door takes, in bytes as sent.' }),
  'smtp.max_connections': key(whole(1, 100_000), 1000, {
    meaning: 'Open connections in all. One in ten is kept for trusted networks.',
  }),
  'smtp.max_connections_per_ip': key(whole(1, 100_000), 50, {
    meaning:
      'Open connections from one IPv4 address or IPv6 /64; four times as many from its network (IPv4 /24, IPv6 /48). Trusted networks are not limited.',
  }),
  'smtp.max_recipients': key(whole(1, 10_000), 100, {
    meaning: 'Recipients of one mail; the MTA sends to further ones in another mail.',
  }),
  'smtp.idle_timeout': key(timeout(), '5m', { meaning: 'A connection that is silent for this long is closed.' }),
  'smtp.session_timeout': key(timeout(), '30m', { meaning: 'The longest life of one connection.' }),
  'smtp.data_timeout': key(timeout(), '10m', { meaning: 'The longest time that one mail may take after DATA.' }),
  'smtp.trusted_networks': key(listOf(network()), ['127.0.0.0/8', '::1/128'], {
    meaning:
      'Your own MTAs, also those in front of replyd: no greeting delay, no limits per address; they may use XCLIENT, and their Authentication-Results count. A reverse proxy there names its client in X-Forwarded-For.',
  }),

  'lmtp.listen': key(listOf(anyListen()), [], {
    meaning:
      'Where LMTP listens: unix:/path or host:port, one or a list. `replyd deliver` needs it. Empty list: no LMTP.',
    example: ['unix:/run/replyd/lmtp.sock'],
    restart: true,
  }),
  'lmtp.socket_mode': key(fileMode(), '0660', { meaning: 'Permissions of the unix sockets.', restart: true }),
  'lmtp.socket_group': key(optional(text()), '', {
    meaning:
      'Group of the unix sockets, as a name or a number. The daemon must be in it, or their folder must pass it on (setgid). Empty: the group the daemon runs as.',
    example: 'postfix',
    restart: true,
  }),

  'tls.certificate': key(optional(filePath()), '', {
    meaning: 'PEM file with the certificate and its chain. With it and the key STARTTLS is offered; empty: it is not.',
    example: '/etc/replyd/tls/fullchain.pem',
  }),
  'tls.key': key(optional(filePath()), '', {
    meaning: 'PEM file with the private key of the certificate.',
    example: '/etc/replyd/tls/privkey.pem',
  }),

  'http.listen': key(optional(tcpListen()), '127.0.0.1:8025', {
    meaning:
      'Where the API, /healthz and /metrics are. There is no TLS: keep it on loopback behind a reverse proxy. Empty: no HTTP.',
    restart: true,
  }),
  'http.public_url': key(optional(webAddress()), '', {
    meaning: 'The address that providers post to, as they see it. Mandrill signs it, so its door needs it.',
    example: 'https://replyd.example.com',
    restart: true,
  }),

  'ingress.listen': key(optional(tcpListen()), '', {
    meaning:
      'A separate listener for the providers, so that only their doors are public. Empty: they share http.listen.',
    example: '127.0.0.1:8026',
    restart: true,
  }),
  ...providerSecrets(),

  'web.listen': key(optional(tcpListen()), '', {
    meaning:
      'Where the page for agents is. There is no TLS: keep it on loopback behind a reverse proxy; elsewhere web.public_url must begin with https. Empty: no page.',
    example: '127.0.0.1:8027',
    restart: true,
  }),
  'web.public_url': key(optional(webAddress()), '', {
    meaning:
      'The address of that page as agents see it; links to sign in begin with it. Empty: http and web.listen, where that is loopback.',
    example: 'https://support.example.com',
    restart: true,
  }),
  'web.trusted_proxies': key(listOf(network()), [], {
    meaning:
      'The reverse proxies in front of that page: clients are told apart by the last address in their X-Forwarded-For. Empty list: none; each client counts by its own address.',
    example: ['127.0.0.1/32'],
    restart: true,
  }),

  'reply.prefix': key(listOf(replyPrefix(), { atLeast: 1 }), ['reply'], {
    meaning: 'The word in front of a reply address. The first is used, all are understood: keep old ones in the list.',
    restart: true,
  }),
  'reply.separator': key(oneOf(['+', '-', '=']), '+', {
    meaning: 'The sign between that word and the token. All three are always understood.',
    restart: true,
  }),

  'outbound.transport': key(oneOf(['file', 'smtp']), 'file', {
    meaning: 'How mails leave: into data_dir/sent/*.eml, so that nothing leaves by accident, or to a smarthost.',
  }),
  'outbound.host': key(optional(hostOrAddress()), '', {
    meaning: 'The smarthost: the MTA that takes and signs outgoing mail.',
    example: '127.0.0.1',
  }),
  'outbound.port': key(whole(1, 65_535), 25, { meaning: 'Its port: 25, 587, or 465 with "implicit".' }),
  'outbound.tls': key(oneOf(['none', 'opportunistic', 'required', 'implicit']), 'opportunistic', {
    meaning:
      'none; opportunistic: STARTTLS where it is offered, any certificate; required: STARTTLS with a valid certificate; implicit: TLS from the start, with a valid certificate.',
  }),
  'outbound.username': key(optional(text()), '', {
    meaning: 'Login at the smarthost. Empty: none.',
    example: 'replyd',
  }),
  'outbound.password': key(optional(secret()), '', {
    meaning: 'Password of that login.',
    example: 'a long password',
    secret: true,
  }),
  'outbound.connections': key(whole(1, 100), 5, { meaning: 'Connections to the smarthost at a time.' }),
  'outbound.envelope_sender': key(wordOrAddress(['bounce', 'support']), 'bounce', {
    meaning:
      'The envelope sender. bounce: an own address for each delivery, so that a bounce finds its message; support: the support address; or one address, for smarthosts that allow only one.',
  }),
  'outbound.max_size': key(size(1024), '25MiB', {
    meaning:
      'The largest outgoing mail, encoded: that adds a third to attachments. A larger one is refused when the message is added.',
  }),
  'outbound.retry': key(
    listOf(duration(1000, 7 * DAY), { atLeast: 1 }),
    ['1m', '2m', '5m', '15m', '30m', '1h', '2h', '4h'],
    { meaning: 'The waits between the attempts of one delivery; the last one repeats.' },
  ),
  'outbound.give_up': key(duration(MINUTE, 30 * DAY), '3d', {
    meaning: 'A delivery that nobody took for this long has failed.',
  }),

  'continuity.delay': key(duration(0, 30 * DAY), '2m', {
    meaning:
      'The time from the first unmailed answer to the mail, which carries all answers of that time. Accounts may have their own.',
  }),
  'continuity.context': key(whole(0, 100), 10, {
    meaning: "How many earlier messages a conversation's first mail carries. Accounts may have their own.",
  }),
  'continuity.history': key(whole(0, 100), 3, {
    meaning:
      'How many earlier messages each later mail quotes, at most 20 KB of them; 0: none. Accounts may have their own.',
  }),

  'auth.authserv_id': key(listOf(text()), [], {
    meaning:
      'The authserv-id that your front MTA writes into Authentication-Results (RFC 8601), one or a list. Empty list: no such field counts.',
    example: ['mx.example.com'],
  }),
  'auth.verify': key(oneOf(VERIFY_MODES), 'never', {
    meaning:
      'Whether replyd asks the DNS itself who sent a mail (SPF, DKIM, DMARC): never, when_missing (no trusted Authentication-Results), or always. Before the answer to the client only for accounts with hold_strangers and for answers of agents, 2 s at most.',
  }),
  'auth.resolvers': key(listOf(text()), [], {
    meaning: 'The DNS servers that it asks, address or address:port, one or a list. Empty list: those of the system.',
    example: ['127.0.0.1'],
  }),

  'search.enabled': key(yesNo(), true, {
    meaning:
      'Messages are indexed and found by their words (`replyd search`, GET /v1/search). false spares the work and the disk space of the index; one that is there stays, without what comes from then on, until it is true again. On several nodes the same on all.',
    restart: true,
  }),

  'hooks.allow_private': key(yesNo(), false, {
    meaning: 'Webhooks may go to loopback and private addresses. Set it only where you trust everybody who adds hooks.',
  }),

  'retention.raw': keepFor('How long raw mails are kept, incoming and outgoing.'),
  'retention.resolved': keepFor('How long resolved conversations are kept after their last activity.'),
  'retention.deliveries': keepFor('How long the attempts of finished deliveries are kept.'),
  'retention.unfiled': keepFor(
    'How long mails outside conversations are kept: refused ones, and those for postmaster and abuse.',
    '90d',
  ),

  'limits.parse_time': key(duration(100, 10 * MINUTE), '30s', {
    meaning: 'Time to parse one mail. A mail that needs longer is kept whole, but not understood.',
  }),
  'limits.parse_memory': key(size(2 ** 26), '256MiB', { meaning: 'Memory of the process that parses large mails.' }),
  'limits.loop_messages': key(whole(1, 10_000), 20, {
    meaning:
      'More mails than this in one conversation or from one contact within limits.loop_window are a loop: they are filed without effect.',
  }),
  'limits.loop_window': key(duration(1000, DAY), '10m', { meaning: 'See limits.loop_messages.' }),
  'limits.min_free': key(size(), '256MiB', {
    meaning:
      'So much of the disk of data_dir stays free: mail (452), posts and uploads (503) for which all that is in flight leaves no room are put off. 0: never.',
  }),
  'limits.unfiled': key(size(2 ** 24), '1GiB', {
    meaning:
      'The most bytes of mails outside conversations (refused ones, and those for postmaster and abuse). The oldest go first; retention.unfiled is the limit of time.',
  }),
  'limits.unfiled_mails': key(whole(100, 10_000_000), 100_000, { meaning: 'The most mails outside conversations.' }),
  'limits.refused_recipients': key(whole(1, 10_000), 20, {
    meaning:
      'A stranger is disconnected after this many refused recipients. After five times as many in an hour, or 20 times from its network (IPv4 /24, IPv6 /48), it cannot connect until they expire.',
  }),
  'limits.mails_per_hour': key(whole(1, 10_000_000), 10_000, {
    meaning:
      'Mails an hour from one IPv4 address or IPv6 /64; four times as many from its network. Trusted networks are not limited.',
  }),
  'limits.unproven_bytes': key(size(2 ** 20), '256MiB', {
    meaning:
      "Bytes a minute from one IPv4 address or IPv6 /64 to the providers' doors without a valid proof; four times as many from its network. More is answered 503. One post of the largest size always fits.",
  }),
  'limits.api_requests': key(whole(1, 10_000_000), 6000, { meaning: 'API requests a minute for each key.' }),
  'limits.response_bytes': key(size(2 ** 20, 2 ** 28), '8MiB', {
    meaning:
      'The most JSON in one answer that holds messages or events: a list ends there and goes on at its cursor, a shown conversation has its newest messages. One message always fits.',
  }),
} as const satisfies Record<string, Key<unknown>>;

export type KeyName = keyof typeof KEYS;

export const KEY_NAMES = Object.keys(KEYS) as readonly KeyName[];

type Values = { readonly [Name in KeyName]: (typeof KEYS)[Name] extends Key<infer Value> ? Value : never };

type Camel<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : Name;

type Below<All, Head extends string> = {
  readonly [Name in keyof All as Name extends `${Head}.${infer Rest}` ? Rest : never]: All[Name];
};

type Tree<All> = {
  readonly [Name in keyof All & string as Camel<
    Name extends `${infer Head}.${string}` ? Head : Name
  >]: Name extends `${infer Head}.${string}` ? Tree<Below<All, Head>> : All[Name];
};

/**
 * The configuration as the program reads it: `smtp.max_size` is `config.smtp.maxSize`. Sizes are bytes, durations
 * milliseconds, paths absolute; what is not set is null or an empty list.
 */
export type Config = Tree<Values>;

/** The definition of `name`, or null when there is no such key. */
export function findKey(name: string): Key<unknown> | null {
  return Object.hasOwn(KEYS, name) ? (KEYS[name as KeyName] as Key<unknown>) : null;
}

/** `smtp.max_size` → `REPLYD_SMTP_MAX_SIZE`. */
export function variableOf(name: string): string {
  return `REPLYD_${name.replaceAll('.', '_').toUpperCase()}`;
}

/** `smtp.max_size` → `['smtp', 'maxSize']`: where its value stands in a Config. */
export function pathInConfig(name: string): readonly string[] {
  return name.split('.').map(part => part.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase()));
}

/** The value of a key in a configuration. */
export function readKey(config: Config, name: KeyName): unknown {
  return pathInConfig(name).reduce<unknown>((tree, part) => (tree as Record<string, unknown>)[part], config);
}

/** Whether `name` is a group of keys, such as `smtp` or `ingress.relay`. */
export function isGroup(name: string): boolean {
  return KEY_NAMES.some(key => key.startsWith(`${name}.`));
}

function key<T>(kind: Kind<T>, usual: Written, more: Omit<Key<T>, 'kind' | 'default'>): Key<T> {
  return { kind, default: usual, ...more };
}

/** A key for each provider. */
function providerSecrets(): { readonly [Name in SecretKey]: Key<readonly string[]> } {
  const define = (meaning: string) =>
    key(listOf(secret({ atLeast: MIN_PROVIDER_SECRET })), [], {
      meaning: `${meaning} At least ${MIN_PROVIDER_SECRET} characters. A list while you change it: each counts. Empty list: this door is closed.`,
      example: ['a very long password'],
      secret: true,
    });
  const entries = PROVIDERS.map(provider => [secretKeyOf(provider), define(provider.secretMeaning)]);
  return Object.fromEntries(entries) as { readonly [Name in SecretKey]: Key<readonly string[]> };
}

function keepFor(meaning: string, life = 'always'): Key<number | null> {
  return key(durationOrAlways(DAY, 36_500 * DAY), life, { meaning });
}
