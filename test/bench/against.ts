/**
 * `npm run bench -- against DIR`: this checkout's daemon and that of DIR, another checkout that is built, in turns: in
 * each pair both get their seconds at 1, 10 and 50 connections, every other pair the other way round. The figure is
 * the median of the pairs' ratios, this one over the other. Two copies of one build differ by some percent in seven
 * pairs; run it twice before a difference below that is believed. The CPU time that a daemon spends on a mail is told
 * beside it: it hardly depends on what else the machine does.
 *
 * `REPLYD_BENCH_PAIRS` and `REPLYD_BENCH_CONNECTIONS` (`10,50`) make it shorter or longer.
 */
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type DaemonProcess, makeDaemon } from '../daemon-process.js';
import { processorTime } from '../process-figures.js';
import { median, print } from './figures.js';
import { runLoad } from './smtp-client.js';

const CONVERSATIONS = 1000;

export interface Side {
  readonly name: string;
  readonly daemon: DaemonProcess;
  readonly recipients: string;
  accepted: number;
  /** Of the turns that are measured. */
  mails: number;
  seconds: number;
}

export async function against(folder: string, quick: boolean): Promise<void> {
  const other = path.resolve(folder, 'bin/replyd');
  if (folder === '' || !existsSync(path.resolve(folder, 'dist'))) {
    process.stderr.write('name another checkout that is built: npm run bench -- against DIR\n');
    process.exitCode = 2;
    return;
  }
  const sides: Side[] = [];
  try {
    sides.push(await open('this', path.resolve('bin/replyd')), await open('other', other));
    await inTurns(sides, quick);
  } finally {
    for (const side of sides) await side.daemon.close();
  }
}

/** Prints the ratios of the first side over the other. Throws when one has not stored what it acknowledged. */
export async function inTurns(sides: readonly Side[], quick: boolean): Promise<void> {
  const pairs = Number(process.env.REPLYD_BENCH_PAIRS ?? (quick ? 1 : 7));
  const numbers = (process.env.REPLYD_BENCH_CONNECTIONS ?? '1,10,50').split(',').map(Number);
  const seconds = quick ? 1.5 : 5;
  const [first, other] = [sides[0]!.name, sides[1]!.name];
  // Daemons run for months: V8 compiles what a mail passes for some 30,000 mails.
  for (const side of sides) await load(side, 50, quick ? 1 : 20);
  for (const connections of numbers) {
    const ratios: number[] = [];
    const rates: Record<string, number[]> = { [first]: [], [other]: [] };
    for (const side of sides) Object.assign(side, { mails: 0, seconds: 0 });
    for (let pair = 0; pair < pairs; pair++) {
      const order = pair % 2 === 0 ? sides : sides.toReversed();
      for (const side of order) rates[side.name]!.push(await load(side, connections, seconds));
      ratios.push(rates[first]!.at(-1)! / rates[other]!.at(-1)!);
    }
    const spread = ratios.map(ratio => ratio.toFixed(2)).join(' ');
    print(
      `${connections} connections: ${first} ${Math.round(median(rates[first]!))}, ${other} ${Math.round(median(rates[other]!))} mails/s, ratio ${median(ratios).toFixed(3)} (${spread})`,
    );
    const [mine, others] = sides.map(side => (side.seconds / side.mails) * 1e6);
    print(
      `  CPU a mail: ${first} ${Math.round(mine!)} µs, ${other} ${Math.round(others!)} µs, ratio ${(mine! / others!).toFixed(3)}`,
    );
  }
  for (const { name, daemon, accepted } of sides) {
    const { mails } = await daemon.json<{ readonly mails: number }>(['stats']);
    if (mails !== accepted) throw new Error(`${name} stored ${mails} of ${accepted} mails`);
  }
}

/** Filled over HTTP, so that each program makes a store of its own schema. */
async function open(name: string, program: string): Promise<Side> {
  return filledSide(name, await makeDaemon({ program, settings: { 'log.level': 'info' } }));
}

/** Starts the daemon and fills it. */
export async function filledSide(name: string, daemon: DaemonProcess): Promise<Side> {
  await daemon.start();
  const { recipients } = await fill(daemon, CONVERSATIONS);
  return { name, daemon, recipients, accepted: 0, mails: 0, seconds: 0 };
}

/**
 * Makes the account `acme` with so many conversations. Gives an application's key, and a file with the reply addresses.
 */
export async function fill(
  daemon: DaemonProcess,
  conversations: number,
): Promise<{ readonly key: string; readonly recipients: string }> {
  const account = ['account', 'add', 'acme', '--domain', 'reply.example.com', '--support-email', 'support@example.com'];
  await daemon.json(account);
  const { key } = await daemon.json<{ readonly key: string }>(['key', 'add', 'acme']);
  const addresses: string[] = [];
  for (let number = 0; number < conversations; number++) {
    const answer = await fetch(`http://${daemon.listening.http}/v1/conversations`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ channel: 'web_widget', contact: { email: `customer${number}@customer.example` } }),
    });
    if (answer.status !== 201) throw new Error(`POST /v1/conversations: ${answer.status} ${await answer.text()}`);
    addresses.push(((await answer.json()) as { readonly reply_to: string }).reply_to);
  }
  const recipients = path.join(daemon.folder, 'recipients');
  await writeFile(recipients, `${addresses.join('\n')}\n`);
  return { key, recipients };
}

async function load(side: Side, connections: number, seconds: number): Promise<number> {
  const { recipients, daemon } = side;
  const options = { ...daemon.smtp, connections, recipients, connection: 'kept', warmUp: 1, seconds } as const;
  const before = processorTime(daemon.pid);
  const result = await runLoad(options);
  side.seconds += processorTime(daemon.pid) - before;
  side.mails += result.accepted;
  side.accepted += result.accepted;
  if (Object.keys(result.failures).length > 0) throw new Error(`${side.name}: ${JSON.stringify(result.failures)}`);
  return result.perSecond;
}
