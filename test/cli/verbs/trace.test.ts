import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TraceStep } from '#replyd/conversation/trace-step.js';
import { addAccount, messagesOf, startConversation, withDaemon } from '../../daemon-process.js';
import { sendMail } from '../../interop/smtp-talk.js';
import { eventually } from '../../run.js';
import { unfitLines } from '../program.js';

test('trace: from the door to the message, from the answer to the smarthost', () =>
  withDaemon({}, async daemon => {
    await addAccount(daemon);
    const { id, reply_to } = await startConversation(daemon);
    const mail = `From: Carla <customer@customer.example>\nTo: ${reply_to}\nMessage-ID: <one@customer.example>\n\nThanks!\n`;
    await sendMail(daemon.smtp, { from: 'customer@customer.example', to: [reply_to], data: Buffer.from(mail) });
    await daemon.json(['conversation', 'reply', id, '--text', 'You are welcome', '--agent', 'Anna']);
    const answered = await eventually('the answer is sent', async () => {
      const answer = (await messagesOf(daemon, id)).find(message => message.direction === 'outgoing');
      return answer?.mail.state === 'sent' && answer;
    });
    const incoming = (await messagesOf(daemon, id)).find(message => message.mail_id !== null)!;
    const steps = (of: string) => daemon.jsonLines<TraceStep>(['trace', of]);
    const way = await steps(incoming.mail_id!);
    assert.deepEqual(
      way.map(({ step }) => step),
      ['received', 'answered', 'filed', 'event'],
    );
    assert.match(
      way[0]!.text,
      /^by smtp from 127\.0\.0\.1, \d+ bytes, <customer@customer\.example> to reply\+[0-9a-f]{6}…@/,
    );
    assert.match(way[1]!.text, /: accepted$/);
    assert.deepEqual(
      [way[2]!.id, way[2]!.text],
      [incoming.id, 'incoming reply, number 2 of acme#1; threaded: reply address'],
    );
    assert.deepEqual(await steps(incoming.id), way);
    const out = await steps(answered.id);
    assert.deepEqual(
      out.map(({ step }) => step).filter(step => step !== 'event'),
      ['filed', 'queued', 'composed', 'settled'],
    );
    const settled = out.find(({ step }) => step === 'settled')!;
    assert.equal(settled.id, answered.deliveries[0]!.id);
    assert.match(settled.text, /^sent after 1 attempt/);
    assert.ok(
      out.every(({ text }) => !/[0-9a-f]{32}/.test(text)),
      'no whole token',
    );
    const delivery = await steps(answered.deliveries[0]!.id);
    assert.deepEqual(
      delivery.map(({ step }) => step),
      ['queued', 'composed', 'settled'],
    );
    const shown = await daemon.cli(['trace', incoming.mail_id!]);
    assert.equal(shown.code, 0);
    assert.deepEqual(unfitLines(shown.stdout), []);
    const stats = await daemon.json<Record<string, number>>(['stats']);
    assert.deepEqual([stats.mails, stats.messages, stats.contents], [1, 3, 2]);
    assert.ok(stats.database_bytes! > 0);

    await daemon.json(['queue', 'pause']);
    await daemon.json(['conversation', 'reply', id, '--text', 'One more thing', '--agent', 'Anna']);
    const held = (await messagesOf(daemon, id)).find(message => message.text === 'One more thing')!;
    const open = await steps(held.deliveries[0]!.id);
    assert.deepEqual([open.at(-1)!.step, open.at(-1)!.at], ['pending', null]);
    assert.match(open.at(-1)!.text, /^waiting \(?.*without an attempt, next attempt \d{4}-\d\d-\d\dT/);
    const { stdout } = await daemon.cli(['trace', held.deliveries[0]!.id]);
    assert.match(stdout, /next\s+attempt\s+\d{4}-\d\d-\d\d\s+\d\d:\d\d:\d\d(?:Z|[+-])/);
    assert.doesNotMatch(stdout, /\d{4}-\d\d-\d\dT/);
  }));

test('trace: what is not there, what is no id', () =>
  withDaemon({}, async daemon => {
    for (const [id, text] of [
      ['mail_00000000000', 'there is no mail mail_00000000000'],
      ['msg_00000000000', 'there is no message msg_00000000000'],
      ['cv_00000000000', 'cv_00000000000 is the id of a conversation, not of a mail'],
      ['nonsense', 'there is no mail "nonsense": the id of a mail begins with mail_'],
    ] as const) {
      const result = await daemon.cli(['trace', id]);
      assert.deepEqual([result.code, result.stderr], [1, `replyd: ${text}\n`]);
    }
  }));
