/**
 * Somebody wants to speak for the team by mail: he guesses an agent's reply address, has stolen one and forges From, sends
 * what a program could make of the marker, and gives commands in an account that is not the agent's. What must hold: an
 * address that nobody has is refused like any other; whatever he sends to a stolen one is held or without effect; no mail to a
 * customer and no change of a conversation comes of it. Last an honest agent answers, so that the silence means something.
 */
import { randomBytes } from 'node:crypto';
import type { Message } from '#replyd/conversation/model.js';
import { eventually } from '../run.js';
import { type AttackKind, newTally } from './attack.js';
import type { Target } from './target.js';

const ANNA = 'anna@acme.example';
const GUESSES = 200;

interface Letter {
  readonly from?: string;
  /** Whole From fields in place of one. */
  readonly fields?: readonly string[];
  /** What a checker says; the one that counts is `mx.acme.example`. */
  readonly results?: readonly string[];
  readonly text: string;
  readonly client?: string;
  /** Of XCLIENT. */
  readonly login?: string;
}

const PASS = 'mx.acme.example; dmarc=pass header.from=acme.example';

/** From and what is said of it: none of them is proven to be Anna's. */
const FORGED: readonly Omit<Letter, 'text'>[] = [
  {},
  { results: ['mx.acme.example; dmarc=fail header.from=acme.example'] },
  { results: ['mx.acme.example; dmarc=none'] },
  { results: ['mx.acme.example; dmarc=temperror'] },
  { results: ['mx.acme.example; dmarc=permerror'] },
  { results: ['mx.acme.example; dmarc=passed'] },
  { results: ['mx.acme.example; dkim=pass header.d=acme.example'] },
  { results: ['mx.acme.example; spf=pass smtp.mailfrom=acme.example'] },
  { results: ['mx.acme.example; dmarc=fail (dmarc=pass)'] },
  { results: ['mx.acme.example; dmarc=fail; dmarc=pass'] },
  { results: ['mx.acme.example; x="; dmarc=pass"'] },
  { results: ['mx.evil.example; dmarc=pass header.from=acme.example'] },
  { results: ['mx.acme.example.evil.example; dmarc=pass'] },
  { results: ['mx.acme.example; auth=fail smtp.auth=anna@acme.example'] },
  { results: ['mx.acme.example; auth=pass smtp.auth=mallory@acme.example'] },
  { results: ['mx.acme.example; auth=pass smtp.mailfrom=anna@acme.example'] },
  { results: [PASS], from: 'mallory@evil.example' },
  { results: [PASS], from: 'anna@acme.example.evil.example' },
  { results: [PASS], from: 'anna+x@acme.example' },
  { results: [PASS], fields: ['From: Mallory <mallory@evil.example>, Anna <anna@acme.example>'] },
  { results: [PASS], fields: ['From: Anna <anna@acme.example>, Mallory <mallory@evil.example>'] },
  { results: [PASS], fields: ['From: mallory@evil.example', 'From: anna@acme.example'] },
  { results: [PASS], fields: ['From: anna@acme.example', 'From: mallory@evil.example'] },
  { results: [PASS], fields: ['From: "anna@acme.example" <mallory@evil.example>'] },
  {
    results: [PASS],
    fields: ['From: mallory@evil.example', 'Sender: anna@acme.example', 'Reply-To: anna@acme.example'],
  },
  { results: [PASS], fields: ['X-From: anna@acme.example'] },
  { results: [PASS], fields: ['From: anna@acme.example <mallory@evil.example>'] },
  { results: [PASS], fields: ['From: <mallory@evil.example> anna@acme.example'] },
  { results: [PASS], fields: ['From: <anna@acme.example> mallory@evil.example'] },
  { results: [PASS], fields: ['From: Anna (mallory@evil.example) <anna@acme.example>'] },
  { results: [PASS], fields: ['From: =?utf-8?q?mallory=40evil.example?= <anna@acme.example>'] },
  { results: ['mx.acme.example; dmarc=pass header.from=evil.example'] },
  { results: ['mx.acme.example; dmarc=pass header.from="acme.example.evil.example"'] },
  // From an address that is not trusted the field says nothing.
  { results: [PASS], client: 'stranger' },
  { results: ['mx.acme.example; auth=pass smtp.auth=anna@acme.example'], client: 'stranger' },
];

/** What stands in a mail that is proven to be Anna's: none of these may reach the customer. `#` is the marker. */
const MARKERS: readonly string[] = [
  'no marker at all SECRET',
  '> SECRET\n#',
  'Yes.\n> SECRET\n#',
  'On Monday Jane wrote: # SECRET',
  'Yes. # SECRET',
  '#\nSECRET',
  '> #\nSECRET',
  '> > #\n> > SECRET',
  '\n\n#\n\nSECRET',
  '&#91;acme\\#@/9&#93; SECRET',
  '[acme#@/99999] SECRET',
  '[acme#@] SECRET',
  '[acme#@/] SECRET',
  '[acme#@/-1] SECRET',
  '[acme#@/1e1] SECRET',
  '[acme#@/0x1] SECRET',
  '[umbra#@/1] SECRET',
  '[acme#9999/1] SECRET',
  '[acme#@/999999999999999999999] SECRET',
  '\u200b[\u200bacme#@/99\u200b] SECRET',
  '--- Please reply above this line --- SECRET',
  'SECRET --- Please reply above this line ---\n#',
  'SECRET\nPlease reply above this line\n#',
  'SECRET\nBitte antworten Sie über dieser Zeile\n#',
  'SECRET\nSubject: [acme#@] Your conversation with us\n#',
  'SECRET\nNothing from the topmost line on is sent. Answer this mail to answer Carla.\n#',
  'SECRET\nWhere is my parcel? I have waited for eleven days.\n#',
  'SECRET\n/note\n#',
  '/note SECRET\n#',
  '/nota\nSECRET\n#',
  '\\note\nSECRET\n#',
  '/resolve\n/reopen\nSECRET\n#',
  '/assign Nobody\nSECRET\n#',
  '/note\nSECRET\n#',
  '\uff0fnote\nSECRET\n#',
  '/\u200bnote\nSECRET\n#',
];

export const agentMail: AttackKind = {
  name: 'agent-mail',
  about:
    "agents' reply addresses guessed and stolen, forged senders, markers that a program could make, commands of others",
  settings: () => ({ 'auth.authserv_id': ['mx.acme.example'], 'auth.verify': 'never', 'continuity.delay': '0s' }),
  async run(target) {
    const tally = newTally();
    const { store } = target;
    await store.setFeature('acme', 'agent_mail', true);
    await store.addAgent({ account: 'acme', email: ANNA, name: 'Anna', notify: 'all' });
    await store.addAgent({ account: 'umbra', email: 'ulf@umbra.example', name: 'Ulf' });
    const stolen = await told(target);

    const refusals = new Set<string>();
    const talk = await target.session('smtp');
    for (let number = 0; number < GUESSES; number += 1) {
      await talk.command('MAIL FROM:<mallory@evil.example>', 250);
      const guessed =
        number === 0
          ? `${stolen.replyTo.slice(0, 37)}0@reply.example.com`
          : `reply+${randomBytes(16).toString('hex')}@reply.example.com`;
      refusals.add((await talk.command(`RCPT TO:<${guessed}>`)).raw);
      await talk.command('RSET', 250);
    }
    tally.count(
      'guessed addresses are refused alike',
      refusals.size === 1 && [...refusals][0]!.startsWith('550 5.1.1') ? null : [...refusals].join(' | '),
    );

    for (const [number, forged] of FORGED.entries()) {
      for (const text of [
        `Your refund is denied.\n\n${stolen.marker}`,
        `/resolve\n/assign none\nDenied.\n\n${stolen.marker}`,
      ]) {
        const message = await deliver(target, stolen, { ...forged, text });
        tally.count(`forged sender ${number}`, message.held && message.deliveries.length === 0 ? null : shown(message));
      }
    }
    for (const written of MARKERS) {
      const text = written
        .replaceAll('#\n', `${stolen.marker}\n`)
        .replaceAll(/#$/g, stolen.marker)
        .replaceAll('# ', `${stolen.marker} `)
        .replaceAll('@', `${stolen.number}`);
      const message = await deliver(target, stolen, { results: [PASS], text });
      const isSent = message.direction === 'outgoing' && !message.held;
      tally.count(
        `the marker in ${JSON.stringify(written)}`,
        isSent && message.text.includes('SECRET') ? shown(message) : null,
      );
      if (message.held && message.direction === 'note') {
        const released = await store.releaseMessage(message.id);
        tally.count(
          'released it is a note',
          released.direction === 'note' && released.deliveries.length === 0 ? null : shown(released),
        );
      }
    }
    const other = await deliver(target, stolen, {
      results: [PASS],
      text: `/assign ulf@umbra.example\nHello.\n\n${stolen.marker}`,
    });
    tally.count(
      "another account's agent is nobody here",
      other.held && /no agent is named/.test(other.evidence.join()) ? null : shown(other),
    );
    await store.removeAgent(ANNA, null);
    await store.addAgent({ account: 'umbra', email: ANNA, name: 'Anna' });
    const gone = await store.resolve(stolen.replyTo);
    tally.count('a removed agent’s address is dead', gone.kind === 'unknown' ? null : gone.kind);

    const { status, assignee } = await store.conversation({ id: stolen.id });
    tally.count(
      'the conversation is as it was',
      status === 'open' && assignee === null ? null : `${status} ${assignee?.name}`,
    );
    const mails = await store.deliveries({ limit: 1000, conversation: stolen.id });
    const sent = mails.filter(({ kind, recipient }) => kind === 'mail' && recipient !== ANNA);
    const words = await Promise.all(sent.flatMap(({ message_ids }) => message_ids.map(id => store.message(id))));
    tally.count(
      'nothing of it was mailed',
      words.every(({ text }) => !/SECRET|refund|Denied/.test(text)) ? null : `${words.length} mails`,
    );

    await store.addAgent({ account: 'acme', email: 'honest@acme.example', name: 'Honest', notify: 'all' });
    const honest = await told(target);
    const answer = await deliver(target, honest, {
      from: 'honest@acme.example',
      results: [PASS],
      text: `It is on its way.\n\n${honest.marker}`,
    });
    tally.count('an honest agent answers', answer.direction === 'outgoing' && !answer.held ? null : shown(answer));
    for (const [login, isHeld] of [
      ['mallory@acme.example', true],
      ['[UNAVAILABLE]', true],
      ['honest@acme.example', false],
    ] as const) {
      const letter = { from: 'honest@acme.example', login, text: `By ${login}.\n\n${honest.marker}` };
      const { held } = await deliver(target, honest, letter);
      tally.count(`a trusted proxy tells of ${login}`, held === isHeld ? null : `held: ${held}`);
    }
    return tally.result();
  },
};

interface Told {
  readonly id: string;
  readonly number: number;
  readonly replyTo: string;
  readonly marker: string;
}

/** A new conversation, and what the agent's notification of it holds. */
async function told({ store, db, converse }: Target): Promise<Told> {
  const { id, number } = await converse({ text: 'Where is my parcel? I have waited for eleven days.' });
  await store.addMessage(
    { id },
    { direction: 'note', text: 'SECRET thoughts of the team about him.', agent: { name: 'Bob' }, via: 'api' },
  );
  const head = await eventually('the notification is composed', async () =>
    db.value<string>(
      "select head from delivery where agent_key is not null and conversation_key = (select key from conversation where number = $1 and account_key = (select key from account where slug = 'acme')) and order_key like '%:answer' and head <> ''",
      number,
    ),
  );
  return {
    id,
    number,
    replyTo: /<([^>]+)>/.exec(head)![1]!,
    marker: `--- Please reply above this line --- [acme#${number}/1]`,
  };
}

let letters = 0;

/** Brings the mail and gives the message that it made. */
async function deliver(target: Target, { id, replyTo }: Told, letter: Letter): Promise<Message> {
  letters += 1;
  const { from = ANNA, results = [], fields = [`From: Anna <${from}>`], text, client, login } = letter;
  const talk = await target.session('smtp', client === undefined ? {} : { from: target.stranger() });
  if (login !== undefined) {
    await talk.command(`XCLIENT LOGIN=${login}`, 220);
    await talk.command('EHLO client.example.net', 250);
  }
  await talk.command(`MAIL FROM:<${from}>`, 250);
  await talk.command(`RCPT TO:<${replyTo}>`, 250);
  await talk.command('DATA', 354);
  const mail = [
    ...results.map(value => `Authentication-Results: ${value}`),
    ...fields,
    `To: <${replyTo}>`,
    'Subject: Re: hello',
    `Message-ID: <letter${letters}@acme.example>`,
    'Date: Mon, 30 Nov 2026 09:00:00 +0000',
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: base64',
    '',
    ...(Buffer.from(text)
      .toString('base64')
      .match(/.{1,76}/g) ?? []),
  ];
  const reply = await talk.command(`${mail.join('\r\n')}\r\n.`, 250);
  talk.close();
  const mailId = /mail_\w+/.exec(reply.raw)![0];
  const { mail: record } = await target.store.mail(mailId);
  const message = await target.store.message(record.results[0]!.message_id!);
  if (message.conversation_id !== id) throw new Error(`filed in ${message.conversation_id}`);
  return message;
}

function shown({ direction, held, text, evidence }: Message): string {
  return JSON.stringify({ direction, held, text, evidence });
}
