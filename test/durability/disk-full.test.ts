/** A disk that really fills: 452, nothing acknowledged is missing, and full service again when there is room. */
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { MailRecord, Message } from '#replyd/conversation/model.js';
import { addAccount, type DaemonProcess, makeDaemon, messagesOf, startConversation } from '../daemon-process.js';
import { sendMail } from '../interop/smtp-talk.js';
import { mailBytes } from './load.js';
import { mountSmallDisk, unmount } from './small-disk.js';

const MIB = 1024 * 1024;
const SIZE = 32 * MIB;
/** What is made free again: what stands in the log, up to 8 MiB, has to fit once more into the file, and new mail too. */
const ROOM = 16 * MIB;

for (const [name, size] of [
  ['small mails, in rows', 60_000],
  ['large mails, in files', 900_000],
] as const) {
  test(`a full disk: ${name}`, async context => {
    const daemon = await makeDaemon({
      settings: { 'limits.min_free': 0, 'limits.loop_messages': 10_000, 'log.level': 'warn' },
    });
    if (!mountSmallDisk(daemon.dataFolder, SIZE)) {
      await daemon.close();
      return context.skip('mounting a tmpfs needs root');
    }
    context.after(async () => {
      await daemon.kill();
      unmount(daemon.dataFolder);
      await daemon.close();
    });
    const filler = path.join(daemon.dataFolder, 'filler');
    writeFileSync(filler, Buffer.alloc(ROOM));
    await daemon.start();
    await addAccount(daemon);
    const { id, reply_to } = await startConversation(daemon, {});
    const send = async (word: string) => {
      const { data } = await sendMail(daemon.smtp, {
        from: 'c@customer.example',
        to: [reply_to],
        data: mailBytes(word, reply_to, size),
      });
      return data[0]!;
    };
    const acknowledged: string[] = [];
    let refused = 0;
    for (let number = 0; refused < 3; number += 1) {
      const answer = await send(`full-${number}`);
      if (answer.code === 250) acknowledged.push(`full-${number}`);
      else {
        assert.equal(`${answer.code} ${answer.enhanced}`, '452 4.3.1', answer.raw);
        refused += 1;
      }
    }
    assert.ok(acknowledged.length > 3, `${acknowledged.length} mails fitted`);
    rmSync(filler);
    // Room again, without a restart.
    for (const word of ['again-1', 'again-2', 'again-3']) {
      assert.equal((await send(word)).code, 250);
      acknowledged.push(word);
    }
    assert.deepEqual(await wordsIn(daemon, id), acknowledged);
  });
}

/** The first line of each mail in the conversation; what a shown conversation leaves out is asked for one by one. */
async function wordsIn(daemon: DaemonProcess, conversation: string): Promise<readonly string[]> {
  const shown = new Map((await messagesOf(daemon, conversation)).map(message => [message.id, message]));
  const words: string[] = [];
  for (const { results } of (await daemon.jsonLines<MailRecord>(['mail', 'list', '--limit', '10000'])).reverse()) {
    const id = results[0]!.message_id!;
    const message = shown.get(id) ?? (await daemon.json<Message>(['message', 'show', id]));
    assert.equal(message.conversation_id, conversation);
    words.push(message.text.split('\n')[0]!);
  }
  return words;
}

test('with less than limits.min_free new mail is put off at MAIL', async context => {
  const daemon = await makeDaemon({ settings: { 'limits.min_free': '100000GiB' } });
  context.after(() => daemon.close());
  await daemon.start();
  await addAccount(daemon);
  const { reply_to } = await startConversation(daemon, {});
  await assert.rejects(
    sendMail(daemon.smtp, { from: 'c@customer.example', to: [reply_to], data: mailBytes('none', reply_to, 100) }),
    /452 4\.3\.1/,
  );
});
