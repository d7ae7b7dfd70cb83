/**
 * Guessing passwords at the doors that have one. The attacker tries one after the other, from one address, from a whole network,
 * and through our own proxy with an address that he makes up. What must hold: after a few tries nobody looks at his passwords
 * any more, the right one included; whoever has the password and another address is let in all the while; GET and HEAD
 * tell nobody which doors there are.
 */
import { basicAuth, providerPost, SECRET } from '../ingress/provider-posts.js';
import { type AttackKind, newTally } from './attack.js';
import { ask } from './http-client.js';
import type { Target } from './target.js';

type Name = 'relay' | 'postmark' | 'sendgrid';
const NAMES: readonly Name[] = ['relay', 'postmark', 'sendgrid'];
const TRIES = 100;

interface Guess {
  readonly name: Name;
  readonly password: string;
  readonly from?: string;
  /** X-Forwarded-For. */
  readonly by?: string;
  readonly user?: string;
}

export const guesses: AttackKind = {
  name: 'guesses',
  about: "passwords guessed at the providers' doors, from one address, a network and behind a proxy",
  async run(target) {
    const tally = newTally();
    const { reply_to } = await target.converse();
    const mail = Buffer.from(
      'From: customer@customer.example\r\nMessage-ID: <guess@customer.example>\r\n\r\nHello\r\n',
    );
    const guess = ({ name, password, from, by, user }: Guess) => {
      const { path, headers, body } = providerPost(name, { mail, rcptTo: [reply_to] });
      return ask(target.url, {
        method: 'POST',
        place: path,
        headers: {
          ...headers,
          authorization: basicAuth(password, user),
          ...(by === undefined ? {} : { 'x-forwarded-for': by }),
        },
        body,
        ...(from === undefined ? {} : { from }),
      });
    };
    const isIn = ({ status }: { status: number }) => status >= 200 && status < 300;
    for (const [index, name] of NAMES.entries()) {
      const ways: readonly (readonly [string, (number: number) => Partial<Guess>, Partial<Guess>])[] = [
        ['one address', () => ({ from: `127.60.${index}.9` }), { from: `127.60.${index}.9` }],
        ['a network', number => ({ from: `127.61.${index}.${1 + number}` }), { from: `127.61.${index}.200` }],
        ['behind our proxy', () => ({ by: `198.51.${index}.9` }), { by: `198.51.${index}.9` }],
        [
          'behind our proxy, with addresses that he makes up',
          number => ({ by: `203.0.113.${number}, 198.52.${index}.9` }),
          { by: `198.52.${index}.9` },
        ],
        [
          'with addresses that he makes up, and no proxy',
          number => ({ from: `127.62.${index}.9`, by: `203.0.113.${number}` }),
          { from: `127.62.${index}.9` },
        ],
      ];
      for (const [way, comes, last] of ways) {
        const statuses = new Set<number>();
        for (let number = 0; number < TRIES; number += 1) {
          const answer = await guess({ name, password: `guess ${way} ${number}`, ...comes(number) });
          statuses.add(answer.status);
          if (isIn(answer)) tally.count(`${name}, ${way}: guess ${number}`, `answered ${answer.status}`);
        }
        const right = await guess({ name, password: SECRET, ...last });
        const isHeld = right.status === 503 && /wrong passwords/.test(right.text);
        tally.count(`${name}, ${way}: the right one after ${TRIES} wrong ones`, isHeld ? null : `${right.status}`);
        const other = await guess({ name, password: SECRET, from: target.stranger() });
        tally.count(`${name}, ${way}: others come in`, isIn(other) ? null : `${other.status} ${other.text}`);
      }
      const known = { name, from: `127.63.${index}.9` };
      await guess({ ...known, password: SECRET });
      for (let number = 0; number < TRIES; number += 1) await guess({ ...known, password: 'the password before' });
      const again = await guess({ ...known, password: SECRET });
      tally.count(
        `${name}: a mistake that is made again and again shuts nobody out`,
        isIn(again) ? null : `${again.status}`,
      );
      for (const [password, user] of [
        ['', undefined],
        [SECRET, ''],
        [SECRET, 'root'],
        [SECRET.slice(0, -1), undefined],
        [`${SECRET}\0`, undefined],
        [SECRET.toUpperCase(), undefined],
        ['x'.repeat(8_000), undefined],
      ] as const) {
        const answer = await guess({
          name,
          password,
          from: target.stranger(),
          ...(user === undefined ? {} : { user }),
        });
        tally.count(`${name}: nearly right`, isIn(answer) ? `answered ${answer.status}` : null);
      }
    }
    await looks(target, tally.count);
    return tally.result();
  },
};

async function looks({ url }: Target, count: (name: string, fault: string | null) => void): Promise<void> {
  const places = [
    'mailgun',
    'mandrill',
    'relay',
    'nobody',
    '',
    '../v1/accounts',
    '%2e%2e/healthz',
    'relay/../../healthz',
  ];
  const answers = new Set<string>();
  for (const place of places) {
    for (const method of ['GET', 'HEAD']) {
      const { status, head, text } = await ask(url, { method, place: `/ingress/${place}` });
      answers.add(`${status} ${head.replace(/^date:.*\n/im, '')} ${text}`);
    }
  }
  count('GET and HEAD are answered alike', answers.size === 1 ? null : [...answers].join(' | '));
}
