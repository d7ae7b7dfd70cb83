/** People in Cc on the page: suggested ones are added with one click beside the answer, and removed beside the messages. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Conversation } from '#replyd/conversation/model.js';
import { NO_BROWSER } from './chromium.js';
import { openDesk } from './desk.js';

const SOON = { timeout: 20_000 } as const;

test('people in Cc', { skip: NO_BROWSER, timeout: 120_000 }, async context => {
  const desk = await openDesk(context);
  await desk.daemon.json(['account', 'set', 'shop', 'cc_policy=suggest']);
  const { id, reply_to } = await desk.start({
    channel: 'email',
    subject: 'Lamp',
    contact: { email: 'maria@customer.example', name: 'Maria Keller' },
  });
  const stateOf = async () =>
    (await desk.call<Conversation>('GET', `/v1/conversations/${id}`)).cc.map(each => `${each.name} ${each.state}`);

  await context.test('a suggested person is added beside the answer, which then goes to him too', async each => {
    const page = await desk.page(each);
    await page.goto(`${desk.url}/conversations/${id}`);
    await page.getByRole('textbox', { name: 'Write an answer' }).waitFor(SOON);
    // It comes while the page is open.
    await desk.mail(reply_to!, 'Cc: Ben <ben@partner.example>\n\nWe need a lamp.');
    const add = page.getByRole('button', { name: 'Add Ben, who was in Cc' });
    await add.click(SOON);
    await page.getByText('Also to Ben').waitFor(SOON);
    assert.deepEqual(await stateOf(), ['Ben carried']);
    assert.equal(await add.count(), 0);
    await page.getByRole('button', { name: 'Note', exact: true }).click();
    assert.equal(await page.getByText('Also to Ben').count(), 0, 'a note goes to nobody');
    await page.getByRole('button', { name: 'Answer', exact: true }).click();
    await page.getByRole('textbox', { name: 'Write an answer' }).fill('Which one?');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByRole('article', { name: /Ann/ }).or(page.getByText('Which one?')).first().waitFor(SOON);
    const { messages } = await desk.call<Required<Conversation>>('GET', `/v1/conversations/${id}`);
    assert.deepEqual(
      messages.at(-1)!.deliveries.map(delivery => delivery.recipient),
      ['maria@customer.example', 'ben@partner.example'],
    );
  });

  await context.test('he is removed beside the messages, and offered no more', async each => {
    const page = await desk.page(each);
    await page.goto(`${desk.url}/conversations/${id}`);
    const people = page.getByRole('complementary', { name: 'Contact' });
    await people.getByRole('heading', { name: 'Answers also go to' }).waitFor(SOON);
    assert.equal(await people.getByRole('heading', { name: 'Also in this conversation' }).count(), 0, 'he stands once');
    await people.getByRole('button', { name: 'Remove Ben from the answers' }).click();
    await page.getByText('Ben gets no more answers.').waitFor(SOON);
    await people.getByRole('heading', { name: 'Answers also go to' }).waitFor({ state: 'detached', ...SOON });
    await people.getByRole('heading', { name: 'Also in this conversation' }).waitFor(SOON);
    await desk.mail(reply_to!, 'Cc: Ben <ben@partner.example>, Dan <dan@friend.example>\n\nStill waiting.');
    await people.getByRole('button', { name: 'Add Dan to the answers' }).waitFor(SOON);
    assert.equal(await people.getByRole('button', { name: /Add Ben/ }).count(), 0);
    assert.deepEqual(await stateOf(), ['Dan suggested']);
  });

  await context.test('an admin says in the settings what becomes of them, and how much is quoted', async each => {
    const page = await desk.page(each);
    await page.goto(`${desk.url}/settings/account`);
    const policy = page.getByLabel('Whom customers put into Cc');
    await policy.waitFor(SOON);
    assert.equal(await policy.inputValue(), 'suggest');
    await policy.selectOption('never');
    await page.getByLabel('Earlier messages that each mail quotes').fill('2');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved.').waitFor(SOON);
    const { settings } = await desk.daemon.json<{ settings: object }>(['account', 'show', 'shop']);
    const { cc_policy, history } = settings as Record<string, unknown>;
    assert.deepEqual([cc_policy, history], ['never', 2]);
  });
});
