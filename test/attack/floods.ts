/**
 * Forms that are nothing but separators. Ten megabytes of `&` are ten million empty fields, those of boundaries a million
 * empty parts, and nobody has to prove anything before they are read: the attacker wants the only thread. What must hold: each post is refused in a bounded time, and all
 * others are served meanwhile.
 */
import { type AttackKind, newTally } from './attack.js';
import { post } from './forms.js';

const MIB = 1024 * 1024;
const FORM = 'application/x-www-form-urlencoded';
const TEXTS: readonly (readonly [type: string, text: string])[] = [
  ...['&', 'a&', '=&', 'a=b&', ';', '%26&', '&&=='].map(text => [FORM, text] as const),
  ['multipart/form-data; boundary=""', '--\r\n'],
  ['multipart/form-data; boundary=b', '--b\r\n'],
  ['multipart/form-data; boundary=b', '--b\r\n\r\n'],
  ['multipart/form-data; boundary=b', '\r\n--b\r\nA: b\r\n\r\n'],
];
const DOORS: readonly string[] = ['/ingress/mailgun/mime', '/ingress/mandrill', '/ingress/sendgrid'];

export const floods: AttackKind = {
  name: 'floods',
  about: 'forms of separators or empty parts alone, by the million, without a proof',
  open: 'issue 17, item 4',
  async run(target, { short }) {
    const tally = newTally();
    for (const [type, text] of TEXTS) {
      const body = text.repeat(((short ? 3 : 10) * MIB) / text.length);
      for (const place of DOORS) {
        const question = { method: 'POST', place, headers: { 'content-type': type }, body };
        await post(target, `${JSON.stringify(text)} at ${place}`, { question, tally, mayTake: false });
      }
    }
    return tally.result();
  },
};
