import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Outcome } from '#replyd/conversation/ports.js';
import { type Failure, outcomeOf, responseText } from '#replyd/outbound/answer.js';

/** `failed` may carry `+suspend` and `+policy`. */
function word(outcome: Outcome): string {
  if (outcome.kind !== 'failed') return outcome.kind;
  return `failed${outcome.suspend ? '+suspend' : ''}${outcome.refusedByPolicy ? '+policy' : ''}`;
}

type Case = readonly [code: string, command: string, answer: string | null, started: boolean, expected: string];

const ANSWERS: readonly Case[] = [
  // before a mail's own transaction
  ['EPROTOCOL', 'CONN', '554 5.3.2 not accepting mail', false, 'trouble'],
  ['EPROTOCOL', 'CONN', '554 No SMTP service here', false, 'trouble'],
  ['EPROTOCOL', 'CONN', '421 4.7.0 too many connections', false, 'retry'],
  ['ECONNECTION', 'EHLO', '421 closing', false, 'retry'],
  ['EPROTOCOL', 'HELO', '550 go away', false, 'trouble'],
  ['EPROTOCOL', 'CONN', 'SSH-2.0-OpenSSH', false, 'trouble'],
  ['EPROTOCOL', 'CONN', null, false, 'trouble'],
  ['ESOCKET', 'CONN', null, false, 'trouble'],
  ['ETIMEDOUT', 'CONN', null, false, 'trouble'],
  ['ECONNECTION', '', null, false, 'trouble'],
  ['EDNS', 'CONN', null, false, 'trouble'],
  // login and TLS are ours to repair
  ['EAUTH', 'AUTH PLAIN', '535 5.7.8 bad credentials', false, 'trouble'],
  ['EAUTH', 'AUTH PLAIN', '454 4.7.0 temporary authentication failure', false, 'trouble'],
  ['ETLS', 'STARTTLS', '454 4.7.0 TLS not available', false, 'trouble'],
  ['ETLS', 'CONN', null, false, 'trouble'],
  // MAIL
  ['EENVELOPE', 'MAIL FROM', '550 5.7.1 sender rejected', true, 'trouble'],
  ['EENVELOPE', 'MAIL FROM', '530 5.7.0 authentication required', true, 'trouble'],
  ['EENVELOPE', 'MAIL FROM', '503 5.5.1 bad sequence', true, 'retry'],
  ['EENVELOPE', 'MAIL FROM', '452 4.3.1 no space', true, 'retry'],
  ['EENVELOPE', 'MAIL FROM', '552 5.3.4 too large', true, 'failed'],
  ['EENVELOPE', 'MAIL FROM', '552 too large', true, 'failed'],
  ['EENVELOPE', 'MAIL FROM', '554 5.3.4 too large', true, 'failed'],
  ['EMESSAGE', 'MAIL FROM', null, true, 'failed'],
  // RCPT
  ['EENVELOPE', 'RCPT TO', '550 5.1.1 unknown', true, 'failed+suspend'],
  ['EENVELOPE', 'RCPT TO', '550-5.1.1 The account\n550 5.1.1 does not exist', true, 'failed+suspend'],
  ['EENVELOPE', 'RCPT TO', '550 5.1.2 no such domain', true, 'failed+suspend'],
  ['EENVELOPE', 'RCPT TO', '501 5.1.3 bad syntax', true, 'failed+suspend'],
  ['EENVELOPE', 'RCPT TO', '551 5.1.6 moved', true, 'failed+suspend'],
  ['EENVELOPE', 'RCPT TO', '556 5.1.10 null MX', true, 'failed+suspend'],
  ['EENVELOPE', 'RCPT TO', '550 5.2.1 disabled', true, 'failed+suspend'],
  ['EENVELOPE', 'RCPT TO', '552 5.2.2 mailbox full', true, 'failed'],
  ['EENVELOPE', 'RCPT TO', '550 5.1.11 nobody knows', true, 'failed'],
  ['EENVELOPE', 'RCPT TO', '550 No such user', true, 'failed'],
  ['EENVELOPE', 'RCPT TO', '554 5.7.1 <a@x>: Relay access denied', true, 'failed+policy'],
  ['EENVELOPE', 'RCPT TO', '550 5.7.133 not allowed', true, 'failed+policy'],
  ['EENVELOPE', 'RCPT TO', '550 relay not permitted', true, 'failed+policy'],
  ['EENVELOPE', 'RCPT TO', '550 5.1.1 relay of that name unknown', true, 'failed+suspend'],
  ['EENVELOPE', 'RCPT TO', '450 4.1.1 try again', true, 'retry'],
  ['EENVELOPE', 'RCPT TO', '450 5.1.1 contradicts itself', true, 'retry'],
  ['EENVELOPE', 'RCPT TO', '503 need MAIL', true, 'retry'],
  // DATA and the mail itself
  ['EENVELOPE', 'DATA', '554 5.7.1 not now', true, 'failed'],
  ['EMESSAGE', 'DATA', '554 5.7.1 looks like spam', true, 'failed'],
  ['EMESSAGE', 'DATA', '550 5.1.1 unknown after all', true, 'failed+suspend'],
  ['EMESSAGE', 'DATA', '552 5.3.4 too large', true, 'failed'],
  ['EMESSAGE', 'DATA', '451 4.3.0 later', true, 'retry'],
  ['EMESSAGE', 'DATA', '421 4.3.2 shutting down', true, 'retry'],
  ['EMESSAGE', 'DATA', '354 garbage', true, 'retry'],
  // lost or unreadable within the transaction
  ['ECONNECTION', 'CONN', null, true, 'retry'],
  ['ECONNECTION', '', null, true, 'retry'],
  ['ESOCKET', 'CONN', null, true, 'retry'],
  ['ETIMEDOUT', 'CONN', null, true, 'retry'],
  ['EPROTOCOL', 'CONN', 'what?', true, 'retry'],
  ['EPROTOCOL', 'CONN', '550 out of turn', true, 'retry'],
  ['ESTREAM', 'API', null, true, 'retry'],
  ['EABORT', '', null, true, 'retry'],
  ['', '', null, true, 'retry'],
];

test('answers and what they mean for the delivery', () => {
  for (const [code, command, answer, started, expected] of ANSWERS) {
    const failure: Failure = { code, command, answer, started, message: 'lost' };
    assert.equal(word(outcomeOf(failure)), expected, `${code} ${command} ${answer} ${started}`);
  }
});

test('the response is the smarthost’s own words, or the library’s where it said nothing', () => {
  const failure: Failure = {
    code: 'EMESSAGE',
    command: 'DATA',
    answer: '554-a\r\n554 b',
    started: true,
    message: 'x: 554',
  };
  assert.equal(outcomeOf(failure).response, '554-a 554 b');
  assert.equal(outcomeOf({ ...failure, answer: null }).response, 'x: 554');
});

test('the response is one short line', () => {
  assert.equal(responseText('a\r\nb\0\x1b[31mc\t d '), 'a b [31mc d');
  assert.equal(responseText('x'.repeat(5000)).length, 500);
  assert.equal(responseText(''), '');
});
