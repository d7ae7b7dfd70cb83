/** The reference that the door is held against notices what it is there for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createModel } from './dialogue-model.js';

/** `> bytes` is sent, `< reply` is said, `!end`, `!half` and `!gone` end it. What is expected of the whole comes back. */
function play(kind: 'smtp' | 'lmtp', steps: readonly string[]) {
  const faults: string[] = [];
  const stored: string[] = [];
  const unsure: string[] = [];
  const model = createModel({
    kind,
    hostname: 'mx.example',
    maxSize: 100,
    alive: new Set(['reply+1@in.example', 'reply+2@in.example']),
    fault: what => faults.push(what),
    stored: (mailId, mail) =>
      stored.push(`${mailId} ${mail.recipients.join()} ${JSON.stringify(mail.bytes.toString())}`),
    unsure: bytes => unsure.push(bytes.toString()),
  });
  for (const step of steps) {
    if (step.startsWith('> ')) model.sent(Buffer.from(step.slice(2)));
    else if (step.startsWith('< ')) model.said(step.slice(2).split('\r\n'));
    else if (step === '!end') model.ended();
    else if (step === '!half') model.endedHalf();
    else model.abandoned();
  }
  return { faults, stored, unsure, settled: model.settled() };
}

const ID = 'mail_00000000001';
const OPEN = ['< 220 mx.example ESMTP', '> HELO c.example\r\n', '< 250 mx.example'];
const RECIPIENT = [
  '> MAIL FROM:<>\r\nRCPT TO:<Reply+1@in.example>\r\n',
  '< 250 2.1.0 Sender ok',
  '< 250 2.1.5 Recipient ok',
];
const DATA = ['> DATA\r\n', '< 354 End data with <CR><LF>.<CR><LF>'];

test('a whole mail is handed out as it must be stored, its end is CRLF.CRLF alone', () => {
  const table: readonly [string, string][] = [
    ['x\r\n.\r\n', 'x\r\n'],
    ['.\r\n', ''],
    ['\r\n.\r\n', '\r\n'],
    ['..\r\n.\r\n', '.\r\n'],
    ['a\n.\nb\r.\rc\n.\r\n\r\n.\r\n', 'a\n.\nb\r.\rc\n.\r\n\r\n'],
    ['a\r\n..b\r\n...\r\n.\r\n', 'a\r\n.b\r\n..\r\n'],
  ];
  for (const [sent, bytes] of table) {
    const pieces = [...sent].map(character => `> ${character}`);
    for (const content of [[`> ${sent}`], pieces]) {
      const { faults, stored, settled } = play('smtp', [
        ...OPEN,
        ...RECIPIENT,
        ...DATA,
        ...content,
        `< 250 2.0.0 ${ID}`,
      ]);
      assert.deepEqual([faults, settled], [[], true], sent);
      assert.deepEqual(stored, [`${ID} reply+1@in.example ${JSON.stringify(bytes)}`]);
    }
  }
});

test('LMTP owes an answer for each recipient', () => {
  const start = ['< 220 mx.example LMTP', '> LHLO c\r\n'];
  const hello =
    '< 250-mx.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n250-STARTTLS\r\n250 SIZE 100';
  const first = [
    ...RECIPIENT,
    '> RCPT TO:<reply-2@in.example>\r\n',
    '< 550 5.1.1 No such address here',
    ...RECIPIENT.slice(0, 0),
  ];
  const again = ['> RCPT TO:<reply+2@in.example>\r\n', '< 250 2.1.5 Recipient ok'];
  const mail = [...start, hello, ...first, ...again, ...DATA, '> x\r\n.\r\n', `< 250 2.0.0 ${ID}`];
  assert.deepEqual([play('lmtp', mail).faults, play('lmtp', mail).settled], [[], false]);
  const { faults, settled, stored } = play('lmtp', [...mail, '< 550 5.7.1 Mail of this sender is not taken']);
  assert.deepEqual([faults, settled, stored.length], [[], true, 1]);
});

test('what no door may say is a fault', () => {
  const table: readonly [string, readonly string[], RegExp][] = [
    ['another greeting', ['< 220 other.example ESMTP'], /greeting/],
    ['no reply to a command', [...OPEN, '> NOOP\r\n', '!end'], /instead of a reply to NOOP/],
    ['an end without a word', [...OPEN, '!end'], /without a word/],
    ['a reply too many', [...OPEN, '> NOOP\r\n', '< 250 2.0.0 OK', '< 250 2.0.0 OK'], /nobody asked/],
    ['a reply of elsewhere', [...OPEN, '> NOOP\r\n', '< 250 2.1.0 Sender ok'], /wrong place/],
    ['a reply of nowhere', [...OPEN, '> NOOP\r\n', '< 250 2.0.0 Fine'], /not in the table/],
    ['our own trouble', [...OPEN, ...RECIPIENT, ...DATA, '> .\r\n', '< 451 4.3.0 Temporary trouble here, try again later'], /wrong place/],
    ['control characters', [...OPEN, '> NOOP\r\n', '< 250 2.0.0 OK\x07'], /malformed/],
    ['another code in a second line', [...OPEN, '> NOOP\r\n', '< 250-a\r\n214 b'], /malformed/],
    ['too long a line', [...OPEN, '> NOOP\r\n', `< 250 ${'x'.repeat(600)}`], /malformed/],
    ['DATA without a recipient', [...OPEN, ...DATA], /without a recipient/],
    ['a stored mail elsewhere', [...OPEN, '> NOOP\r\n', `< 250 2.0.0 ${ID}`], /not in the table/],
    ['a dead recipient', [...OPEN, '> MAIL FROM:<>\r\nRCPT TO:<reply+3@in.example>\r\n', '< 250 2.1.0 Sender ok', '< 250 2.1.5 Recipient ok'], /not alive/],
    ['a living one refused', [...OPEN, '> MAIL FROM:<>\r\nRCPT TO:<reply+2@in.example>\r\n', '< 250 2.1.0 Sender ok', '< 550 5.1.1 No such address here'], /living address/],
    ['MAIL twice', [...OPEN, '> MAIL FROM:<>\r\nMAIL FROM:<>\r\n', '< 250 2.1.0 Sender ok', '< 250 2.1.0 Sender ok'], /within a transaction/],
    ['data that end too early', [...OPEN, ...RECIPIENT, ...DATA, '> x\n.\n', `< 250 2.0.0 ${ID}`], /nobody asked/],
    ['plain text run behind STARTTLS', [...OPEN, '> STARTTLS\r\nNOOP\r\n', '< 220 2.0.0 Ready to start TLS', '< 250 2.0.0 OK'], /after the end/],
    ['a word after the goodbye', [...OPEN, '> QUIT\r\nNOOP\r\n', '< 221 2.0.0 Bye', '< 250 2.0.0 OK'], /after the end/],
    ['EHLO in LMTP', [...OPEN, '> LHLO x\r\n', '< 250-mx.example\r\n250 SIZE 100'], /was understood/],
  ]; // biome-ignore format: a case a line
  for (const [name, steps, fault] of table) {
    const { faults } = play('smtp', steps);
    assert.match(faults.join('\n'), fault, name);
  }
});

test('of a client that goes away only whole mails may be stored', () => {
  const table: readonly [readonly string[], readonly string[]][] = [
    [[...OPEN, ...RECIPIENT, ...DATA, '> x\r\n', '!gone'], []],
    [[...OPEN, ...RECIPIENT, ...DATA, '> x\r\n.\r\n', '!gone'], ['x\r\n']],
    [[...OPEN, ...RECIPIENT, '> DATA\r\nx\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<a>\r\nDATA\r\ny\r\n.\r\n', '!gone'], ['x\r\n', 'y\r\n']],
    [[...OPEN, ...RECIPIENT, ...DATA, '> x\r\n.\r\n', '!end'], ['x\r\n']],
  ]; // biome-ignore format: a case a line
  for (const [steps, expected] of table) assert.deepEqual(play('smtp', steps).unsure, expected);
  for (const steps of [[...OPEN, ...RECIPIENT, ...DATA, '> x\r\n'], []]) {
    assert.deepEqual(play('smtp', [...steps, '!half', '!end']).faults, []);
  }
});
