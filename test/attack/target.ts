/**
 * The daemon that one kind attacks: `bin/replyd serve` with every door open, and two accounts in its store. Only 127.0.0.1
 * is trusted; strangers come from the other addresses of 127.0.0.0/8 (so this runs on Linux only).
 *
 * `store` writes and reads beside the daemon, as the command line does. `db` only reads.
 */
import path from 'node:path';
import { loadConfig } from '#replyd/config/load.js';
import { storeRules } from '#replyd/config/settings.js';
import type { Conversation } from '#replyd/conversation/model.js';
import type { OpenStore } from '#replyd/store/assembled.js';
import { type Connection, openDatabase } from '#replyd/store/sqlite/database.js';
import { openStore } from '#replyd/store/sqlite/open.js';
import { type DaemonProcess, hostPort, makeDaemon, type Settings } from '../daemon-process.js';
import { mountSmallDisk, unmount } from '../durability/small-disk.js';
import { PUBLIC_URL, SECRET } from '../ingress/provider-posts.js';
import { connectTalk, type SmtpTalk } from '../interop/smtp-talk.js';
import { withLogs } from '../with-logs.js';

export type Door = 'smtp' | 'lmtp';
export type Addressed = Conversation & { readonly reply_to: string };

export interface Tenant {
  readonly slug: string;
  readonly domain: string;
  /** A bearer key for the API. */
  readonly key: string;
}

export interface Target {
  readonly daemon: DaemonProcess;
  readonly store: OpenStore;
  readonly db: Connection;
  /** `http://host:port`. */
  readonly url: string;
  readonly acme: Tenant;
  readonly umbra: Tenant;
  /** The customer whose mail comes beside the attack. */
  readonly customer: Addressed;
  at(door: Door): { readonly host: string; readonly port: number };
  /** A new conversation; `acme`'s unless another is named. */
  converse(options?: { tenant?: Tenant; contact?: string; text?: string }): Promise<Addressed>;
  /** An address that never came before, in a network of its own. */
  stranger(): string;
  /** A session behind its greeting and EHLO or LHLO; by default from the trusted address. */
  session(door: Door, options?: { from?: string; timeout?: number }): Promise<SmtpTalk>;
  /** How many mails are on record, in whatever state. */
  mails(): number;
  /** Ends the daemon and removes all of it. */
  close(): Promise<void>;
}

export const TRUSTED = '127.0.0.1';

function settingsOf(more: Settings): Settings {
  return {
    'log.level': 'info',
    'lmtp.listen': ['127.0.0.1:0'],
    'smtp.trusted_networks': [`${TRUSTED}/32`],
    'tls.certificate': path.resolve('test/ingress/tls/first.cert.pem'),
    'tls.key': path.resolve('test/ingress/tls/first.key.pem'),
    'http.public_url': PUBLIC_URL,
    'ingress.relay.password': SECRET,
    'ingress.mailgun.signing_key': SECRET,
    'ingress.mandrill.key': SECRET,
    'ingress.postmark.password': SECRET,
    'ingress.sendgrid.password': SECRET,
    'limits.min_free': 0,
    'limits.loop_messages': 10_000,
    'limits.api_requests': 1_000_000,
    ...more,
  };
}

export async function openTarget(more: Settings = {}, { disk }: { readonly disk?: number } = {}): Promise<Target> {
  const daemon = await makeDaemon({ settings: settingsOf(more) });
  const closers: (() => unknown)[] = [() => daemon.close()];
  if (disk !== undefined) {
    if (!mountSmallDisk(daemon.dataFolder, disk)) throw new Error('mounting a tmpfs needs root');
    closers.push(() => unmount(daemon.dataFolder));
  }
  const close = async () => {
    for (let closer = closers.pop(); closer !== undefined; closer = closers.pop()) await closer();
  };
  try {
    const { config } = loadConfig({ file: daemon.configFile, env: {}, cwd: daemon.folder });
    const rules = storeRules(config);
    const store = await openStore({ dataDir: config.dataDir, writer: 'direct', rules, migrate: true });
    closers.push(() => store.close());
    const acme = await addTenant(store, 'acme', 'reply.example.com');
    const umbra = await addTenant(store, 'umbra', 'reply.example.net');
    const customer = await start(store, acme, { contact: 'customer@customer.example' });
    await withLogs({ replyd: () => daemon.log() }, () => daemon.start());
    const db = openDatabase(daemon.dataFolder);
    db.onlyRead();
    closers.push(() => db.close());
    return { ...parts({ daemon, store, db, acme }), umbra, customer, close };
  } catch (error) {
    await close().catch(() => {});
    throw error;
  }
}

function parts(made: Pick<Target, 'daemon' | 'store' | 'db' | 'acme'>) {
  const { daemon, store, db, acme } = made;
  const at = (door: Door) => hostPort(daemon.listening[door][0]);
  let strangers = 0;
  let contacts = 0;
  return {
    ...made,
    at,
    url: `http://${daemon.listening.http}`,
    converse(options: Parameters<Target['converse']>[0] = {}) {
      contacts += 1;
      const { tenant = acme, contact = `contact${contacts}@customer.example`, text } = options;
      return start(store, tenant, { contact, ...(text === undefined ? {} : { text }) });
    },
    stranger() {
      strangers += 1;
      return `127.${1 + (strangers >> 8)}.${strangers & 255}.2`;
    },
    async session(door: Door, { from = TRUSTED, timeout = 10_000 }: { from?: string; timeout?: number } = {}) {
      const talk = await connectTalk(at(door), { localAddress: from, timeout });
      await talk.expect(220);
      await talk.command(door === 'lmtp' ? 'LHLO client.example.net' : 'EHLO client.example.net', 250);
      return talk;
    },
    mails: () => db.value<number>('select count(*) from mail') ?? 0,
  };
}

async function addTenant(store: OpenStore, slug: string, domain: string): Promise<Tenant> {
  await store.addAccount({ slug, domains: [domain], support_email: `support@${slug}.example` });
  const { secret: key } = await store.addKey({ account: slug });
  return { slug, domain, key };
}

async function start(
  store: OpenStore,
  { slug }: Tenant,
  { contact, text = 'Where is my parcel?' }: { contact: string; text?: string },
): Promise<Addressed> {
  const made = await store.startConversation({
    account: slug,
    channel: 'web_widget',
    contact: { email: contact, name: 'Carla' },
    text,
    via: 'cli',
  });
  return { ...made, reply_to: made.reply_to! };
}
