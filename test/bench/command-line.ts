/**
 * How long a verb of the command line takes: short ones without anything else going on, and one that writes while
 * the daemon takes mail from 50 connections, none of which may be deferred for it.
 */

import { performance } from 'node:perf_hooks';
import type { DaemonProcess } from '../daemon-process.js';
import { run } from '../run.js';
import { goal, median, print } from './figures.js';
import { runLoad } from './smtp-client.js';
import { replyd } from './targets.js';

const VERBS: readonly (readonly string[])[] = [
  ['account', 'list'],
  ['conversation', 'list', '--limit', '20'],
  ['conversation', 'show', 'acme#1'],
  ['queue', 'list'],
  ['--help'],
];

export async function commandLine(quick: boolean): Promise<void> {
  const times = quick ? 3 : 20;
  const target = await replyd(1000);
  try {
    // As bare as the verbs' own: some variables cost Node itself as much as a verb does.
    const env = { PATH: process.env.PATH };
    const works = [
      () => run(process.execPath, ['-e', '0'], { env }),
      ...VERBS.map(words => () => verb(target.daemon, words)),
    ];
    const [bare = 0, ...medians] = await measureInTurns(times, works);
    print(`node itself                          ${Math.round(bare)} ms`);
    for (const [index, words] of VERBS.entries()) {
      const found = medians[index]!;
      const ratio = `${(found / bare).toFixed(2)} times node`;
      print(`${`replyd ${words.join(' ')}`.padEnd(37)}${String(Math.round(found)).padStart(4)} ms   ${ratio}`);
    }
    goal('each within 150 ms (median)', Math.max(...medians) <= 150);

    const load = runLoad({
      host: target.host,
      port: target.port,
      connections: 50,
      connection: 'kept',
      recipients: target.recipients,
      warmUp: 1,
      seconds: quick ? 4 : 10,
    });
    let over = false;
    const loaded = load.finally(() => {
      over = true;
    });
    const writes: number[] = [];
    while (!over) {
      const start = performance.now();
      await verb(target.daemon, ['conversation', 'note', 'acme#1', '--text', `note ${writes.length}`]);
      if (!over) writes.push(performance.now() - start);
    }
    const { perSecond, failures } = await loaded;
    print(`\n${writes.length} notes written under ${Math.round(perSecond)} mails/s`);
    print(`  median ${Math.round(median(writes))} ms, longest ${Math.round(Math.max(...writes))} ms`);
    goal('each within 3 s', Math.max(...writes) <= 3000);
    goal('no mail deferred', Object.keys(failures).length === 0);
  } finally {
    await target.close();
  }
}

/** Medians, in turns: what the machine does meanwhile hits all alike. */
async function measureInTurns(times: number, works: readonly (() => Promise<unknown>)[]): Promise<readonly number[]> {
  const found = works.map((): number[] => []);
  for (let round = 0; round <= times; round++) {
    for (const [index, work] of works.entries()) {
      const start = performance.now();
      await work();
      // The first one fills the caches of the file system.
      if (round > 0) found[index]!.push(performance.now() - start);
    }
  }
  return found.map(median);
}

async function verb(daemon: DaemonProcess, words: readonly string[]): Promise<void> {
  const { code, stderr } = await daemon.cli(words);
  if (code !== 0) throw new Error(`replyd ${words.join(' ')}: exit ${code}\n${stderr}`);
}
