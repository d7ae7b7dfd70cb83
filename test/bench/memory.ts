/**
 * Resident memory of the daemon and of all its processes together, at rest, with 1,000 idle connections, and with
 * three mails of 30 MiB under way besides. The peak is looked for every 20 ms until the last mail has its 250.
 */

import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { connectTalk, type SmtpTalk } from '../interop/smtp-talk.js';
import { residentMemory } from '../process-figures.js';
import { goal, print } from './figures.js';
import { replyd } from './targets.js';

const IDLE = 1000;
const MIB = 1024 * 1024;

export async function memory(quick: boolean): Promise<void> {
  const target = await replyd(10, { settings: { 'smtp.max_connections': IDLE + 100 } });
  const talks: SmtpTalk[] = [];
  try {
    const group = target.daemon.pid;
    print(`at rest                           ${show(memoryOf(group))}`);
    for (let index = 0; index < IDLE; index++) {
      const talk = await connectTalk(target);
      talks.push(talk);
      await talk.expect(220);
      await talk.command('EHLO idle.example.net', 250);
    }
    print(`${IDLE} idle connections             ${show(memoryOf(group))}`);

    const recipients = (await readFile(target.recipients, 'utf8')).trim().split('\n');
    const peak = { daemon: 0, all: 0 };
    const timer = setInterval(() => {
      const now = memoryOf(group);
      peak.daemon = Math.max(peak.daemon, now.daemon);
      peak.all = Math.max(peak.all, now.all);
    }, 20);
    const size = (quick ? 5 : 30) * MIB;
    await Promise.all(recipients.slice(0, 3).map(recipient => sendLarge(target, recipient, size)));
    clearInterval(timer);
    print(`and three mails of ${Math.round(size / MIB)} MiB, at most  ${show(peak)}`);
    goal('under 300 MB', peak.all < 300e6);
  } finally {
    for (const talk of talks) talk.close();
    await target.close();
  }
}

async function sendLarge(target: { host: string; port: number }, recipient: string, size: number): Promise<void> {
  const talk = await connectTalk(target, { timeout: 120_000 });
  try {
    await talk.expect(220);
    await talk.command('EHLO large.example.net', 250);
    await talk.command('MAIL FROM:<customer@customer.example>', 250);
    await talk.command(`RCPT TO:<${recipient}>`, 250);
    await talk.command('DATA', 354);
    const attachment = randomBytes(Math.floor((size * 3 * 76) / (4 * 78)));
    const lines = attachment.toString('base64').match(/.{1,76}/g)!;
    const mail = [
      'From: customer@customer.example',
      `Message-ID: <${randomBytes(8).toString('hex')}@customer.example>`,
      'MIME-Version: 1.0',
      'Content-Type: multipart/mixed; boundary=b1',
      '',
      '--b1',
      'Content-Type: text/plain',
      '',
      'The photographs.',
      '--b1',
      'Content-Type: application/zip; name=photos.zip',
      'Content-Transfer-Encoding: base64',
      '',
      ...lines,
      '--b1--',
      '',
    ];
    talk.sendBytes(`${mail.join('\r\n')}.\r\n`);
    await talk.expect(250);
  } finally {
    talk.close();
  }
}

/** Bytes, of a process group's leader and of the whole group; pages that processes share count once for each. */
function memoryOf(group: number): { daemon: number; all: number } {
  let all = 0;
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      // proc(5): the name in parentheses may hold anything; state, parent and group follow it.
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      if (Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2]) === group) all += residentMemory(Number(name));
    } catch {
      // It ended meanwhile.
    }
  }
  return { daemon: residentMemory(group), all };
}

function show({ daemon, all }: { daemon: number; all: number }): string {
  return `${Math.round(daemon / 1e6)} MB the daemon, ${Math.round(all / 1e6)} MB with its children`;
}
