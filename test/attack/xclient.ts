/**
 * XCLIENT, XFORWARD and the PROXY header. A stranger says that he is somebody who is trusted; or he comes by a trusted proxy,
 * which names his address honestly, and his own words then try to change it. What must hold: he gains no trust: refused
 * recipients still count against him until he is cut, XCLIENT is not his to say, the address on record is his own, and the
 * Authentication-Results in his mail are nobody's word.
 */
import { randomUUID } from 'node:crypto';
import type { SmtpTalk } from '../interop/smtp-talk.js';
import { type AttackKind, eachOf, newTally } from './attack.js';
import { type Door, type Target, TRUSTED } from './target.js';

const REFUSED = 20;
const AUTHSERV = 'mx.example.com';

/** Said by a stranger who hopes to become one of us. */
const CLAIMS: readonly string[] = [
  'XCLIENT ADDR=127.0.0.1',
  'xclient addr=127.0.0.1',
  'XCLIENT  ADDR=127.0.0.1',
  'XCLIENT\tADDR=127.0.0.1',
  ' XCLIENT ADDR=127.0.0.1',
  'XCLIENT ADDR=IPV6:::1',
  'XCLIENT ADDR=IPV6:::ffff:127.0.0.1',
  'XCLIENT ADDR=[UNAVAILABLE]',
  'XCLIENT NAME=localhost ADDR=127.0.0.1 PROTO=ESMTP',
  'XCLIENT ADDR=127.0.0.1 LOGIN=root',
  'XCLIENT LOGIN=root',
  'XCLIENT NAME=localhost',
  'XCLIENT HELO=localhost',
  'XCLIENT',
  'XCLIENT ADDR=+31+32+37.0.0.1',
  `XCLIENT ${'ADDR=127.0.0.1 '.repeat(200)}`,
  'XFORWARD ADDR=127.0.0.1',
  'XFORWARD ADDR=127.0.0.1 NAME=localhost HELO=localhost PROTO=ESMTP SOURCE=LOCAL',
  'xforward addr=127.0.0.1',
  'PROXY TCP4 127.0.0.1 127.0.0.1 25 25',
  '\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\x7f\x00\x00\x01\x7f\x00\x00\x01\x00\x19\x00\x19',
  'AUTH PLAIN AHJvb3QAcm9vdA==',
  'AUTH EXTERNAL cm9vdA==',
  'EHLO [127.0.0.1]',
  'EHLO replyd.postfix',
  'LHLO replyd.postfix',
  'HELO localhost',
];

/** What a trusted proxy says of a stranger; `address` is a new one. */
const NAMED: readonly ((address: string) => string)[] = [
  address => `ADDR=${address}`,
  address => `ADDR=${address} NAME=localhost HELO=localhost`,
  address => `NAME=127.0.0.1 ADDR=${address}`,
  address => `addr=${address}`,
  address => `ADDR=IPV6:::ffff:${address}`,
  () => 'ADDR=IPV6:2001:db8::1',
  () => 'ADDR=[UNAVAILABLE]',
  () => 'ADDR=[TEMPUNAVAIL]',
  () => 'ADDR=127.0.0.2',
  () => 'ADDR=127.0.0.1.evil.example',
  () => 'ADDR=0127.0.0.1',
  () => 'ADDR=127.1',
  () => 'ADDR=2130706433',
  () => 'ADDR=0x7f000001',
  () => 'ADDR=IPV6:::127.0.0.1',
  () => 'ADDR=IPV6:64:ff9b::127.0.0.1',
  () => 'ADDR=localhost',
  () => 'ADDR=',
  address => `ADDR=${address} ADDR=127.0.0.1`,
  address => `ADDR=${address}+20ADDR=127.0.0.1`,
  address => `ADDR=${address}+0D+0AXCLIENT+20ADDR=127.0.0.1`,
];

export const xclient: AttackKind = {
  name: 'xclient',
  about: 'XCLIENT, XFORWARD and PROXY from strangers, and behind a trusted proxy',
  settings: () => ({ 'limits.refused_recipients': REFUSED, 'auth.authserv_id': [AUTHSERV] }),
  async run(target) {
    const tally = newTally();
    const { reply_to } = await target.converse();
    const claims = (['smtp', 'lmtp'] as const).flatMap(door => CLAIMS.map(claim => ({ door, claim })));
    await eachOf(claims, 8, async ({ door, claim }) => {
      const name = `${door}, a stranger: ${JSON.stringify(claim.slice(0, 100))}`;
      tally.count(name, await claimed(target, door, { claim, recipient: reply_to }).catch(String));
    });
    let proxied = 0;
    const named = (['smtp', 'lmtp'] as const).flatMap(door =>
      NAMED.flatMap(words =>
        ['', 'XCLIENT ADDR=127.0.0.1', 'XFORWARD ADDR=127.0.0.1'].map(then => ({ door, words, then })),
      ),
    );
    await eachOf(named, 8, async ({ door, words, then }) => {
      proxied += 1;
      const line = words(`198.${18 + (proxied >> 8)}.${proxied & 255}.7`);
      const name = `${door}, behind a proxy: XCLIENT ${line}${then === '' ? '' : `, then ${then}`}`;
      tally.count(name, await behindProxy(target, door, { line, then, recipient: reply_to }).catch(String));
    });
    return tally.result();
  },
};

async function claimed(
  target: Target,
  door: Door,
  { claim, recipient }: { claim: string; recipient: string },
): Promise<string | null> {
  const from = target.stranger();
  const talk = await target.session(door, { from });
  try {
    const offered = await talk.command(door === 'lmtp' ? 'LHLO a.example' : 'EHLO a.example', 250);
    if (offered.texts.some(text => /^(?:XCLIENT|XFORWARD|AUTH)/i.test(text))) return `offered ${offered.raw}`;
    talk.sendBytes(`${claim}\r\nNOOP claimed\r\n`);
    const isGreeting = /^(?:EHLO|HELO|LHLO)/.test(claim);
    const first = await talk.reply();
    if (!isGreeting && first.code < 400) return `answered ${first.raw}`;
    return await asStranger(target, talk, { address: from, recipient });
  } catch (error) {
    // The claim was a goodbye.
    if (/ended instead of a reply/.test(String(error))) return null;
    throw error;
  } finally {
    talk.close();
  }
}

async function behindProxy(
  target: Target,
  door: Door,
  { line, then, recipient }: { line: string; then: string; recipient: string },
): Promise<string | null> {
  const talk = await target.session(door, { from: TRUSTED });
  try {
    const reply = await talk.command(`XCLIENT ${line}`);
    // Refused: the proxy did not name a client, and stays what it is.
    if (reply.code >= 400) return null;
    await talk.command(door === 'lmtp' ? 'LHLO a.example' : 'EHLO a.example', 250);
    if (then !== '') {
      const again = await talk.command(then);
      if (again.code < 400) return `${then} was answered ${again.raw}`;
    }
    return await asStranger(target, talk, { address: null, recipient });
  } finally {
    talk.close();
  }
}

/** Files one mail as what this session is, and uses up what a stranger may: null when both show a stranger. */
async function asStranger(
  target: Target,
  talk: SmtpTalk,
  { address, recipient }: { address: string | null; recipient: string },
): Promise<string | null> {
  const word = randomUUID();
  const from = `${word}@customer.example`;
  const lines = [`MAIL FROM:<${from}>`, `RCPT TO:<${recipient}>`, 'DATA'];
  const said: string[] = [];
  let code = 0;
  for (const line of lines) {
    talk.send(line);
    // Answers that are still owed to the claim come first.
    do {
      const reply = await talk.reply();
      said.push(reply.raw);
      code = reply.code;
      if (code === 421) return null;
    } while (!(line === 'DATA' ? code === 354 : /^250 2\.1\.[05]/.test(said.at(-1)!)) && said.length < 60);
  }
  if (code !== 354) return `its mail got ${said.join(' | ')}`;
  const results = `Authentication-Results: ${AUTHSERV}; dmarc=pass header.from=customer.example; spf=pass; dkim=pass`;
  talk.sendMail(`${results}\r\nFrom: <${from}>\r\nMessage-ID: <${word}@a.example>\r\n\r\nHello ${word}\r\n`);
  const filed = await talk.expect(250);
  const mailId = filed.texts[0]!.split(' ').at(-1)!;
  const { mail } = await target.store.mail(mailId);
  // What the proxy does not know it can't name: the proxy's own address stands there, which is no trust.
  if (address !== null && mail.client !== address) return `on record as ${mail.client}`;
  const message = await target.store.message(mail.results[0]!.message_id!);
  if (message.sender?.dmarc === 'pass') return 'its Authentication-Results count';
  await talk.command(`MAIL FROM:<${from}>`, 250);
  const nobody = `reply+${'0'.repeat(32)}@${target.acme.domain}`;
  for (let refused = 0; refused <= REFUSED + 1; refused += 1) {
    const { code } = await talk.command(`RCPT TO:<${nobody}>`);
    if (code === 421) return null;
  }
  return `${REFUSED + 1} refused recipients did not count`;
}
