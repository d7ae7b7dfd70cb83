/**
 * Forms that cost more than they weigh, without a proof. Ten megabytes of `&` are ten million empty fields, and nobody has to
 * prove anything before they are read: the attacker wants the only thread. What must hold: each post is refused in a bounded
 * time; and while many strangers post at once, or begin forms that never end, a health question and a provider's proven
 * post are answered in time, in the daemon's usual memory.
 */
import { createHmac } from 'node:crypto';
import { connect } from 'node:net';
import { FAIR_TIME } from '#replyd/ingress/providers/unproven.js';
import { mailBytes } from '../durability/load.js';
import { multipart, SECRET } from '../ingress/provider-posts.js';
import { highestMemory } from '../process-figures.js';
import { type AttackKind, mib, newTally, type Tally } from './attack.js';
import { post } from './forms.js';
import { ask, type HttpQuestion } from './http-client.js';
import { startStrangers } from './strangers.js';
import type { Target } from './target.js';

const MIB = 1024 * 1024;
const URLENCODED = 'application/x-www-form-urlencoded';
const TEXTS: readonly (readonly [type: string, text: string])[] = [
  ...['&', 'a&', '=&', 'a=b&', ';', '%26&', '&&=='].map(text => [URLENCODED, text] as const),
  ['multipart/form-data; boundary=""', '--\r\n'],
  ['multipart/form-data; boundary=b', '--b\r\n'],
  ['multipart/form-data; boundary=b', '--b\r\n\r\n'],
  ['multipart/form-data; boundary=b', '\r\n--b\r\nA: b\r\n\r\n'],
];
const DOORS: readonly string[] = ['/ingress/mailgun/mime', '/ingress/mandrill', '/ingress/sendgrid'];
/** It has the form of Mandrill's, so that the form is read. */
const SIGNATURE = createHmac('sha1', 'guessed').digest('base64');
const ANSWER_TIME = 2_000;
/** The address of the provider who posts all the time. */
const PROVIDER = '127.250.1.1';
const STRANGERS = 300;
const PART = '\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n--x';

/** What the strangers post, all at once and again and again. */
const WAVES: readonly { readonly name: string; readonly type: string; readonly body: () => string }[] = [
  { name: 'separators', type: URLENCODED, body: () => '&'.repeat(MIB) },
  { name: 'pairs, as many as are read', type: URLENCODED, body: () => 'a=b&'.repeat(95) },
  { name: 'escapes', type: URLENCODED, body: () => `a=${'%41'.repeat(MIB / 3)}` },
  {
    name: 'parts, as many as are read',
    type: 'multipart/form-data; boundary=x',
    body: () => `--x${PART.repeat(95)}--`,
  },
  {
    name: 'parts that are no fields',
    type: 'multipart/form-data; boundary=x',
    body: () => `--x${'\r\n\r\n\r\n--x'.repeat(100_000)}--`,
  },
  {
    name: 'headers of parts',
    type: 'multipart/form-data; boundary=x',
    body: () => `--x${`\r\n${'A: b\r\n'.repeat(2500)}\r\n\r\n--x`.repeat(60)}--`,
  },
  {
    name: 'large mails with a wrong proof behind them',
    type: URLENCODED,
    body: () => `body-mime=${'m'.repeat(5 * MIB)}&timestamp=1&token=a&signature=b`,
  },
];

export const floods: AttackKind = {
  name: 'floods',
  about: "forms that cost more than they weigh, without a proof, at the providers' doors",
  async run(target, { short }) {
    const tally = newTally();
    for (const [type, text] of TEXTS) {
      const body = text.repeat(((short ? 3 : 10) * MIB) / text.length);
      for (const place of DOORS) {
        const headers = { 'content-type': type, 'x-mandrill-signature': SIGNATURE };
        const question = { method: 'POST', place, headers, body };
        await post(target, `${JSON.stringify(text)} at ${place}`, { question, tally, mayTake: false });
      }
    }
    for (const { name, type, body } of WAVES) {
      const headers = { 'content-type': type, 'x-mandrill-signature': SIGNATURE };
      for (const place of DOORS.slice(0, 2)) {
        const question = { method: 'POST', place, headers, body: Buffer.from(body()) };
        await wave(target, `${name} at ${place}`, { question, tally, time: short ? 1_500 : 5_000 });
      }
    }
    await heldPlaces(target, tally, short ? 3_000 : 15_000);
    return tally.result();
  },
};

/** Strangers who begin large forms and send a little more now and then, so that they never stand still. */
async function heldPlaces(target: Target, tally: Tally, time: number): Promise<void> {
  const { hostname, port } = new URL(target.url);
  const sockets = Array.from({ length: STRANGERS }, () => {
    const socket = connect({ host: hostname, port: Number(port), localAddress: target.stranger() });
    socket.on('error', () => {});
    socket.write(
      `POST /ingress/mailgun/mime HTTP/1.1\r\nHost: a\r\nContent-Type: ${URLENCODED}\r\n` +
        `Content-Length: ${30 * MIB}\r\n\r\nbody-mime=${'m'.repeat(300_000)}`,
    );
    return socket;
  });
  const ticking = setInterval(() => {
    for (const socket of sockets) if (socket.writableLength === 0) socket.write('m'.repeat(20_000));
  }, 1_000);
  const name = 'forms that come slowly';
  try {
    await new Promise(resolve => setTimeout(resolve, 1_000));
    const { slowest, asked } = await besideThem(target, tally, { name, until: performance.now() + time });
    tally.count(`${name}: others in time`, slowest > ANSWER_TIME ? `${slowest} ms` : null);
    // A provider that was never seen here: what is slow makes room for it within its second try.
    const answers: number[] = [];
    for (let tries = 0; tries < 2 && answers.at(-1) !== 200; tries += 1) {
      if (tries > 0) await new Promise(resolve => setTimeout(resolve, FAIR_TIME));
      answers.push((await provenPost(target, `${name}-new-${tries}`, target.stranger())).status);
    }
    tally.count(`${name}: a new provider`, answers.at(-1) === 200 ? null : `answered ${answers}`);
    tally.note(
      `${name}: of ${asked} times two questions beside it the slowest took ${slowest} ms; a new provider got ${answers}; most memory so far ${mib(highestMemory(target.daemon.pid))} MiB`,
    );
  } finally {
    clearInterval(ticking);
    for (const socket of sockets) socket.destroy();
  }
}

async function wave(
  target: Target,
  name: string,
  { question, tally, time }: { question: HttpQuestion; tally: Tally; time: number },
): Promise<void> {
  const addresses = Array.from({ length: STRANGERS }, target.stranger);
  const strangers = startStrangers({ url: target.url, question, addresses, time });
  const { slowest, asked } = await besideThem(target, tally, { name, until: performance.now() + time });
  const statuses = await strangers;
  tally.count(`${name}: others in time`, slowest > ANSWER_TIME ? `${slowest} ms` : null);
  const taken = [...statuses.keys()].filter(status => status >= 200 && status < 300);
  tally.count(`${name}: refused`, taken.length > 0 ? `answered ${taken}` : null);
  const answers = [...statuses].map(([status, count]) => `${count} × ${status || 'no answer'}`).join(', ');
  tally.note(
    `${name}: ${answers}; of ${asked} times two questions beside it the slowest took ${slowest} ms; most memory so far ${mib(highestMemory(target.daemon.pid))} MiB`,
  );
}

/** A health question and a provider's post, again and again. */
async function besideThem(
  target: Target,
  tally: Tally,
  { name, until }: { readonly name: string; readonly until: number },
): Promise<{ readonly slowest: number; readonly asked: number }> {
  const took = { health: 0, post: 0 };
  let asked = 0;
  while (performance.now() < until) {
    asked += 1;
    const health = await ask(target.url, { place: '/healthz' });
    const proven = await provenPost(target, `${name}-${asked}`);
    took.health = Math.max(took.health, health.took);
    took.post = Math.max(took.post, proven.took);
    for (const { status } of [health, proven])
      if (status !== 200) tally.count(`${name}: beside it`, `answered ${status}`);
    await new Promise(resolve => setTimeout(resolve, 100));
  }
  tally.note(
    `${name}: of ${asked} health questions the slowest took ${took.health} ms, of as many posts ${took.post} ms`,
  );
  return { slowest: Math.max(took.health, took.post), asked };
}

/** Mailgun's. */
async function provenPost(target: Target, word: string, from = PROVIDER): ReturnType<typeof ask> {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const token = createHmac('sha256', 'token').update(`${word}${performance.now()}`).digest('hex');
  const signature = createHmac('sha256', SECRET)
    .update(timestamp + token)
    .digest('hex');
  const { reply_to } = target.customer;
  const { type, body } = multipart([
    ['recipient', reply_to],
    ['sender', 'customer@customer.example'],
    ['body-mime', mailBytes(token, reply_to, 2_000)],
    ['timestamp', timestamp],
    ['token', token],
    ['signature', signature],
  ]);
  const headers = { 'content-type': type };
  return ask(target.url, { method: 'POST', place: '/ingress/mailgun/mime', headers, body, from });
}
