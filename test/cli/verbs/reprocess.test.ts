import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import type { Message } from '#replyd/conversation/model.js';
import { addAccount, type DaemonProcess, messagesOf, startConversation, withDaemon } from '../../daemon-process.js';
import { sendMail } from '../../interop/smtp-talk.js';
import { eventually } from '../../run.js';

/** A conversation with a mail that has a file, and the message that it became. */
async function mailed(daemon: DaemonProcess, text: string): Promise<{ id: string; message: Message }> {
  const { id, reply_to } = await startConversation(daemon);
  const data = [
    'From: Carla <customer@customer.example>',
    'Subject: Re: hello',
    `Message-ID: <${text.length}.${id}@customer.example>`,
    'Content-Type: multipart/mixed; boundary=b',
    '',
    '--b',
    'Content-Type: text/plain',
    '',
    text,
    '--b',
    'Content-Type: text/csv; name=list.csv',
    'Content-Disposition: attachment; filename=list.csv',
    '',
    'a;b',
    '--b--',
    '',
  ].join('\r\n');
  const { data: replies } = await sendMail(daemon.smtp, { from: 'customer@customer.example', to: [reply_to], data });
  assert.equal(replies[0]?.code, 250);
  return { id, message: await incoming(daemon, id) };
}

async function incoming(daemon: DaemonProcess, id: string): Promise<Message> {
  return (await messagesOf(daemon, id)).find(each => each.mail_id !== null)!;
}

/** As if an older version had read it. */
function readOtherwise(daemon: DaemonProcess, change: string): void {
  const database = new Database(path.join(daemon.dataFolder, 'replyd.db'));
  database.exec(change);
  database.close();
}

test('mails that an older version read are found, shown and read again, once', async () => {
  await withDaemon({}, async daemon => {
    await addAccount(daemon);
    const first = await mailed(daemon, 'The lamp is broken.');
    const second = await mailed(daemon, 'It came.');
    const third = await mailed(daemon, 'Thanks a lot.');
    readOtherwise(
      daemon,
      `update message set text = '' where text = 'The lamp is broken.';
       update message set kind = 'auto_reply', author_email = 'list@lists.example' where text = 'It came.';
       delete from attachment where message_key = (select key from message where text = 'It came.')`,
    );

    const dry = await daemon.cli(['mail', 'reprocess', '--all', '--dry-run']);
    assert.equal(dry.code, 0, dry.stderr);
    assert.match(
      dry.stdout,
      /3 mails read again, 2 messages would change: text of 1, kind of 1, writer of 1, files of 1\n$/,
    );
    assert.match(
      dry.stdout,
      /msg_\w+: kind, writer, files\n {2}- auto_reply · list@lists\.example · no files\n {2}\+ reply · customer@customer\.example · list\.csv 3\n/,
    );
    assert.match(dry.stdout, /msg_\w+: text\n {2}- ""\n {2}\+ "The lamp is broken\."\n/);
    assert.equal((await incoming(daemon, first.id)).text, '');

    const lines = await daemon.jsonLines<Record<string, unknown>>(['mail', 'reprocess', '--all', '--since', '1d']);
    assert.deepEqual(
      lines.slice(0, -1).map(({ message, changed }) => ({ message, changed })),
      [
        { message: second.message.id, changed: ['kind', 'writer', 'files'] },
        { message: first.message.id, changed: ['text'] },
      ],
    );
    assert.deepEqual(lines.at(-1), {
      dry_run: false,
      mails: 3,
      messages: 2,
      unreadable: 0,
      not_kept: 0,
      changed: { text: 1, kind: 1, writer: 1, files: 1, thread: 0 },
    });
    const { evidence, ...read } = await incoming(daemon, first.id);
    const { evidence: _, ...before } = first.message;
    assert.deepEqual(read, before);
    assert.ok(evidence.includes('read again'));
    const again = await incoming(daemon, second.id);
    assert.deepEqual(
      [again.kind, again.author, again.attachments.map(each => each.filename)],
      ['reply', second.message.author, ['list.csv']],
    );
    assert.deepEqual(await incoming(daemon, third.id), third.message);

    const once = await daemon.cli(['mail', 'reprocess', '--all', '--dry-run']);
    assert.equal(once.stdout, '3 mails read again, 0 messages would change\n');
  });
});

test('the daemon says once when a store was read by an older version', async () => {
  await withDaemon({}, async daemon => {
    await addAccount(daemon);
    await mailed(daemon, 'The lamp is broken.');
    await daemon.restart();
    assert.deepEqual(daemon.events('reader_changed'), []);
    await daemon.stop();
    readOtherwise(daemon, "update cleared_to set key = 0 where what = 'reader'");
    await daemon.start();
    await daemon.restart();
    const [said, ...more] = await eventually('it is said', async () => daemon.events('reader_changed'));
    assert.match(String(said?.todo), /mail reprocess --all --dry-run/);
    assert.deepEqual(more, []);
  });
});

test('what does not go together is said', async () => {
  await withDaemon({}, async daemon => {
    for (const [args, reason] of [
      [[], /give the id of a mail or --all/],
      [['mail_04x0g2k9c7d', '--all'], /give the id of a mail or --all/],
      [['mail_04x0g2k9c7d', '--dry-run'], /--dry-run and --since go with --all/],
    ] as const) {
      const { code, stderr } = await daemon.cli(['mail', 'reprocess', ...args]);
      assert.equal(code, 2);
      assert.match(stderr, reason);
    }
  });
});
