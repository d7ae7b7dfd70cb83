/** Links of a mail's own HTML lead away from the page, and what is there knows nothing of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Request } from 'playwright-core';
import { NO_BROWSER } from './chromium.js';
import { openDesk } from './desk.js';

const SOON = { timeout: 20_000 } as const;

test('a link in a mail opens a new tab that has no opener and no referrer', {
  skip: NO_BROWSER,
  timeout: 90_000,
}, async context => {
  const desk = await openDesk(context);
  const { id, reply_to } = await desk.start({
    channel: 'email',
    subject: 'Link',
    contact: { email: 'maria@customer.example' },
  });
  await desk.mail(
    reply_to!,
    'MIME-Version: 1.0\nContent-Type: text/html\n\n<p>See <a href="https://track.example/4711" target="_top">the parcel</a>.</p>',
  );
  const page = await desk.page(context);
  const tabs = page.context();
  const asked: Request[] = [];
  await tabs.route(/^https?:\/\/(?!127\.0\.0\.1)/, route => {
    asked.push(route.request());
    return route.fulfill({ contentType: 'text/html', body: '<title>Tracked</title>' });
  });
  await page.goto(`${desk.url}/conversations/${id}`);
  await page.getByRole('button', { name: 'Show the original look' }).click();
  const link = page.frameLocator('iframe').getByRole('link', { name: 'the parcel' });
  await link.waitFor(SOON);
  const [tab] = await Promise.all([tabs.waitForEvent('page', SOON), link.click(SOON)]);
  try {
    await tab.waitForURL('https://track.example/4711', SOON);
    assert.deepEqual(await tab.evaluate(() => [window.opener === null, document.referrer, document.title]), [
      true,
      '',
      'Tracked',
    ]);
    // It is no prisoner of the frame's sandbox: there it would have an origin of its own.
    assert.equal(await tab.evaluate(() => window.origin), 'https://track.example');
    assert.equal(await asked[0]!.headerValue('referer'), null);
    assert.equal(asked.length, 1);
    assert.equal(page.url(), `${desk.url}/conversations/${id}`);
    assert.equal(tabs.pages().length, 2);
  } finally {
    await tab.close();
  }
});
