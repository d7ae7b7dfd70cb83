/** The mail with an agent's link, as our own reader reads it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signInMail, signInUrl } from '#replyd/conversation/sign-in.js';
import { keepInMemory, parseMail } from '#replyd/mail/message.js';
import { readMail } from '#replyd/mail/reading.js';

const LINK = signInUrl('https://support.example.com', `rpl_${'x'.repeat(32)}`);

function written(account: { name?: string; locale?: string }, agent: { name?: string; has_password?: boolean } = {}) {
  const { name = 'Acme', locale } = account;
  const settings = locale === undefined ? {} : { locale };
  return signInMail({
    account: { id: 'acc_1', name, support_email: 'help@acme.example', settings },
    agent: { name: 'Anna', email: 'anna@acme.example', has_password: false, ...agent },
    url: LINK,
    messageId: 'mail_1@in.acme.example',
    date: Date.UTC(2026, 0, 5, 12),
  });
}

async function read(bytes: Uint8Array) {
  const context = { texts: [], replyAddresses: [] };
  return readMail(await parseMail(bytes, keepInMemory), context, { mailFrom: 'help@acme.example' });
}

test('the mail says who sends it, that a machine does, and the link', async () => {
  const { mail, kind } = await read(written({}));
  assert.deepEqual(mail.from, { name: 'Acme', email: 'help@acme.example' });
  assert.deepEqual(mail.to, [{ name: 'Anna', email: 'anna@acme.example' }]);
  assert.deepEqual([mail.subject, mail.messageId], ['Your link to sign in: Acme', 'mail_1@in.acme.example']);
  assert.equal(kind, 'auto_reply');
  assert.match(
    mail.plain ?? '',
    /choose a password and sign in to answer for Acme:\n\nhttps:\/\/support\.example\.com\/sign-in#rpl_x{32}\n\n/,
  );
  assert.match((await read(written({}, { has_password: true }))).mail.plain ?? '', /a new password/);
});

test('names and words beyond ASCII arrive, and nobody writes a header field with his name', async () => {
  const name = 'Jürgen\r\nBcc: evil@other.example\r\n\r\n "Grüße" 李小龍 und noch viele Worte, die keine Zeile fasst';
  const bytes = written({ name: 'Müller: "Hilfe" & Söhne', locale: 'de-AT' }, { name });
  const { mail } = await read(bytes);
  assert.equal(mail.from?.name, 'Müller: "Hilfe" & Söhne');
  assert.equal(
    mail.to[0]?.name,
    'Jürgen Bcc: evil@other.example "Grüße" 李小龍 und noch viele Worte, die keine Zeile fasst',
  );
  assert.equal(mail.subject, 'Ihr Link zur Anmeldung: Müller: "Hilfe" & Söhne');
  assert.match(mail.plain ?? '', /^Hallo Jürgen Bcc/);
  assert.ok(mail.plain?.includes(LINK));
  const [head] = bytes.toString('latin1').split('\r\n\r\n');
  assert.ok(!/^bcc/im.test(head!));
  assert.ok(
    bytes.every(byte => byte < 128) &&
      bytes
        .toString()
        .split('\r\n')
        .every(line => line.length <= 78),
  );
});
