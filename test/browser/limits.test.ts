/** What is too large is refused in words before it is sent, and nothing of what was written is lost. */
import assert from 'node:assert/strict';
import { truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { NO_BROWSER } from './chromium.js';
import { openDesk } from './desk.js';

test('files that no answer can carry are refused at once, others show how far they are', {
  skip: NO_BROWSER,
  timeout: 120_000,
}, async context => {
  const desk = await openDesk(context);
  const { id } = await desk.start({ channel: 'email', subject: 'Large', contact: { email: 'maria@customer.example' } });
  const page = await desk.page(context);
  const asked: string[] = [];
  page.on('request', request => {
    if (request.method() === 'POST' && request.url().endsWith('/messages')) asked.push(request.url());
  });
  await page.goto(`${desk.url}/conversations/${id}`);
  const field = page.getByRole('textbox', { name: 'Write an answer' });
  await field.fill('Here it is.');
  const file = async (megabytes: number) => {
    const name = path.join(desk.daemon.folder, `${megabytes}.bin`);
    await writeFile(name, '');
    await truncate(name, megabytes * 1_000_000);
    return name;
  };
  const pick = page.getByLabel('Attach files');
  const send = page.getByRole('button', { name: 'Send', exact: true });
  const refusal = page.getByRole('alert');

  await pick.setInputFiles(await file(39));
  await refusal.getByText('These files have 39 MB, and one message can carry 19.1 MB.').waitFor();
  assert.equal(await send.getAttribute('aria-disabled'), 'true');
  await send.click({ force: true });
  await field.press('Control+Enter');
  await page.getByRole('button', { name: 'Remove 39.bin' }).click();
  await refusal.waitFor({ state: 'detached' });

  // Each would go, not both together; a note may have more than an answer.
  await pick.setInputFiles([await file(12), await file(13)]);
  await refusal.getByText('These files have 25 MB').waitFor();
  await page.getByRole('button', { name: 'Note', exact: true }).click();
  await refusal.waitFor({ state: 'detached' });
  await page.getByText('Together 25 MB').waitFor();
  await page.getByRole('button', { name: 'Answer', exact: true }).click();
  await refusal.waitFor();
  assert.deepEqual(asked, [], 'nothing was begun');
  assert.equal(await field.inputValue(), 'Here it is.');

  await page.getByRole('button', { name: 'Remove 12.bin' }).click();
  await page.getByRole('button', { name: 'Remove 13.bin' }).click();
  await pick.setInputFiles(await file(19));
  await page.getByText('Mails of this size are often refused.').waitFor();
  // Slower than any frame: what is shown in between is written down, however late this test looks.
  const session = await page.context().newCDPSession(page);
  await session.send('Network.enable');
  const slow = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 8_000_000 };
  await session.send('Network.emulateNetworkConditions', slow);
  await page.evaluate(() => {
    const shown: [string, number][] = [];
    Object.assign(window, { shown });
    new MutationObserver(() => {
      const bar = document.querySelector('progress');
      if (bar !== null) shown.push([bar.parentElement!.textContent.trim(), bar.position]);
    }).observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
  });
  await send.click();
  const answer = page.locator('.message.outgoing', { hasText: 'Here it is.' });
  await answer.getByText('19.bin').waitFor({ timeout: 60_000 });
  await page.getByRole('progressbar').waitFor({ state: 'detached' });
  const shown = await page.evaluate(() => (window as unknown as { shown: [string, number][] }).shown);
  assert.equal(shown[0]?.[0], 'Sending: 0 %');
  const between = shown.filter(([, position]) => position > 0 && position < 1);
  assert.ok(between.length > 0, JSON.stringify(shown));
  for (const [words, position] of between) assert.equal(words, `Sending: ${Math.floor(100 * position)} %`);
  assert.equal(asked.length, 1);
});

test('a limit that the operator set lower is the one that counts', {
  skip: NO_BROWSER,
  timeout: 120_000,
}, async context => {
  const desk = await openDesk(context, { 'outbound.max_size': '1MiB' });
  const { id } = await desk.start({ channel: 'email', subject: 'Small', contact: { email: 'maria@customer.example' } });
  const page = await desk.page(context);
  await page.goto(`${desk.url}/conversations/${id}`);
  const name = path.join(desk.daemon.folder, 'picture.png');
  await writeFile(name, '');
  await truncate(name, 900_000);
  await page.getByLabel('Attach files').setInputFiles(name);
  await page.getByRole('alert').getByText('These files have 900 kB, and one message can carry 765 kB.').waitFor();
});
