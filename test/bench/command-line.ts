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
  const times = quick ? 3 : 15;
  const target = await replyd(1000);
  try {
    const bare = await measure(times, () => run(process.execPath, ['-e', '0']));
    print(`node itself                          ${Math.round(bare)} ms`);
    const medians: number[] = [];
    for (const words of VERBS) {
      const found = await measure(times, () => verb(target.daemon, words));
      medians.push(found);
      print(`${`replyd ${words.join(' ')}`.padEnd(37)}${Math.round(found)} ms`);
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

async function measure(times: number, work: () => Promise<unknown>): Promise<number> {
  const found: number[] = [];
  for (let index = 0; index <= times; index++) {
    const start = performance.now();
    await work();
    // The first one fills the caches of the file system.
    if (index > 0) found.push(performance.now() - start);
  }
  return median(found);
}

async function verb(daemon: DaemonProcess, words: readonly string[]): Promise<void> {
  const { code, stderr } = await daemon.cli(words);
  if (code !== 0) throw new Error(`replyd ${words.join(' ')}: exit ${code}\n${stderr}`);
}
