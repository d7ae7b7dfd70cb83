/** Who gets in, how fast, and to which accounts. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { NO_BROWSER } from './chromium.js';
import { openDesk } from './desk.js';

test('the door', { skip: NO_BROWSER, timeout: 180_000 }, async context => {
  const desk = await openDesk(context);
  const part = (name: string, run: (context: TestContext) => Promise<void>) => context.test(name, run);

  await part(
    'who guesses passwords is slowed down, which is said in words, and the right one works then',
    async each => {
      const tom = await desk.agent({ name: 'Tom Bakker', email: 'tom@shop.example' });
      const page = await desk.page(each, { as: null, isExpected: text => /401|429/.test(text) });
      await page.goto(desk.url);
      await page.getByLabel('E-mail address').fill(tom.agent.email);
      const tryIt = async (password: string) => {
        await page.getByLabel('Password').fill(password);
        const [answer] = await Promise.all([
          page.waitForResponse(response => response.url().endsWith('/sign-in')),
          page.getByRole('button', { name: 'Sign in' }).click(),
        ]);
        return answer.status();
      };
      const statuses: number[] = [];
      // Each one beyond the fifth makes the next wait longer: on a slow machine it is met later.
      do statuses.push(await tryIt(`not this one, ${statuses.length}`));
      while (statuses.at(-1) !== 429);
      assert.ok(statuses.length > 5, `${statuses}`);
      assert.deepEqual([...new Set(statuses)], [401, 429]);
      await page
        .getByRole('alert')
        .getByText(/^Too many attempts\. Please try again in \d+ seconds?\.$/)
        .waitFor();
      while ((await tryIt(tom.password)) === 429) await page.waitForTimeout(500);
      await page.getByText('Teapot Shop').waitFor();
    },
  );

  await part('who belongs to two accounts sees both, and nothing of a third', async each => {
    for (const [slug, name] of [
      ['second', 'Second Shop'],
      ['third', 'Third Shop'],
    ] as const) {
      const facts = ['--domain', `in.${slug}.example`, '--support-email', `help@${slug}.example`, '--name', name];
      await desk.daemon.json(['account', 'add', slug, ...facts]);
    }
    const pia = await desk.agent({ name: 'Pia Roth', email: 'pia@shop.example' });
    await desk.daemon.json([
      'agent',
      'add',
      'pia@shop.example',
      '--account',
      'second',
      '--name',
      'Pia Roth',
      '--admin',
    ]);
    const start = (account: string, subject: string) => {
      const facts = ['--account', account, '--contact', 'maria@customer.example', '--channel', 'telegram'];
      return desk.daemon.json<{ id: string }>([
        'conversation',
        'start',
        ...facts,
        '--subject',
        subject,
        '--text',
        subject,
      ]);
    };
    await start('shop', 'A teapot of the first');
    const second = await start('second', 'A cup of the second');
    const third = await start('third', 'A spoon of the third');

    // The first account knew the link to her password, so it counts no more: the operator gives her another.
    const { key } = await desk.daemon.json<{ key: string }>(['key', 'add', '--operator']);
    const place = `/v1/agents/${pia.agent.id}/link?account=shop`;
    const made = await fetch(`http://${desk.daemon.listening.http}${place}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}` },
    });
    const { link } = (await made.json()) as { link: string };
    const page = await desk.page(each, { as: null, isExpected: text => /40[14]/.test(text) });
    await page.goto(link);
    await page.getByLabel('New password').fill('known to nobody else');
    await page.getByRole('button', { name: 'Set the password' }).click();
    const accounts = page.getByRole('combobox', { name: 'Account' });
    const row = (subject: string) => page.locator('.row', { hasText: subject });
    await accounts.selectOption('Teapot Shop');
    await row('A teapot of the first').waitFor();
    assert.deepEqual((await accounts.locator('option').allTextContents()).sort(), ['Second Shop', 'Teapot Shop']);
    assert.equal(await row('of the second').count(), 0);
    // An agent in one, an admin in the other.
    await page.goto(`${desk.url}/settings`);
    await page.getByRole('heading', { name: 'Look and language' }).waitFor();
    assert.equal(await page.getByRole('link', { name: 'Team' }).count(), 0);

    await page.goto(desk.url);
    await accounts.selectOption('Second Shop');
    await row('A cup of the second').waitFor();
    assert.equal(await row('of the first').count(), 0);
    await page.goto(`${desk.url}/settings/agents`);
    await page.getByRole('link', { name: 'Team' }).waitFor();
    await page.locator('.card', { hasText: 'pia@shop.example' }).waitFor();
    assert.equal(await page.locator('.card', { hasText: 'ann@shop.example' }).count(), 0);

    // What comes in is seen in both, each in its own.
    await page.goto(desk.url);
    await row('A cup of the second').waitFor();
    await start('second', 'Another cup of the second');
    await row('Another cup of the second').waitFor();
    await start('third', 'Another spoon of the third');
    await page.goto(`${desk.url}/conversations/${third.id}`);
    await page.getByText('There is no such conversation, or it is not yours to see.').waitFor();
    await page.goto(`${desk.url}/conversations/${second.id}`);
    await page.getByRole('heading', { name: 'A cup of the second' }).waitFor();
    assert.equal(await page.getByText('of the third').count(), 0);
  });
});
