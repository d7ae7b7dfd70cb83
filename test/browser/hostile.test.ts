/**
 * Mails of attackers, and all mails of the corpus, on the page: an agent who has signed in opens each conversation, reads
 * the words and turns the HTML on. Nothing runs, nothing is asked for elsewhere, nothing outside of its frame changes. The
 * HTML that nobody cleaned is tried in the same frames too: they hold it alone.
 */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { Page } from 'playwright-core';
import type { Message } from '#replyd/conversation/model.js';
import { BOX_PAYLOADS } from '../attack/html-box.js';
import { htmlCases } from '../attack/html-cases.js';
import { htmlPart } from '../attack/html-mails.js';
import { fieldCases } from '../field/cases.js';
import { sendMail } from '../interop/smtp-talk.js';
import { corpusMails } from '../mail/corpus.js';
import { NO_BROWSER } from './chromium.js';
import { type Desk, openDesk } from './desk.js';
import { openElsewhere } from './elsewhere.js';
import { difference, outside, settled, showAll, type Watched, watch } from './watched.js';

const ATTACKER = 'attacker.example';
/** Messages of one conversation: less than the page shows at once. */
const BATCH = 50;
const PATIENCE = { timeout: 150_000 };

interface Filed {
  readonly id: string;
  readonly messages: readonly Message[];
}

test('hostile mails on the page', { skip: NO_BROWSER, timeout: 280_000 }, async context => {
  const elsewhere = await openElsewhere(context);
  const settings = { 'limits.loop_messages': 10_000, 'limits.api_requests': 1_000_000 };
  const desk = await openDesk(context, settings, elsewhere.switches);
  const part = (name: string, run: (context: TestContext) => Promise<void>) => context.test(name, PATIENCE, run);
  const all = htmlCases(ATTACKER);
  // Each kind once, each context for every sixth.
  const contexts = 6;
  const cases = all.filter((_, number) => number % contexts === Math.floor(number / contexts) % contexts);
  const boxes = Object.values(BOX_PAYLOADS).map(html => ({ html, mail: htmlPart(html) }));
  const hostile = [...cases, ...boxes];
  const filed = await fileAll(
    desk,
    hostile.map(({ mail }, number) => Buffer.from(`${HEAD}Message-ID: <case-${number}@customer.example>\n${mail}`)),
  );

  /** A tab in which Ann has signed in. */
  async function open(each: TestContext, isExpected: (text: string) => boolean = () => false) {
    const page = await desk.page(each, { as: null, isExpected: text => text.includes('401') || isExpected(text) });
    page.setDefaultTimeout(20_000);
    const watched = await watch(page, { url: desk.url, elsewhere });
    await page.goto(desk.url);
    await page.getByLabel('E-mail address').fill('ann@shop.example');
    await page.getByLabel('Password').fill(desk.ann.password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('Teapot Shop').waitFor();
    return { page, watched };
  }

  await part('what is watched for is seen where nothing prevents it', async each => {
    const page = await desk.page(each, { isExpected: () => true });
    const watched = await watch(page, { url: desk.url, elsewhere });
    const body = `<title>other</title><img src="http://${ATTACKER}/1"><script>hit(1); top.document.title = 'x'; open('about:blank'); alert(1)</script>`;
    await serveInstead(each, page, { headers: { 'content-type': 'text/html' }, bodyOf: () => body });
    await page.goto(`${desk.url}/conversations/${filed[0]!.id}`);
    await page.locator('.html-view').first().waitFor();
    const before = await settled(page);
    await page.evaluate(() => {
      for (const view of [...document.querySelectorAll('.html-view')].slice(1)) view.remove();
      new MutationObserver(() => document.querySelector('iframe')?.removeAttribute('sandbox')).observe(document.body, {
        childList: true,
        subtree: true,
      });
    });
    const { faults } = await showAll(page);
    const found = [...faults, ...(await watched.faults())].join('\n');
    for (const sign of [
      'a script ran: 1',
      'a dialog: 1',
      'it asked for',
      'it reached',
      'has the rights',
      'shows "other"',
    ]) {
      assert.ok(found.includes(sign), `${sign}: not in ${found}`);
    }
    assert.match(difference(before, await outside(page)) ?? '', / became "x\\n/);
  });

  await part(`${hostile.length} hostile mails do nothing`, async each => {
    const { page, watched } = await open(each);
    const shown = await look(filed, { page, watched });
    assert.ok(shown >= 140, `only ${shown} of them have HTML`);
  });

  await part('a frame holds what nobody cleaned', async each => {
    const { page, watched } = await open(each, () => true);
    const raw = new Map<string, string>();
    for (const message of filed.flatMap(({ messages }) => messages)) {
      const number = /^case-(\d+)@/.exec(message.message_id ?? '')?.[1];
      if (number !== undefined) raw.set(message.id, hostile[Number(number)]!.html);
    }
    const headers = await headersOf(desk, filed[0]!.messages.find(({ html }) => html !== null)!);
    assert.match(headers['content-security-policy'] ?? '', /^default-src 'none'.*sandbox allow-popups/);
    const bodyOf = (id: string) =>
      `<!doctype html><html><head><title>mail</title></head><body>${raw.get(id)}</body></html>`;
    await serveInstead(each, page, { headers, bodyOf });
    // The debugger tells of a request before the policy stops it. What passes it comes to the listener.
    await look(filed.slice(0, 2), { page, watched, forgiven: /^it asked for/ });
  });

  await part('all mails of the corpus do nothing either', async each => {
    const mails = [...corpusMails().map(({ bytes }) => bytes), ...fieldCases().map(({ mail }) => mail)];
    const { page, watched } = await open(each);
    const shown = await look(await fileAll(desk, mails), { page, watched });
    assert.ok(shown >= 100, `only ${shown} of them have HTML`);
  });
});

const HEAD = 'From: Carla <carla@customer.example>\nTo: help@shop.example\nSubject: Re: parcel\nMIME-Version: 1.0\n';

/** Opens each conversation, and every mail's HTML. Gives how many had some. */
async function look(
  conversations: readonly Filed[],
  { page, watched, forgiven = /^$/ }: { page: Page; watched: Watched; forgiven?: RegExp },
): Promise<number> {
  let count = 0;
  for (const { id, messages } of conversations) {
    await page.goto(`${new URL(page.url()).origin}/conversations/${id}`);
    await page
      .locator('.message')
      .nth(messages.length - 1)
      .waitFor({ state: 'attached' });
    await page.locator('.row.unread', { has: page.locator(`[data-row="${id}"]`) }).waitFor({ state: 'detached' });
    const before = await settled(page);
    const { shown, faults } = await showAll(page);
    // What was begun at the end comes to its end.
    await page.waitForTimeout(100);
    assert.deepEqual(faults, []);
    const done = await watched.faults();
    assert.deepEqual(
      done.filter(fault => !forgiven.test(fault)),
      [],
    );
    assert.equal(difference(before, await outside(page)), null);
    assert.equal(shown, messages.filter(({ html }) => html !== null).length);
    count += shown;
  }
  return count;
}

/** With which rights the daemon shows a mail. */
async function headersOf(desk: Desk, { id }: Message): Promise<Readonly<Record<string, string>>> {
  const response = await fetch(`${desk.url}/html/${id}`, { headers: { cookie: desk.ann.cookie } });
  assert.equal(response.status, 200);
  await response.text();
  const policy = response.headers.get('content-security-policy') ?? '';
  // The server beside the daemon is of another origin.
  const rights = policy.replace("; frame-ancestors 'self'", '');
  return { 'content-type': response.headers.get('content-type')!, 'content-security-policy': rights };
}

interface Served {
  readonly headers: Readonly<Record<string, string>>;
  bodyOf(messageId: string): string;
}

/** Other documents in the frames. From a server on loopback too: what the browser is told by its debugger counts as foreign. */
async function serveInstead(each: TestContext, page: Page, { headers, bodyOf }: Served): Promise<void> {
  const server = createServer((request, response) => {
    response.writeHead(200, headers).end(bodyOf(request.url!.slice(1)));
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  // A part that fails may leave it.
  server.unref();
  each.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  await page.route('**/html/*', route =>
    route.continue({ url: `http://127.0.0.1:${port}/${route.request().url().split('/').at(-1)}` }),
  );
}

/** The mails come by SMTP, so many into each conversation. */
async function fileAll(desk: Desk, mails: readonly Buffer[]): Promise<readonly Filed[]> {
  const filed: Filed[] = [];
  for (let first = 0; first < mails.length; first += BATCH) {
    const contact = { email: `carla${first}@customer.example`, name: 'Carla' };
    const { id, reply_to } = await desk.start({ channel: 'email', subject: `Parcel ${first}`, contact });
    const waiting = mails.slice(first, first + BATCH);
    await Promise.all(
      Array.from({ length: 4 }, async () => {
        for (let data = waiting.shift(); data !== undefined; data = waiting.shift()) {
          const sent = await sendMail(desk.daemon.smtp, { from: 'carla@customer.example', to: [reply_to!], data });
          assert.equal(sent.data[0]?.code, 250, `${sent.data[0]?.raw}: ${data.subarray(0, 300)}`);
        }
      }),
    );
    const { messages = [] } = await desk.call<{ messages?: Message[] }>('GET', `/v1/conversations/${id}?messages=60`);
    filed.push({ id, messages });
  }
  return filed;
}
