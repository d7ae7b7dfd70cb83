import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { Conversation, Message } from '#replyd/conversation/model.js';
import { makeProgram, makeShop, unfitLines } from '../program.js';

test('a conversation is started, answered, noted, resolved, reopened', async t => {
  const program = await makeShop(t);
  const [started] = await program.json<Conversation>(['conversation', 'show', 'acme#1']);
  assert.equal(started?.number, 1);
  assert.equal(started?.channel, 'web_widget');
  assert.equal(started?.contact.email, 'maria@example.org');
  assert.match(started?.reply_to ?? '', /^reply\+[0-9a-f]{32}@in\.acme\.example$/);
  assert.equal(started?.messages?.[0]?.text, 'Where is my parcel?');
  assert.equal(started?.messages?.[0]?.kind, 'channel');

  const [answer] = await program.json<Message>(
    [
      'conversation',
      'reply',
      'acme:1',
      '--text=-',
      '--agent=Anna',
      '--agent-email=anna@acme.example',
      '--cc=Bo <bo@example.net>',
    ],
    { input: 'It is **on its way**.\r\n\r\n- Anna\r\n' },
  );
  assert.equal(answer?.direction, 'outgoing');
  assert.equal(answer?.text, 'It is **on its way**.\n\n- Anna');
  assert.deepEqual(answer?.author, { id: null, name: 'Anna', email: 'anna@acme.example', role: 'agent' });
  assert.deepEqual(answer?.deliveries.map(delivery => delivery.recipient).sort(), [
    'bo@example.net',
    'maria@example.org',
  ]);

  const [note] = await program.json<Message>(['conversation', 'note', started!.id, '--text=Called him']);
  assert.equal(note?.direction, 'note');

  const [resolved] = await program.json<Conversation>(['conversation', 'resolve', 'acme#1']);
  assert.equal(resolved?.status, 'resolved');
  const [reopened] = await program.json<Conversation>(['conversation', 'reopen', 'acme#1']);
  assert.equal(reopened?.status, 'open');

  const before = reopened?.participants.find(participant => participant.email === 'bo@example.net')?.reply_to;
  const [rotated] = await program.json<Conversation>([
    'conversation',
    'rotate-token',
    'acme#1',
    '--participant=bo@example.net',
  ]);
  const after = rotated?.participants.find(participant => participant.email === 'bo@example.net')?.reply_to;
  assert.ok(after && after !== before);
  assert.equal(rotated?.reply_to, started?.reply_to);

  assert.deepEqual(
    (
      await program.json<Conversation>([
        'conversation',
        'list',
        '--account=acme',
        '--status=open',
        '--channel=web_widget',
      ])
    ).map(each => each.number),
    [1],
  );
  assert.deepEqual(await program.json(['conversation', 'list', '--contact=nobody@example.org']), []);
});

test('what was to be mailed at once is mailed though it was seen', async t => {
  const program = await makeShop(t);
  await program.text(['conversation', 'reply', 'acme#1', '--text=Later', '--delay=1h']);
  const [seen] = await program.json<Conversation>(['conversation', 'seen', 'acme#1']);
  assert.equal(seen?.number, 1);
  const [shown] = await program.json<Conversation>(['conversation', 'show', 'acme#1']);
  assert.deepEqual(shown?.messages?.[1]?.mail, { state: 'waiting', reason: 'delay' });
});

test('an answer takes files along and refuses what is too large at once', async t => {
  const program = makeProgram(t, '[outbound]\nmax_size = "100KiB"\n');
  await program.text(['account', 'add', 'acme', '--domain=in.acme.example', '--support-email=help@acme.example']);
  await program.text(['conversation', 'start', '--account=acme', '--contact=maria@example.org']);
  const invoice = path.join(program.folder, 'invoice.pdf');
  writeFileSync(invoice, '%PDF-1.4 not really');
  const [answer] = await program.json<Message>([
    'conversation',
    'reply',
    'acme#1',
    '--text=See there',
    '--attach',
    invoice,
  ]);
  const [attachment] = answer!.attachments;
  assert.equal(attachment?.filename, 'invoice.pdf');
  assert.equal(attachment?.content_type, 'application/pdf');
  const copy = path.join(program.folder, 'copy.pdf');
  const got = await program.run(['attachment', 'get', attachment!.id, '-o', copy]);
  assert.equal(got.stderr, `replyd: wrote 19 B to ${copy}\n`);
  assert.equal(await program.text(['attachment', 'get', attachment!.id, '-o', '-']), '%PDF-1.4 not really');
  writeFileSync(copy, 'mine');
  const there = await program.run(['attachment', 'get', attachment!.id, '-o', copy]);
  assert.equal(there.code, 1);
  assert.equal(there.stderr, `replyd: ${copy} is there already: name another file, or give --replace\n`);
  assert.equal(readFileSync(copy, 'utf8'), 'mine');
  assert.deepEqual(await program.json(['attachment', 'get', attachment!.id, '-o', copy, '--replace']), [attachment]);
  assert.equal(readFileSync(copy, 'utf8'), '%PDF-1.4 not really');

  const refused: readonly [size: number, stderr: RegExp][] = [
    [
      90_000,
      /^replyd: the mail would have about \d+ bytes, more than outbound\.max_size \(102400\): send a link instead\n$/,
    ],
    [
      110_000,
      /^replyd: the attachments have 107 KiB, more than outbound\.max_size \(100 KiB\): send a link instead\n$/,
    ],
  ];
  for (const [size, stderr] of refused) {
    writeFileSync(invoice, Buffer.alloc(size));
    const result = await program.run(['conversation', 'reply', 'acme#1', '--text=Big', '--attach', invoice]);
    assert.equal(result.code, 1);
    assert.match(result.stderr, stderr);
  }
});

test('a thread reads well at 80 columns', async t => {
  const program = await makeShop(t);
  await program.text(['conversation', 'reply', 'acme#1', '--text=It is on its way.', '--agent=Anna']);
  const view = (await program.text(['conversation', 'show', 'acme#1']))
    .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ/g, 'YYYY-MM-DD hh:mm:ssZ')
    .replace(/reply\+[0-9a-f]{32}/g, 'reply+TOKEN')
    .replace(/(ct_|cv_|msg_)[0-9a-z]{11}/g, '$1xxxxxxxxxxx');
  const rule = '─'.repeat(80);
  assert.equal(
    view,
    `acme#1  My parcel                                                           open
channel       web_widget
contact       Maria <maria@example.org> (ct_xxxxxxxxxxx)
reply to      reply+TOKEN@in.acme.example
since         YYYY-MM-DD hh:mm:ssZ, last activity YYYY-MM-DD hh:mm:ssZ
id            cv_xxxxxxxxxxx
${rule}
1. Maria <maria@example.org>
  incoming channel, YYYY-MM-DD hh:mm:ssZ by cli                  msg_xxxxxxxxxxx

  Where is my parcel?
${rule}
2. Anna (agent)
  outgoing, YYYY-MM-DD hh:mm:ssZ by cli                          msg_xxxxxxxxxxx

  It is on its way.
  → maria@example.org: waiting, next YYYY-MM-DD hh:mm:ssZ
`,
  );
});

test('a conversation started again by its source id is the same', async t => {
  const program = await makeShop(t);
  const start = [
    ...['conversation', 'start', '--account=acme', '--contact=bo@example.org', '--channel=line'],
    ...['--source-id=l-1', '--text=Hello'],
  ];
  const [made] = await program.json<Conversation>(start);
  const [again] = await program.json<Conversation>(start);
  const [shown] = await program.json<Conversation>(['conversation', 'show', 'acme#2']);
  assert.deepEqual([again?.id, shown?.id, shown?.messages?.length], [made?.id, made?.id, 1]);
});

const HOSTILE = '\x1b]0;owned\x07\x1b[2J Größe 日本語日本語 👍👩‍👩‍👧‍👦 שלום \u202eevil\u202c \u009b31m ';

test('wide, right-to-left and hostile text fits 80 columns and cannot touch the terminal', async t => {
  const program = makeProgram(t);
  await program.text(['account', 'add', 'acme', '--domain=in.acme.example', '--support-email=help@acme.example']);
  for (const channel of ['facebook', 'twilio_sms']) {
    await program.text(
      [
        'conversation',
        'start',
        '--account=acme',
        '--contact=somebody.with.a.rather.long.local.part.of.an.address@customer.example',
        `--contact-name=${HOSTILE.repeat(3)}`,
        `--channel=${channel}`,
        `--subject=${HOSTILE.repeat(4)}`,
        `--source-id=${HOSTILE}${channel}`,
        '--text=-',
      ],
      { input: `${HOSTILE.repeat(20)}\n\n${'長'.repeat(500)}\n${'x'.repeat(500)}\n` },
    );
  }
  await program.text(['conversation', 'reply', 'acme#1', `--text=${HOSTILE.repeat(10)}`, `--agent=${HOSTILE}`]);
  const views: readonly string[][] = [
    ['conversation', 'show', 'acme#1'],
    ['conversation', 'list'],
    ['contact', 'list'],
    ['queue', 'list'],
    ['account', 'list'],
  ];
  for (const args of views) {
    const text = await program.text(args);
    assert.ok(text.length > 50, args.join(' '));
    assert.deepEqual(unfitLines(text), [], args.join(' '));
  }
  const json = await program.text(['conversation', 'show', 'acme#1', '--json']);
  assert.deepEqual(json.match(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]/g), null);
  assert.match((JSON.parse(json) as Conversation).subject ?? '', /\u202eevil\u202c/);
});

test('mistakes with conversations say what would be right', async t => {
  const program = await makeShop(t);
  const MISTAKES: readonly [args: string[], code: number, stderr: string][] = [
    [
      ['conversation', 'show', 'acme#9'],
      1,
      'replyd: account acme has no conversation #9: `replyd conversation list --account acme` shows them\n',
    ],
    [
      ['conversation', 'show', 'nobody#1'],
      1,
      'replyd: there is no account "nobody": `replyd account list` shows them\n',
    ],
    [
      ['conversation', 'show', '1'],
      2,
      'replyd: "1" names no conversation: a number needs its account, such as acme#1\n',
    ],
    [['conversation', 'show', 'acme'], 2, 'replyd: "acme" names no conversation: use its id, acme#12 or acme:12\n'],
    [
      ['conversation', 'show', 'msg_00000000000'],
      1,
      'replyd: msg_00000000000 is the id of a message, not of a conversation\n',
    ],
    [
      ['conversation', 'start', '--account=acme', '--contact=nonsense'],
      2,
      'replyd: "nonsense" is no e-mail address, such as help@example.com\n',
    ],
    [
      ['conversation', 'start', '--account=acme', '--contact=a@example.org', '--channel=fax'],
      2,
      'replyd: there is no channel "fax": use web_widget, facebook, twitter, whatsapp, twilio_sms, telegram, line, api or email\n',
    ],
    [
      ['conversation', 'start', '--account=acme', '--contact=a@example.org', `--source-id=${'x'.repeat(256)}`],
      2,
      'replyd: a source id has at most 255 characters\n',
    ],
    [
      ['contact', 'set', 'ct_00000000000', `source_id=${'x'.repeat(256)}`],
      2,
      'replyd: a source id has at most 255 characters\n',
    ],
    [
      ['conversation', 'reply', 'acme#1', '--text= '],
      2,
      'replyd: the answer is empty: give --text its words, or - and them on standard input\n',
    ],
    [
      ['conversation', 'reply', 'acme#1', '--text=x', '--attach=/nonexistent'],
      2,
      "replyd: can't attach /nonexistent: no such file or directory\n",
    ],
    [['conversation', 'reply', 'acme#1', '--text=x', '--attach=/'], 2, "replyd: can't attach /: it is no file\n"],
    [
      ['conversation', 'reply', 'acme#1', '--text=x', '--delay=soon'],
      2,
      'replyd: --delay: "soon" must be a duration such as "500ms", "30s", "2m", "4h" or "3d"\n',
    ],
    [
      ['conversation', 'list', '--limit=0'],
      2,
      "replyd: option '--limit <n>' argument '0' is invalid. It must be a whole number from 1.\nsee `replyd conversation list --help`\n",
    ],
    [['conversation', 'list', '--status=lost'], 2, 'replyd: there is no status "lost": use open or resolved\n'],
  ];
  for (const [args, code, stderr] of MISTAKES) {
    const result = await program.run(args);
    assert.deepEqual(
      { code: result.code, stdout: result.stdout, stderr: result.stderr },
      { code, stdout: '', stderr },
      args.join(' '),
    );
  }
});

test('a text may begin with a dash', async t => {
  const program = await makeShop(t);
  const [note] = await program.json<Message>(['conversation', 'note', 'acme#1', '--text', '-c is no option here']);
  assert.equal(note?.text, '-c is no option here');
});

test('a listing is cut at its limit, across pages', async t => {
  const program = await makeShop(t);
  for (const contact of ['a', 'b', 'c'])
    await program.text(['conversation', 'start', '--account=acme', `--contact=${contact}@example.org`]);
  const listed = await program.run(['conversation', 'list', '--limit=2']);
  assert.equal(listed.stderr, 'replyd: the newest 2 are shown; --limit shows more\n');
  assert.deepEqual(listed.stdout.match(/^acme#\d/gm), ['acme#4', 'acme#3']);
});

test('a conversation is removed', async t => {
  const program = await makeShop(t);
  assert.equal(await program.text(['conversation', 'remove', 'acme#1', '--yes']), 'removed conversation acme#1\n');
  assert.deepEqual(await program.json(['conversation', 'list']), []);
});
