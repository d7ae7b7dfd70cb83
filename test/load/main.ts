/**
 * `npm run test:load -- [steady] [flood] [slow]`: the long versions, all of them without a name, with their goals. Ends with 1
 * when one is missed.
 *
 * REPLYD_TEST_LOAD_MINUTES is the length of the steady load (default 10). Memory counts from the third minute on; in a
 * shorter try, which proves less, from two thirds of it on. The goals about rates and memory mean something only on a
 * machine that does nothing else.
 */
import { cpus, release } from 'node:os';
import { print } from '../bench/figures.js';
import { descriptorLimit } from '../process-figures.js';
import { flood } from './flood.js';
import { exactly, type Finding, judged, said, table } from './report.js';
import { slow } from './slow.js';
import { steady } from './steady.js';

const MINUTES = Number(process.env.REPLYD_TEST_LOAD_MINUTES ?? 10);
const SETTLED = MINUTES >= 4 ? 180 : Math.round(MINUTES * 40);
const MB = 1e6;

const PARTS: Readonly<Record<string, () => Promise<readonly [title: string, readonly Finding[]]>>> = {
  steady: async () => {
    const result = await steady({
      conversations: 5000,
      rate: { ofPeak: 0.7, seconds: 30 },
      seconds: Math.round(MINUTES * 60),
      outgoing: 'smarthost',
      settled: SETTLED,
    });
    const { kept, single, memory, descriptors } = result;
    const perSecond = kept.perSecond + single.perSecond;
    const failures = [kept, single].flatMap(({ failures }) => Object.entries(failures));
    for (const [text, count] of failures) print(`${count} × ${text}`);
    for (const line of result.misplaced) print(`not in its place: ${line}`);
    const minutes = Array.from({ length: Math.ceil(memory.length / 60) }, (_, minute) =>
      Math.round(Math.max(...memory.slice(minute * 60, minute * 60 + 60)) / MB),
    );
    print(`most memory in each minute, MB: ${minutes.join(' ')}`);
    return [
      `${MINUTES} minutes at 70 % of the peak`,
      [
        said('peak of this mixture', `${result.peak!.toFixed(0)} mails/s`),
        judged(`pace, of ${result.rate.toFixed(0)} mails/s`, {
          goal: '0.99 of it',
          found: (perSecond / result.rate).toFixed(3),
          reached: perSecond >= result.rate * 0.99,
        }),
        said('  p50, p99 on kept connections', milliseconds(kept.latency)),
        said('  p50, p99 with a connection each', milliseconds(single.latency)),
        said('  beside: API messages, answers', `${result.posts}, ${result.answers}`),
        exactly('refusals and lost connections', 0, failures.length),
        exactly('mails with 250 not in place once', 0, result.misplaced.length),
        exactly(`mails but the ${result.acknowledged} with 250`, 0, result.unexpected),
        said('memory at its end', `${Math.round(memory.at(-1)! / MB)} MB`),
        judged(`  growth from second ${SETTLED} on`, {
          goal: '< 1 MB/minute',
          found: `${(result.growth.all / MB).toFixed(2)} MB/minute`,
          reached: result.growth.all < MB,
        }),
        said('  of the lowest in each 20 seconds', `${(result.growth.lows / MB).toFixed(2)} MB/minute`),
        judged('descriptors after the drain', {
          goal: `${sum(descriptors.before)}, as before`,
          found: `${sum(descriptors.after)}`,
          reached: JSON.stringify(descriptors.before) === JSON.stringify(descriptors.after),
        }),
      ],
    ];
  },

  flood: async () => {
    const [connections, limit, perAddress, senders] = [5000, 1000, 50, 20];
    // One place in ten is kept for trusted networks.
    const places = limit - limit / 10;
    const result = await flood({ connections, limit, perAddress, senders });
    for (const [text, count] of Object.entries(result.others)) print(`${count} × ${text}`);
    const { descriptors, memory } = result;
    return [
      `${connections} connections, ${limit} allowed`,
      [
        exactly('served', places, result.served),
        exactly('421 4.7.0', connections - places, result.refused),
        exactly('  of these closed by the daemon', connections - places, result.closed),
        exactly(`mails of ${senders} served ones stored`, senders, result.stored),
        exactly('/healthz meanwhile', 200, result.health),
        exactly('trusted network, all places of strangers taken', 220, result.trusted.full),
        exactly('trusted network, one has left', 220, result.trusted.room),
        exactly('served from one address', perAddress, result.ofAddress),
        exactly('served from its network (/24)', perAddress * 4, result.ofNetwork),
        judged('another network then', { goal: 'served', found: yes(result.elsewhere), reached: result.elsewhere }),
        exactly(`trusted address, asking ${perAddress + 10} times`, perAddress + 10, result.ofTrusted),
        exactly('descriptors with all places taken', descriptors.before + places, descriptors.full),
        exactly('descriptors when all have gone', descriptors.before, descriptors.after),
        said('  most, with those being sent away', `${descriptors.most}`),
        said('memory before', `${Math.round(memory.before / MB)} MB`),
        said('  with all places taken, at most', `${Math.round(memory.full / MB)}, ${Math.round(memory.most / MB)} MB`),
        said('  when all have gone', `${Math.round(memory.after / MB)} MB`),
      ],
    ];
  },

  slow: async () => {
    const senders = 500;
    const result = await slow({ senders, every: 3000, pairs: 7, seconds: 8, timeLimit: 10 });
    for (const [text, count] of Object.entries(result.failures)) print(`${count} × ${text}`);
    for (const turn of result.turns) {
      const figures = ({ perSecond, latency }: typeof turn.with) =>
        `${perSecond.toFixed(0)} mails/s, p99 ${latency.p99.toFixed(0)} ms`;
      print(`without: ${figures(turn.without)}; with: ${figures(turn.with)}`);
    }
    for (const [text, count] of Object.entries(result.sentAway)) print(`sent away: ${count} × ${text}`);
    const cut = Object.entries(result.sentAway).filter(([text]) => text.includes(': 421 4.4.2 '));
    return [
      `${senders} slow senders beside 50 others`,
      [
        judged('rate of the others, with/without', {
          goal: '>= 0.9',
          found: result.rate.toFixed(2),
          reached: result.rate >= 0.9,
        }),
        judged('p99 of the others, with/without', {
          goal: '<= 1.5',
          found: result.p99.toFixed(2),
          reached: result.p99 <= 1.5,
        }),
        exactly('sent away by a total time limit', senders, sum(Object.fromEntries(cut))),
        exactly('refusals of the others', 0, sum(result.failures)),
        exactly('mails stored, of those with 250', result.accepted, result.stored),
        exactly('descriptors when they have gone', result.descriptors.before, result.descriptors.after),
      ],
    ];
  },
};

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}

function milliseconds({ p50, p99 }: { p50: number; p99: number }): string {
  return `${p50.toFixed(1)}, ${p99.toFixed(1)} ms`;
}

function yes(served: boolean): string {
  return served ? 'served' : 'refused';
}

const names = process.argv.slice(2);
const unknown = names.filter(name => !(name in PARTS));
if (unknown.length > 0 || !(MINUTES > 0)) {
  process.stderr.write(
    `wrong: ${unknown.join(', ') || 'REPLYD_TEST_LOAD_MINUTES'}; parts: ${Object.keys(PARTS).join(', ')}\n`,
  );
  process.exitCode = 2;
} else {
  const cpu = cpus();
  print(`Node ${process.version}, ${cpu.length} × ${cpu[0]?.model ?? '?'}, Linux ${release()}`);
  print(`files that may be open: ${descriptorLimit('self')}\n`);
  for (const name of names.length > 0 ? names : Object.keys(PARTS)) {
    const [title, findings] = await PARTS[name]!();
    print(table(title, findings));
    if (findings.some(finding => !finding.reached)) process.exitCode = 1;
  }
}
