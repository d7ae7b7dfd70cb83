import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { readCsv } from '#replyd/cli/terminal/csv.js';
import { readExport } from '#replyd/cli/verbs/chatwoot.js';
import type { Account, Conversation } from '#replyd/conversation/model.js';
import { addAccount, messagesOf, withDaemon } from '../../daemon-process.js';
import { sendMail } from '../../interop/smtp-talk.js';
import { makeShop } from '../program.js';

const UUIDS = [1, 2, 3, 4].map(digit => `${String(digit).repeat(8)}-2fa1-41d2-883f-0016d3cca427`);

async function* pieces(text: string, size: number): AsyncGenerator<string> {
  for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size);
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

test('CSV, cut anywhere', async () => {
  const cases: readonly (readonly [string, readonly (readonly [number, readonly string[]])[]])[] = [
    [
      'a,b\n1,2\n',
      [
        [1, ['a', 'b']],
        [2, ['1', '2']],
      ],
    ],
    [
      'a,b\r\n1,2',
      [
        [1, ['a', 'b']],
        [2, ['1', '2']],
      ],
    ],
    [
      'a,b\r1,2\r',
      [
        [1, ['a', 'b']],
        [2, ['1', '2']],
      ],
    ],
    [
      '\ufeffa;b,c\n1;2',
      [
        [1, ['a', 'b,c']],
        [2, ['1', '2']],
      ],
    ],
    [
      'a\tb\n\n\n1\t2\n',
      [
        [1, ['a', 'b']],
        [4, ['1', '2']],
      ],
    ],
    [
      '"a ""x""","b\r\nc"\nd,\n',
      [
        [1, ['a "x"', 'b\r\nc']],
        [3, ['d', '']],
      ],
    ],
    ['a,b"c",""\n', [[1, ['a', 'b"c"', '']]]],
    ['""\n', [[1, ['']]]],
    ['a', [[1, ['a']]]],
    ['', []],
    ['\n\r\n', []],
  ];
  for (const [text, expected] of cases) {
    for (const size of [1, 2, 3, 1000]) {
      const records = await collect(readCsv(pieces(text, size)));
      assert.deepEqual(
        records.map(record => [record.line, record.fields]),
        expected,
        JSON.stringify({ text, size }),
      );
    }
  }
  await assert.rejects(collect(readCsv(pieces('a,b\n1,"2\n', 3))), /line 2: a quote is never closed/);
  await assert.rejects(collect(readCsv(pieces(`a\n${'x'.repeat(1024 * 1024 + 1)}`, 65_536))), /1 MiB/);
});

test("Chatwoot's words for channels and columns", async () => {
  const csv = [
    'Conversation UUID,Account,Contact Name,Contact Email,Channel,Subject',
    `${UUIDS[0]},acme,Maria,maria@example.org,Channel::WebWidget,My parcel`,
    `${UUIDS[1]!.toUpperCase()},acme,,,Channel::TwilioSms,`,
    `${UUIDS[2]},acme,x,no address,Channel::Api,`,
    'no-uuid,acme,,,Channel::Api,',
    `${UUIDS[3]},,,,Channel::Api,`,
    `${UUIDS[3]},acme,,,Channel::Pigeon,`,
  ].join('\r\n');
  const rows = await collect(readExport(pieces(csv, 10), null));
  assert.deepEqual(
    rows.map(({ line, conversation }) =>
      'refused' in conversation
        ? [line, conversation.refused]
        : [line, conversation.token, conversation.channel, conversation.contact, conversation.subject],
    ),
    [
      [2, UUIDS[0], 'web_widget', { email: 'maria@example.org', name: 'Maria' }, 'My parcel'],
      [3, UUIDS[1], 'twilio_sms', { email: null, name: '' }, null],
      [4, 'the e-mail address of the contact is none'],
      [5, '"no-uuid" is no UUID'],
      [6, 'no account'],
      [7, 'unknown channel "Channel::Pigeon"'],
    ],
  );
  const json = [
    JSON.stringify({
      uuid: UUIDS[0],
      account: 'acme',
      contact: { name: 'M', email: 'm@example.org', id: 7 },
      channel: 'email',
      status: 'resolved',
    }),
    '',
    '[',
    '[]',
    JSON.stringify({ uuid: UUIDS[1], account: 'acme', contact: { id: '7'.repeat(247) } }),
  ].join('\n');
  const lines = await collect(readExport(pieces(json, 7), null));
  assert.deepEqual(
    lines.map(({ line, conversation }) => [
      line,
      'refused' in conversation ? conversation.refused : conversation.contact,
    ]),
    [
      [1, { email: 'm@example.org', name: 'M', source_id: 'chatwoot:7' }],
      [3, 'no JSON'],
      [4, '"" is no UUID'],
      [5, 'the id of the contact is too long'],
    ],
  );
  await assert.rejects(collect(readExport(pieces('a,b\n1,2\n', 5), null)), /none called uuid/);
  await assert.rejects(collect(readExport(pieces('uuid,b\n1,2\n', 5), null)), /account \(or give --account\)/);
});

test('an import is repeatable, and a bad row keeps no other out', async t => {
  const program = await makeShop(t);
  const file = path.join(program.folder, 'export.csv');
  const rows = Array.from({ length: 1200 }, (_, at) => {
    const uuid = `${at.toString(16).padStart(8, '0')}-2fa1-41d2-883f-0016d3cca427`;
    return `${uuid},acme,"Person, ${at}",p${at % 700}@example.org,Channel::WebWidget,Order ${at},${at % 2 ? 'resolved' : 'open'}`;
  });
  writeFileSync(
    file,
    [
      'uuid,account,contact_name,contact_email,channel,subject,status',
      ...rows,
      'x,acme,,,,,',
      `${UUIDS[0]},other,,,,,`,
    ].join('\n'),
  );
  const before = JSON.parse(await program.text(['stats', '--json'])) as Record<string, number>;
  const first = await program.run(['import', 'chatwoot', file]);
  assert.equal(first.code, 1);
  assert.match(first.stdout, /^1200 made, 0 known already, 2 refused\n$/);
  assert.match(first.stderr, /line 1202: "x" is no UUID\n.*line 1203: .*other/s);
  const after = await program.text(['stats', '--json']);
  assert.equal((JSON.parse(after) as Record<string, number>).conversations, before.conversations! + 1200);
  const second = await program.run(['import', 'chatwoot', file, '--json']);
  assert.deepEqual(JSON.parse(second.stdout), { made: 0, known: 1200, refused: 2 });
  assert.equal(await program.text(['stats', '--json']), after, 'a second run changes nothing');

  const [shown] = await program.json<Conversation>([
    'conversation',
    'list',
    '--contact',
    'p0@example.org',
    '--status',
    'open',
    '--limit',
    '1',
  ]);
  assert.equal(shown?.contact.name, 'Person, 0');
  assert.match(shown?.reply_to ?? '', /^reply\+[0-9a-f]{8}-2fa1-41d2-883f-0016d3cca427@in\.acme\.example$/);

  const [last] = rows;
  const input = `uuid;name\n${last!.split(',')[0]};Nobody\n${UUIDS[0]};Somebody\n`;
  const again = await program.run(['import', 'chatwoot', '-', '--account', 'acme', '--json'], { input });
  assert.deepEqual([again.code, JSON.parse(again.stdout)], [0, { made: 1, known: 1, refused: 0 }]);

  const wrong = await program.run(['import', 'chatwoot', path.join(program.folder, 'none.csv')]);
  assert.deepEqual([wrong.code, wrong.stderr.includes('no such file')], [1, true]);
  writeFileSync(file, 'name,mail\n1,2\n');
  assert.equal((await program.run(['import', 'chatwoot', file])).code, 2);
});

test('answers to mails sent before the move find their conversation, by token and by id', async () => {
  await withDaemon({}, async daemon => {
    const account = await addAccount(daemon);
    await daemon.json<Account>([
      'account',
      'add',
      'other',
      '--domain',
      'other.example',
      '--support-email',
      's@other.example',
    ]);
    const csv = UUIDS.slice(0, 3).map(
      (uuid, at) => `${uuid},${at === 2 ? 'other' : 'acme'},M,m${at}@customer.example,Channel::WebWidget,Old\n`,
    );
    const made = await daemon.cli(['import', 'chatwoot', '-'], {
      input: `uuid,account,contact_name,contact_email,channel,subject\n${csv.join('')}`,
    });
    assert.equal(made.stdout, '3 made, 0 known already, 0 refused\n');
    const [first, second, others] = await Promise.all(
      ['m0', 'm1', 'm2'].map(async name => {
        const [found] = await daemon.jsonLines<Conversation>([
          'conversation',
          'list',
          '--contact',
          `${name}@customer.example`,
        ]);
        return found!;
      }),
    );
    let sent = 0;
    const mail = async (to: string, header: string) => {
      const id = `${++sent}@customer.example`;
      const data = `From: m@customer.example\r\nMessage-ID: <${id}>\r\n${header}Subject: Re: Old\r\n\r\nanswer ${sent}\r\n`;
      return (await sendMail(daemon.smtp, { from: 'm@customer.example', to: [to], data })).data[0]?.code ?? 0;
    };
    const inbox = account.inbox!;
    const [one, two, three] = UUIDS as [string, string, string];
    assert.equal(await mail(`reply+${one}@reply.example.com`, ''), 250);
    assert.equal(await mail(`Reply+${one.replaceAll('-', '').toUpperCase()}@reply.example.com`, ''), 250);
    assert.equal(await mail(inbox, `In-Reply-To: <conversation/${two}/messages/17@chat.example>\r\n`), 250);
    assert.equal(
      await mail(inbox, `References: <x@y.example>\r\n <account/3/conversation/${two.toUpperCase()}@chat.example>\r\n`),
      250,
    );
    // Another account's conversation is none of this account's, and what is nearly such an id is none.
    assert.equal(await mail(inbox, `In-Reply-To: <conversation/${three}/messages/1@chat.example>\r\n`), 550);
    assert.equal(await mail(inbox, `In-Reply-To: <conversation/${two}/messages/x@chat.example>\r\n`), 550);
    const texts = async (id: string) => (await messagesOf(daemon, id)).map(message => message.text);
    assert.deepEqual(await texts(first!.id), ['answer 1', 'answer 2']);
    assert.deepEqual(await texts(second!.id), ['answer 3', 'answer 4']);
    assert.deepEqual(await texts(others!.id), []);
  });
});
