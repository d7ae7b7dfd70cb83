/** What can be seen of a daemon from outside while it is tormented, each as a list of faults: empty when all is well. */
import { closeSync, existsSync, fstatSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import path from 'node:path';
import type { Connection } from '#replyd/store/sqlite/database.js';
import { checkStore } from '#replyd/store/upkeep/check.js';
import { type DaemonProcess, hostPort } from '../daemon-process.js';
import { connectTalk } from '../interop/smtp-talk.js';

const EHLO_MS = 5_000;
/**
 * Files of what begins with the first mail: the parser's thread has 6, the thread of the search 10 with its two databases
 * and their logs.
 */
const BEGUN = 20;

/** Gives what the daemon has logged since the last call as far as it is a fault: all but refusals. */
export function logReader(daemon: DaemonProcess): () => string[] {
  let read = 0;
  let begun = '';
  return () => {
    const log = openSync(daemon.logFile, 'r');
    try {
      const fresh = Buffer.alloc(fstatSync(log).size - read);
      read += readSync(log, fresh, 0, fresh.length, read);
      const lines = (begun + fresh.toString('utf8')).split('\n');
      begun = lines.pop() ?? '';
      return lines
        .filter(line => line !== '' && !(line.startsWith('{') && /"event":"rejected"/.test(line)))
        .slice(0, 10)
        .map(line => `log: ${line.slice(0, 1000)}`);
    } finally {
      closeSync(log);
    }
  };
}

export async function answersEhlo(daemon: DaemonProcess): Promise<string[]> {
  const faults: string[] = [];
  for (const kind of ['smtp', 'lmtp'] as const) {
    try {
      const talk = await connectTalk(hostPort(daemon.listening[kind][0]), { timeout: EHLO_MS });
      await talk.expect(220);
      await talk.command(`${kind === 'lmtp' ? 'LHLO' : 'EHLO'} client.example`, 250);
      await talk.quit();
    } catch (error) {
      faults.push(`${kind} does not answer any more: ${String(error)}`);
    }
  }
  return faults;
}

/** Open files, spool files and marks of mails being read that nobody needs any more. */
export async function leftBehind(daemon: DaemonProcess, before: number): Promise<string[]> {
  // What clients left in the middle is noticed a moment later.
  const until = performance.now() + EHLO_MS;
  const look = () => [
    ...readdirSync(path.join(daemon.dataFolder, 'incoming')),
    ...(markOf(daemon) === '' ? [] : ['a mail that is being read']),
    ...(descriptors(daemon) > before + BEGUN ? [`${descriptors(daemon)} open files, ${before} at the start`] : []),
  ];
  while (look().length > 0 && performance.now() < until) await new Promise(resolve => setTimeout(resolve, 50));
  return look().map(what => `left behind: ${what}`);
}

/** The hash of the mail in hand; '' for none, also before the first mail. */
function markOf(daemon: DaemonProcess): string {
  const file = path.join(daemon.dataFolder, 'parsing');
  return existsSync(file) ? readFileSync(file, 'latin1').trim() : '';
}

export function descriptors(daemon: DaemonProcess): number {
  return existsSync('/proc') ? readdirSync(`/proc/${daemon.pid}/fd`).length : 0;
}

export function residentMiB(daemon: DaemonProcess): number {
  if (!existsSync('/proc')) return 0;
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${daemon.pid}/status`, 'utf8'))?.[1]) / 1024);
}

export async function faultsOfStore(db: Connection, dataDir: string): Promise<string[]> {
  const faults: string[] = [];
  for await (const { check, faults: found } of checkStore(db, dataDir, { now: Date.now() })) {
    for (const fault of found)
      if (fault.state === 'failed') faults.push(`check, ${check}: ${fault.thing}: ${fault.text}`);
  }
  return faults;
}
