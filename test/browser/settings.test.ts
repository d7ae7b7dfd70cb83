/** What an admin sees and does in the settings: hooks with their failures, the queue, and only his own accounts. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { NO_BROWSER } from './chromium.js';
import { openDesk } from './desk.js';

const ASKED = {
  channel: 'web_widget',
  subject: 'Where is it?',
  contact: { email: 'maria@customer.example', name: 'Maria Keller' },
  messages: [{ direction: 'incoming', text: 'It has not arrived.' }],
};

/** A receiver of webhooks that answers as it is told to. */
async function openReceiver(context: TestContext) {
  const answers = { status: 200, text: 'thanks' };
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(answers.status).end(answers.text));
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { answers, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook` };
}

test('hooks in the settings', { skip: NO_BROWSER, timeout: 180_000 }, async context => {
  const desk = await openDesk(context, { 'hooks.allow_private': true });
  const part = (name: string, run: (context: TestContext) => Promise<void>) => context.test(name, run);

  await part('a hook shows which events its receiver refused, and why', async each => {
    const receiver = await openReceiver(each);
    receiver.answers.status = 422;
    receiver.answers.text = 'there is no field "subject"';
    const page = await desk.page(each);
    await page.goto(`${desk.url}/settings/hooks`);
    await page.getByLabel('Address').fill(receiver.url);
    await page.getByRole('button', { name: 'Add' }).click();
    await page.getByRole('dialog', { name: 'Signing secret' }).getByText('whsec_').waitFor();
    await page.keyboard.press('Escape');
    const card = page.locator('.card', { hasText: receiver.url });
    const failures = card.getByText('Recent failures');
    await failures.click();
    await card.getByText('Everything was taken.').waitFor();
    const { id } = await desk.start(ASKED);
    const refusal = card.locator('li', { hasText: 'there is no field "subject"' }).first();
    while (!(await refusal.isVisible())) {
      await failures.click();
      await card.getByText('Everything was taken.').waitFor({ state: 'detached' });
      await failures.click();
      await card.locator('li').or(card.getByText('Everything was taken.')).first().waitFor();
    }
    await refusal.getByText('422').waitFor();
    assert.equal(await refusal.getByRole('link').getAttribute('href'), `/conversations/${id}`);
    assert.equal(await card.getByText('in trouble since').count(), 0, 'it refused these events alone');
  });

  await part('a hook in trouble says since when and why, and is well when its receiver is', async each => {
    const receiver = await openReceiver(each);
    receiver.answers.status = 500;
    receiver.answers.text = 'the database is away';
    const page = await desk.page(each);
    const { id } = await desk.call<{ id: string }>('POST', '/v1/hooks', { url: receiver.url });
    await desk.start(ASKED);
    const card = page.locator('.card', { hasText: receiver.url });
    const trouble = card.getByText('in trouble since');
    do {
      await page.goto(`${desk.url}/settings/hooks`);
      await card.waitFor();
    } while (!(await trouble.isVisible()));
    await card.getByText('500').first().waitFor();
    await card.getByText('the database is away').first().waitFor();
    await card.getByText('Recent failures').waitFor();

    await card.getByRole('button', { name: 'Test' }).click();
    await page.getByText('It was not taken: 500').waitFor();
    receiver.answers.status = 200;
    await card.getByRole('button', { name: 'Test' }).click();
    await page.getByText('It was taken: 200').waitFor();
    await trouble.waitFor({ state: 'detached' });
    assert.equal((await desk.call<{ failing_since: string | null }>('GET', `/v1/hooks/${id}`)).failing_since, null);
  });
});
