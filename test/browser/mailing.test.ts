/** What becomes of answers and of mail: reports at the answer they are about, suspended contacts, addresses, raw mails. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import nodemailer from 'nodemailer';
import type { Page } from 'playwright-core';
import type { Conversation } from '#replyd/conversation/model.js';
import { eventually } from '../run.js';
import { NO_BROWSER } from './chromium.js';
import { type Desk, openDesk } from './desk.js';

const LIMITS = { skip: NO_BROWSER, timeout: 180_000 } as const;

/** What the file courier wrote of a mail to this address. */
async function sentTo(desk: Desk, address: string): Promise<{ readonly mail_from: string }> {
  const folder = path.join(desk.daemon.dataFolder, 'sent');
  return eventually(`a mail to ${address} is written`, async () => {
    for (const name of await readdir(folder)) {
      if (!name.endsWith('.json')) continue;
      const envelope = JSON.parse(await readFile(path.join(folder, name), 'utf8'));
      if (envelope.rcpt_to === address) return envelope;
    }
    return null;
  });
}

interface Reported {
  readonly recipient: string;
  readonly action: 'failed' | 'delayed';
  readonly status: string;
  readonly diagnostic: string;
}

/** A delivery report (RFC 3464), as an MTA sends it to the envelope sender. */
async function report(desk: Desk, { recipient, action, status, diagnostic }: Reported): Promise<void> {
  const { mail_from: to } = await sentTo(desk, recipient);
  const mta = nodemailer.createTransport({ ...desk.daemon.smtp, secure: false, ignoreTLS: true });
  const raw = [
    'From: Mail Delivery System <MAILER-DAEMON@mx.customer.example>',
    `To: <${to}>`,
    'Subject: Mail Delivery',
    `Message-ID: <${action}.${status}@mx.customer.example>`,
    'Auto-Submitted: auto-replied',
    'MIME-Version: 1.0',
    'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
    '',
    '--b',
    'Content-Type: text/plain',
    '',
    `Your mail to ${recipient}: ${diagnostic}`,
    '--b',
    'Content-Type: message/delivery-status',
    '',
    'Reporting-MTA: dns; mx.customer.example',
    '',
    `Final-Recipient: rfc822; ${recipient}`,
    `Action: ${action}`,
    `Status: ${status}`,
    `Diagnostic-Code: smtp; ${diagnostic}`,
    '--b--',
    '',
  ].join('\r\n');
  await mta.sendMail({ envelope: { from: '', to }, raw });
  mta.close();
}

async function ask(desk: Desk, email: string): Promise<Conversation> {
  return desk.start({
    channel: 'email',
    subject: `From ${email}`,
    contact: { email, name: 'Maria Keller' },
    messages: [{ direction: 'incoming', text: 'Where is it?' }],
  });
}

async function answer(page: Page, text: string): Promise<void> {
  await page.getByRole('textbox', { name: 'Write an answer' }).fill(text);
  await page.getByRole('button', { name: 'Send', exact: true }).click();
}

test('what becomes of answers', LIMITS, async context => {
  const desk = await openDesk(context);
  const part = (name: string, run: (context: TestContext) => Promise<void>) => context.test(name, run);

  await part(
    'a delay and then a bounce stand at the answer with their reasons; the contact is suspended',
    async each => {
      const email = 'maria@customer.example';
      const { id } = await ask(desk, email);
      const page = await desk.page(each);
      await page.goto(`${desk.url}/conversations/${id}`);
      await answer(page, 'It comes on Friday.');
      const message = page.locator('.message.outgoing', { hasText: 'It comes on Friday.' });
      await message.getByText('Mailed', { exact: true }).waitFor();

      const late = '451 4.4.1 the server does not answer';
      await report(desk, { recipient: email, action: 'delayed', status: '4.4.1', diagnostic: late });
      await message.getByText('Mailed; its delivery is late').waitFor();
      await message.locator('.delivery-why', { hasText: 'the server does not answer' }).waitFor();

      const dead = '550 5.1.1 no such person here';
      await report(desk, { recipient: email, action: 'failed', status: '5.1.1', diagnostic: dead });
      await message.getByText('Came back undelivered').waitFor();
      await message.locator('.delivery-why', { hasText: 'no such person here' }).waitFor();
      assert.equal(await message.getByText('the server does not answer').count(), 0);

      const beside = page.getByRole('complementary', { name: 'Contact' });
      await beside.getByText('Mail to this contact is suspended.').waitFor();
      await beside.locator('.suspended').getByText('no such person here').waitFor();
      await answer(page, 'Are you there?');
      const second = page.locator('.message.outgoing', { hasText: 'Are you there?' });
      await second.getByText('Waits: mail to this contact is suspended').waitFor();

      await beside.getByRole('button', { name: 'End the suspension' }).click();
      await beside.getByText('Mail to this contact is suspended.').waitFor({ state: 'detached' });
      await second.getByText('Mailed', { exact: true }).waitFor();
    },
  );

  await part('while the queue is paused an answer says so and why, and goes when it is resumed', async each => {
    const { id } = await ask(desk, 'paused@customer.example');
    await desk.daemon.cli(['queue', 'pause', '--reason', 'the smarthost moves']);
    const page = await desk.page(each);
    await page.goto(`${desk.url}/conversations/${id}`);
    await answer(page, 'A moment, please.');
    const message = page.locator('.message.outgoing', { hasText: 'A moment, please.' });
    await message.getByText('Waits: sending is paused').waitFor();
    await message.locator('.delivery-why', { hasText: 'the smarthost moves' }).waitFor();
    await desk.daemon.cli(['queue', 'resume']);
    await message.getByText('Mailed', { exact: true }).waitFor();
  });

  await part('a new reply address refuses answers to the old one', async each => {
    const made = await ask(desk, 'rotated@customer.example');
    const page = await desk.page(each);
    await page.goto(`${desk.url}/conversations/${made.id}`);
    await page.getByRole('button', { name: 'More', exact: true }).click();
    await page.getByRole('button', { name: 'New reply address' }).click();
    const dialog = page.getByRole('dialog', { name: 'New reply address' });
    await dialog.getByText('will be refused').waitFor();
    await dialog.getByRole('button', { name: 'New reply address' }).click();
    await page.getByText('There is a new reply address.').waitFor();
    const now = await desk.call<Conversation>('GET', `/v1/conversations/${made.id}`);
    assert.notEqual(now.reply_to, made.reply_to);
    const writer = { name: 'Maria', email: 'rotated@customer.example' };
    await assert.rejects(desk.mail(made.reply_to!, 'To the old one.', writer), /^Error: 550 5\.1\.1/);
    await desk.mail(now.reply_to!, 'To the new one.', writer);
    await page.locator('.words').getByText('To the new one.').waitFor();
  });

  await part('mail of a blocked writer is taken from nobody', async each => {
    const made = await ask(desk, 'spam@customer.example');
    const page = await desk.page(each);
    await page.goto(`${desk.url}/conversations/${made.id}`);
    await page.getByRole('button', { name: 'More', exact: true }).click();
    await page.getByRole('button', { name: 'Block the writer' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Block the writer' }).click();
    await page.getByText('spam@customer.example is blocked.').waitFor();
    const writer = { name: 'Spam', email: 'spam@customer.example' };
    await assert.rejects(desk.mail(made.reply_to!, 'Buy this.', writer), /^Error: 550 5\.7\.1/);
    const other = { name: 'Jan', email: 'jan@customer.example' };
    await desk.mail(made.reply_to!, 'I am someone else.', other);
    await page.locator('.words').getByText('I am someone else.').waitFor();
    assert.equal(await page.getByText('Buy this.').count(), 0);
  });

  await part('the mail itself can be downloaded, without the address that it came to', async each => {
    const made = await ask(desk, 'raw@customer.example');
    await desk.mail(made.reply_to!, 'X-Mark: one of a kind\n\nIt is in here.', {
      name: 'Raw',
      email: 'raw@customer.example',
    });
    const page = await desk.page(each);
    await page.goto(`${desk.url}/conversations/${made.id}`);
    const message = page.locator('.message', { hasText: 'It is in here.' });
    await message.getByText('Details').click();
    const [download] = await Promise.all([
      page.waitForEvent('download', { timeout: 20_000 }),
      message.getByRole('link', { name: 'Download the mail (.eml)' }).click(),
    ]);
    assert.match(download.suggestedFilename(), /^mail_\w+\.eml$/);
    const text = await readFile(await download.path(), 'utf8');
    assert.match(text, /^X-Mark: one of a kind\r$/m);
    assert.match(text, /It is in here\./);
    const [token = ''] = /[0-9a-f]{20,}/.exec(made.reply_to!) ?? [];
    assert.ok(token !== '' && !text.includes(token), 'who knows the address can write as the customer');
  });
});
