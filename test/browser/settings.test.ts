/** What an admin sees and does in the settings: hooks with their failures, the queue, and only his own accounts. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { type Script, startSink } from '../outbound/smtp-sink.js';
import { eventually } from '../run.js';
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

test('the queue in the settings', { skip: NO_BROWSER, timeout: 180_000 }, async context => {
  const script: Script = {};
  const smarthost = await startSink(script);
  context.after(() => smarthost.close());
  const desk = await openDesk(context, {
    ...{ 'outbound.transport': 'smtp', 'outbound.tls': 'none' },
    ...{ 'outbound.host': '127.0.0.1', 'outbound.port': smarthost.port },
  });
  const part = (name: string, run: (context: TestContext) => Promise<void>) => context.test(name, run);
  const answer = async (text: string) => {
    const { id } = await desk.start({ ...ASKED, subject: text });
    await desk.say({ id }, { direction: 'outgoing', text, mail: 'now', agent: { name: 'Ann' } });
    return id;
  };

  await part('who runs every account pauses and resumes it, for all who look', async each => {
    const page = await desk.page(each);
    await page.goto(`${desk.url}/settings/queue`);
    await page.getByText('Mails are sent').waitFor();
    await page.getByRole('button', { name: 'Pause sending' }).click();
    const dialog = page.getByRole('dialog', { name: 'Pause sending' });
    await dialog.getByText('No mail of any account is sent').waitFor();
    await dialog.getByRole('button', { name: 'Pause sending' }).click();
    await page.getByText('Paused: no mail is sent').waitFor();
    await page.getByText('Paused by Ann Verbeke').waitFor();
    assert.match((await desk.daemon.cli(['queue', 'list'])).stderr, /the queue is paused: Paused by Ann Verbeke/);

    const id = await answer('On hold');
    await page.getByRole('button', { name: 'Waiting' }).click();
    const card = page.locator('li.card', { hasText: 'maria@customer.example' });
    await card.getByText('Waits: sending is paused').waitFor();
    const deliveries = () => desk.call<{ data: { state: string }[] }>('GET', `/v1/deliveries?conversation=${id}`);
    assert.deepEqual(
      (await deliveries()).data.map(({ state }) => state),
      ['waiting'],
    );
    await page.getByRole('button', { name: 'Resume sending' }).click();
    await page.getByText('Mails are sent').waitFor();
    await eventually('it is mailed', async () => (await deliveries()).data[0]?.state === 'sent');
  });

  await part('what failed is tried again', async each => {
    script.RCPT = '552 5.2.2 the mailbox is full';
    const ids = [await answer('One'), await answer('Two')];
    const all = async () => {
      const lists = await Promise.all(
        ids.map(id => desk.call<{ data: { id: string; state: string }[] }>('GET', `/v1/deliveries?conversation=${id}`)),
      );
      return lists.flatMap(({ data }) => data);
    };
    await eventually('both failed', async () => (await all()).every(({ state }) => state === 'failed'));
    script.RCPT = '250 2.1.5 ok';
    const page = await desk.page(each);
    await page.goto(`${desk.url}/settings/queue`);
    await page.getByRole('button', { name: 'Failed' }).click();
    await page.locator('li.card', { hasText: 'the mailbox is full' }).nth(1).waitFor();
    await page.getByRole('button', { name: 'Try all of these now' }).click();
    await page.getByText('They are tried again.').waitFor();
    await page.getByText('There is nothing here.').waitFor();
    await eventually('both are mailed', async () => (await all()).every(({ state }) => state === 'sent'));
  });

  await part('who runs one account of two sees it, and cannot change it', async each => {
    const facts = ['--domain', 'in.second.example', '--support-email', 'help@second.example'];
    await desk.daemon.json(['account', 'add', 'second', ...facts]);
    await desk.daemon.cli(['queue', 'pause', '--reason', 'the smarthost moves']);
    const page = await desk.page(each, { isExpected: text => text.includes('403') });
    await page.goto(`${desk.url}/settings/queue`);
    await page.getByText('Paused: no mail is sent').waitFor();
    await page.getByText('the smarthost moves').waitFor();
    await page.getByText('only who runs all of them resumes it').waitFor();
    assert.equal(await page.getByRole('button', { name: /sending$/ }).count(), 0);
    const status = await page.evaluate(async () => {
      const headers = { 'content-type': 'application/json' };
      const body = JSON.stringify({ paused: false });
      return (await fetch('/v1/queue', { method: 'PATCH', headers, body })).status;
    });
    assert.equal(status, 403);
    await desk.daemon.cli(['queue', 'resume']);
  });
});
