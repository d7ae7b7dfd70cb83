import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  createWire,
  doorOfGreeting,
  endingOf,
  exitCodes,
  greetingName,
  later,
  PIPE_DOORS,
  type PipeDoor,
  recipientsOf,
  senderOf,
} from '#replyd/ingress/pipe/pipe.js';

const TOKEN = '0123456789abcdef0123456789abcdef';
const UUID = '1b4e28ba-2fa1-11d2-883f-0016d3cca427';
const ADDRESS = `reply+${TOKEN}@in.example`;

test('the null sender in all its forms', () => {
  for (const written of ['', '<>', 'MAILER-DAEMON', '<mailer-daemon>', '#@[]', ' ']) {
    assert.equal(senderOf('postfix', written, {}), '', written);
    assert.equal(senderOf('qmail', undefined, { SENDER: written }), '', written);
  }
  assert.equal(senderOf('postfix', undefined, { SENDER: 'env@b.example' }), '', 'Postfix sets no SENDER');
  assert.equal(senderOf('exim', undefined, {}), '');
  assert.equal(senderOf('exim', undefined, { SENDER: 'a@b.example' }), 'a@b.example');
  assert.equal(senderOf('exim', '<c@d.example>', { SENDER: 'a@b.example' }), 'c@d.example');
  assert.equal(senderOf('qmail', undefined, { SENDER: 'mailer-daemon@b.example' }), 'mailer-daemon@b.example');
});

test('the recipient as each MTA tells it', () => {
  const cases: readonly (readonly [PipeDoor, string | undefined, Record<string, string>, readonly string[]])[] = [
    ['postfix', ADDRESS, { RECIPIENT: 'no@b.example' }, [ADDRESS]],
    ['postfix', `<${ADDRESS}>`, {}, [ADDRESS]],
    ['postfix', undefined, { RECIPIENT: ADDRESS }, []],
    ['postfix', '', {}, []],
    // LOCAL_PART has lost the suffix.
    ['exim', undefined, { LOCAL_PART: 'reply', DOMAIN: 'in.example', RECIPIENT: ADDRESS }, [ADDRESS]],
    ['exim', undefined, {}, []],
    ['qmail', undefined, {}, []],
    ['qmail', undefined, { RECIPIENT: ADDRESS }, [ADDRESS]],
    // ~alias/.qmail-replyd-default behind a virtual domain.
    [
      'qmail',
      undefined,
      { RECIPIENT: `replyd-${ADDRESS}`, USER: 'alias', EXT: `replyd-reply+${TOKEN}`, DEFAULT: `reply+${TOKEN}` },
      [ADDRESS, `replyd-${ADDRESS}`],
    ],
    // A user of its own: ~replyd/.qmail-default.
    ['qmail', undefined, { RECIPIENT: `replyd-${ADDRESS}`, USER: 'replyd' }, [ADDRESS, `replyd-${ADDRESS}`]],
    ['qmail', undefined, { RECIPIENT: `replyd-${ADDRESS}` }, [ADDRESS, `replyd-${ADDRESS}`]],
    ['qmail', undefined, { LOCAL: `replyd-reply+${TOKEN}`, HOST: 'in.example' }, [ADDRESS, `replyd-${ADDRESS}`]],
    // A prefix with a dash of its own, and a user with one.
    [
      'qmail',
      undefined,
      { RECIPIENT: `mail-in-my-reply+${TOKEN}@in.example`, USER: 'mail-in' },
      [`my-${ADDRESS}`, `in-my-${ADDRESS}`, ADDRESS, `mail-in-my-${ADDRESS}`],
    ],
    // "-" as separator: what .qmail-reply-default matched is a token alone.
    [
      'qmail',
      undefined,
      { RECIPIENT: `reply-${TOKEN}@in.example`, USER: 'alias', DEFAULT: TOKEN },
      [`reply-${TOKEN}@in.example`, `${TOKEN}@in.example`],
    ],
    [
      'qmail',
      undefined,
      { RECIPIENT: 'replyd-postmaster@in.example' },
      ['replyd-postmaster@in.example', 'postmaster@in.example'],
    ],
    ['qmail', `reply+${UUID}@in.example`, { RECIPIENT: 'no@b.example' }, [`reply+${UUID}@in.example`]],
    [
      'qmail',
      undefined,
      { RECIPIENT: `replyd-reply+${UUID}@in.example` },
      [`reply+${UUID}@in.example`, `replyd-reply+${UUID}@in.example`],
    ],
    ['qmail', undefined, { RECIPIENT: 'nobody' }, ['nobody']],
  ];
  for (const [door, argument, env, expected] of cases) {
    assert.deepEqual(recipientsOf(door, argument, env), expected, JSON.stringify({ door, argument, env }));
  }
});

test('many dashes make few candidates', () => {
  assert.equal(recipientsOf('qmail', undefined, { RECIPIENT: `${'a-'.repeat(5000)}@in.example` }).length, 4);
});

test('only a 5xx with its enhanced code is permanent', () => {
  const cases: readonly (readonly [code: number, text: string, sysexit: number, qmail: number, line?: string])[] = [
    [250, '2.0.0 ml_1', 0, 0],
    [250, 'OK', 0, 0, '2.0.0 OK'],
    [550, '5.1.1 No such address here', 67, 100],
    [550, '5.1.6 Moved', 67, 100],
    [550, '5.2.1 This address does not take mail at the moment', 69, 100],
    [552, '5.3.4 Message is larger', 69, 100],
    [554, '5.4.6 Too many hops', 69, 100],
    [550, '5.7.1 Relaying denied', 69, 100],
    [451, '4.3.0 Temporary trouble', 75, 111],
    [421, '4.7.0 Too many', 75, 111],
    [550, 'go away', 75, 111, '4.3.0 unexpected answer: 550 go away'],
    [550, '4.1.1 mixed up', 75, 111, '4.3.0 unexpected answer: 550 4.1.1 mixed up'],
    [450, '5.1.1 mixed up', 75, 111, '4.3.0 unexpected answer: 450 5.1.1 mixed up'],
    [354, 'go ahead', 75, 111, '4.3.0 unexpected answer: 354 go ahead'],
    [0, '', 75, 111, '4.3.0 unexpected answer: 0'],
  ];
  for (const [code, text, sysexit, qmail, line = text] of cases) {
    assert.deepEqual(endingOf({ code, text }, 'postfix'), { line, exitCode: sysexit }, `${code} ${text}`);
    assert.deepEqual(endingOf({ code, text }, 'exim'), { line, exitCode: sysexit });
    assert.deepEqual(endingOf({ code, text }, 'qmail'), { line, exitCode: qmail });
  }
  assert.deepEqual(later('a\nb', null), { line: '4.3.0 a b', exitCode: 75 });
  assert.equal(exitCodes('qmail').later, 111);
});

test('a greeting names its door', () => {
  for (const door of PIPE_DOORS) assert.equal(doorOfGreeting(greetingName(door).toUpperCase()), door);
  for (const name of ['', 'client.example', 'sendmail.pipe.replyd.invalid']) assert.equal(doorOfGreeting(name), null);
});

test('a mail on its way to the wire, cut anywhere', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['a: b\n\nc\n', 'a: b\r\n\r\nc\r\n.\r\n'],
    ['a: b\r\n\r\nc\r\n', 'a: b\r\n\r\nc\r\n.\r\n'],
    ['a: b\n\nno end', 'a: b\r\n\r\nno end\r\n.\r\n'],
    ['.a\n.\n..\nb.\n', '..a\r\n..\r\n...\r\nb.\r\n.\r\n'],
    ['From me@b.example Tue Mar  3 10:00:00 2026\na: b\n\nc\n', 'a: b\r\n\r\nc\r\n.\r\n'],
    ['From me\r\na: b\r\n', 'a: b\r\n.\r\n'],
    ['From: me\n', 'From: me\r\n.\r\n'],
    ['From me', '.\r\n'],
    ['Fro', 'Fro\r\n.\r\n'],
    ['a: b\n\nFrom the start\n', 'a: b\r\n\r\nFrom the start\r\n.\r\n'],
    ['', '.\r\n'],
    ['\n.\r\n', '\r\n..\r\n.\r\n'],
    ['\x00\xff\r\r\n', '\x00\xff\r\r\n.\r\n'],
  ];
  for (const [mail, expected] of cases) {
    const bytes = Buffer.from(mail, 'latin1');
    for (const size of [1, 2, 3, 7, 1000]) {
      const wire = createWire();
      const out: Buffer[] = [];
      for (let at = 0; at < bytes.length; at += size) out.push(wire.push(bytes.subarray(at, at + size)));
      out.push(wire.end());
      assert.equal(Buffer.concat(out).toString('latin1'), expected, JSON.stringify({ mail, size }));
    }
  }
});
