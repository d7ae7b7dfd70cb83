/**
 * Mailgun's proof again. Somebody saw one honest post (a log, a proxy, another webhook of the same Mailgun account) and
 * uses its timestamp, token and signature for mails of his own, one after the other and many at once. What must hold: the
 * mail that the proof came with is taken as often as it comes and filed once; nothing else is taken with it; what is
 * refused leaves nothing on record.
 */
import { createHmac, randomUUID } from 'node:crypto';
import { multipart, SECRET, urlencoded } from '../ingress/provider-posts.js';
import { type AttackKind, newTally } from './attack.js';
import { ask } from './http-client.js';
import type { Target } from './target.js';

type Fields = Readonly<Record<string, string>>;

export const replay: AttackKind = {
  name: 'replay',
  about: "Mailgun's proof of one mail, used for others",
  async run(target, { short }) {
    const tally = newTally();
    const mine = await target.converse({ tenant: target.umbra });
    const { reply_to } = await target.converse();
    const seen = provenFields(reply_to);
    const forged = (change: Partial<Fields>): Fields => ({ ...seen, ...change }) as Fields;
    const refused = async (name: string, fields: Fields) => {
      const before = target.mails();
      const { status, text } = await send(target, fields);
      const left = target.mails() - before - filedBeside();
      const isHeld = status === 401 && left <= 0;
      tally.count(name, isHeld ? null : `answered ${status} ${text.slice(0, 200)}, ${left} more mails on record`);
    };
    // The customer's mails beside the attack are on record too.
    let beside = customerMails(target);
    const filedBeside = () => {
      const now = customerMails(target);
      const more = now - beside;
      beside = now;
      return more;
    };

    const honest = await Promise.all(Array.from({ length: 10 }, () => send(target, seen)));
    tally.count(
      'the honest post, ten times at once',
      honest.every(({ status }) => status === 200) ? null : 'not taken',
    );
    const count = target.db.value<number>("select count(*) from mail where door = 'mailgun'");
    tally.count('it is filed once', count === 1 ? null : `${count} mails`);
    filedBeside();
    const tries: readonly (readonly [string, Partial<Fields>])[] = [
      ['another mail', { 'body-mime': mailOf('other') }],
      ["another account's conversation", { recipient: mine.reply_to }],
      ['two recipients', { recipient: `${reply_to}, ${mine.reply_to}` }],
      ['its recipient in other letters', { recipient: reply_to.toUpperCase() }],
      ['nobody', { recipient: `reply+${'0'.repeat(32)}@${target.acme.domain}` }],
      ['the operator', { recipient: `postmaster@${target.acme.domain}` }],
      ['a byte more', { 'body-mime': `${seen['body-mime']}.` }],
      ['a byte less', { 'body-mime': seen['body-mime']!.slice(0, -1) }],
      [
        'its signature in capitals, another mail',
        { signature: seen.signature!.toUpperCase(), 'body-mime': mailOf('b') },
      ],
      ['a digit moved from the token to the time', moved(seen, 1)],
      ['a digit moved from the time to the token', moved(seen, -1)],
      ['a zero before the time', { timestamp: `0${seen.timestamp}` }],
      ['a space behind the token', { token: `${seen.token} ` }],
      ['a token in capitals', { token: seen.token!.toUpperCase() }],
      ['no token', { token: '' }],
      ['a later time', { timestamp: String(Number(seen.timestamp) + 1) }],
    ];
    for (const [name, change] of tries) await refused(name, forged(change));
    for (let number = 0; number < (short ? 20 : 200); number += 1)
      await refused(
        `forged mail ${number}`,
        forged({ 'body-mime': mailOf(`forged ${number} ${'x'.repeat(number * 500)}`) }),
      );

    const race = provenFields(reply_to);
    const racers = await Promise.all(
      Array.from({ length: 20 }, (_, number) => send(target, { ...race, 'body-mime': mailOf(`racer ${number}`) })),
    );
    const taken = racers.filter(({ status }) => status === 200).length;
    const isHeld = taken === 1 && racers.every(({ status }) => status === 200 || status === 401);
    tally.count(
      'twenty mails at once with one new proof: one is taken',
      isHeld ? null : racers.map(r => r.status).join(),
    );
    const again = await send(target, seen);
    tally.count('and the honest one still', again.status === 200 ? null : `answered ${again.status}`);
    return tally.result();
  },
};

function customerMails(target: Target): number {
  return target.db.value<number>("select count(*) from mail where door = 'smtp'") ?? 0;
}

function mailOf(word: string): string {
  return `From: customer@customer.example\r\nSubject: ${word.slice(0, 40)}\r\nMessage-ID: <${randomUUID()}@customer.example>\r\n\r\n${word}\r\n`;
}

function provenFields(recipient: string): Fields {
  const timestamp = String(Math.floor(Date.now() / 1000));
  // It begins with digits, so that time and token could be cut elsewhere.
  const token = `12${randomUUID().replaceAll('-', '')}`;
  const signature = createHmac('sha256', SECRET)
    .update(timestamp + token)
    .digest('hex');
  return { recipient, sender: 'customer@customer.example', timestamp, token, signature, 'body-mime': mailOf('honest') };
}

/** The same signed text, cut elsewhere, with another mail. */
function moved({ timestamp = '', token = '' }: Fields, digits: number): Partial<Fields> {
  const signed = timestamp + token;
  const at = timestamp.length + digits;
  return { timestamp: signed.slice(0, at), token: signed.slice(at), 'body-mime': mailOf('moved') };
}

let turn = 0;

/** As a form or as multipart, in turn, from a stranger. */
function send(target: Target, fields: Fields): ReturnType<typeof ask> {
  turn += 1;
  const all = Object.entries(fields);
  const { type, body } =
    turn % 2 === 0 ? { type: 'application/x-www-form-urlencoded', body: urlencoded(all) } : multipart(all);
  const headers = { 'content-type': type };
  return ask(target.url, { method: 'POST', place: '/ingress/mailgun/mime', headers, body, from: target.stranger() });
}
