/** Answers that agents sent by mail and that are held: what the page says of them, and what releasing each does. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import type { Conversation, Message } from '#replyd/conversation/model.js';
import { eventually } from '../run.js';
import { NO_BROWSER } from './chromium.js';
import { type Desk, openDesk } from './desk.js';

const LIMITS = { skip: NO_BROWSER, timeout: 180_000 } as const;
const ANN = { name: 'Ann Verbeke', email: 'ann@shop.example' };

/** The notification that the file courier wrote, by a part of its subject. */
async function notification(desk: Desk, { number }: Conversation): Promise<string> {
  const folder = path.join(desk.daemon.dataFolder, 'sent');
  return eventually(`a notification of #${number}`, async () => {
    for (const name of await readdir(folder).catch(() => [])) {
      const text = name.endsWith('.eml') ? await readFile(path.join(folder, name), 'utf8') : '';
      if (text.includes(`Subject: [shop#${number}]`)) return text;
    }
    return undefined;
  });
}

test('a held answer by mail says why, and is sent or kept as a note', LIMITS, async t => {
  const desk = await openDesk(t);
  await desk.daemon.json(['account', 'enable', 'shop', 'agent_mail']);
  await desk.daemon.json(['agent', 'set', ANN.email, 'notify=all']);
  const conversation = await desk.start({
    channel: 'email',
    subject: 'A lid',
    contact: { email: 'maria@customer.example', name: 'Maria Keller' },
    messages: [{ direction: 'incoming', text: 'My lid is broken.' }],
  });
  const told = await notification(desk, conversation);
  const replyTo = /<(reply\+[0-9a-f]{32}@[^>]+)>/.exec(told)![1]!;
  const marker = /\[shop#\d+\/\d+\]/.exec(told)![0];
  await desk.mail(replyTo, `A new lid is on its way.\r\n\r\n> --- Please reply above this line --- ${marker}`, ANN);
  await desk.mail(replyTo, 'Without its line.', ANN);
  const messages = await eventually('both are held', async () => {
    const all = await desk.call<{ data: Message[] }>('GET', `/v1/conversations/${conversation.id}/messages`);
    const held = all.data.filter(message => message.held);
    return held.length === 2 ? held : undefined;
  });

  const page = await desk.page(t);
  await page.goto(`${desk.url}/conversations/${conversation.id}`);
  const answer = page.locator(`#${messages[0]!.id}`);
  const note = page.locator(`#${messages[1]!.id}`);
  await answer.getByText('A new lid is on its way.').waitFor();
  assert.match(
    (await answer.locator('.held').textContent()) ?? '',
    /Ann Verbeke sent this answer by mail[\s\S]*does not prove that ann@shop\.example sent it/,
  );
  assert.match((await note.locator('.held').textContent()) ?? '', /mailed to nobody, released or not/);
  assert.ok(!(await page.content()).includes(replyTo), 'no reply address is shown');

  await answer.getByRole('button', { name: 'Send it as Ann Verbeke’s answer' }).click();
  await note.getByRole('button', { name: 'Keep it as a note' }).click();
  await eventually('both are released', async () => (await page.locator('.held').count()) === 0);
  const after = await eventually('the answer is mailed', async () => {
    const all = await desk.call<{ data: Message[] }>('GET', `/v1/conversations/${conversation.id}/messages`);
    return all.data.find(({ id }) => id === messages[0]!.id)!.mail.state === 'sent' ? all.data : undefined;
  });
  assert.deepEqual(
    after.slice(1).map(({ direction, author, mail }) => [direction, author.email, mail.state]),
    [
      ['outgoing', ANN.email, 'sent'],
      ['note', ANN.email, 'none'],
    ],
  );

  const german = await desk.page(t, { locale: 'de-DE' });
  await desk.mail(replyTo, 'Noch eine ohne Zeile.', ANN);
  await german.goto(`${desk.url}/conversations/${conversation.id}`);
  await german.getByRole('button', { name: 'Als Notiz behalten' }).waitFor();
});
