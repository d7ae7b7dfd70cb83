/** Every view in light and dark, from a phone to a wide screen: nothing that axe-core finds, and nothing wider than the screen. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { eventually } from '../run.js';
import { violations } from './axe.js';
import { NO_BROWSER } from './chromium.js';
import { openDesk } from './desk.js';

const SCREENS = {
  wide: { width: 1440, height: 900 },
  tablet: { width: 900, height: 1000 },
  phone: { width: 390, height: 844 },
  /** A screen of 1280 at 400 %. */
  zoomed: { width: 320, height: 500 },
} as const;

/** Its colours are those of a small conversation, and axe-core looks at each of them. */
const LARGE = 'two hundred messages';
const LONG = 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft';

test('every view', { skip: NO_BROWSER }, async context => {
  const desk = await openDesk(context);
  const full = await desk.start({
    channel: 'web_widget',
    subject: `${LONG} and what it is about`,
    contact: { email: 'maria@customer.example', name: 'Maria Keller' },
    messages: [
      { direction: 'incoming', text: `مرحبا، متى يصل الطلب؟\nHello, where is it? ${LONG.repeat(3)}` },
      { direction: 'outgoing', markdown: 'It is **on its way**.', agent: { name: 'Ann' }, mail: 'now' },
      { direction: 'note', text: 'Ask Tom.', agent: { name: 'Ann' } },
    ],
  });
  await desk.mail(full.reply_to!, 'It is here.\n\nOn Monday Ann wrote:\n> It is on its way.\n\n-- \nMaria');
  const messages = Array.from({ length: 200 }, (_, at) => ({ direction: 'incoming', text: `Message ${at + 1}` }));
  const long = await desk.start({ channel: 'telegram', contact: { name: 'Talker' }, messages });

  const views: Record<string, (page: Page) => Promise<void>> = {
    async list(page) {
      await page.goto(desk.url);
      await page.locator('.row').nth(1).waitFor();
    },
    async 'empty list'(page) {
      await page.goto(desk.url);
      await page.getByRole('button', { name: 'Resolved' }).click();
      await page.getByText('Nothing is resolved yet.').waitFor();
    },
    async conversation(page) {
      await page.goto(`${desk.url}/conversations/${full.id}`);
      await page.getByText('It is here.').first().waitFor({ state: 'attached' });
      await page.getByText('Details').first().click();
    },
    async note(page) {
      await page.goto(`${desk.url}/conversations/${full.id}`);
      await page.getByRole('button', { name: 'Note', exact: true }).click();
      await page.getByText('Only the team sees it').waitFor();
    },
    async [LARGE](page) {
      await page.goto(`${desk.url}/conversations/${long.id}`);
      await page.locator('.thread').getByText('Message 200').waitFor();
      await page.getByRole('button', { name: 'Show earlier messages (140)' }).click();
      await page.locator('.message').nth(199).waitFor({ state: 'attached' });
    },
    async 'no conversation'(page) {
      await page.goto(`${desk.url}/conversations/cv_00000000000`);
      await page.getByText('There is no such conversation').waitFor();
    },
    async keys(page) {
      await page.goto(desk.url);
      await page.locator('.row').first().waitFor();
      await page.keyboard.press('?');
      await page.getByRole('dialog').waitFor();
    },
    async settings(page) {
      await page.goto(`${desk.url}/settings/me`);
      await page.getByRole('heading', { name: 'Look and language' }).waitFor();
    },
    async team(page) {
      await page.goto(`${desk.url}/settings/agents`);
      await page.locator('.card', { hasText: 'ann@shop.example' }).waitFor();
    },
    async account(page) {
      await page.goto(`${desk.url}/settings/account`);
      await page.getByLabel('Refuse mail from').waitFor();
    },
    async found(page) {
      await eventually('the words are in the index', async () => {
        const { data } = await desk.call<{ data: readonly unknown[] }>('GET', '/v1/search?q=it+is+here');
        return data.length > 0;
      });
      await page.goto(desk.url);
      await page.getByRole('searchbox', { name: 'Search' }).fill('"it is here"');
      await page.locator('.row mark').first().waitFor();
    },
    async webhooks(page) {
      await page.goto(`${desk.url}/settings/hooks`);
      await page.getByLabel('Address').fill('https://app.example.com/replyd');
      await page.getByRole('button', { name: 'Add' }).click();
      await page.getByRole('dialog', { name: 'Signing secret' }).getByText('whsec_').waitFor();
      await page.keyboard.press('Escape');
      await page.getByRole('button', { name: 'New secret' }).waitFor();
    },
    async 'the queue'(page) {
      await page.goto(`${desk.url}/settings/queue`);
      await page.getByText('There is nothing here.').waitFor();
    },
    async 'the contact beside'(page) {
      await page.setViewportSize(SCREENS.tablet);
      await page.goto(`${desk.url}/conversations/${full.id}`);
      await page.getByRole('button', { name: 'Contact' }).click();
      await page.getByRole('complementary', { name: 'Contact' }).getByText('maria@customer.example').waitFor();
    },
    async 'sign in'(page) {
      await page.goto(`${desk.url}/sign-in`);
      await page.getByRole('button', { name: 'Sign in' }).waitFor();
    },
    async 'a link to sign in'(page) {
      await page.goto(await desk.link('ann@shop.example'));
      await page.getByLabel('New password').waitFor();
    },
  };

  for (const [name, show] of Object.entries(views)) {
    await context.test(name, async each => {
      const isExpected = (text: string) => name === 'no conversation' && text.includes('404');
      const page = await desk.page(each, { viewport: SCREENS.wide, isExpected });
      await show(page);
      for (const [screen, viewport] of Object.entries(SCREENS)) {
        await page.setViewportSize(viewport);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(wide <= 0, `${name}, ${screen}: ${wide} pixels wider than the screen`);
        if (screen === 'tablet' || screen === 'zoomed' || (screen === 'phone' && name === LARGE)) continue;
        for (const colorScheme of name === LARGE ? (['dark'] as const) : (['light', 'dark'] as const)) {
          await page.emulateMedia({ colorScheme });
          assert.deepEqual(await violations(page), [], `${name}, ${screen}, ${colorScheme}`);
        }
      }
    });
  }
});
