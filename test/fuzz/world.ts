/**
 * The world in which dialogues and posts are played: a daemon's settings and a store with two accounts. The tokens of
 * conversations are the same each time, so that a seed says the same bytes again.
 */
import path from 'node:path';
import { loadConfig } from '#replyd/config/load.js';
import { storeRules } from '#replyd/config/settings.js';
import { type Connection, openDatabase } from '#replyd/store/sqlite/database.js';
import { openStore } from '#replyd/store/sqlite/open.js';
import { type DaemonProcess, makeDaemon, type Settings } from '../daemon-process.js';
import { corpusMails } from '../mail/corpus.js';
import type { World } from './grammar.js';

export const MAX_SIZE = 300_000;
export const HOSTNAME = 'replyd.example.com';
const DOMAIN = 'reply.example.com';
const CONVERSATIONS = 64;

function settings(): Settings {
  return {
    'log.level': 'warn',
    'lmtp.listen': ['127.0.0.1:0'],
    'smtp.max_size': MAX_SIZE,
    'smtp.max_recipients': 5,
    'smtp.trusted_networks': ['127.0.0.1/32'],
    'tls.certificate': path.resolve('test/ingress/tls/first.cert.pem'),
    'tls.key': path.resolve('test/ingress/tls/first.key.pem'),
  };
}

/** A daemon in its world, and a reading connection to its store; all is put away again, also when `play` throws. */
export async function inWorld<T>(
  more: Settings,
  play: (daemon: DaemonProcess, db: Connection, world: World) => Promise<T>,
): Promise<T> {
  const daemon = await makeDaemon({ settings: { ...settings(), ...more } });
  let result: T;
  try {
    const world = await makeWorld(daemon.dataFolder);
    await daemon.start();
    const db = openDatabase(daemon.dataFolder);
    try {
      db.onlyRead();
      result = await play(daemon, db, world);
    } finally {
      db.close();
    }
  } catch (error) {
    // What it says of its end is less than why.
    await daemon.close().catch(() => {});
    throw error;
  }
  await daemon.close();
  return result;
}

/** One account takes mail and opens conversations, the other is switched off. To be called before the daemon starts. */
async function makeWorld(dataDir: string): Promise<World> {
  const rules = storeRules(loadConfig({ env: {}, cwd: dataDir }).config);
  const store = await openStore({ dataDir, writer: 'thread', rules, migrate: true });
  try {
    const account = { slug: 'acme', domains: [DOMAIN], support_email: 'support@example.com' };
    const { inbox } = await store.addAccount(account);
    await store.setFeature('acme', 'new_conversations', true);
    await store.setAccount('acme', { settings: { blocked: ['pest@blocked.example'] } });
    await store.addAccount({ slug: 'off', domains: ['off.example.com'], support_email: 'support@example.net' });
    const start = async (number: number, slug = 'acme') => {
      const made = await store.startConversation({
        account: slug,
        channel: 'web_widget',
        contact: { email: `customer${number}@customer.example` },
        text: 'Where is my parcel?',
        token: (0x9e3779b97f4a7c15n * BigInt(number + 1)).toString(16).padStart(32, '0').slice(-32),
        via: 'cli',
      });
      return { id: made.id, address: made.reply_to! };
    };
    const replies: string[] = [];
    for (let number = 0; number < CONVERSATIONS; number += 1) replies.push((await start(number)).address);
    const revoked = await start(CONVERSATIONS);
    await store.revokeToken({ id: revoked.id });
    const switchedOff = await start(CONVERSATIONS + 1, 'off');
    await store.setFeature('off', 'inbound_emails', false);
    return {
      domain: DOMAIN,
      replies,
      inbox: inbox!,
      revoked: revoked.address,
      switchedOff: switchedOff.address,
      blocked: 'pest@blocked.example',
      corpus: corpusMails().map(mail => mail.bytes),
    };
  } finally {
    await store.close();
  }
}

/** Every recipient that may be taken, in the form in which it is kept. */
export function aliveIn(world: World): ReadonlySet<string> {
  const { domain, inbox, replies } = world;
  const operator = ['postmaster', ...[domain, 'off.example.com'].flatMap(at => [`postmaster@${at}`, `abuse@${at}`])];
  const written = [inbox, ...replies].flatMap(address => ['+', '-', '='].map(sign => address.replace('+', sign)));
  return new Set([...operator, ...written]);
}
