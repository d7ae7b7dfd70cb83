/**
 * Slow senders beside a normal load. First in pairs, one turn with them and one without, the order changing from pair to
 * pair, so that what the machine does meanwhile hits both alike. Then the total time limits are shortened by a reload
 * while they are there: all of them are sent away, and the load beside them goes on.
 *
 * What was seen is returned, not judged. Nothing of a slow sender may have been stored.
 */
import { median } from '../bench/figures.js';
import { type LoadResult, runLoad } from '../bench/smtp-client.js';
import { type ReplydTarget, replyd } from '../bench/targets.js';
import { descriptors } from '../process-figures.js';
import { eventually } from '../run.js';
import { type SlowEnd, startSlow } from './slow-client.js';

export interface SlowOptions {
  readonly senders: number;
  /** Milliseconds between two bytes. */
  readonly every: number;
  readonly pairs: number;
  /** Of each turn; its first second does not count. */
  readonly seconds: number;
  /** What `smtp.session_timeout` and `smtp.data_timeout` become, seconds. */
  readonly timeLimit: number;
}

export interface SlowResult {
  readonly turns: readonly { readonly without: LoadResult; readonly with: LoadResult }[];
  /** Medians over the pairs, with slow senders over without. */
  readonly rate: number;
  readonly p99: number;
  /** Those that were there when the limits were shortened. */
  readonly sentAway: SlowEnd;
  /** Any answer but the good ones to the others, in all turns and while the slow ones were sent away. */
  readonly failures: Readonly<Record<string, number>>;
  /** Mails that got their 250, and mails that stand in the store. */
  readonly accepted: number;
  readonly stored: number;
  readonly descriptors: { readonly before: number; readonly after: number };
}

export async function slow(options: SlowOptions): Promise<SlowResult> {
  const target = await replyd(1000, {
    settings: {
      'log.level': 'info',
      'smtp.max_connections': options.senders + 100,
      'smtp.trusted_networks': ['127.0.0.1/32'],
    },
  });
  try {
    return await run(target, options);
  } finally {
    await target.close();
  }
}

async function run(target: ReplydTarget, options: SlowOptions): Promise<SlowResult> {
  const { daemon } = target;
  const senders = { ...endOf(target), count: options.senders, every: options.every, perNetwork: 100 };
  const results: LoadResult[] = [];
  const others = async (seconds: number) => {
    const warmUp = Math.min(1, seconds / 4);
    const result = await runLoad({ ...endOf(target), connections: 50, connection: 'kept', warmUp, seconds });
    results.push(result);
    return result;
  };
  const beside = async () => {
    const running = await startSlow(senders);
    const result = await others(options.seconds);
    const end = await running.stop();
    // Whoever is not there any more does not slow anything down: then this was no measurement.
    const there = (end['command: still there'] ?? 0) + (end['data: still there'] ?? 0);
    if (there !== options.senders) throw new Error(`slow senders were sent away too early: ${JSON.stringify(end)}`);
    return result;
  };

  // What a program compiles while it runs is not what is measured.
  await others(options.seconds);
  const before = await settled(daemon.pid, null);
  const turns: { without: LoadResult; with: LoadResult }[] = [];
  for (let pair = 0; pair < options.pairs; pair += 1) {
    if (pair % 2 === 0) {
      const without = await others(options.seconds);
      turns.push({ without, with: await beside() });
    } else {
      const withThem = await beside();
      turns.push({ without: await others(options.seconds), with: withThem });
    }
  }

  const running = await startSlow(senders);
  await daemon.configure({
    'smtp.session_timeout': `${options.timeLimit}s`,
    'smtp.data_timeout': `${options.timeLimit}s`,
  });
  daemon.signal('SIGHUP');
  const last = others(options.seconds);
  const sentAway = await Promise.race([running.sentAway, late(options.timeLimit)]);
  if (sentAway === 'late') await running.stop();
  await last;

  const ratio = (pick: (result: LoadResult) => number) =>
    median(turns.map(turn => pick(turn.with) / pick(turn.without)));
  const failures: Record<string, number> = {};
  for (const result of results) {
    for (const [text, count] of Object.entries(result.failures)) failures[text] = (failures[text] ?? 0) + count;
  }
  return {
    turns,
    rate: ratio(result => result.perSecond),
    p99: ratio(result => result.latency.p99),
    sentAway: sentAway === 'late' ? {} : sentAway,
    failures,
    accepted: results.reduce((sum, result) => sum + result.accepted, 0),
    stored: (await target.stored())!,
    descriptors: { before, after: await settled(daemon.pid, before) },
  };
}

function endOf(target: ReplydTarget): { host: string; port: number; recipients: string } {
  return { host: target.host, port: target.port, recipients: target.recipients };
}

/** The limit, what a sender may go on after its 421, and some more. */
function late(timeLimit: number): Promise<'late'> {
  return new Promise(resolve => setTimeout(() => resolve('late'), timeLimit * 1000 + 60_000).unref());
}

/** Open descriptors when no connection is left but the two listeners; `expected` or what they are in the end. */
async function settled(pid: number, expected: number | null): Promise<number> {
  const count = () => Object.values(descriptors(pid)).reduce((sum, kind) => sum + kind, 0);
  const rest = () => descriptors(pid).socket === 2 && (expected === null || count() === expected);
  await eventually('all connections are gone', rest, { within: 30_000 }).catch(() => {});
  return count();
}
