/**
 * Strangers who fill the disk: with mail for postmaster, which everybody may send; with posts to addresses that are not
 * there, which are kept on record; with many large mails in the middle of DATA, and large posts. The data stands on a small
 * file system. What must hold: what is kept of strangers ends at `limits.unfiled` and `limits.unfiled_mails`, the free
 * space stays above `limits.min_free` whatever is in flight, each client gets an honest answer, and no file is left.
 */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { mailBytes } from '../durability/load.js';
import { watchFree } from '../durability/small-disk.js';
import { providerPost } from '../ingress/provider-posts.js';
import { eventually } from '../run.js';
import { type AttackKind, eachOf, newTally, type Tally } from './attack.js';
import type { Target } from './target.js';

const MIB = 1024 * 1024;
const MIN_FREE = 64 * MIB;
const UNFILED = 16 * MIB;
const UNFILED_MAILS = 200;
const CLIENTS = 15;
/** What each client may have between asking and writing, and what the store writes for others meanwhile. */
const SLACK = CLIENTS * 512 * 1024 + 4 * MIB;

export const disk: AttackKind = {
  name: 'disk',
  about: 'postmaster floods, refused posts, large mails in DATA and large posts on a small disk',
  disk: 224 * MIB,
  settings: () => ({
    'limits.min_free': MIN_FREE,
    'limits.unfiled': UNFILED,
    'limits.unfiled_mails': UNFILED_MAILS,
  }),
  obstacle: () => (process.getuid?.() === 0 ? null : 'mounting a tmpfs needs root'),
  async run(target, { short }) {
    const tally = newTally();
    const watch = watchFree(target.daemon.dataFolder);
    await postmasters(target, tally, short ? 20 : 60);
    await refusedPosts(target, tally, short ? 20 : 60);
    for (let round = 0; round < (short ? 1 : 3); round += 1) await inFlight(target, tally);
    await largePosts(target, tally);
    const least = watch.stop();
    tally.count('free space', least > MIN_FREE - SLACK ? null : `${least} bytes were free`);
    tally.note(`the least free space was ${Math.round(least / MIB)} MiB of ${MIN_FREE / MIB}`);
    return tally.result();
  },
};

async function postmasters(target: Target, tally: Tally, count: number): Promise<void> {
  const to = `postmaster@${target.acme.domain}`;
  const send = async (name: string, size: number, expected: string) => {
    const talk = await target.session('smtp', { from: target.stranger(), timeout: 60_000 });
    await talk.command('MAIL FROM:<stranger@example.net>', 250);
    await talk.command(`RCPT TO:<${to}>`, 250);
    await talk.command('DATA', 354);
    talk.sendMail(mailBytes(name, to, size));
    const { raw } = await talk.reply();
    talk.close();
    tally.count(name, raw.startsWith(expected) ? null : `answered ${raw}`);
  };
  const numbers = Array.from({ length: count }, (_, number) => number);
  await eachOf(numbers, 4, number => send(`postmaster-large-${number}`, MIB - 100_000, '250'));
  await eachOf(numbers, 4, number => send(`postmaster-too-large-${number}`, 4 * MIB, '552 5.3.4'));
  const many = Array.from({ length: UNFILED_MAILS + 50 }, (_, number) => number);
  await eachOf(many, 4, number => send(`postmaster-small-${number}`, 1_000, '250'));
  countKept(target, tally, 'postmaster');
}

async function refusedPosts(target: Target, tally: Tally, count: number): Promise<void> {
  const recipient = `reply+${'0'.repeat(32)}@${target.acme.domain}`;
  const numbers = Array.from({ length: count }, (_, number) => number);
  await eachOf(numbers, 2, async number => {
    const name = `refused-${number}`;
    const size = number % 4 === 0 ? 5 * MIB : MIB - 100_000;
    const status = await post(target, { to: recipient, mail: mailBytes(name, recipient, size) });
    tally.count(name, status === 404 ? null : `answered ${status}`);
  });
  countKept(target, tally, 'refused');
}

/** What is kept of strangers, by the rows themselves. */
function countKept(target: Target, tally: Tally, after: string): void {
  const where = "from mail where state in ('kept', 'refused')";
  const mails = target.db.value<number>(`select count(*) ${where}`) ?? 0;
  const bytes = target.db.value<number>(`select sum(size) ${where} and raw_gone_at is null`) ?? 0;
  const isHeld = mails <= UNFILED_MAILS && bytes <= UNFILED;
  tally.count(`limits.unfiled after ${after}`, isHeld ? null : `${mails} mails, ${bytes} bytes`);
}

/** Large mails that do not end until all have been sent. */
async function inFlight(target: Target, tally: Tally): Promise<void> {
  const { reply_to } = await target.converse();
  const body = mailBytes('flight', reply_to, 14 * MIB)
    .toString('latin1')
    .replaceAll('\n', '\r\n');
  const clients = Array.from({ length: CLIENTS }, (_, number) => number);
  const talks = await Promise.all(
    clients.map(async () => {
      const talk = await target.session('smtp', { from: target.stranger(), timeout: 120_000 });
      const { code } = await talk.command('MAIL FROM:<stranger@example.net>');
      if (code !== 250) return null;
      await talk.command(`RCPT TO:<${reply_to}>`, 250);
      await talk.command('DATA', 354);
      talk.sendBytes(body);
      return talk;
    }),
  );
  const files = () => readdirSync(path.join(target.daemon.dataFolder, 'incoming')).length;
  await eventually('something is in flight', () => files() > 0 || talks.every(talk => talk === null));
  // Half of them go away, the others end their mails.
  for (const [number, talk] of talks.entries()) {
    const name = `in flight ${number}`;
    if (talk === null) tally.count(`${name}, put off at MAIL`, null);
    else if (number % 2 === 0) {
      talk.reset();
      tally.count(`${name}, gone`, null);
    } else {
      talk.sendBytes('\r\n.\r\n');
      const { raw } = await talk.reply();
      talk.close();
      tally.count(name, /^250 2\.0\.0|^452 4\.3\.1/.test(raw) ? null : `answered ${raw}`);
    }
  }
  await eventually('no file is left', () => files() === 0);
}

async function largePosts(target: Target, tally: Tally): Promise<void> {
  const { reply_to: to } = await target.converse();
  const numbers = Array.from({ length: 8 }, (_, number) => number);
  await Promise.all(
    numbers.map(async number => {
      const status = await post(target, { to, mail: mailBytes(`post-${number}`, to, 20 * MIB) });
      tally.count(`large post ${number}`, [204, 503].includes(status) ? null : `answered ${status}`);
    }),
  );
}

async function post(target: Target, { to, mail }: { to: string; mail: Buffer }): Promise<number> {
  const { path: place, headers, body } = providerPost('relay', { rcptTo: [to], mail });
  const answer = await fetch(`${target.url}${place}`, { method: 'POST', headers, body: new Uint8Array(body) });
  await answer.arrayBuffer();
  return answer.status;
}
