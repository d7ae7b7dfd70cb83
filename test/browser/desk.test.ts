/** What an agent does all day on the page: the list, a conversation, answers and notes, and the keys for it. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { NO_BROWSER } from './chromium.js';
import { openDesk } from './desk.js';

const TEAPOT = {
  channel: 'web_widget',
  subject: 'Where is my teapot?',
  contact: { email: 'maria@customer.example', name: 'Maria Keller' },
  messages: [{ direction: 'incoming', text: 'It has not arrived. See https://track.example/4711.' }],
};

const plain = (number: number) => ({
  channel: number % 2 === 0 ? 'telegram' : 'email',
  subject: `Question ${number}`,
  contact: { email: `c${number}@customer.example`, name: `Customer ${number}` },
  messages: [{ direction: 'incoming', text: `Can you help me with number ${number}?` }],
});

test('the page in a browser', { skip: NO_BROWSER }, async context => {
  const desk = await openDesk(context);
  const part = (name: string, run: (context: TestContext) => Promise<void>) => context.test(name, run);

  await part('the list says who, about what and where, and grows by itself', async each => {
    for (let number = 1; number <= 45; number += 1) await desk.start(plain(number));
    const page = await desk.page(each);
    await page.goto(desk.url);
    await page.getByRole('link', { name: /Customer 45.*Question 45.*number 45.*E-mail.*#45/ }).waitFor();
    await page.locator('.row').last().scrollIntoViewIfNeeded();
    await page.getByRole('link', { name: /Customer 1 .*Question 1 / }).waitFor({ state: 'attached' });
    assert.equal(await page.locator('.row').count(), 45);
    await page.getByLabel('Channel').selectOption('Telegram');
    await page.getByRole('link', { name: /Customer 44/ }).waitFor();
    await page.getByRole('link', { name: /Customer 45/ }).waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Resolved' }).click();
    await page.getByText('Nothing is resolved yet.').waitFor();
  });

  await part('what happens is seen without a reload, in the list and in the conversation', async each => {
    const page = await desk.page(each);
    await page.goto(desk.url);
    await page.getByRole('link', { name: /Customer 45/ }).waitFor();
    const conversation = await desk.start(TEAPOT);
    const first = page.locator('.row').first();
    await first.getByText('Where is my teapot?').waitFor();
    await first.getByRole('link').click();
    const message = page.getByRole('article', { name: 'Message from Maria Keller' });
    await message.getByText('It has not arrived.').waitFor();
    assert.equal(await message.getByRole('link').getAttribute('href'), 'https://track.example/4711');
    await desk.mail(conversation.reply_to!, 'It is here!\n\n-- \nMaria\n\nOn Monday Ann wrote:\n> Hello');
    await message.nth(1).getByText('It is here!').waitFor();
    await message.nth(1).getByText('by mail').waitFor();
    await page.getByRole('status').getByText('New message from Maria Keller').waitFor({ state: 'attached' });
    await page.getByRole('button', { name: 'Resolve', exact: true }).click();
    await page.getByRole('button', { name: 'Open again' }).waitFor();
    await page.getByRole('link', { name: /Where is my teapot/ }).waitFor({ state: 'detached' });
    assert.equal(
      (await desk.call<{ status: string }>('GET', `/v1/conversations/${conversation.id}`)).status,
      'resolved',
    );
  });

  await part('an answer is previewed, mailed, and shown with what became of it', async each => {
    const { id } = await desk.start({ ...TEAPOT, subject: 'An answer' });
    const page = await desk.page(each);
    await page.goto(`${desk.url}/conversations/${id}`);
    const field = page.getByRole('textbox', { name: 'Write an answer' });
    await field.fill('It comes **tomorrow** <b>x</b> [here](https://track.example/)');
    await page.getByRole('button', { name: 'Preview' }).click();
    const preview = page.getByRole('region', { name: 'Preview' });
    await preview.locator('strong', { hasText: 'tomorrow' }).waitFor();
    assert.equal(await preview.textContent(), 'It comes tomorrow <b>x</b> here');
    await page.getByRole('button', { name: 'Go on writing' }).click();
    await page.getByLabel('When it is mailed').selectOption('now');
    await page.getByRole('button', { name: 'Cc' }).click();
    await page.getByLabel('Cc').fill('jan@customer.example');
    await page.getByLabel('Attach files').setInputFiles({
      name: 'label.txt',
      mimeType: 'text/plain',
      buffer: Buffer.from('4711'),
    });
    await page.getByRole('button', { name: 'Send' }).click();
    const answer = page.locator('.message.outgoing');
    await answer.getByText('Mailed · jan@customer.example').waitFor();
    await answer.getByText('Mailed · maria@customer.example').waitFor();
    await answer.getByRole('link', { name: /label\.txt/ }).waitFor();
    assert.equal(await field.inputValue(), '');
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'Send', 'the focus is not lost');
    await page.getByRole('button', { name: 'More', exact: true }).click();
    await page.getByRole('button', { name: 'New reply address' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('aria-label')), 'More');
  });

  await part('a note looks different, says who sees it, and is no mail', async each => {
    const { id } = await desk.start({ ...TEAPOT, subject: 'A note' });
    const page = await desk.page(each);
    await page.goto(`${desk.url}/conversations/${id}`);
    const colour = () => page.locator('.composer').evaluate(element => getComputedStyle(element).backgroundColor);
    await page.getByRole('button', { name: 'Answer', exact: true }).waitFor();
    const before = await colour();
    await page.getByRole('button', { name: 'Note', exact: true }).click();
    await page.getByText('Only the team sees it').waitFor();
    assert.notEqual(await colour(), before);
    await page.getByRole('textbox', { name: 'Write a note for the team' }).fill('Ask Tom.');
    await page.getByRole('button', { name: 'Add the note' }).click();
    const note = page.locator('.message.note');
    await note.getByText('Ask Tom.').waitFor();
    await note.getByText('Team only').waitFor();
    const shown = await desk.call<{ messages: { direction: string }[] }>('GET', `/v1/conversations/${id}`);
    assert.equal(shown.messages.at(-1)?.direction, 'note');
  });

  await part('an answer to what has moved on is held up, and sent when its writer says so', async each => {
    const conversation = await desk.start({ ...TEAPOT, subject: 'Two at once' });
    const page = await desk.page(each, { isExpected: text => text.includes('409') });
    await page.goto(`${desk.url}/conversations/${conversation.id}`);
    await page.getByRole('textbox', { name: 'Write an answer' }).fill('It comes on Friday.');
    await desk.say(conversation, { direction: 'incoming', text: 'Forget it, it is here.' });
    const moved = page.getByRole('alert').filter({ hasText: 'Somebody wrote while you were writing' });
    await moved.getByText('Forget it, it is here.').waitFor();
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await page.locator('.moved.held-up').waitFor();
    assert.equal(await page.locator('.message.outgoing').count(), 0);
    await moved.getByRole('button', { name: 'Go on editing' }).click();
    await moved.waitFor({ state: 'detached' });
    await page.waitForFunction(() => document.activeElement?.tagName === 'TEXTAREA');
    await desk.say(conversation, { direction: 'incoming', text: 'Sorry, it is not.' });
    await moved.getByRole('button', { name: 'Send anyway' }).click();
    await page.locator('.message.outgoing').getByText('It comes on Friday.').waitFor();
    await moved.waitFor({ state: 'detached' });
  });

  await part('a draft outlives a reload and another conversation, and is gone when it is sent', async each => {
    const [one, two] = [
      await desk.start({ ...TEAPOT, subject: 'One' }),
      await desk.start({ ...TEAPOT, subject: 'Two' }),
    ];
    const page = await desk.page(each);
    await page.goto(`${desk.url}/conversations/${one.id}`);
    const field = page.getByRole('textbox', { name: 'Write an answer' });
    await field.fill('Half of it');
    await page.getByRole('link', { name: /Two/ }).first().click();
    await page.getByRole('heading', { name: 'Two' }).waitFor();
    assert.equal(await field.inputValue(), '');
    await page.goto(`${desk.url}/conversations/${one.id}`);
    await field.waitFor();
    assert.equal(await field.inputValue(), 'Half of it');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.locator('.message.outgoing').getByText('Half of it').waitFor();
    await page.reload();
    await field.waitFor();
    assert.equal(await field.inputValue(), '');
    assert.ok(two.id);
  });

  await part('what is typed right behind a key is in the field, also from the preview', async each => {
    const { id } = await desk.start({ ...TEAPOT, subject: 'Fast' });
    const page = await desk.page(each);
    await page.goto(`${desk.url}/conversations/${id}`);
    const field = page.getByRole('textbox', { name: 'Write an answer' });
    await field.waitFor();
    // In one turn of the page's loop each: no frame is painted in between.
    const press = (key: string) =>
      page.evaluate(each => {
        const target = document.activeElement ?? document.body;
        target.dispatchEvent(new KeyboardEvent('keydown', { key: each, bubbles: true }));
        return Promise.resolve().then(() => document.activeElement?.localName);
      }, key);
    assert.equal(await press('r'), 'textarea');
    await page.keyboard.type('I am *on* it.');
    assert.equal(await field.inputValue(), 'I am *on* it.');
    await page.getByRole('button', { name: 'Preview' }).click();
    await page.locator('.preview em').waitFor();
    await page.locator('#conversation-heading').focus();
    await page.keyboard.press('r');
    await page.waitForFunction(() => document.activeElement?.localName === 'textarea');
    assert.equal(await field.inputValue(), 'I am *on* it.');
  });

  await part('keys move through the list, answer, note, resolve and come back', async each => {
    const page = await desk.page(each);
    await page.goto(desk.url);
    await page.locator('.row').nth(2).waitFor();
    const focused = () => page.evaluate(() => document.activeElement?.getAttribute('data-row') ?? null);
    const rows = await page.locator('[data-row]').evaluateAll(all => all.map(each => each.getAttribute('data-row')));
    for (const [key, at] of [
      ['j', 0],
      ['j', 1],
      ['k', 0],
      ['j', 1],
    ] as const) {
      await page.keyboard.press(key);
      assert.equal(await focused(), rows[at]);
    }
    await page.keyboard.press('Enter');
    await page.locator('.thread').waitFor();
    await page.waitForFunction(() => document.activeElement?.id === 'conversation-heading');
    await page.keyboard.press('n');
    await page.getByRole('textbox', { name: 'Write a note for the team' }).waitFor();
    await page.keyboard.press('r');
    await page.keyboard.press('Escape');
    await page.keyboard.press('r');
    const field = page.getByRole('textbox', { name: 'Write an answer' });
    await field.waitFor();
    await page.waitForFunction(() => document.activeElement?.tagName === 'TEXTAREA');
    await page.keyboard.type('jke?');
    assert.equal(await field.inputValue(), 'rjke?', 'in a field a key is a letter');
    await page.keyboard.press('Escape');
    await page.keyboard.press('e');
    await page.getByRole('button', { name: 'Open again' }).waitFor();
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keyboard' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.keyboard.press('Escape');
    await page.getByText('Choose a conversation').waitFor();
    await page.keyboard.press('/');
    await page.waitForFunction(() => document.activeElement?.id === 'search');
  });

  await part('without a connection it says so, keeps what is shown, and goes on where it was', async each => {
    const conversation = await desk.start({ ...TEAPOT, subject: 'Away' });
    const page = await desk.page(each, { isExpected: text => text.includes('ERR_') });
    await page.goto(`${desk.url}/conversations/${conversation.id}`);
    const field = page.getByRole('textbox', { name: 'Write an answer' });
    await field.fill('Said once');
    await page.context().setOffline(true);
    await page.getByText('No connection. Trying again').waitFor();
    await page.locator('.words').getByText('It has not arrived.').waitFor();
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByRole('alert').getByText('No connection').waitFor();
    await desk.say(conversation, { direction: 'note', text: 'While you were away' });
    await page.context().setOffline(false);
    await page.locator('.words').getByText('While you were away').waitFor();
    await page.getByRole('button', { name: 'Send' }).click();
    await page.locator('.message.outgoing').getByText('Said once').waitFor();
  });
});
