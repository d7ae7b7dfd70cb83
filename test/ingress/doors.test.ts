/** Every door of the whole program, side by side: what comes in by one is known to all. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import type { Finding } from '#replyd/cli/doctor/checks.js';
import type { MailRecord } from '#replyd/conversation/model.js';
import { readDoorFaults } from '#replyd/ingress/providers/door-faults.js';
import { PROVIDERS, type ProviderName } from '#replyd/ingress/providers/list.js';
import { addAccount, type DaemonProcess, messagesOf, startConversation, withDaemon } from '../daemon-process.js';
import { sendMail } from '../interop/smtp-talk.js';
import { eventually, run } from '../run.js';
import { type ProviderPost, PUBLIC_URL, providerPost, SECRET, SENDER } from './provider-posts.js';

const NAMES: readonly ProviderName[] = PROVIDERS.map(({ name }) => name);
const SETTINGS = {
  'http.public_url': PUBLIC_URL,
  'ingress.relay.password': [SECRET],
  'ingress.mailgun.signing_key': ['an older key, still good', SECRET],
  'ingress.mandrill.key': [SECRET],
  'ingress.postmark.password': [SECRET],
  'ingress.sendgrid.password': [SECRET],
};

function mailFor(id: string, text = 'It is at the neighbours. Grüße'): Buffer {
  return Buffer.from(
    [
      `From: Some Customer <${SENDER}>`,
      'To: Acme <support@example.com>',
      'Subject: Re: your parcel',
      'Date: Tue, 03 Mar 2026 10:00:00 +0100',
      `Message-ID: <${id}@customer.example>`,
      'MIME-Version: 1.0',
      'Content-Type: text/plain; charset=utf-8',
      'Content-Transfer-Encoding: 8bit',
      '',
      text,
      '',
    ].join('\r\n'),
  );
}

async function post(at: string, { path: address, headers, body }: ProviderPost): Promise<number> {
  const answer = await fetch(`http://${at}${address}`, { method: 'POST', headers, body });
  await answer.arrayBuffer();
  return answer.status;
}

const now = () => Math.floor(Date.now() / 1000);

async function mailsOf(daemon: DaemonProcess, id: string) {
  return (await messagesOf(daemon, id)).filter(message => message.mail_id !== null && message.direction === 'incoming');
}

test('each provider twice: filed once, byte for byte, refused ones on record', async () => {
  await withDaemon({ settings: SETTINGS }, async daemon => {
    await addAccount(daemon);
    const http = daemon.listening.http!;
    for (const provider of NAMES) {
      const { id, reply_to } = await startConversation(daemon);
      const mail = mailFor(provider);
      const request = providerPost(provider, { mail, rcptTo: [reply_to], timestamp: now() });
      const stored = provider === 'relay' ? 204 : 200;
      assert.deepEqual([await post(http, request), await post(http, request)], [stored, stored], provider);
      const messages = await mailsOf(daemon, id);
      assert.deepEqual(
        messages.map(message => [message.text, message.via]),
        [['It is at the neighbours. Grüße', provider]],
      );
      const raw = await daemon.cli(['message', 'show', messages[0]!.id, '--raw']);
      assert.equal(raw.stdout, mail.toString('utf8'));

      const unknown = `reply+${'0'.repeat(32)}@reply.example.com`;
      const refused = await post(http, providerPost(provider, { mail, rcptTo: [unknown], timestamp: now() }));
      assert.equal(refused, { relay: 404, mailgun: 406, mandrill: 200, postmark: 403, sendgrid: 200 }[provider]);
    }
    const refused = await daemon.jsonLines<MailRecord>(['mail', 'list', '--state', 'refused']);
    assert.deepEqual(refused.map(mail => mail.door).sort(), [...NAMES].sort());
    assert.ok(daemon.events('rejected').length >= NAMES.length);
    assert.ok(!daemon.log().includes(SECRET));
  });
});

test("Mailgun's proof is good for one mail and its recipients, in the daemon's life and after it", async () => {
  await withDaemon({ settings: SETTINGS }, async daemon => {
    await addAccount(daemon);
    const [one, other] = [await startConversation(daemon), await startConversation(daemon)];
    const timestamp = now();
    const proven = (token: string, mail: Buffer, recipient: string) =>
      post(daemon.listening.http!, providerPost('mailgun', { mail, rcptTo: [recipient], timestamp, token }));
    const unknown = `reply+${'0'.repeat(32)}@reply.example.com`;
    assert.equal(await proven('a', mailFor('a'), one.reply_to), 200);
    assert.equal(await proven('b', mailFor('b'), unknown), 406);
    for (let start = 0; start < 2; start++) {
      assert.equal(await proven('a', mailFor('a'), one.reply_to), 200, 'a retry');
      assert.equal(await proven('b', mailFor('b'), unknown), 406, 'a retry');
      assert.equal(await proven('a', mailFor('forged'), one.reply_to), 401);
      assert.equal(await proven('a', mailFor('a'), other.reply_to), 401);
      assert.equal(await proven('b', mailFor('b'), other.reply_to), 401);
      assert.equal(await proven('b', mailFor('forged'), unknown), 401);
      if (start > 0) continue;
      await daemon.stop();
      await daemon.start();
    }
    assert.equal((await mailsOf(daemon, one.id)).length, 1);
    assert.equal((await mailsOf(daemon, other.id)).length, 0);
    assert.equal((await daemon.jsonLines<MailRecord>(['mail', 'list'])).length, 2);
  });
});

test('the same mail through every door is filed once', async () => {
  await withDaemon({ settings: { ...SETTINGS, 'lmtp.listen': ['127.0.0.1:0'] } }, async daemon => {
    await addAccount(daemon);
    const { id, reply_to } = await startConversation(daemon);
    const mail = mailFor('one');
    const lmtp = daemon.listening.lmtp[0]!;
    for (const provider of NAMES) {
      const status = await post(
        daemon.listening.http!,
        providerPost(provider, { mail, rcptTo: [reply_to], timestamp: now() }),
      );
      assert.ok(status < 300, provider);
    }
    const sent = await sendMail(daemon.smtp, { from: SENDER, to: [reply_to], data: mail.toString('utf8') });
    assert.equal(sent.data[0]?.code, 250);
    const lines = mail.toString('utf8').replaceAll('\r\n', '\n');
    for (const [door, env, input] of [
      ['postfix', {}, lines],
      ['exim', { RECIPIENT: reply_to, SENDER }, `From ${SENDER} Tue Mar  3 10:00:00 2026\n${lines}\n`],
      ['qmail', { RECIPIENT: `replyd-${reply_to}`, SENDER }, lines],
    ] as const) {
      const args = [
        'deliver',
        '--door',
        door,
        '--socket',
        lmtp,
        ...(door === 'postfix' ? ['--sender', SENDER, reply_to] : []),
      ];
      const result = await run(path.resolve('bin/replyd'), args, {
        env: { PATH: process.env.PATH, ...env },
        input,
      });
      assert.deepEqual([result.code, result.stdout.slice(0, 6)], [0, '2.0.0 '], result.stdout);
    }
    assert.equal((await mailsOf(daemon, id)).length, 1);
    assert.equal((await daemon.jsonLines<MailRecord>(['mail', 'list'])).length, 1);
  });
});

test('an envelope has one form, whatever door it came by and however it was written there', async () => {
  await withDaemon({ settings: { ...SETTINGS, 'lmtp.listen': ['127.0.0.1:0'] } }, async daemon => {
    await addAccount(daemon);
    const http = daemon.listening.http!;
    const [host, port] = daemon.listening.lmtp[0]!.split(':');
    const written = 'Maria@Customer.EXAMPLE';
    for (const [at, door] of [...NAMES, 'smtp', 'lmtp'].entries()) {
      const { reply_to } = await startConversation(daemon);
      const recipient = reply_to.replace('reply.example.com', 'Reply.EXAMPLE.Com');
      const mail = Buffer.from(`Return-Path: <${written}>\r\n${mailFor(`form${at}`)}`);
      const envelope = { from: written, to: [recipient], data: mail.toString('utf8') };
      if (door === 'smtp') await sendMail(daemon.smtp, envelope);
      else if (door === 'lmtp') await sendMail({ host: host!, port: Number(port) }, { ...envelope, protocol: 'lmtp' });
      else {
        const post1 = { mail, mailFrom: ` <${written}> `, rcptTo: [`<${recipient}>`], timestamp: now() };
        assert.ok((await post(http, providerPost(door as ProviderName, post1))) < 300, door);
      }
      const [newest] = await daemon.jsonLines<MailRecord>(['mail', 'list', '--limit', '1']);
      assert.equal(newest!.door, door);
      assert.deepEqual(newest!.envelope, { mail_from: 'Maria@customer.example', rcpt_to: [reply_to] }, door);
    }
  });
});

test('a pipe names its door in the message', async () => {
  await withDaemon({ settings: { 'lmtp.listen': ['127.0.0.1:0'] } }, async daemon => {
    await addAccount(daemon);
    for (const door of ['postfix', 'exim', 'qmail']) {
      const { id, reply_to } = await startConversation(daemon);
      const args = ['deliver', '--door', door, '--socket', daemon.listening.lmtp[0]!, '--sender', SENDER, reply_to];
      const result = await daemon.cli(args, { input: mailFor(door).toString('utf8') });
      assert.equal(result.code, 0, result.stdout);
      assert.deepEqual(
        (await mailsOf(daemon, id)).map(message => message.via),
        [door],
      );
    }
  });
});

test('providers may have a listener of their own, and secrets change while it runs', async () => {
  const settings = { ...SETTINGS, 'ingress.listen': '127.0.0.1:0' };
  await withDaemon({ settings }, async daemon => {
    await addAccount(daemon);
    const { reply_to } = await startConversation(daemon);
    const listening = JSON.parse(await readFile(path.join(daemon.dataFolder, 'listening.json'), 'utf8')) as {
      http: string;
      ingress: string;
    };
    const request = (secret: string, id: string) =>
      providerPost('relay', { mail: mailFor(id), rcptTo: [reply_to], secret });
    assert.equal(await post(listening.http, request(SECRET, 'a')), 404);
    assert.equal(await post(listening.ingress, request(SECRET, 'a')), 204);
    assert.equal((await fetch(`http://${listening.ingress}/healthz`)).status, 404);
    assert.deepEqual(await (await fetch(`http://${listening.http}/healthz`)).json(), { status: 'ok' });

    await daemon.configure({ 'ingress.relay.password': ['another long secret', SECRET] });
    const before = daemon.events('reloaded').length;
    daemon.signal('SIGHUP');
    while (daemon.events('reloaded').length === before) await new Promise(resolve => setTimeout(resolve, 20));
    assert.equal(await post(listening.ingress, request('another long secret', 'b')), 204);
    assert.equal(await post(listening.ingress, request(SECRET, 'c')), 204);
    assert.equal(await post(listening.ingress, request('no secret', 'd')), 401);
  });
});

test('the variables of Rails Action Mailbox open its doors at its addresses', async () => {
  const env = {
    RAILS_INBOUND_EMAIL_PASSWORD: SECRET,
    RAILS_INBOUND_EMAIL_SERVICE: 'relay',
    MAILGUN_INGRESS_SIGNING_KEY: SECRET,
  };
  await withDaemon({ env }, async daemon => {
    await addAccount(daemon);
    const { id, reply_to } = await startConversation(daemon);
    const http = daemon.listening.http!;
    // What bin/rails action_mailbox:ingress:postfix posts: no envelope.
    const raw = `X-Original-To: ${reply_to}\r\n${mailFor('rails')}`;
    const relay = providerPost('relay', { mail: Buffer.from(raw) });
    assert.equal(await post(http, { ...relay, path: '/rails/action_mailbox/relay/inbound_emails' }), 204);
    const mailgun = providerPost('mailgun', { mail: mailFor('mailgun'), rcptTo: [reply_to], timestamp: now() });
    assert.equal(await post(http, { ...mailgun, path: '/rails/action_mailbox/mailgun/inbound_emails/mime' }), 200);
    assert.equal(await post(http, providerPost('postmark', { mail: mailFor('x'), rcptTo: [reply_to] })), 404);
    const messages = await mailsOf(daemon, id);
    assert.deepEqual(
      messages.map(message => message.via),
      ['relay', 'mailgun'],
    );
    assert.match(messages[0]!.evidence.join(), /delivery fields/);
    assert.match(daemon.log(), /RAILS_INBOUND_EMAIL_PASSWORD is used as ingress\.relay\.password/);
    assert.ok(!daemon.log().includes(SECRET));
  });
});

test('a wrong secret at SendGrid is an error in the log, and in doctor until a mail was taken', async () => {
  await withDaemon({ settings: SETTINGS }, async daemon => {
    await addAccount(daemon);
    const { reply_to } = await startConversation(daemon);
    const sendgrid = async (noted: boolean) => {
      await eventually(
        'the daemon has noted it',
        () => (readDoorFaults(daemon.dataFolder).sendgrid !== undefined) === noted,
      );
      const findings = (await daemon.cli(['doctor', '--json'])).stdout.trim().split('\n');
      return findings.map(line => JSON.parse(line) as Finding).find(finding => finding.check === 'door sendgrid');
    };
    const wrong = providerPost('sendgrid', { mail: mailFor('x'), proof: 'wrong' });
    assert.equal(await post(daemon.listening.http!, wrong), 503);
    // It is written after the answer.
    const line = await eventually('it is logged', () => daemon.events('rejected')[0]);
    assert.deepEqual([line.level, line.door, line.reason], ['error', 'sendgrid', 'unproven']);
    const found = await sendgrid(true);
    assert.equal(found?.state, 'failed');
    assert.match(found?.text ?? '', /ingress\.sendgrid\.password/);
    assert.equal(
      await post(daemon.listening.http!, providerPost('sendgrid', { mail: mailFor('x'), rcptTo: [reply_to] })),
      200,
    );
    assert.equal(await sendgrid(false), undefined);
  });
});
