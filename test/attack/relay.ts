/**
 * Relay tricks. A spammer writes a recipient so that our domain seems to be meant and the mail goes on to another: percent
 * hack, source routes, bang paths, quoted and doubled @, look-alike letters, address literals, NUL, comments, very long
 * ones. What must hold: no spelling that means a foreign domain is accepted at RCPT, at either door, from strangers and
 * from trusted clients; and what is taken is only what stands for a living address of ours. The dead addresses of our own
 * domains are among them: nobody may learn which tokens live. Nor does a crowd in Cc make us mail to it (`crowd.ts`).
 */
import { randomUUID } from 'node:crypto';
import { domainToASCII } from 'node:url';
import { keyOf } from '#replyd/store/ids.js';
import { type AttackKind, eachOf, newTally } from './attack.js';
import { crowds } from './crowd.js';
import { type Door, type Target, TRUSTED } from './target.js';

const FOREIGN = 'victim.example';

/** The whole parameter behind `RCPT TO:`. `reply`: a living address of ours, as local part and domain. */
function tricks(local: string, domain: string): string[] {
  const ours = `${local}@${domain}`;
  return [
    // A foreign recipient, plainly and in every coat.
    `<victim@${FOREIGN}>`,
    `<victim@${FOREIGN}.>`,
    `<VICTIM@VICTIM.EXAMPLE>`,
    `<victim%${FOREIGN}@${domain}>`,
    `<victim%40${FOREIGN}@${domain}>`,
    `<${local}%${FOREIGN}@${domain}>`,
    `<victim@${FOREIGN}%${domain}>`,
    `<victim%${FOREIGN}%${domain}>`,
    `<victim%${FOREIGN}>`,
    `<${FOREIGN}!victim>`,
    `<${FOREIGN}!victim@${domain}>`,
    `<${domain}!${FOREIGN}!victim@${domain}>`,
    `<${domain}!victim@${FOREIGN}>`,
    `<@${domain}:victim@${FOREIGN}>`,
    `<@${domain},@${FOREIGN}:victim@${FOREIGN}>`,
    `<@${FOREIGN}:victim@${FOREIGN}>`,
    `<@${domain}:victim%${FOREIGN}@${domain}>`,
    `<@${domain}:@${domain}:victim@${FOREIGN}>`,
    `<victim@${FOREIGN}@${domain}>`,
    `<${ours}@${FOREIGN}>`,
    `<"victim@${FOREIGN}"@${domain}>`,
    `<"${ours}"@${FOREIGN}>`,
    `<"victim@${FOREIGN}">`,
    `<"victim@${FOREIGN}\\"@${domain}>`,
    `<"victim"@${FOREIGN}>`,
    `<"\\v\\i\\c\\t\\i\\m"@${FOREIGN}>`,
    `<victim\\@${FOREIGN}@${domain}>`,
    `<victim(@${domain})@${FOREIGN}>`,
    `<victim@${FOREIGN}(@${domain})>`,
    `<victim@(comment)${FOREIGN}>`,
    `<victim@${FOREIGN} ${ours}>`,
    `<victim@${FOREIGN},${ours}>`,
    `<victim@${FOREIGN};${ours}>`,
    `<victim@${FOREIGN}> <${ours}>`,
    `<victim@${FOREIGN}><${ours}>`,
    `<${ours}><victim@${FOREIGN}>`,
    `<${ours}> <victim@${FOREIGN}>`,
    `<${ours}>,<victim@${FOREIGN}>`,
    `<<victim@${FOREIGN}>>`,
    `<victim@${FOREIGN}`,
    `victim@${FOREIGN}`,
    `:victim@${FOREIGN}:`,
    `<mailto:victim@${FOREIGN}>`,
    `<smtp:victim@${FOREIGN}>`,
    `<IMCEASMTP-victim+40${FOREIGN}@${domain}>`,
    `<IMCEASMTP-victim+40${FOREIGN}@127.0.0.1>`,
    `<victim@[127.0.0.1]>`,
    `<${local}@[127.0.0.1]>`,
    `<victim@[IPv6:::1]>`,
    `<${local}@[IPv6:::1]>`,
    `<victim@127.0.0.1>`,
    `<${local}@2130706433>`,
    `<${local}@localhost>`,
    `<${local}@localhost.localdomain>`,
    `<${local}@replyd.example.com>`,
    `<victim>`,
    `<>`,
    `<@>`,
    `<@${domain}>`,
    `<${local}@>`,
    `<.@${domain}>`,
    // A domain that looks like ours or ends like it.
    `<${local}@x${domain}>`,
    `<${local}@x.${domain}>`,
    `<${local}@${domain}.${FOREIGN}>`,
    `<${local}@${domain}@>`,
    `<${local}@.${domain}>`,
    `<${local}@${domain}..>`,
    `<${local}@${domain.replace('.', '..')}>`,
    `<${local}@${domain.replace('e', '\u0435')}>`,
    `<${local}@${domain.replace('l', '1')}>`,
    `<${local}@${domain.replace('p', '\u0440')}>`,
    `<${local}@${domain.replace('y', 'y\u0301')}>`,
    `<${local}@${domain.replace('.', '\u00ad.')}>`,
    `<${local}@xn--${domain}>`,
    `<${local}@${domain.replace('.com', '.\u0441om')}>`,
    `<${local}@${domain}\0.${FOREIGN}>`,
    `<${local}@${FOREIGN}\0.${domain}>`,
    `<victim@${FOREIGN}\0@${domain}>`,
    `<victim@${FOREIGN}\0>`,
    `<${local}@${domain}\t.${FOREIGN}>`,
    `<${local}@${domain}/${FOREIGN}>`,
    `<${local}@${domain}#${FOREIGN}>`,
    `<${local}@${domain}?${FOREIGN}>`,
    `<${local}@${domain}\\.${FOREIGN}>`,
    `<${local}@${domain}:25>`,
    `<${local}@${domain}%00>`,
    // Tokens that do not live.
    `<reply+${'0'.repeat(32)}@${domain}>`,
    `<${local}0@${domain}>`,
    `<${local.slice(0, -1)}@${domain}>`,
    `<${local}+victim@${domain}>`,
    `<${local}.@${domain}>`,
    `<x${local}@${domain}>`,
    `<reply@${domain}>`,
    `<reply+@${domain}>`,
    `<reply+*@${domain}>`,
    `<reply+%@${domain}>`,
    `<reply+' or 1=1 --@${domain}>`,
    `<reply+${'_'.repeat(32)}@${domain}>`,
    `<victim@${domain}>`,
    `<root@${domain}>`,
    `<|/bin/sh@${domain}>`,
    `</dev/null@${domain}>`,
    `<:include:/etc/passwd@${domain}>`,
    `<${'a'.repeat(65)}@${domain}>`,
    `<${'a'.repeat(3000)}@${domain}>`,
    `<${'a'.repeat(100_000)}@${domain}>`,
    `<${local}@${'a.'.repeat(1500)}${domain}>`,
    `<${'@a,'.repeat(900)}:victim@${FOREIGN}>`,
    `<"${'\\a'.repeat(1000)}"@${FOREIGN}>`,
    `<victim@${FOREIGN}> ORCPT=rfc822;${ours}`,
    `<victim@${FOREIGN}> NOTIFY=NEVER`,
  ];
}

/** Spellings that mean our living address, and are taken or not: a foreign domain stands in none of them. */
const MODES: readonly { readonly name: string; readonly mail: string }[] = [
  { name: '', mail: 'MAIL FROM:<spammer@spam.example>' },
  { name: ', SMTPUTF8', mail: 'MAIL FROM:<spammer@spam.example> SMTPUTF8' },
  { name: ', from us', mail: 'MAIL FROM:<support@example.com>' },
  { name: ', from nobody', mail: 'MAIL FROM:<>' },
];

export const relayTricks: AttackKind = {
  name: 'relay',
  about: 'spellings of a foreign recipient that look like one of ours',
  settings: () => ({ 'auth.authserv_id': ['mx.example.com'] }),
  async run(target, { short }) {
    const tally = newTally();
    const { reply_to } = await target.converse();
    const at = reply_to.lastIndexOf('@');
    const all = tricks(reply_to.slice(0, at), reply_to.slice(at + 1));
    const doors: readonly (readonly [Door, boolean])[] = [
      ['smtp', true],
      ['smtp', false],
      ['lmtp', true],
    ];
    const modes = short ? MODES.slice(0, 2) : MODES;
    const tries = doors.flatMap(([door, trusted]) =>
      modes.flatMap(mode => all.map(trick => ({ door, trusted, mode, trick }))),
    );
    await eachOf(tries, 16, async ({ door, trusted, mode, trick }) => {
      const name = `${door}${trusted ? '' : ', a stranger'}${mode.name}: RCPT TO:${JSON.stringify(trick.slice(0, 200))}`;
      const from = trusted ? TRUSTED : target.stranger();
      tally.count(name, await tryOne(target, { door, from, mail: mode.mail, trick, ours: reply_to }));
    });
    await crowds(target, tally);
    const foreign = target.db.value<number>(`select count(*) from mail where rcpt_to like '%victim%'`) ?? 0;
    tally.count('no mail is on record for the foreign domain', foreign === 0 ? null : `${foreign} mails are`);
    return tally.result();
  },
};

interface Try {
  readonly door: Door;
  readonly from: string;
  readonly mail: string;
  readonly trick: string;
  readonly ours: string;
}

async function tryOne(target: Target, { door, from, mail, trick, ours }: Try): Promise<string | null> {
  const talk = await target.session(door, { from });
  try {
    await talk.command(mail, 250);
    const reply = await talk.command(`RCPT TO:${trick}`);
    // It is over with this connection, or there is a recipient.
    if (reply.code === 421) return null;
    const data = await talk.command('DATA');
    if (reply.code >= 400) return data.code < 400 ? `RCPT got ${reply.raw}, DATA ${data.raw}` : null;
    talk.sendMail(`From: a@spam.example\r\nMessage-ID: <${randomUUID()}@spam.example>\r\n\r\nBuy\r\n`);
    const { code, raw, texts } = await talk.reply();
    if (code !== 250) return `accepted: ${reply.raw}, and then ${raw}`;
    const key = keyOf('mail', texts[0]!.split(' ').at(-1)!);
    const taken = target.db.value<string>('select rcpt_to from mail where key = $1', key);
    const [address = '', ...more] = JSON.parse(taken ?? '[]') as string[];
    const isOurs = more.length === 0 && normal(address) === normal(ours);
    return isOurs ? null : `accepted: ${reply.raw}, filed for ${taken}`;
  } catch (error) {
    // A connection that was cut took nothing.
    return /ended instead of a reply/.test(String(error)) ? null : String(error);
  } finally {
    talk.close();
  }
}

/** Some spellings are ours after all: a soft hyphen is nothing in a domain (UTS 46). */
function normal(address: string): string {
  const at = address.lastIndexOf('@');
  return `${address.slice(0, at)}@${domainToASCII(address.slice(at + 1))}`;
}
