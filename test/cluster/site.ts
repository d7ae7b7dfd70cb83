/**
 * What each kind of fault has for itself: a PostgreSQL, three daemons on it, two Postfix in front that hand each mail to a
 * node by chance, a smarthost, a receiver of webhooks, and readers of the event stream. All real, on loopback.
 *
 * `close` ends it all, in whatever state it is.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ApiKey, Conversation } from '#replyd/conversation/model.js';
import { eachOf } from '../attack/attack.js';
import { addAccount, type DaemonProcess, makeDaemon, type Settings } from '../daemon-process.js';
import { follow, type StreamReader } from '../durability/stream-reader.js';
import { type Receiver, startReceiver } from '../fault/receiver.js';
import { type Postfix, startPostfix } from '../interop/postfix.js';
import { type SmtpSink, startSink } from '../outbound/smtp-sink.js';
import { type Cluster, startCluster } from '../postgres/cluster.js';
import { eventually, freePorts } from '../run.js';
import { type Ledger, openLedger } from './ledger.js';
import { type Network, startProxy } from './proxy.js';

export interface SiteOptions {
  /** Each node reaches the database through a network of its own that can break. */
  readonly proxies?: true;
  /** A server that follows the first, and takes its place. Its name. */
  readonly standby?: 'waited for' | 'behind';
}

export interface Node {
  /** Takes its place when another program runs on the same folder. */
  daemon: DaemonProcess;
  readonly settings: Settings;
  readonly smtp: { readonly host: string; readonly port: number };
  readonly lmtp: { readonly host: string; readonly port: number };
  readonly http: string;
  readonly proxy: Network | null;
}

export interface Site {
  readonly folder: string;
  readonly options: SiteOptions;
  /** The ports of the first server and of its standby, as the nodes know them. */
  readonly places: readonly number[];
  readonly nodes: readonly Node[];
  readonly fronts: readonly Postfix[];
  readonly smarthost: SmtpSink;
  readonly receiver: Receiver;
  readonly readers: readonly StreamReader[];
  readonly conversations: readonly (Conversation & { readonly reply_to: string })[];
  readonly key: string;
  readonly ledger: Ledger;
  readonly database: string;
  /** The server that can be written to. */
  server: Cluster;
  standby: Cluster | null;
  /** Rows of the store, read beside all nodes. */
  sql<Row>(text: string): Promise<readonly Row[]>;
  /** What is to be ended with the site, the last first. */
  atEnd(end: () => Promise<unknown> | unknown): void;
  close(): Promise<void>;
}

const NODES = 3;
const FRONTS = 2;
const CONVERSATIONS = 120;
/** How long the smarthost takes for a mail at most, milliseconds: some are on their way at each moment. */
const SMARTHOST_TIME = 20;

export async function openSite(options: SiteOptions = {}): Promise<Site> {
  const folder = mkdtempSync(path.join(tmpdir(), 'cluster-'));
  const ends: (() => Promise<unknown> | unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const close = async () => {
    const faults: unknown[] = [];
    for (const end of ends.splice(0).reverse())
      await Promise.resolve()
        .then(end)
        .catch(error => faults.push(error));
    if (faults.length > 0) throw faults[0];
  };
  try {
    const site = await build(folder, options, end => ends.push(end));
    return Object.assign(site, { close });
  } catch (error) {
    await close().catch(() => {});
    throw error;
  }
}

async function build(
  folder: string,
  options: SiteOptions,
  atEnd: (end: () => Promise<unknown> | unknown) => void,
): Promise<Omit<Site, 'close'>> {
  const server = await startCluster();
  const database = await server.createDatabase('replyd');
  const servers: { server: Cluster; standby: Cluster | null } = { server, standby: null };
  atEnd(async () => {
    await servers.standby?.close();
    await servers.server.close();
  });
  // Known from the beginning: the nodes are told of both.
  const ports = options.standby === undefined ? [server.port] : [server.port, ...(await freePorts(1))];
  const smarthost = await startSink({ dot: 'hold' });
  const answers = setInterval(() => smarthost.release(), SMARTHOST_TIME);
  atEnd(() => {
    clearInterval(answers);
    return smarthost.close();
  });
  const receiver = await startReceiver();
  atEnd(() => receiver.close());

  const nodes: Node[] = [];
  const doors = await freePorts(3 * NODES);
  for (let index = 0; index < NODES; index += 1) {
    const [smtp, lmtp, http] = doors.slice(3 * index, 3 * index + 3) as [number, number, number];
    const proxy = options.proxies ? await startProxy(server.port) : null;
    if (proxy !== null) atEnd(() => proxy.close());
    const places = (proxy === null ? ports : [proxy.port]).map(port => `127.0.0.1:${port}`);
    const settings: Settings = {
      'store.url': `postgres://replyd@${places.join(',')}/${database}?sslmode=disable`,
      'store.patience': '5s',
      'smtp.listen': [`127.0.0.1:${smtp}`],
      'lmtp.listen': [`127.0.0.1:${lmtp}`],
      'http.listen': `127.0.0.1:${http}`,
      'log.level': 'warn',
      'limits.loop_messages': 10_000,
      'limits.loop_window': '1s',
      'limits.api_requests': 1_000_000,
      'hooks.allow_private': true,
      'outbound.transport': 'smtp',
      'outbound.host': '127.0.0.1',
      'outbound.port': smarthost.port,
      'outbound.tls': 'none',
      'outbound.retry': ['1s'],
    };
    const daemon = await makeDaemon({ settings });
    const node: Node = {
      daemon,
      settings,
      smtp: { host: '127.0.0.1', port: smtp },
      lmtp: { host: '127.0.0.1', port: lmtp },
      http: `127.0.0.1:${http}`,
      proxy,
    };
    atEnd(() => endNode(node));
    nodes.push(node);
  }
  // The first makes the tables.
  await nodes[0]!.daemon.start();
  await Promise.all(nodes.slice(1).map(node => node.daemon.start()));

  const hops = nodes.map(node => `smtp:[127.0.0.1]:${node.smtp.port}`);
  const fronts: Postfix[] = [];
  for (let index = 0; index < FRONTS; index += 1) {
    const front = await startPostfix({
      relay: { 'reply.example.com': 'nodes' },
      // The word that stands for the domain is looked up again, and each time another node comes out.
      main: { transport_maps: `pipemap:{texthash:$config_directory/transport, randmap:{${hops.join(',')}}}` },
    });
    atEnd(() => front.stop());
    fronts.push(front);
  }

  const [{ daemon }] = nodes as [Node];
  await addAccount(daemon);
  const { key } = await daemon.json<ApiKey & { key: string }>(['key', 'add', 'acme']);
  await daemon.json(['hook', 'add', 'acme', receiver.url]);
  const readers = nodes.map((_, first) => {
    let next = first;
    return follow(() => nodes[next++ % nodes.length]!.http, key);
  });
  atEnd(() => Promise.all(readers.map(reader => reader.end())));
  await eventually('the readers are there', () => readers.every(reader => reader.begun()));
  const start = async (index: number) => {
    const response = await fetch(`http://${nodes[index % NODES]!.http}/v1/conversations`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ channel: 'email', contact: { email: customer(index), name: 'Carla' } }),
    });
    if (response.status !== 201) throw new Error(`no conversation was made: ${await response.text()}`);
    return (await response.json()) as Conversation;
  };
  const conversations: Conversation[] = [];
  await eachOf(Array.from({ length: CONVERSATIONS }), 6, async (_, index) => {
    conversations[index] = await start(index);
  });

  return Object.assign(servers, {
    folder,
    options,
    places: ports,
    atEnd,
    nodes,
    fronts,
    smarthost,
    receiver,
    readers,
    conversations: conversations as Site['conversations'],
    key,
    ledger: openLedger(path.join(folder, 'ledger')),
    database,
    sql: async <Row>(text: string) => (await servers.server.sql(database, text)) as unknown as readonly Row[],
  });
}

export function customer(index: number): string {
  return `carla${index}@customer.example`;
}

/** Whether it stands, sleeps or runs. */
async function endNode({ daemon }: Node): Promise<void> {
  if (daemon.running) daemon.signal('SIGCONT');
  await daemon.close();
}
