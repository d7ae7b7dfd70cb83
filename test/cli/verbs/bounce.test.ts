/** A mail that came back: every view that shows its delivery says why. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { addAccount, type DaemonProcess, messagesOf, startConversation, withDaemon } from '../../daemon-process.js';
import { sendMail } from '../../interop/smtp-talk.js';
import { eventually } from '../../run.js';
import { PROGRAM, unfitLines } from '../program.js';

const REASON = '550 5.1.1 <customer@customer.example>: no such user here, and none of this name was ever known to us';

test('show, queue list, queue show, trace and tail say why a mail bounced', () =>
  withDaemon({}, async daemon => {
    await addAccount(daemon);
    const { id } = await startConversation(daemon);
    await daemon.json(['conversation', 'reply', id, '--text', 'It is on its way', '--agent', 'Anna']);
    const sent = await eventually('the answer is sent', async () => {
      const answer = (await messagesOf(daemon, id)).find(message => message.direction === 'outgoing');
      return answer?.mail.state === 'sent' && answer;
    });
    const delivery = sent.deliveries[0]!.id;
    await sendMail(daemon.smtp, { from: '', to: [envelopeSender(daemon)], data: Buffer.from(bounce()) });

    const views = [
      ['conversation', 'show', 'acme#1'],
      ['queue', 'list'],
      ['queue', 'show', delivery],
      ['trace', delivery],
    ];
    for (const words of views) {
      const { stdout } = await daemon.cli(words);
      const said = stdout.replaceAll(/\s+/g, ' ');
      assert.ok(said.includes('bounced'), stdout);
      assert.ok(said.includes(REASON), stdout);
      assert.deepEqual(unfitLines(stdout), []);
    }
    const told = (await daemon.cli(['conversation', 'show', 'acme#1'])).stdout.replaceAll(/\s+/g, ' ');
    assert.ok(told.includes(`→ customer@customer.example: sent, bounced, 5.1.1 ${REASON}`), told);
    const [first] = await daemon.jsonLines<{ id: string }>(['queue', 'list']);
    assert.equal(first!.id, delivery);

    const tail = spawn(PROGRAM, ['-c', daemon.configFile, 'tail', '--after', 'ev_00000000000'], {
      env: { PATH: process.env.PATH },
    });
    let tailed = '';
    tail.stdout.on('data', chunk => {
      tailed += chunk;
    });
    try {
      await eventually('tail prints it', () => tailed.includes('known to us'));
    } finally {
      tail.kill('SIGKILL');
    }
    const words = tailed.replaceAll(/\s+/g, ' ');
    assert.ok(words.includes(`delivery.failed acme#1 customer@customer.example: 5.1.1 ${REASON}`), tailed);
  }));

function envelopeSender(daemon: DaemonProcess): string {
  const folder = path.join(daemon.dataFolder, 'sent');
  const [file] = readdirSync(folder).filter(name => name.endsWith('.json'));
  return (JSON.parse(readFileSync(path.join(folder, file!), 'utf8')) as { mail_from: string }).mail_from;
}

function bounce(): string {
  return `From: MAILER-DAEMON@customer.example
To: somebody@acme.example
Subject: Undelivered Mail Returned to Sender
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b

Sorry.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.customer.example

Final-Recipient: rfc822; customer@customer.example
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; ${REASON}

--b--
`;
}
