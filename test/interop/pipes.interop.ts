/**
 * MTAs that start `replyd deliver` for each mail, set up as docs/mta.md says: Postfix by pipe(8), Exim by a pipe transport.
 * The three endings are looked for where an operator would: in the MTA's queue, in its log, and in the bounce that the
 * sender finds in his mailbox.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmod, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import type { Conversation, MailRecord } from '#replyd/conversation/model.js';
import { addAccount, type DaemonProcess, messagesOf, startConversation, withDaemon } from '../daemon-process.js';
import { eventually } from '../run.js';
import { withLogs } from '../with-logs.js';
import { eximMissing, startExim } from './exim.js';
import { CUSTOMER, FORGED, type MtaName } from './front.js';
import { readMaildir, waitForMails } from './maildir.js';
import { postfixMissing, startPostfix } from './postfix.js';
import { sendMail } from './smtp-talk.js';

interface PipeFront {
  readonly address: { readonly host: string; readonly port: number };
  waiting(): Promise<readonly string[]>;
  retry(): Promise<void>;
  mailbox(address: string): string;
  log(): Promise<string>;
  stop(): Promise<void>;
}

const DELIVER = `${path.resolve('bin/replyd')} deliver`;

/** What each MTA's log says of an ending. */
const SAYS: Readonly<Record<MtaName, { readonly sent: RegExp; readonly bounced: RegExp; readonly deferred: RegExp }>> =
  {
    postfix: {
      sent: /relay=replyd, .*dsn=2\.0\.0, status=sent/,
      bounced: /relay=replyd, .*dsn=5\.1\.1, status=bounced \(.*No such address here/,
      deferred: /relay=replyd, .*dsn=4\.3\.0, status=deferred \(.*(?:no such file or directory|connection refused)/,
    },
    exim: {
      sent: /=> reply\+.* T=replyd_pipe/,
      bounced: /\*\* reply\+.* T=replyd_pipe.*returned 67/,
      deferred: /== reply\+.* T=replyd_pipe defer/,
    },
  };

async function postfixFront(socket: string, command = DELIVER): Promise<PipeFront> {
  const postfix = await startPostfix({
    relay: { 'reply.example.com': 'replyd:' },
    mailboxes: [CUSTOMER, FORGED],
    main: { replyd_destination_recipient_limit: '1' },
    master: `replyd unix - n n - 4 pipe
  flags=q user=nobody null_sender=
  argv=${command} --door postfix --socket ${socket} --sender \${sender} \${recipient}
`,
  });
  return {
    ...postfix,
    waiting: async () => (await postfix.queue()).map(mail => mail.sender),
    retry: () => postfix.flush(),
  };
}

async function eximFront(socket: string): Promise<PipeFront> {
  const exim = await startExim({
    relay: ['reply.example.com'],
    mailboxDomain: 'customer.example',
    mailboxes: ['customer', 'forged'],
    recipientChecks: '',
    routers: `
replyd:
  driver = accept
  domains = reply.example.com
  transport = replyd_pipe
`,
    // With a configuration of its own Exim has no root, and so can become nobody else. The From line that Exim writes by default is left in: it must not matter.
    transports: `
replyd_pipe:
  driver = pipe
  command = ${DELIVER} --door exim --socket ${socket}
  user = Debian-exim
  timeout_defer
  return_fail_output
  log_fail_output
  log_defer_output
`,
  });
  return {
    ...exim,
    waiting: async () => (await exim.queue()).map(mail => mail.sender),
    retry: () => exim.runQueue(),
  };
}

test('postfix by its pipe, with an old Node first in PATH: the mail waits, nobody has a bounce', {
  timeout: 180_000,
}, async t => {
  const why = postfixMissing();
  if (why !== null) return t.skip(why);
  const folder = await mkdtemp(path.join(tmpdir(), 'replyd-pipes-'));
  await chmod(folder, 0o755);
  // An installation without a pin, and the Node of an old distribution.
  await cp('bin', path.join(folder, 'bin'), { recursive: true });
  await mkdir(path.join(folder, 'old'));
  await writeFile(path.join(folder, 'old/node'), '#!/bin/sh\necho v18.19.0\n', { mode: 0o755 });
  const command = `/usr/bin/env PATH=${folder}/old:/usr/bin:/bin ${folder}/bin/replyd deliver`;
  const front = await postfixFront(path.join(folder, 'lmtp.sock'), command);
  try {
    await withLogs({ postfix: () => front.log() }, async () => {
      const sent = await sendMail(front.address, mail([`reply+${'0'.repeat(32)}@reply.example.com`], 'Hello?'));
      assert.equal(sent.data[0]?.code, 250);
      await said(
        front,
        /relay=replyd, .*dsn=4\.3\.0, status=deferred \(.*replyd needs Node 22\.19 or newer.*v18\.19\.0/,
      );
      assert.deepEqual(await front.waiting(), [CUSTOMER]);
      assert.deepEqual(await readMaildir(front.mailbox(CUSTOMER)), []);
    });
  } finally {
    await front.stop();
    await rm(folder, { recursive: true, force: true });
  }
});

for (const mta of ['postfix', 'exim'] as const) {
  test(`${mta} by its pipe`, { timeout: 180_000 }, async t => {
    const why = mta === 'postfix' ? postfixMissing() : eximMissing();
    if (why !== null) return t.skip(why);
    const folder = await mkdtemp(path.join(tmpdir(), 'replyd-pipes-'));
    // The pipe runs as another user.
    await chmod(folder, 0o755);
    const socket = path.join(folder, 'lmtp.sock');
    const front = await (mta === 'postfix' ? postfixFront(socket) : eximFront(socket));
    try {
      await withLogs({ [mta]: () => front.log() }, () =>
        withDaemon({ settings: { 'lmtp.listen': [`unix:${socket}`], 'lmtp.socket_mode': '0666' } }, async daemon => {
          await addAccount(daemon);
          const logs = { [mta]: () => front.log(), replyd: () => daemon.log() };
          const cases: readonly [string, () => Promise<void>][] = [
            ['accepted: in the conversation once, the queue empty', () => accepts(front, daemon, mta)],
            ['the null sender, 8-bit words, dots', () => keepsBytes(front, daemon)],
            ['refused: the sender has a bounce with our words', () => refuses(front, daemon, mta)],
            ['two conversations and a stranger in one mail', () => takesSeveral(front, daemon)],
            ['replyd stopped: queued, nobody has a bounce, then delivered once', () => waits(front, daemon, mta)],
          ];
          for (const [name, body] of cases) await t.test(name, () => withLogs(logs, body));
        }),
      );
    } finally {
      await front.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });
}

async function accepts(front: PipeFront, daemon: DaemonProcess, mta: MtaName): Promise<void> {
  const conversation = await startConversation(daemon);
  const sent = await sendMail(front.address, mail([conversation.reply_to], 'It is at the neighbours.'));
  assert.equal(sent.data[0]?.code, 250);
  const [message] = await arrived(daemon, conversation, 1);
  assert.deepEqual([message!.text, message!.via, message!.author.email], ['It is at the neighbours.', mta, CUSTOMER]);
  const [record] = await daemon.jsonLines<MailRecord>(['mail', 'list']);
  assert.deepEqual(record?.envelope, { mail_from: CUSTOMER, rcpt_to: [conversation.reply_to] });
  await queueEmpty(front);
  await said(front, SAYS[mta].sent);
}

async function keepsBytes(front: PipeFront, daemon: DaemonProcess): Promise<void> {
  const conversation = await startConversation(daemon);
  const text = 'Grüße aus Köln, 日本語 🙂\n.\n..two dots\nFrom the start of a line\nthe end';
  const sent = await sendMail(front.address, { ...mail([conversation.reply_to], text), from: '' });
  assert.equal(sent.data[0]?.code, 250);
  const [message] = await arrived(daemon, conversation, 1);
  assert.equal(message!.text.replace('>From', 'From'), text);
  const [record] = await daemon.jsonLines<MailRecord>(['mail', 'list']);
  assert.equal(record?.envelope.mail_from, '');
  await queueEmpty(front);
}

async function refuses(front: PipeFront, daemon: DaemonProcess, mta: MtaName): Promise<void> {
  const before = (await readMaildir(front.mailbox(CUSTOMER))).length;
  const sent = await sendMail(front.address, mail([`reply+${'0'.repeat(32)}@reply.example.com`], 'Hello?'));
  assert.equal(sent.data[0]?.code, 250, 'a pipe knows only after the mail was taken');
  await waitForMails(front.mailbox(CUSTOMER), before + 1);
  const bounce = (await readMaildir(front.mailbox(CUSTOMER))).find(text =>
    String(text).includes('No such address here'),
  );
  assert.ok(bounce, 'the bounce holds our words');
  assert.match(String(bounce), /5\.1\.1/);
  await said(front, SAYS[mta].bounced);
  await queueEmpty(front);
  assert.equal((await daemon.jsonLines(['mail', 'list'])).length, 2);
}

async function takesSeveral(front: PipeFront, daemon: DaemonProcess): Promise<void> {
  const first = await startConversation(daemon);
  const second = await startConversation(daemon, { contact: 'other@customer.example' });
  const before = (await readMaildir(front.mailbox(CUSTOMER))).length;
  const stranger = 'reply+00000000000000000000000000000000@reply.example.com';
  await sendMail(front.address, mail([first.reply_to, stranger, second.reply_to], 'For both of you.'));
  await arrived(daemon, first, 1);
  await arrived(daemon, second, 1);
  await waitForMails(front.mailbox(CUSTOMER), before + 1);
  await queueEmpty(front);
}

async function waits(front: PipeFront, daemon: DaemonProcess, mta: MtaName): Promise<void> {
  const conversation = await startConversation(daemon);
  const bounces = (await readMaildir(front.mailbox(CUSTOMER))).length;
  await daemon.stop();
  const sent = await sendMail(front.address, mail([conversation.reply_to], 'While you were away.'));
  assert.equal(sent.data[0]?.code, 250);
  await said(front, SAYS[mta].deferred);
  assert.deepEqual(await front.waiting(), [CUSTOMER]);
  await daemon.start();
  await eventually('the MTA delivers what waited', async () => {
    await front.retry();
    return (await front.waiting()).length === 0;
  });
  const [message] = await arrived(daemon, conversation, 1);
  assert.equal(message!.text, 'While you were away.');
  assert.equal((await readMaildir(front.mailbox(CUSTOMER))).length, bounces, 'nobody has a bounce');
}

function mail(to: readonly string[], text: string): { from: string; to: readonly string[]; data: string } {
  return {
    from: CUSTOMER,
    to,
    data: [
      `From: Some Customer <${CUSTOMER}>`,
      'To: undisclosed-recipients:;',
      'Subject: Re: your parcel',
      'Date: Tue, 03 Mar 2026 10:00:00 +0100',
      `Message-ID: <${randomBytes(8).toString('hex')}@customer.example>`,
      'MIME-Version: 1.0',
      'Content-Type: text/plain; charset=utf-8',
      'Content-Transfer-Encoding: 8bit',
      '',
      text,
      '',
    ].join('\r\n'),
  };
}

async function arrived(daemon: DaemonProcess, conversation: Conversation, count: number) {
  const messages = await eventually(`${count} mail(s) in the conversation`, async () => {
    const all = await messagesOf(daemon, conversation.id);
    const found = all.filter(({ mail_id, direction }) => direction === 'incoming' && mail_id !== null);
    return found.length >= count ? found : undefined;
  });
  assert.equal(messages.length, count, 'each mail is there once');
  return messages;
}

function said(front: PipeFront, words: RegExp): Promise<true> {
  return eventually(`the log says ${words}`, async () => words.test(await front.log()));
}

function queueEmpty(front: PipeFront): Promise<true> {
  return eventually('the queue of the MTA is empty', async () => (await front.waiting()).length === 0);
}
