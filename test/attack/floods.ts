/**
 * Forms that cost more than they weigh, without a proof. Ten megabytes of `&` are ten million empty fields, and nobody has to
 * prove anything before they are read: the attacker wants the only thread. What must hold: each post is refused in a bounded
 * time; and while many strangers post at once, a health question and a provider's proven post are answered in time, in the
 * daemon's usual memory.
 */
import { createHmac } from 'node:crypto';
import { mailBytes } from '../durability/load.js';
import { multipart, SECRET } from '../ingress/provider-posts.js';
import { highestMemory } from '../process-figures.js';
import { type AttackKind, newTally, type Tally } from './attack.js';
import { post } from './forms.js';
import { ask, type HttpQuestion } from './http-client.js';
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
const STRANGERS = 40;
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
        const question = { method: 'POST', place, headers, body: body() };
        await wave(target, `${name} at ${place}`, { question, tally, time: short ? 1_500 : 5_000 });
      }
    }
    return tally.result();
  },
};

async function wave(
  target: Target,
  name: string,
  { question, tally, time }: { question: HttpQuestion; tally: Tally; time: number },
): Promise<void> {
  const until = performance.now() + time;
  const statuses = new Map<number, number>();
  const strangers = Array.from({ length: STRANGERS }, async () => {
    const from = target.stranger();
    while (performance.now() < until) {
      const { status } = await ask(target.url, { ...question, from });
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  });
  let slowest = 0;
  let asked = 0;
  while (performance.now() < until) {
    asked += 1;
    const health = await ask(target.url, { place: '/healthz' });
    const proven = await provenPost(target, `${name}-${asked}`);
    for (const { status, took } of [health, proven]) {
      slowest = Math.max(slowest, took);
      if (status !== 200) tally.count(`${name}: beside it`, `answered ${status}`);
    }
    await new Promise(resolve => setTimeout(resolve, 100));
  }
  await Promise.all(strangers);
  tally.count(`${name}: others in time`, slowest > ANSWER_TIME ? `${slowest} ms` : null);
  const taken = [...statuses.keys()].filter(status => status >= 200 && status < 300);
  tally.count(`${name}: refused`, taken.length > 0 ? `answered ${taken}` : null);
  const answers = [...statuses].map(([status, count]) => `${count} × ${status || 'no answer'}`).join(', ');
  tally.note(
    `${name}: ${answers}; of ${asked} times two questions beside it the slowest took ${slowest} ms; most memory so far ${Math.round(highestMemory(target.daemon.pid) / MIB)} MiB`,
  );
}

/** Mailgun's, from an address of its own. */
async function provenPost(target: Target, word: string): ReturnType<typeof ask> {
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
  return ask(target.url, { method: 'POST', place: '/ingress/mailgun/mime', headers, body, from: '127.250.1.1' });
}
