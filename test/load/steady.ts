/**
 * Steady load: mails fall due at a fixed rate, most on kept connections and some on one of their own, while the API
 * takes channel messages and answers that go out to a smarthost, and now and then a large mail comes. The daemon's
 * memory is read each second, its descriptors before and after.
 *
 * Afterwards everything that was acknowledged is looked up in the store: each mail in its conversation once, each
 * message, each answer sent. What is amiss is returned, not thrown; only a daemon or client that fails throws.
 */
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import path from 'node:path';
import type { ApiKey, Message } from '#replyd/conversation/model.js';
import { type Load, type LoadResult, runLoad } from '../bench/smtp-client.js';
import { bareServer, type ReplydTarget, replyd } from '../bench/targets.js';
import { mailBytes } from '../durability/load.js';
import { sendMail } from '../interop/smtp-talk.js';
import { descriptors, residentMemory } from '../process-figures.js';
import { eventually } from '../run.js';
import { lookUp, readLedger, unsent } from './ledger.js';

export interface SteadyOptions {
  readonly conversations: number;
  /** Mails a second; or a share of the peak of the same mixture, which is measured first for so many seconds. */
  readonly rate: number | { readonly ofPeak: number; readonly seconds: number };
  readonly seconds: number;
  /** Where answers go: a smarthost keeps its connections for a minute after the last. */
  readonly outgoing: 'file' | 'smarthost';
  /** Seconds after which memory should have settled. */
  readonly settled: number;
}

export interface SteadyResult {
  /** Mails a second; null where it was not measured. */
  readonly peak: number | null;
  readonly rate: number;
  /** Of the mails on kept connections and of those with one of their own. */
  readonly kept: LoadResult;
  readonly single: LoadResult;
  readonly large: number;
  readonly posts: number;
  readonly answers: number;
  /** Resident bytes at each second. */
  readonly memory: readonly number[];
  /** Bytes a minute by least squares, from `settled` on; `lows`: of the lowest in each 20 seconds, without the garbage. */
  readonly growth: { readonly all: number; readonly lows: number };
  readonly descriptors: { readonly before: Kinds; readonly after: Kinds };
  /** Mails with a 250, and how many other mails than these stand in the store. */
  readonly acknowledged: number;
  readonly unexpected: number;
  /** What is not in its place once, at most some of them. */
  readonly misplaced: readonly string[];
}

type Kinds = Readonly<Record<string, number>>;

/** Connections to the API at a time, and how long each waits after an answer: about 25 messages a second. */
const POSTERS = 5;
const POST_PAUSE = 200;
/** Every so many messages are answers that are mailed. */
const ANSWER_EACH = 5;
/** Share of the mails that come on a connection of their own. */
const SINGLE = 0.1;
const LARGE_PAUSE = 5_000;
/** Above what is kept in memory: it goes through a file and a process of its own. */
const LARGE_SIZE = 400_000;
/** Idle connections to the smarthost are closed after a minute. */
const DRAIN = 120_000;

export async function steady(options: SteadyOptions): Promise<SteadyResult> {
  const smarthost = options.outgoing === 'smarthost' ? await bareServer() : null;
  try {
    const target = await replyd(options.conversations, {
      settings: {
        'log.level': 'warn',
        'limits.loop_messages': 10_000,
        'limits.api_requests': 1_000_000,
        ...(smarthost && {
          'outbound.transport': 'smtp',
          'outbound.host': smarthost.host,
          'outbound.port': smarthost.port,
          'outbound.tls': 'none',
        }),
      },
    });
    try {
      return await run(target, options);
    } finally {
      await target.close();
    }
  } finally {
    await smarthost?.close();
  }
}

async function run(target: ReplydTarget, options: SteadyOptions): Promise<SteadyResult> {
  const { daemon } = target;
  const { key } = await daemon.json<ApiKey & { key: string }>(['key', 'add', 'acme']);
  const recipients = readFileSync(target.recipients, 'utf8').trim().split('\n');
  const ledgers = ['warm', 'kept', 'single'].map(name => path.join(daemon.folder, `ledger.${name}`));
  const [warm, kept, single] = ledgers as [string, string, string];
  const base = { host: target.host, port: target.port, recipients: target.recipients, senders: 'each' } as const;
  const ownLedger: string[] = [];
  const send = async (word: string, size: number) => {
    const to = recipients[ownLedger.length % recipients.length]!;
    const mail = { from: 'carla@customer.example', to: [to], data: mailBytes(word, to, size) };
    const { data } = await sendMail(target, mail, { timeout: 60_000 });
    if (data[0]?.code !== 250) throw new Error(`a mail was refused: ${data[0]?.raw}`);
    ownLedger.push(`${word}@customer.example ${to} ${data[0].texts[0]!.split(' ').at(-1)}`);
  };
  const posted: Message[] = [];
  const api = openApi(daemon.listening.http!, key);

  // Each way is gone once before anything is counted: what is opened once and kept is no leak.
  await send('small', 1000);
  await send('large', LARGE_SIZE);
  for (let number = 0; number < ANSWER_EACH; number += 1) posted.push(await api.post(number));
  api.rest();
  const before = await atRest(target);

  let over = false;
  const others = [
    until(
      () => over,
      LARGE_PAUSE,
      number => send(`large${number}`, LARGE_SIZE),
    ),
    ...Array.from({ length: POSTERS }, (_, poster) =>
      until(
        () => over,
        POST_PAUSE,
        async number => {
          posted.push(await api.post(number * POSTERS + poster));
        },
      ),
    ),
  ];
  const beside = Promise.all(others);
  // It is waited for below, when the mails are through.
  beside.catch(() => {});
  const load: Mixture = {
    kept: { ...base, connections: 50, connection: 'kept' },
    single: { ...base, connections: 50, connection: 'per mail' },
  };
  const memory: number[] = [];
  const mails = async () => {
    const peak = typeof options.rate === 'number' ? null : await peakOf(load, options.rate.seconds, warm);
    const rate = typeof options.rate === 'number' ? options.rate : peak! * options.rate.ofPeak;
    const sampling = setInterval(() => memory.push(residentMemory(daemon.pid)), 1000);
    const time = { warmUp: 0, seconds: options.seconds };
    const [ofKept, ofSingle] = await Promise.all([
      runLoad({ ...load.kept, ...time, rate: rate * (1 - SINGLE), ledger: kept }),
      runLoad({ ...load.single, ...time, rate: rate * SINGLE, ledger: single }),
    ]).finally(() => clearInterval(sampling));
    return { peak, rate, kept: ofKept, single: ofSingle };
  };
  const sent = await mails().finally(() => {
    over = true;
  });
  await beside;
  api.rest();
  const answers = posted.filter(message => message.direction === 'outgoing');
  const after = await drained(target, before);
  const ledger = [...ledgers.flatMap(readLedger), ...ownLedger];
  const found = lookUp(daemon.dataFolder, ledger, posted);
  return {
    ...sent,
    large: ownLedger.length - 1,
    posts: posted.length,
    answers: answers.length,
    memory,
    growth: growthOf(memory.slice(options.settled)),
    descriptors: { before, after },
    acknowledged: ledger.length,
    ...found,
  };
}

interface Mixture {
  readonly kept: Omit<Load, 'warmUp' | 'seconds'>;
  readonly single: Omit<Load, 'warmUp' | 'seconds'>;
}

/**
 * Mails a second of the mixture that is sent afterwards: as many on kept connections as the daemon takes, while a tenth
 * of what they would reach alone comes on connections of its own.
 */
async function peakOf(load: Mixture, seconds: number, ledger: string): Promise<number> {
  const time = { warmUp: Math.min(3, seconds / 4), seconds: seconds / 2, ledger };
  const alone = await runLoad({ ...load.kept, ...time });
  const both = await Promise.all([
    runLoad({ ...load.kept, ...time }),
    runLoad({ ...load.single, ...time, rate: alone.perSecond * SINGLE }),
  ]);
  for (const { failures } of [alone, ...both]) {
    if (Object.keys(failures).length > 0) throw new Error(JSON.stringify(failures));
  }
  return both[0].perSecond + both[1].perSecond;
}

/** Again and again, with a pause, until it is over. */
async function until(over: () => boolean, pause: number, step: (number: number) => Promise<void>): Promise<void> {
  for (let number = 0; !over(); number += 1) {
    await step(number);
    for (let waited = 0; waited < pause && !over(); waited += 100) {
      await new Promise(resolve => setTimeout(resolve, 100));
    }
  }
}

/** Adds channel messages, and now and then an answer that is mailed at once. `rest` closes kept connections. */
function openApi(address: string, key: string): { post(number: number): Promise<Message>; rest(): void } {
  let agent = new Agent({ keepAlive: true });
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` };
  return {
    post(number) {
      const message =
        number % ANSWER_EACH === 0
          ? { direction: 'outgoing', mail: 'now', text: 'It is on its way.', agent: { name: 'Anna' } }
          : { direction: 'incoming', text: 'Where is my parcel? It was to come on Monday.' };
      const url = `http://${address}/v1/conversations/${(number % 100) + 1}/messages`;
      return new Promise((resolve, reject) => {
        const asked = request(url, { agent, method: 'POST', headers }, async response => {
          let text = '';
          for await (const chunk of response) text += String(chunk);
          if (response.statusCode === 201) resolve(JSON.parse(text) as Message);
          else reject(new Error(`the API answered ${response.statusCode}: ${text}`));
        });
        asked.on('error', reject);
        asked.end(JSON.stringify(message));
      });
    },
    rest() {
      agent.destroy();
      agent = new Agent({ keepAlive: true });
    },
  };
}

/** Descriptors when every answer is sent and no connection is left, neither a client's nor to the smarthost. */
async function atRest({ daemon }: ReplydTarget): Promise<Kinds> {
  const { smtp, http } = daemon.listening;
  const listeners = smtp.length + (http === null ? 0 : 1);
  return eventually(
    'the daemon is at rest',
    () => {
      const now = descriptors(daemon.pid);
      // A copy that is being written in `sent` is open only now.
      const isWriting = Object.keys(now).some(name => name.endsWith('.tmp'));
      return unsent(daemon.dataFolder) === 0 && now.socket === listeners && !isWriting && now;
    },
    { within: DRAIN, every: 250 },
  );
}

/** Descriptors when every answer is sent and they are as before; or, when that does not come, as they are in the end. */
async function drained(target: ReplydTarget, before: Kinds): Promise<Kinds> {
  const { daemon } = target;
  try {
    await eventually(
      'the daemon is drained',
      () => unsent(daemon.dataFolder) === 0 && JSON.stringify(descriptors(daemon.pid)) === JSON.stringify(before),
      { within: DRAIN, every: 250 },
    );
  } catch {
    // What is left over is the answer.
  }
  return descriptors(daemon.pid);
}

/** Seconds, longer than garbage mostly lies about. */
const LOW_EACH = 20;

/** Of bytes at each second. */
function growthOf(memory: readonly number[]): SteadyResult['growth'] {
  const lows = Array.from({ length: Math.ceil(memory.length / LOW_EACH) }, (_, index) =>
    Math.min(...memory.slice(index * LOW_EACH, (index + 1) * LOW_EACH)),
  );
  const perMinute = (values: readonly number[], seconds: number) =>
    slope(values.map((bytes, index) => [(index * seconds) / 60, bytes] as const));
  return { all: perMinute(memory, 1), lows: perMinute(lows, LOW_EACH) };
}

/** Of the line of least squares through the points; 0 for fewer than two. */
export function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (pick: (point: readonly [number, number]) => number) =>
    points.reduce((sum, point) => sum + pick(point), 0) / points.length;
  const [middleX, middleY] = [mean(([x]) => x), mean(([, y]) => y)];
  const spread = points.reduce((sum, [x]) => sum + (x - middleX) ** 2, 0);
  if (points.length < 2 || spread === 0) return 0;
  return points.reduce((sum, [x, y]) => sum + (x - middleX) * (y - middleY), 0) / spread;
}
