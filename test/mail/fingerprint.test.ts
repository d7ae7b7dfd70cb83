import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { factsOf, rawFacts } from '#replyd/mail/fingerprint.js';

const MAIL = `Message-ID: <1@example.com>
From: Ann Lee <ann@example.com>
Date: Mon, 1 Jun 2026 10:00:00 +0000
Subject: My order
 is late

Hello,

From here I see nothing.
> quoted
Bye
`;

function key(text: string): string {
  return factsOf(Buffer.from(text, 'latin1')).contentKey;
}

test('size, hash and hops are those of the raw bytes', () => {
  const bytes = Buffer.from(`Received: a\nreceived : b\n\tfor c\nX-Received: no\n${MAIL}\nReceived: in the body\n`);
  const facts = factsOf(bytes);
  assert.equal(facts.size, bytes.length);
  assert.equal(facts.sha256, createHash('sha256').update(bytes).digest('hex'));
  assert.equal(facts.hops, 2);
});

test('what a transport changes does not make another mail', () => {
  const same: [string, string][] = [
    ['CRLF', MAIL.replaceAll('\n', '\r\n')],
    ['CR', MAIL.replaceAll('\n', '\r')],
    ['CR CR LF', MAIL.replaceAll('\n', '\r\r\n')],
    ['blank lines at the end', `${MAIL}\n\r\n\n`],
    ['no line end at the end', MAIL.trimEnd()],
    ['delivery fields', `Return-Path: <x@y>\nDelivered-To: a\nReceived: from x\n\tby y; Mon\n${MAIL}`],
    ['mbox line', `From ann@example.com Mon Jun  1 10:00:00 2026\n${MAIL}`],
    ['mbox quoting', MAIL.replace('\nFrom here', '\n>From here')],
    ['folding', MAIL.replace('Ann Lee <', 'Ann\n  Lee\n\t<')],
    ['unfolding', MAIL.replace('\n is late', ' is late')],
    ['case of names', MAIL.replace('Message-ID', 'MESSAGE-id')],
    ['a second Subject', MAIL.replace('\n\nHello', '\nSubject: other\n\nHello')],
    ['other fields', `X-Spam: no\n${MAIL}`],
  ];
  for (const [why, text] of same) assert.equal(key(text), key(MAIL), why);
});

test('what the sender changes makes another mail', () => {
  const others: [string, string][] = [
    ['Message-ID', MAIL.replace('<1@', '<2@')],
    ['no Message-ID', MAIL.replace('Message-ID', 'X-Old-ID')],
    ['From', MAIL.replace('Ann Lee', 'Ann')],
    ['Date', MAIL.replace('10:00', '10:01')],
    ['Subject', MAIL.replace('My', 'Your')],
    ['body', MAIL.replace('Bye', 'Bye.')],
    ['a blank line within', MAIL.replace('Bye', '\nBye')],
    ['leading blank line', MAIL.replace('Hello', '\nHello')],
    ['quotes', MAIL.replace('> quoted', '>> quoted')],
    ['an empty body', MAIL.slice(0, MAIL.indexOf('Hello'))],
  ];
  const keys = [key(MAIL), ...others.map(([, text]) => key(text))];
  assert.equal(new Set(keys).size, keys.length, others.map(([why]) => why).join());
});

test('a field moved into the body, or a value into another field, is not the same', () => {
  assert.notEqual(key('From: a\nDate: b\n\n'), key('From: b\nDate: a\n\n'));
  assert.notEqual(key('Subject: x\n\ny'), key('Subject: \n\nx\ny'));
});

test('words in place of a header tell mails apart', () => {
  const same: [string, string][] = [
    ['Hello there\nsecond line\n', 'Hello there\r\nsecond line\r\n\n\n'],
    ['From: ann@example.com\nHello\n', 'Received: x\nFrom: ann@example.com\nHello'],
    ['Subject: x\n', 'Received: a\nSubject: x'],
  ];
  for (const [a, b] of same) assert.equal(key(a), key(b), a);
  const others = [
    '',
    'Hello',
    'hello',
    'Hello\nAnn',
    'Subject: x\nHello',
    'Subject: x\nhello',
    'Subject: x',
    ' Hello\nx',
    ':x',
  ];
  assert.equal(new Set(others.map(key)).size, others.length);
});

test('any bytes have facts', () => {
  const odd = [
    '',
    '\n',
    '\r',
    '\r\r',
    '\n\nbody',
    'no header at all',
    ':',
    'From ',
    '>From x',
    '\0\0\0',
    '\xff\xfe\n\n\xff',
  ];
  for (const text of odd) assert.match(key(text), /^[0-9a-f]{64}$/, JSON.stringify(text));
  assert.equal(key('Subject: x\n\n\n\nHello'), key('Subject: x\r\r\r\rHello'));
  assert.equal(key(''), key('\n'));
  assert.equal(key('Subject: x'), key('Subject: x\r\n\r\n'));
});

test('where chunks are cut does not matter', () => {
  const quoting = MAIL.replace('\nFrom here', '\n>>From here').replace('Bye', 'Fro\nF\n>>Fr\nBye');
  const bare = 'Subject: x\n y\nFrom here\n>From there\n>>no field\nFrom now: on\nFrom then\n\0\n';
  const long = `${MAIL}${'> no From here >From there\n\n'.repeat(4_000)}`;
  const crlf = (text: string) => text.replaceAll('\n', '\r\n');
  const raw = MAIL.replace('Ann', 'J\xfcrgen \t').replace('Bye', '\xe4\xff\0');
  for (const text of [
    MAIL,
    crlf(MAIL),
    MAIL.replaceAll('\n', '\r'),
    quoting,
    crlf(quoting),
    bare,
    `${bare}\r`,
    raw,
    crlf(raw),
    long,
    crlf(long),
  ]) {
    const bytes = Buffer.from(text, 'latin1');
    const whole = factsOf(bytes);
    for (const step of [1, 2, 3, 7]) {
      const reader = rawFacts();
      for (let at = 0; at < bytes.length; at += step) reader.push(bytes.subarray(at, at + step));
      assert.deepEqual(reader.end(), whole, `${step}`);
    }
  }
});

test('a header is read up to its limit, and a body after it still counts', () => {
  const long = `X: ${'x'.repeat(300_000)}\n`;
  assert.equal(factsOf(Buffer.from(`Received: a\n${long}Received: b\n\n`)).hops, 1);
  assert.notEqual(key(`${long}\none`), key(`${long}\ntwo`));
});
