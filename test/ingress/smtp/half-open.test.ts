import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { openDoor, until } from '../open-door.js';

const TRUST_ALL = { trustedNetworks: ['127.0.0.0/8'] };
const TRANSACTION = ['MAIL FROM:<anna@customer.example>', 'RCPT TO:<reply+1@in.example>', 'DATA'];

// Exim sends QUIT right behind the last mail and closes its half of the connection before it has the answer.
test('a client that has said all it has to say still gets its answers', async t => {
  const table: readonly [string, readonly string[]][] = [
    ['Subject: x\r\n\r\nhello\r\n.\r\nQUIT\r\n', ['250 2.0.0 ml_1', '221 2.0.0 Bye']],
    ['Subject: x\r\n\r\nhello\r\n.\r\n', ['250 2.0.0 ml_1']],
  ];
  for (const kind of ['smtp', 'lmtp'] as const) {
    for (const [bytes, expected] of table) {
      const { greeted, reception } = await openDoor(t, { ...TRUST_ALL, kind });
      let answer = () => {};
      let asked = false;
      reception.onAccept = () =>
        new Promise<void>(resolve => {
          asked = true;
          answer = resolve;
        });
      const talk = await greeted();
      talk.sendTogether(TRANSACTION);
      for (const code of [250, 250, 354]) await talk.expect(code);
      talk.sendBytes(bytes);
      await until('the mail has arrived', () => asked);
      await talk.endWriting();
      // The door learns of it in one of the next turns of this event loop.
      for (let turns = 0; turns < 20; turns++) await turn();
      answer();
      assert.deepEqual(
        (await talk.untilEnd()).map(({ raw }) => raw),
        expected,
        `${kind} ${JSON.stringify(bytes)}`,
      );
      assert.equal(reception.mails.length, 1);
    }
  }
});

test('a client that closes its half in the middle is gone', async t => {
  const table: readonly [string, string, readonly string[]][] = [
    ['before a command', '', []],
    ['in a command', 'NOO', []],
    ['after RCPT', `${TRANSACTION.slice(0, 2).join('\r\n')}\r\n`, ['250', '250']],
    ['in the data', `${TRANSACTION.join('\r\n')}\r\nSubject: x\r\n\r\nhel`, ['250', '250', '354']],
    ['before the final dot', `${TRANSACTION.join('\r\n')}\r\nSubject: x\r\n\r\nhello\r\n`, ['250', '250', '354']],
  ];
  for (const [name, bytes, codes] of table) {
    const { door, greeted, reception, spoolFiles } = await openDoor(t, TRUST_ALL);
    const talk = await greeted();
    talk.sendBytes(bytes);
    await talk.endWriting();
    const replies = await talk.untilEnd();
    assert.deepEqual(
      replies.slice(0, codes.length).map(({ code }) => String(code)),
      codes,
      name,
    );
    // Nothing holds it open: closing does not have to wait for it.
    await door.close({ graceMs: 60_000 });
    assert.deepEqual(reception.mails, [], name);
    assert.deepEqual(spoolFiles(), [], name);
  }
});

test('a client that closes its half instead of a TLS handshake is gone; within TLS it still gets its answers', async t => {
  const tls = {
    key: readFileSync(path.resolve('test/ingress/tls/first.key.pem')),
    cert: readFileSync(path.resolve('test/ingress/tls/first.cert.pem')),
  };
  const table: readonly [string, string][] = [
    ['at once', ''],
    ['behind a command in plain text', 'NOOP\r\n'],
    ['behind half a record', '\x16\x03\x01\x02\x00'],
  ];
  for (const [name, bytes] of table) {
    const { door, greeted } = await openDoor(t, { ...TRUST_ALL, tls });
    const talk = await greeted();
    await talk.command('STARTTLS', 220);
    talk.sendBytes(bytes);
    await talk.endWriting();
    assert.deepEqual(await talk.untilEnd(), [], name);
    await door.close({ graceMs: 60_000 });
  }
  const { connect, reception } = await openDoor(t, { ...TRUST_ALL, tls });
  const talk = await connect();
  await talk.expect(220);
  await talk.command('STARTTLS', 220);
  await talk.startTls();
  let answer = () => {};
  let asked = false;
  reception.onAccept = () =>
    new Promise<void>(resolve => {
      asked = true;
      answer = resolve;
    });
  talk.sendTogether(['EHLO client.example', ...TRANSACTION]);
  for (const code of [250, 250, 250, 354]) await talk.expect(code);
  talk.sendBytes('hello\r\n.\r\nQUIT\r\n');
  await until('the mail has arrived', () => asked);
  await talk.endWriting();
  for (let turns = 0; turns < 20; turns++) await turn();
  answer();
  assert.deepEqual(
    (await talk.untilEnd()).map(({ raw }) => raw),
    ['250 2.0.0 ml_1', '221 2.0.0 Bye'],
  );
});
