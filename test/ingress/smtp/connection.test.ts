/** Our reading of MAIL and RCPT beside the library's: what is read by ourselves is read as the library reads it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SMTPConnection } from 'smtp-server/lib/smtp-connection.js';
import { plainPath } from '#replyd/ingress/smtp/connection.js';

function byLibrary(name: string, command: string) {
  const connection = { _server: { options: { lenientAddressParsing: true } } } as unknown as SMTPConnection;
  return SMTPConnection.prototype._parseAddressCommand.call(connection, name, command);
}

test('plain paths are read without the library, as it would read them', () => {
  const commands = [
    'MAIL FROM:<anna@customer.example>',
    'mail from:<Anna.B-C_d@Customer.Example> SIZE=4711',
    "Mail From:<prvs=a/b~c!#$%&'*+=?^`{|}@x> size=1",
    'RCPT TO:<reply+00112233445566778899aabbccddeeff@in.example>',
    'RCPT TO:<..a..@_dmarc..example.> SIZE=007',
    'RCPT TO:<a@127.0.0.1>',
  ];
  for (const command of commands) {
    const name = command.slice(0, command.indexOf(':')).toLowerCase();
    const parsed = plainPath(name, command);
    assert.notEqual(parsed, null, command);
    assert.deepEqual(parsed, byLibrary(name, command), command);
  }
});

test('all others are left to the library', () => {
  const commands = [
    'MAIL FROM:<>',
    'RCPT TO:<postmaster>',
    'MAIL FROM: <anna@customer.example>',
    'MAIL FROM:<anna@customer.example> ',
    'MAIL FROM:<anna@customer.example> SIZE=',
    'MAIL FROM:<anna@customer.example> SIZE=1 SIZE=2',
    'MAIL FROM:<anna@customer.example> BODY=8BITMIME',
    'MAIL FROM:<anna@customer.example>SIZE=1',
    'MAIL FROM:<anna@customer.example> SIZE=1\r\nX',
    'MAIL FROM:<@relay.example:anna@customer.example>',
    'MAIL FROM:<"anna b"@customer.example>',
    'MAIL FROM:<anna@b@customer.example>',
    'MAIL FROM:<änna@customer.example>',
    'MAIL FROM:<anna@xn--bcher-kva.example>',
    'MAIL FROM:<anna@a.XN--bcher-kva.example>',
    'MAIL FROM:<anna@bücher.example>',
    'MAIL FROM:<anna@[192.0.2.1]>',
    'MAIL FROM:<anna b@customer.example>',
    'MAIL FROM:<anna@>',
    'MAIL FROM:anna@customer.example',
    'MAIL:<anna@customer.example>',
  ];
  for (const command of commands) assert.equal(plainPath('mail from', command), null, command);
  assert.equal(plainPath('rcpt to', 'MAIL FROM:<anna@customer.example>'), null);
});
