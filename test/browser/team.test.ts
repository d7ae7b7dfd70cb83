/** Who comes in, what each may do, and what one sees of the other. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { eventually } from '../run.js';
import { NO_BROWSER } from './chromium.js';
import { openDesk } from './desk.js';

const ASKED = (subject: string) => ({
  channel: 'web_widget',
  subject,
  contact: { email: 'maria@customer.example', name: 'Maria Keller' },
  messages: [{ direction: 'incoming', text: 'It has not arrived.' }],
});

test('a team on the page', { skip: NO_BROWSER }, async context => {
  const desk = await openDesk(context);
  const tom = await desk.agent({ name: 'Tom Bakker', email: 'tom@shop.example' });
  const part = (name: string, run: (context: TestContext) => Promise<void>) => context.test(name, run);

  await part('who has no session sees the door, and comes in by address and password', async each => {
    const page = await desk.page(each, { as: null, isExpected: text => text.includes('401') });
    await page.goto(desk.url);
    await page.getByLabel('E-mail address').fill('tom@shop.example');
    await page.getByLabel('Password').fill('not this one, no');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').getByText('do not fit together').waitFor();
    await page.getByLabel('Password').fill(tom.password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('Teapot Shop').waitFor();
    await page.locator('.top-bar .menu button').click();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('E-mail address').waitFor();
    await page.reload();
    await page.getByLabel('E-mail address').waitFor();
  });

  await part('a link sets a password, once, and its secret leaves the address', async each => {
    const link = await desk.link('tom@shop.example');
    const page = await desk.page(each, { as: null, isExpected: text => /40[14]/.test(text) });
    await page.goto(link);
    await page.getByText('Choose a password for tom@shop.example.').waitFor();
    assert.equal(page.url(), `${desk.url}/sign-in`);
    const field = page.getByLabel('New password');
    await field.fill('too short');
    await page.getByRole('button', { name: 'Set the password' }).click();
    assert.equal(await field.evaluate((input: HTMLInputElement) => input.validity.tooShort), true);
    await field.fill('long enough to be kept');
    await page.getByRole('button', { name: 'Set the password' }).click();
    await page.getByText('Teapot Shop').waitFor();
    await page.goto('about:blank');
    await page.goto(link);
    await page.getByText('This link was used already').waitFor();
  });

  await part('signing out takes the drafts along', async each => {
    const { id } = await desk.start(ASKED('Draft'));
    const eve = await desk.agent({ name: 'Eve', email: 'eve@shop.example' });
    const page = await desk.page(each, { as: eve, isExpected: text => text.includes('401') });
    await page.goto(`${desk.url}/conversations/${id}`);
    await page.getByRole('textbox', { name: 'Write an answer' }).fill('Half of it');
    await page.locator('.top-bar .menu button').click();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('E-mail address').waitFor();
    assert.equal(await page.evaluate(() => JSON.stringify(localStorage).includes('Half')), false);
  });

  await part('somebody gives himself another password', async each => {
    const kim = await desk.agent({ name: 'Kim', email: 'kim@shop.example' });
    const page = await desk.page(each, { as: kim, isExpected: text => /40[13]/.test(text) });
    await page.goto(`${desk.url}/settings/me`);
    await page.getByLabel('Current password').fill('surely another one');
    await page.getByLabel('New password').fill('a much better one');
    await page.getByRole('button', { name: 'Change it' }).click();
    await page.getByRole('alert').getByText('That is not your current password.').waitFor();
    await page.getByLabel('Current password').fill(kim.password);
    await page.getByRole('button', { name: 'Change it' }).click();
    await page.getByText('The password is changed.').waitFor();
    await page.reload();
    await page.getByLabel('Current password').waitFor();
    await page.getByRole('button', { name: 'Sign out', exact: true }).click();
    await page.getByLabel('E-mail address').fill('kim@shop.example');
    await page.getByLabel('Password').fill('a much better one');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('Teapot Shop').waitFor();
  });

  await part('what is assigned stands with its owner, and is unread until he has looked', async each => {
    const pia = await desk.agent({ name: 'Pia Roth', email: 'pia@shop.example' });
    const conversation = await desk.start(ASKED('For Pia'));
    const [hers, mine] = [await desk.page(each, { as: pia }), await desk.page(each)];
    await hers.goto(desk.url);
    await hers.locator('.row.unread', { hasText: 'For Pia' }).waitFor();
    await hers.getByRole('button', { name: 'Mine' }).click();
    await hers.getByText('Nothing is assigned to you.').waitFor();
    await mine.goto(`${desk.url}/conversations/${conversation.id}`);
    await mine.getByLabel('Assigned to').selectOption('Pia Roth');
    await hers.locator('.row', { hasText: 'For Pia' }).getByRole('link').click();
    await hers.locator('.words').getByText('It has not arrived.').waitFor();
    await hers.locator('.row.unread', { hasText: 'For Pia' }).waitFor({ state: 'detached' });
    await hers.reload();
    await hers
      .getByLabel('Assigned to')
      .locator('option:checked', { hasText: 'Pia Roth (you)' })
      .waitFor({ state: 'attached' });
    assert.equal(await hers.locator('.row.unread', { hasText: 'For Pia' }).count(), 0);
    await hers.keyboard.press('r');
    await hers.keyboard.type('I am on it.');
    await hers.getByRole('button', { name: 'Send', exact: true }).click();
    await mine.locator('.message.outgoing', { hasText: 'Pia Roth' }).getByText('I am on it.').waitFor();
  });

  await part('what was read before the list came is read in it', async each => {
    const conversation = await desk.start(ASKED('Read first'));
    const page = await desk.page(each);
    const known = page.waitForResponse(`**/v1/conversations/${conversation.id}/read`);
    let asked = false;
    await page.route('**/v1/conversations?*', async route => {
      const response = await route.fetch();
      if (!asked) {
        asked = true;
        await known;
      }
      await route.fulfill({ response });
    });
    await page.goto(`${desk.url}/conversations/${conversation.id}`);
    const row = page.locator('.row', { hasText: 'Read first' });
    await row.waitFor();
    assert.ok(asked);
    assert.equal(await row.and(page.locator('.unread')).count(), 0);
  });

  await part('an admin adds somebody, whose link is shown once; an agent has no such settings', async each => {
    const page = await desk.page(each);
    await page.goto(`${desk.url}/settings/agents`);
    await page.getByLabel('Name').fill('Noor');
    await page.getByLabel('E-mail address').fill('noor@shop.example');
    await page.getByRole('button', { name: 'Add' }).click();
    const dialog = page.getByRole('dialog', { name: 'Link to sign in' });
    await dialog.getByText(`${desk.url}/sign-in#`).waitFor();
    await dialog.getByRole('button', { name: 'Close' }).last().click();
    const card = page.locator('.card', { hasText: 'noor@shop.example' });
    await card.getByText('has not signed in yet').waitFor();
    await card.getByLabel('Role').selectOption('Admin');
    await page.getByText('Saved.').waitFor();
    await card.getByRole('button', { name: 'Disable' }).click();
    await card.getByText('disabled', { exact: true }).waitFor();
    await card.getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await card.waitFor({ state: 'detached' });
    const other = await desk.page(each, { as: await desk.agent({ name: 'Lea', email: 'lea@shop.example' }) });
    await other.goto(`${desk.url}/settings/agents`);
    await other.getByRole('heading', { name: 'Look and language' }).waitFor();
    assert.equal(await other.getByRole('link', { name: 'Team' }).count(), 0);
  });

  await part('the account blocks a writer, from a conversation and in its settings', async each => {
    const { id } = await desk.start(ASKED('Block'));
    const page = await desk.page(each);
    await page.goto(`${desk.url}/conversations/${id}`);
    await page.getByRole('button', { name: 'More', exact: true }).click();
    await page.getByRole('button', { name: 'Block the writer' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Block the writer' }).click();
    await page.getByText('maria@customer.example is blocked.').waitFor();
    await page.goto(`${desk.url}/settings/account`);
    const list = page.getByLabel('Refuse mail from');
    await list.waitFor();
    assert.equal(await list.inputValue(), 'maria@customer.example');
    await list.fill('');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved.').waitFor();
  });

  await part('a search finds words, and opens the message', async each => {
    await desk.start(ASKED('A samovar, please'));
    await eventually('the words are in the index', async () => {
      const { data } = await desk.call<{ data: readonly unknown[] }>('GET', '/v1/search?q=samovar');
      return data.length > 0;
    });
    const page = await desk.page(each);
    await page.goto(desk.url);
    await page.getByRole('searchbox', { name: 'Search' }).fill('samovar');
    const hit = page.locator('.row', { hasText: 'A samovar, please' });
    await hit.getByRole('link').click();
    await page.getByRole('heading', { name: 'A samovar, please' }).waitFor();
    await page.waitForFunction(() => document.activeElement?.classList.contains('message'));
  });

  await part('a held message waits for a decision, and counts when it is released', async each => {
    const conversation = await desk.start(ASKED('Held'));
    await desk.daemon.cli(['account', 'enable', 'shop', 'hold_strangers']);
    const page = await desk.page(each);
    await page.goto(desk.url);
    await page.getByRole('button', { name: 'Held' }).click();
    await page.getByText('No message is held.').waitFor();
    await desk.mail(conversation.reply_to!, 'I am her neighbour.', { name: 'Jan', email: 'jan@other.example' });
    await page.locator('.row', { hasText: 'Held' }).getByRole('link').click();
    const message = page.locator('.message', { hasText: 'I am her neighbour.' });
    await message.getByText('This message is held.').waitFor();
    await message.getByRole('button', { name: 'Release it' }).click();
    await page.getByText('The message is released.').waitFor();
    await message.getByText('This message is held.').waitFor({ state: 'detached' });
    await page.getByText('No message is held.').waitFor();
    await desk.daemon.cli(['account', 'disable', 'shop', 'hold_strangers']);
  });

  await part('a mail with HTML is shown in a frame that can do nothing', async each => {
    const conversation = await desk.start(ASKED('HTML'));
    await desk.mail(
      conversation.reply_to!,
      'MIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n\n<p>It is <b>here</b></p><script>document.title="x"</script>',
    );
    const page = await desk.page(each);
    await page.goto(`${desk.url}/conversations/${conversation.id}`);
    await page.getByRole('button', { name: 'Show the original look' }).click();
    await page.frameLocator('iframe').locator('b', { hasText: 'here' }).waitFor();
    assert.equal(await page.frameLocator('iframe').locator('script').count(), 0);
  });

  await part('the page is German where the browser is', async each => {
    const page = await desk.page(each, { locale: 'de-AT' });
    await page.goto(desk.url);
    await page.getByRole('button', { name: 'Erledigt' }).waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.lang), 'de');
    await page.goto(`${desk.url}/settings/me`);
    await page.getByRole('combobox', { name: 'Sprache' }).selectOption('English');
    await page.getByRole('heading', { name: 'Settings' }).waitFor();
    await page.getByRole('combobox', { name: 'Colours' }).selectOption('Dark');
    await page.reload();
    await page.getByRole('heading', { name: 'Settings' }).waitFor();
    assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme), 'dark');
  });
});
