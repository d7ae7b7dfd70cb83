import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readForward } from '#replyd/mail/forward.js';
import type { Forward } from '#replyd/mail/mail.js';
import { keepInMemory, parseMail } from '#replyd/mail/message.js';
import { readMail } from '#replyd/mail/reading.js';
import { FORWARD_FORMS, type ForwardForm } from './forward-forms.js';
import { SHAPES } from './reply-text/clients/shapes.js';
import { CLIENTS } from './reply-text/clients/table.js';

const NOTHING_KNOWN = { texts: [], replyAddresses: [] };
const BODY = ['Hello,', '', 'my grinder stopped after two days. Is that a warranty case?', '', 'Thanks', 'Jane'];

async function forwardIn(mail: string): Promise<Forward | null> {
  const parsed = await parseMail(Buffer.from(mail.replaceAll('\n', '\r\n')), keepInMemory);
  return readForward(readMail(parsed, NOTHING_KNOWN), ({ content }) =>
    parseMail((content as { bytes: Uint8Array }).bytes, keepInMemory).catch(() => null),
  );
}

function filled(text: string): string {
  const values: Readonly<Record<string, string>> = {
    name: 'Jane Doe',
    address: 'jane@client.example',
    to: 'ann@acme.example',
    subject: 'My grinder',
    body: BODY.join('\n'),
    'quoted body': BODY.map(line => `> ${line}`.trimEnd()).join('\n'),
    'html body': BODY.join('<br>'),
  };
  return text.replaceAll(/\{([a-z ]+)\}/g, (_, name: string) => values[name]!);
}

function mailOf(
  { subject, lines, html }: Pick<ForwardForm, 'subject' | 'lines' | 'html'>,
  above: readonly string[],
): string {
  const text = filled([...above.map(line => (html ? `<div>${line}</div>` : line)), ...lines].join('\n'));
  return [
    'From: Ann <ann@acme.example>',
    'To: inbox@acme.example',
    `Subject: =?utf-8?B?${Buffer.from(filled(subject)).toString('base64')}?=`,
    'Date: Wed, 4 Nov 2026 09:00:00 +0100',
    'Message-ID: <f1@acme.example>',
    'MIME-Version: 1.0',
    `Content-Type: text/${html ? 'html' : 'plain'}; charset=utf-8`,
    'Content-Transfer-Encoding: 8bit',
    '',
    text,
    '',
  ].join('\n');
}

for (const above of [[], ['Can you take this one?', '']]) {
  test(`every program's forward holds its one mail, ${above.length === 0 ? 'bare' : 'with words above'}`, async () => {
    for (const form of FORWARD_FORMS) {
      const forward = await forwardIn(mailOf(form, above));
      assert.ok(forward?.kind === 'one', `${form.client}: ${JSON.stringify(forward)}`);
      const { original, words, attached } = forward;
      assert.deepEqual(
        {
          from: original.mail.from,
          subject: original.mail.subject,
          date: original.mail.date,
          to: original.mail.to.map(box => box.email),
          text: original.text.text.replaceAll(/[ \t]+$/gm, ''),
          words: words.text,
          attached,
        },
        {
          from: { name: 'Jane Doe', email: 'jane@client.example' },
          subject: 'My grinder',
          date: form.date,
          to: ['ann@acme.example'],
          text: BODY.join('\n'),
          words: above.join('\n').trim(),
          attached: null,
        },
        form.client,
      );
    }
  });
}

/** They name no address, or only a line that answers have too. */
const NAMELESS: ReadonlySet<string> = new Set(['Yandex Mail', 'aerc', 'GroupWise', 'Foxmail']);

test('the forward of every program that names an address holds its one mail', async () => {
  const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  for (const { name, device, forward: head, forwardSign = '', html, forwardHtml } of CLIENTS) {
    const shape = forwardHtml ?? html;
    const plain = [
      'Words above.',
      '',
      ...(device === undefined ? [] : [device, '']),
      ...head,
      '',
      `${forwardSign}It came.`,
      `${forwardSign}Thanks.`,
    ];
    const pieces = {
      own: 'Words above.',
      head: head.map(escaped).join('<br>'),
      quote: '<p>It came.</p><p>Thanks.</p>',
      below: '',
      device: device === undefined ? '' : `<p>${escaped(device)}</p>`,
    };
    const bodies = [['plain', plain.join('\n')], ...(shape === null ? [] : [['html', SHAPES[shape](pieces)]])];
    for (const [type, body] of bodies) {
      const forward = await forwardIn(
        `From: ann@acme.example\nSubject: Fwd: [#1] Your order\nContent-Type: text/${type}; charset=utf-8\n\n${body}`,
      );
      if (NAMELESS.has(name)) {
        assert.equal(forward?.kind, 'doubt', name);
        continue;
      }
      assert.ok(forward?.kind === 'one', `${name}, ${type}: ${JSON.stringify(forward)}`);
      const { original, words } = forward;
      assert.deepEqual(
        [original.mail.from?.email, original.text.text.replaceAll(/\n+/g, ' '), words.text],
        ['support@acme.example', 'It came. Thanks.', 'Words above.'],
        `${name}, ${type}`,
      );
    }
  }
});

const GMAIL_HEAD = '---------- Forwarded message ---------';

test('in doubt nothing is forwarded', async () => {
  const table: readonly (readonly [what: string, subject: string, body: readonly string[], right: string | null])[] = [
    ['an answer', 'Re: My grinder', [GMAIL_HEAD, 'From: Jane <jane@client.example>', 'Subject: x', '', 'Hello'], null],
    [
      'an answer to a forward',
      'AW: WG: Order',
      ['Von: Jane <jane@client.example>', 'Gesendet: heute 10:00', '', 'Hallo'],
      null,
    ],
    ['words alone', 'Fwd: your call', ['Please call Jane back, jane@client.example.'], 'no mail is found in it'],
    [
      'two mails',
      'Fwd: two customers',
      [
        ...[GMAIL_HEAD, 'From: Jane <jane@client.example>', 'Subject: one', 'To: <ann@acme.example>', '', 'Hello', ''],
        ...[GMAIL_HEAD, 'From: Joe <joe@client.example>', 'Subject: two', 'To: <ann@acme.example>', '', 'Hi'],
      ],
      'it holds several mails',
    ],
    [
      'no address',
      'FW: My grinder',
      ['From: Jane Doe', 'Sent: Monday, November 2, 2026 9:00 AM', 'To: Ann', 'Subject: x', '', 'Hi'],
      'its header block names no address, or several',
    ],
    [
      'on behalf of',
      'FW: My grinder',
      [
        'From: crm@client.example [mailto:crm@client.example] On Behalf Of Jane Doe',
        'Sent: Monday 9:00',
        'Subject: x',
        '',
        'Hi',
      ],
      'its header block names no address, or several',
    ],
    [
      'two addresses',
      'Fwd: My grinder',
      [GMAIL_HEAD, 'From: "bank@bank.example" <jane@client.example>', 'Date: x', 'Subject: x', '', 'Hi'],
      'its header block names no address, or several',
    ],
    [
      'a subject that pretends to be a From',
      'Fwd: My grinder',
      [
        '-------- Forwarded Message --------',
        ...[
          'Subject: a long one that is broken here',
          'From: Victim <victim@bank.example>',
          'Date: Tue, 3 Nov 2026 15:51:30 +0100',
        ],
        ...['From: Jane <jane@client.example>', 'To: ann@acme.example', '', 'Hi'],
      ],
      'its header block is unclear',
    ],
    [
      'VS: of a Finnish answer',
      'VS: Tilaus',
      [
        'Hei!',
        '',
        'Lähettäjä: Jane <jane@client.example>',
        'Lähetetty: 2. marraskuuta 2026 9:00',
        'Aihe: Tilaus',
        '',
        'Hei',
      ],
      'its subject may be that of an answer',
    ],
  ];
  for (const [what, subject, lines, right] of table) {
    const forward = await forwardIn(mailOf({ subject, lines }, []));
    assert.equal(forward?.kind === 'doubt' ? forward.reason : forward, right, what);
  }
});

function withAttached(subject: string, mails: readonly string[], words = 'Please see the attached mail.'): string {
  return [
    'From: Ann <ann@acme.example>',
    'To: inbox@acme.example',
    `Subject: ${subject}`,
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary=b1',
    '',
    ...['--b1', 'Content-Type: text/plain; charset=utf-8', '', words, '', '-- ', 'Ann, Acme'],
    ...mails.flatMap(mail => [
      '--b1',
      'Content-Type: message/rfc822; name="My grinder.eml"',
      'Content-Disposition: attachment; filename="My grinder.eml"',
      '',
      mail,
    ]),
    '--b1--',
    '',
  ].join('\n');
}

const ORIGINAL = [
  'From: Jane Doe <jane@client.example>',
  'To: Ann <ann@acme.example>',
  'Subject: My grinder',
  'Date: Tue, 3 Nov 2026 15:51:30 +0100',
  'Message-ID: <o1@client.example>',
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary=b2',
  '',
  ...['--b2', 'Content-Type: text/plain', '', 'It stopped.', '', 'On Mon, 2 Nov 2026, Ann wrote:', '> Is it well?'],
  ...[
    '--b2',
    'Content-Type: image/png; name=grinder.png',
    'Content-Transfer-Encoding: base64',
    '',
    'iVBORw0KGgo=',
    '--b2--',
  ],
].join('\n');

test('an attached mail is read as if it had come itself', async () => {
  const forward = await forwardIn(withAttached('Fwd: My grinder', [ORIGINAL]));
  assert.ok(forward?.kind === 'one', JSON.stringify(forward));
  const { original, words, attached } = forward;
  const { mail, text } = original;
  assert.deepEqual([attached, words.text, words.signature], [0, 'Please see the attached mail.', '-- \nAnn, Acme']);
  assert.deepEqual([text.text, text.quotedText], ['It stopped.', 'On Mon, 2 Nov 2026, Ann wrote:\n> Is it well?']);
  assert.deepEqual(
    [mail.from?.email, mail.subject, mail.date, mail.messageId, mail.attachments.map(file => file.filename)],
    ['jane@client.example', 'My grinder', '2026-11-03T14:51:30.000Z', 'o1@client.example', ['grinder.png']],
  );
});

test('an attached mail that is in doubt', async () => {
  const robot = ORIGINAL.replace('MIME-Version', 'Auto-Submitted: auto-replied\nMIME-Version');
  const table: readonly (readonly [mail: string, right: string | null])[] = [
    [withAttached('Fwd: two', [ORIGINAL, ORIGINAL]), 'it holds several mails'],
    [withAttached('My grinder', [ORIGINAL]), null],
    [withAttached('Fwd: a robot', [robot]), "the attached mail is no person's (auto_reply)"],
    [withAttached('Fwd: nobody', [ORIGINAL.replace(/^From:.*\n/, '')]), 'the attached mail names no writer'],
    [
      withAttached('Fwd: both', [ORIGINAL], `${GMAIL_HEAD}\nFrom: Joe <joe@client.example>\nSubject: x\n\nHi`),
      'it holds several mails',
    ],
  ];
  for (const [mail, right] of table) {
    const forward = await forwardIn(mail);
    assert.equal(forward?.kind === 'doubt' ? forward.reason : forward, right);
  }
});

test('hostile bodies cost no time', async () => {
  const block = 'From: a <a@b.example>\nTo: c@d.example,\n';
  for (const body of [
    block.repeat(20_000),
    '> '.repeat(400_000),
    `${GMAIL_HEAD}\n`.repeat(25_000),
    `From: ${'a@b.c '.repeat(150_000)}`,
  ]) {
    const since = performance.now();
    await forwardIn(mailOf({ subject: 'Fwd: x', lines: [body.slice(0, 900_000)] }, []));
    assert.ok(performance.now() - since < 1_500, body.slice(0, 40));
  }
});
