/**
 * A crowd in Cc, so that an answer of the team becomes mail to all of it. What must hold: strangers, robots, lists, forgers
 * and mails that only carry our own addresses bring in nobody; the contact and whom he brought in at most 20 for each
 * conversation, with however many mails; and nobody who was removed comes back.
 */
import { randomUUID } from 'node:crypto';
import { MOST_CARRIED, MOST_KNOWN } from '#replyd/conversation/rules/carry.js';
import type { Tally } from './attack.js';
import type { Addressed, Target } from './target.js';

interface Trick {
  readonly name: string;
  /** Default: the contact. */
  readonly from?: string;
  readonly fields?: readonly string[];
  readonly mails?: number;
  /** How many are carried then, at most. */
  readonly most: number;
}

const TRICKS: readonly Trick[] = [
  { name: 'a stranger', from: 'spammer@spam.example', most: 0 },
  { name: 'a stranger, many mails', from: 'spammer@spam.example', mails: 6, most: 0 },
  { name: 'nobody', from: '', most: 0 },
  { name: 'a robot', fields: ['Auto-Submitted: auto-replied'], most: 0 },
  { name: 'a list', fields: ['List-Id: <crowd.victim.example>'], most: 0 },
  { name: 'a forger', fields: ['Authentication-Results: mx.example.com; dmarc=fail'], most: 0 },
  { name: 'the contact', most: MOST_CARRIED },
  { name: 'the contact, many mails', mails: 6, most: MOST_CARRIED },
];

/** In To and in Cc, spelled in ways that mail programs use and in some that they do not. */
function crowdOf(number: number): string {
  const plain = Array.from({ length: 150 }, (_, index) => `c${number}-${index}@victim.example`);
  return [...plain, `"Crowd, the" <c${number}@victim.example>`, `group: g${number}@victim.example;`].join(',\r\n ');
}

/** `authserv_id` of the target is mx.example.com. */
export async function crowds(target: Target, tally: Tally): Promise<void> {
  for (const field of ['Cc', 'To'] as const) {
    for (const trick of TRICKS) {
      const conversation = await target.converse();
      for (let mail = 0; mail < (trick.mails ?? 1); mail += 1) {
        await send(target, conversation, trick, `${field}: ${crowdOf(mail)}`);
      }
      tally.count(`${trick.name}, ${field}`, await faultOf(target, conversation, trick.most));
    }
  }
  const conversation = await target.converse();
  const ours = [conversation.reply_to, `support@acme.example`, `any@${target.acme.domain}`, `x@${target.umbra.domain}`];
  await send(target, conversation, { name: '', most: 0 }, `Cc: ${ours.join(', ')}`);
  tally.count('our own addresses', await faultOf(target, conversation, 0));
  await send(target, conversation, { name: '', most: 0 }, 'Cc: once@victim.example');
  await target.store.removeCc({ id: conversation.id }, 'once@victim.example');
  await send(target, conversation, { name: '', most: 0 }, 'Cc: once@victim.example, ONCE@victim.example');
  tally.count('who was removed', await faultOf(target, conversation, 0));
}

async function send(target: Target, { reply_to, contact }: Addressed, trick: Trick, crowd: string): Promise<void> {
  const talk = await target.session('smtp');
  try {
    const from = trick.from ?? contact.email!;
    await talk.command(`MAIL FROM:<${from}>`, 250);
    await talk.command(`RCPT TO:<${reply_to}>`, 250);
    await talk.command('DATA', 354);
    const fields = [...(from === '' ? [] : [`From: <${from}>`]), ...(trick.fields ?? []), crowd];
    talk.sendMail(
      `${fields.join('\r\n')}\r\nMessage-ID: <${randomUUID()}@spam.example>\r\n\r\nBuy ${randomUUID()}\r\n`,
    );
    await talk.expect(250);
  } finally {
    talk.close();
  }
}

/** An answer to it goes to the contact and to no more than `most` others. */
async function faultOf({ store }: Target, { id }: Addressed, most: number): Promise<string | null> {
  const { deliveries } = await store.addMessage(
    { id },
    { direction: 'outgoing', text: 'Yes?', mail: 'now', via: 'api' },
  );
  const { cc } = await store.conversation({ id });
  if (cc.length > MOST_KNOWN) return `${cc.length} people are known`;
  return deliveries.length <= most + 1 ? null : `it went to ${deliveries.length - 1} others`;
}
