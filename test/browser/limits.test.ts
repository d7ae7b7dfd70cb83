/** What is too large is refused in words, and nothing of what was written is lost. */
import assert from 'node:assert/strict';
import { truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { NO_BROWSER } from './chromium.js';
import { openDesk } from './desk.js';

test('an answer with files that are too large says so and keeps the words', { skip: NO_BROWSER }, async context => {
  const desk = await openDesk(context);
  const { id } = await desk.start({ channel: 'email', subject: 'Large', contact: { email: 'maria@customer.example' } });
  const page = await desk.page(context, { isExpected: text => /413|ERR_/.test(text) });
  await page.goto(`${desk.url}/conversations/${id}`);
  const field = page.getByRole('textbox', { name: 'Write an answer' });
  await field.fill('Here it is.');
  const file = async (megabytes: number) => {
    const name = path.join(desk.daemon.folder, `${megabytes}.bin`);
    await writeFile(name, '');
    await truncate(name, megabytes * 1_000_000);
    return name;
  };
  await page.getByLabel('Attach files').setInputFiles(await file(26));
  await page.getByText('Mails of this size are often refused.').waitFor();
  await page.getByRole('button', { name: 'Send' }).click();
  await page.getByRole('alert').getByText('max_size').waitFor();
  assert.equal(await field.inputValue(), 'Here it is.');
  await page.getByRole('button', { name: 'Remove 26.bin' }).click();
  await page.getByRole('button', { name: 'Send' }).click();
  await page.locator('.message.outgoing').getByText('Here it is.').waitFor();
});
