/**
 * Bombs at the providers' doors: small bodies that cost much, and large ones that nobody has to send a proof for. The attacker wants
 * the daemon's memory, its time, or a mail filed twice or elsewhere. What must hold: each post is answered, or cut off, within
 * a bounded time; the loop goes on (a health question right behind each is answered at once); what has no proof is never
 * 2xx; and fields that stand twice change nothing of what was proven.
 */
import { createHmac } from 'node:crypto';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { mailBytes } from '../durability/load.js';
import { basicAuth, multipart, SECRET, urlencoded } from '../ingress/provider-posts.js';
import { type AttackKind, memorySteps, newTally, type Tally } from './attack.js';
import { ask, type HttpQuestion } from './http-client.js';
import type { Target } from './target.js';

/** Longest time of an answer, and of the health question behind it, milliseconds. */
const ANSWER_TIME = 10_000;
const HEALTH_TIME = 2_000;
const MIB = 1024 * 1024;

const FORM = 'application/x-www-form-urlencoded';
const BOUNDARY = 'xYzZY';
const MULTIPART = `multipart/form-data; boundary=${BOUNDARY}`;

export interface Bomb {
  readonly name: string;
  readonly type: string;
  readonly body: () => string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

export function bombs(short: boolean): Bomb[] {
  const many = short ? 100_000 : 1_000_000;
  const part = (head: string, value = 'v') => `--${BOUNDARY}\r\n${head}\r\n\r\n${value}\r\n`;
  const field = (name: string) => `Content-Disposition: form-data; name="${name}"`;
  const zeros = Buffer.alloc(100 * MIB);
  return [
    { name: 'many keys', type: FORM, body: () => Array.from({ length: many }, (_, n) => `k${n}=v`).join('&') },
    { name: 'the same key often', type: FORM, body: () => 'recipient=a%40b.example&'.repeat(many / 10) },
    { name: 'a long value', type: FORM, body: () => `recipient=${'a'.repeat(10 * MIB)}` },
    { name: 'a long name', type: FORM, body: () => `${'a'.repeat(10 * MIB)}=1` },
    { name: 'percent signs', type: FORM, body: () => `a=${'%41'.repeat(3 * MIB)}` },
    { name: 'broken percent signs', type: FORM, body: () => `a=${'%'.repeat(10 * MIB)}` },
    { name: 'half escapes', type: FORM, body: () => `a=${'%e2%82'.repeat(MIB)}` },
    { name: 'plus signs', type: FORM, body: () => `a=${'+'.repeat(10 * MIB)}` },
    { name: 'equal signs', type: FORM, body: () => '='.repeat(10 * MIB) },
    { name: 'brackets in brackets', type: FORM, body: () => `a${'[b]'.repeat(many)}=1` },
    {
      name: 'names of prototypes',
      type: FORM,
      body: () => '__proto__[x]=1&constructor.prototype.y=1&__proto__=z&toString=q',
    },
    { name: 'zeros', type: FORM, body: () => Buffer.alloc(10 * MIB) },
    { name: 'many parts', type: MULTIPART, body: () => part(field('a')).repeat(many / 10) },
    { name: 'many files', type: MULTIPART, body: () => part(`${field('a')}; filename="x"`).repeat(many / 10) },
    {
      name: 'many headers in a part',
      type: MULTIPART,
      body: () => part(`${field('a')}\r\n${'X-A: b\r\n'.repeat(many / 10)}X-B: c`),
    },
    {
      name: 'a long header in a part',
      type: MULTIPART,
      body: () => part(`${field('a')}\r\nX-A: ${'b'.repeat(10 * MIB)}`),
    },
    { name: 'a long name of a part', type: MULTIPART, body: () => part(field('a'.repeat(10 * MIB))) },
    { name: 'many parameters', type: MULTIPART, body: () => part(`${field('a')}${'; x=y'.repeat(many / 10)}`) },
    {
      name: 'folded header lines',
      type: MULTIPART,
      body: () => part(`${field('a')}\r\nX-A:${'\r\n a'.repeat(many / 10)}`),
    },
    {
      name: 'half boundaries',
      type: MULTIPART,
      body: () => `${part(field('a'), `\r\n--${BOUNDARY.slice(0, -1)}`.repeat(many / 4))}`,
    },
    { name: 'line ends and dashes', type: MULTIPART, body: () => `${part(field('a'), '\r\n--'.repeat(2 * MIB))}` },
    {
      name: 'a part that never ends',
      type: MULTIPART,
      body: () => `--${BOUNDARY}\r\n${field('a')}\r\n\r\n${'a'.repeat(10 * MIB)}`,
    },
    { name: 'no part at all', type: MULTIPART, body: () => 'a'.repeat(10 * MIB) },
    {
      name: 'a long preamble',
      type: MULTIPART,
      body: () => `${'\r\n'.repeat(5 * MIB)}${part(field('a'))}--${BOUNDARY}--`,
    },
    {
      name: 'a long epilogue',
      type: MULTIPART,
      body: () => `${part(field('a'))}--${BOUNDARY}--\r\n${'a'.repeat(10 * MIB)}`,
    },
    { name: 'no boundary', type: 'multipart/form-data', body: () => part(field('a')) },
    { name: 'a long boundary', type: `multipart/form-data; boundary=${'b'.repeat(10_000)}`, body: () => 'x' },
    {
      name: 'nested multipart',
      type: MULTIPART,
      body: () => part(`${field('a')}\r\nContent-Type: multipart/mixed; boundary=in`, '--in\r\n'.repeat(many / 10)),
    },
    {
      name: 'a file with a path',
      type: MULTIPART,
      body: () => part(`${field('a')}; filename="../../../etc/cron.d/x"`, 'x'.repeat(MIB)),
    },
    { name: 'JSON deep in lists', type: 'application/json', body: () => '['.repeat(10 * MIB) },
    { name: 'JSON deep and closed', type: 'application/json', body: () => `${'['.repeat(many)}${']'.repeat(many)}` },
    {
      name: 'JSON deep in objects',
      type: 'application/json',
      body: () => `${'{"a":'.repeat(many)}1${'}'.repeat(many)}`,
    },
    {
      name: 'JSON with many keys',
      type: 'application/json',
      body: () => `{${Array.from({ length: many }, (_, n) => `"k${n}":${n}`).join()}}`,
    },
    {
      name: 'JSON with the same key',
      type: 'application/json',
      body: () => `{${'"To":"a@b.example",'.repeat(many / 10)}"To":"x"}`,
    },
    { name: 'JSON with a long number', type: 'application/json', body: () => `{"a":${'9'.repeat(5 * MIB)}}` },
    { name: 'JSON with escapes', type: 'application/json', body: () => `{"a":"${'\\u0000'.repeat(MIB)}"}` },
    { name: 'JSON with a long text', type: 'application/json', body: () => `{"RawEmail":"${'a'.repeat(30 * MIB)}"}` },
    {
      name: 'JSON of a prototype',
      type: 'application/json',
      body: () => '{"__proto__":{"RawEmail":"x"},"constructor":{"prototype":{"x":1}}}',
    },
    { name: 'JSON that is none', type: 'application/json', body: () => `{"a":"\\ud800${'\\'.repeat(100)}` },
    { name: 'bytes that are no text', type: 'application/json', body: () => Buffer.alloc(5 * MIB, 0xff) },
    { name: 'gzip', type: FORM, headers: { 'content-encoding': 'gzip' }, body: () => gzipSync(zeros) },
    {
      name: 'deflate',
      type: 'application/json',
      headers: { 'content-encoding': 'deflate' },
      body: () => deflateSync(zeros),
    },
    {
      name: 'brotli',
      type: MULTIPART,
      headers: { 'content-encoding': 'br' },
      body: () => brotliCompressSync(Buffer.alloc(MIB)),
    },
    {
      name: 'gzip in gzip',
      type: 'application/json',
      headers: { 'content-encoding': 'gzip, gzip' },
      body: () => gzipSync(gzipSync(zeros)),
    },
    { name: 'another type', type: 'text/plain', body: () => 'a'.repeat(10 * MIB) },
    { name: 'a mail', type: 'message/rfc822', body: () => 'A: b\n'.repeat(2 * MIB) },
    { name: 'more than any mail', type: 'message/rfc822', body: () => Buffer.alloc(60 * MIB, 0x61) },
    { name: 'type in pieces', type: `${FORM}; ${'charset=x; '.repeat(500)}`, body: () => 'a=1' },
    { name: 'UTF-7 form', type: `${FORM}; charset=utf-7`, body: () => '+ACY-a=1' },
  ];
}

const DOORS: readonly string[] = [
  '/ingress/mailgun/mime',
  '/ingress/mandrill',
  '/ingress/postmark',
  '/ingress/sendgrid',
  '/ingress/relay',
];

export const forms: AttackKind = {
  name: 'forms',
  about: "forms, JSON and compressed bodies at the providers' doors that cost more than they weigh",
  async run(target, { short }) {
    const tally = newTally();
    for (const { name, type, body, headers = {} } of bombs(short)) {
      const bytes = body();
      for (const door of DOORS) {
        const wrong = { authorization: basicAuth('guessed'), 'x-mandrill-signature': 'Z3Vlc3NlZA==' };
        const question = {
          method: 'POST',
          place: door,
          headers: { 'content-type': type, ...wrong, ...headers },
          body: bytes,
        };
        await post(target, `${name} at ${door}`, { question, tally, mayTake: false });
      }
    }
    await fieldsTwice(target, tally);
    return tally.result();
  },
};

/** Posts, and asks for health right behind it. */
export async function post(
  target: Target,
  name: string,
  { question, tally, mayTake }: { question: HttpQuestion; tally: Tally; mayTake: boolean },
): Promise<void> {
  const step = memorySteps(target.daemon.pid, tally);
  const answer = await ask(target.url, { ...question, within: ANSWER_TIME });
  const health = await ask(target.url, { place: '/healthz', within: ANSWER_TIME });
  const isLate = answer.took >= ANSWER_TIME;
  const isTaken = answer.status >= 200 && answer.status < 300 && !mayTake;
  const faults = [
    ...(isLate ? [`no answer within ${ANSWER_TIME} ms`] : []),
    ...(isTaken ? [`answered ${answer.status} ${answer.text.slice(0, 200)}`] : []),
    ...(health.status !== 200 || health.took > HEALTH_TIME
      ? [`health behind it: ${health.status} in ${health.took} ms`]
      : []),
  ];
  step(name);
  tally.count(name, faults.length === 0 ? null : faults.join(', '));
}

/** A proven post of Mailgun with one of its fields twice: what is filed is what was proven, once, or nothing. */
async function fieldsTwice(target: Target, tally: Tally): Promise<void> {
  const [one, other] = [await target.converse(), await target.converse({ tenant: target.umbra })];
  for (const isForm of [true, false]) {
    for (const twice of ['recipient', 'body-mime', 'signature', 'timestamp', 'token', 'sender']) {
      for (const isFirst of [true, false]) {
        const word = `twice-${twice}-${isFirst}-${isForm}`;
        const timestamp = String(Math.floor(Date.now() / 1000));
        const token = createHmac('sha256', 'token').update(word).digest('hex').slice(0, 50);
        const signature = createHmac('sha256', SECRET)
          .update(timestamp + token)
          .digest('hex');
        const fields: [string, string | Buffer][] = [
          ['recipient', one.reply_to],
          ['sender', 'carla@customer.example'],
          ['timestamp', timestamp],
          ['token', token],
          ['signature', signature],
          ['body-mime', mailBytes(word, one.reply_to, 500)],
        ];
        const wrong: Readonly<Record<string, string | Buffer>> = {
          recipient: other.reply_to,
          'body-mime': mailBytes(`${word}-other`, other.reply_to, 500),
        };
        const extra: [string, string | Buffer] = [twice, wrong[twice] ?? 'x'];
        const all = isFirst ? [extra, ...fields] : [...fields, extra];
        const before = target.mails();
        const { type, body } = isForm ? { type: FORM, body: urlencoded(all) } : multipart(all);
        const question = { method: 'POST', place: '/ingress/mailgun/mime', headers: { 'content-type': type }, body };
        const answer = await ask(target.url, question);
        const filed =
          target.db.value<number>(`select count(*) from message where message_id like '%' || $1 || '%'`, word) ?? 0;
        const fault =
          answer.status === 0 || filed > 1
            ? `answered ${answer.status} ${answer.text.slice(0, 200)}, ${filed} messages, ${target.mails() - before} mails`
            : null;
        tally.count(
          `${twice} twice, the wrong one ${isFirst ? 'first' : 'last'}, ${isForm ? 'a form' : 'multipart'}`,
          fault,
        );
      }
    }
  }
}
