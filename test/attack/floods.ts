/**
 * Forms that are nothing but separators. Ten megabytes of `&` are ten million empty fields, and nobody has to prove anything
 * before they are read: the attacker wants the only thread. What must hold: each post is refused in a bounded time, and all
 * others are served meanwhile.
 */
import { type AttackKind, newTally } from './attack.js';
import { post } from './forms.js';

const MIB = 1024 * 1024;
const TEXTS: readonly string[] = ['&', 'a&', '=&', 'a=b&', ';', '%26&', '&&=='];
const DOORS: readonly string[] = ['/ingress/mailgun/mime', '/ingress/mandrill', '/ingress/sendgrid'];

export const floods: AttackKind = {
  name: 'floods',
  about: 'forms of separators alone, by the million, without a proof',
  open: 'issue 17, item 4',
  async run(target, { short }) {
    const tally = newTally();
    for (const text of TEXTS) {
      const body = text.repeat(((short ? 3 : 10) * MIB) / text.length);
      for (const place of DOORS) {
        const headers = { 'content-type': 'application/x-www-form-urlencoded' };
        const question = { method: 'POST', place, headers, body };
        await post(target, `${text} at ${place}`, { question, tally, mayTake: false });
      }
    }
    return tally.result();
  },
};
