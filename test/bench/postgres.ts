/**
 * `npm run bench -- postgres`: the whole program on SQLite and on PostgreSQL (a private server, `test/postgres`), and
 * Postfix to a maildir, all on this machine and in one run: each gets its seconds at 1, 10 and 50 connections in each round,
 * every other round the other way round. PostgreSQL is measured with one node, with three nodes on one database whose
 * connections are shared out among them, and with one node behind a proxy that holds each answer of the server back for
 * 2 ms. Figures are medians of the rounds, of the ratios too. At the end each mail that got its 250 has to be in its store.
 *
 * Behind that: messages added over HTTP at 50 connections, on both engines.
 *
 * `REPLYD_BENCH_PAIRS` and `REPLYD_BENCH_CONNECTIONS` (`10,50`) make it shorter or longer.
 */
import { readFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type DaemonProcess, makeDaemon } from '../daemon-process.js';
import { type Cluster, postgresMissing, startCluster } from '../postgres/cluster.js';
import { fill } from './against.js';
import { post } from './api.js';
import { goal, median, print } from './figures.js';
import { runLoad } from './smtp-client.js';
import { postfixMaildir, type Target } from './targets.js';

const CONVERSATIONS = 1000;
const DELAY = 2;
const NODES = 3;
/** Of SQLite's rate, for one node. */
const GOALS: Readonly<Record<number, number>> = { 1: 0.45, 10: 0.55, 50: 0.65 };

/** One store with its nodes, or another program. */
interface Side {
  readonly name: string;
  readonly doors: readonly { readonly host: string; readonly port: number }[];
  readonly recipients: string;
  readonly target: Pick<Target, 'settle' | 'stored'>;
  accepted: number;
}

interface Filled {
  readonly side: Side;
  readonly daemon: DaemonProcess;
  readonly key: string;
}

export async function postgres(quick: boolean): Promise<void> {
  const missing = postgresMissing();
  if (missing !== null) {
    print(`PostgreSQL is left out: ${missing}`);
    return;
  }
  const rounds = Number(process.env.REPLYD_BENCH_PAIRS ?? (quick ? 1 : 5));
  const numbers = (process.env.REPLYD_BENCH_CONNECTIONS ?? '1,10,50').split(',').map(Number);
  const seconds = quick ? 1.5 : 5;
  const closing: (() => Promise<void>)[] = [];
  try {
    const cluster = await startCluster();
    closing.push(() => cluster.close());
    const open = async (name: string, urls: readonly (string | null)[]) => {
      const filled = await openStore(name, urls, closing);
      await load(filled.side, 50, quick ? 1 : 15);
      return filled;
    };
    const sqlite = await open('SQLite', [null]);
    const single = await open('PostgreSQL', [await newUrl(cluster)]);
    const shared = await newUrl(cluster);
    const three = await open('PostgreSQL, three nodes', Array(NODES).fill(shared));
    const slow = await open(`PostgreSQL, ${DELAY} ms away`, [await delayed(await newUrl(cluster), closing)]);
    const sides = [sqlite, single, three, slow].map(({ side }) => side);
    const postfix = await postfixMaildir();
    if (postfix !== null) {
      closing.push(() => postfix.close());
      const { host, port, name } = postfix;
      const { recipients } = sqlite.side;
      sides.push({ name, doors: [{ host, port }], recipients, target: postfix, accepted: 0 });
    }
    for (const connections of numbers) {
      const rates = new Map<Side, number[]>(sides.map(side => [side, []]));
      for (let round = 0; round < rounds; round += 1) {
        const order = round % 2 === 0 ? sides : sides.toReversed();
        for (const side of order) rates.get(side)!.push(await load(side, connections, seconds));
      }
      report(connections, rates, { sqlite: sqlite.side, single: single.side, three: three.side, slow: slow.side });
    }
    for (const { name, target, accepted } of sides) {
      const stored = await target.stored();
      print(`${name}: ${accepted} mails got their 250, ${stored} are in their place`);
      if (stored !== accepted) throw new Error(`${name} stored ${stored} of ${accepted} mails`);
    }
    await messages(sqlite, single, { rounds, count: quick ? 500 : 5000 });
  } finally {
    for (const close of closing.toReversed()) await close();
  }
}

function report(
  connections: number,
  rates: ReadonlyMap<Side, readonly number[]>,
  of: Readonly<Record<'sqlite' | 'single' | 'three' | 'slow', Side>>,
): void {
  const ratio = (one: Side, other: Side) =>
    median(rates.get(one)!.map((rate, round) => rate / rates.get(other)![round]!));
  print(`\n${connections} connections`);
  for (const [side, found] of rates) {
    const shares = found.map((rate, round) => (rate / rates.get(of.sqlite)![round]!).toFixed(2)).join(' ');
    const rate = String(Math.round(median(found))).padStart(6);
    print(`  ${side.name.padEnd(26)}${rate} mails/s   ${ratio(side, of.sqlite).toFixed(2)} of SQLite's (${shares})`);
  }
  const least = GOALS[connections];
  if (least !== undefined) goal(`one node: ${least} of SQLite's`, ratio(of.single, of.sqlite) >= least);
  if (connections >= NODES) {
    goal(`three nodes: 0.8 of one (${ratio(of.three, of.single).toFixed(2)})`, ratio(of.three, of.single) >= 0.8);
  }
  if (connections === 50) {
    goal(
      `${DELAY} ms away: 0.5 of without (${ratio(of.slow, of.single).toFixed(2)})`,
      ratio(of.slow, of.single) >= 0.5,
    );
  }
}

/** Messages over HTTP, in turns. */
async function messages(
  sqlite: Filled,
  single: Filled,
  { rounds, count }: { readonly rounds: number; readonly count: number },
): Promise<void> {
  const rates = { sqlite: [] as number[], single: [] as number[] };
  const rate = async ({ daemon, key }: Filled) => {
    const begun = performance.now();
    await post(daemon, key, count, 50);
    return (count / (performance.now() - begun)) * 1000;
  };
  for (const each of [sqlite, single]) await rate(each);
  for (let round = 0; round < rounds; round += 1) {
    const first = round % 2 === 0;
    if (first) rates.sqlite.push(await rate(sqlite));
    rates.single.push(await rate(single));
    if (!first) rates.sqlite.push(await rate(sqlite));
  }
  const share = median(rates.single.map((each, round) => each / rates.sqlite[round]!));
  print('\nmessages added over HTTP, 50 connections');
  print(`  SQLite      ${Math.round(median(rates.sqlite))}/s`);
  print(`  PostgreSQL  ${Math.round(median(rates.single))}/s   ${share.toFixed(2)} of SQLite's`);
  goal("0.4 of SQLite's", share >= 0.4);
}

/** A store with a node for each URL; null: SQLite. Filled over HTTP. */
async function openStore(
  name: string,
  urls: readonly (string | null)[],
  closing: (() => Promise<void>)[],
): Promise<Filled> {
  const daemons: DaemonProcess[] = [];
  for (const url of urls) {
    const store = url === null ? {} : { 'store.url': url };
    const daemon = await makeDaemon({
      settings: { 'log.level': 'info', 'limits.api_requests': 10_000_000, ...store },
    });
    closing.push(() => daemon.close());
    await daemon.start().catch(async error => {
      throw new Error(`${name} did not start: ${await readFile(daemon.logFile, 'utf8')}`, { cause: error });
    });
    daemons.push(daemon);
  }
  const [first] = daemons as [DaemonProcess];
  const { key, recipients } = await fill(first, CONVERSATIONS);
  const target = {
    settle: async () => {},
    stored: async () => (await first.json<{ readonly mails: number }>(['stats'])).mails,
  };
  const side = { name, doors: daemons.map(daemon => daemon.smtp), recipients, target, accepted: 0 };
  return { side, daemon: first, key };
}

async function newUrl(cluster: Cluster): Promise<string> {
  return cluster.url(await cluster.createDatabase());
}

/** The connections are shared out among the doors. Mails a second of all. */
async function load(side: Side, connections: number, seconds: number): Promise<number> {
  const doors = side.doors.slice(0, connections);
  const results = await Promise.all(
    doors.map((door, index) =>
      runLoad({
        ...door,
        connections: Math.floor((connections + index) / doors.length),
        recipients: side.recipients,
        connection: 'kept',
        warmUp: 1,
        seconds,
      }),
    ),
  );
  await side.target.settle();
  for (const result of results) {
    side.accepted += result.accepted;
    if (Object.keys(result.failures).length > 0) throw new Error(`${side.name}: ${JSON.stringify(result.failures)}`);
  }
  return results.reduce((sum, result) => sum + result.perSecond, 0);
}

/** The URL of a proxy that gives each of the server's answers on after DELAY milliseconds. */
async function delayed(url: string, closing: (() => Promise<void>)[]): Promise<string> {
  const to = new URL(url);
  const server = { host: to.hostname, port: Number(to.port), noDelay: true };
  const sockets = new Set<Socket>();
  const proxy = createServer({ noDelay: true }, client => {
    const upstream = connect(server);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    client.on('data', chunk => upstream.write(chunk));
    upstream.on('data', chunk => setTimeout(() => client.write(chunk), DELAY));
  });
  await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve));
  closing.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise<void>(resolve => proxy.close(() => resolve()));
  });
  to.port = String((proxy.address() as AddressInfo).port);
  return to.href;
}
