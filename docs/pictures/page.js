/**
 * Takes the pictures of the team's page, page-*.png: the list with a conversation in light and in dark, and both as a
 * phone shows them. A throw-away store is filled with a shop's morning, and Debian's Chromium (or REPLYD_TEST_CHROMIUM)
 * looks at it. The browser's clock stands still, and what the store says of times is told as of that clock, so that the
 * pictures show the same each time. The program has to be built.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { chromium } from 'playwright-core';

/** What the browser's clock says. */
const SHOWN = Date.parse('2026-11-12T10:42:20Z');
const BEGUN = Date.now();
const MINUTE = 60_000;
const LIMIT = 200_000;

const root = new URL('../..', import.meta.url).pathname;
const folder = mkdtempSync(path.join(tmpdir(), 'replyd-pictures-'));
const config = path.join(folder, 'config.toml');
const data = path.join(folder, 'data');

const ANN = { name: 'Ann Verbeke', email: 'ann@shop.example' };
const TOM = { name: 'Tom Bakker', email: 'tom@shop.example' };
const said = (minutes, text) => ({ direction: 'incoming', text, minutes });
const answered = (minutes, markdown, agent) => ({ direction: 'outgoing', markdown, minutes, agent });
const noted = (minutes, text, agent) => ({ direction: 'note', text, minutes, agent });

/** Oldest first. */
const MORNING = [
  {
    channel: 'web_widget',
    subject: 'A lid for the small teapot',
    contact: { name: 'Maria Keller', email: 'maria@customer.example' },
    messages: [said(9100, 'Do you sell lids alone?'), answered(9000, 'We do: it is on its way.', ANN)],
  },
  {
    channel: 'email',
    subject: 'Invoice for the school order',
    contact: { name: 'Ingrid Solberg', email: 'ingrid@skole.example' },
    messages: [
      said(2900, 'Could you send the invoice again, with our reference S-114 on it?'),
      answered(2700, 'Of course, here it is, with your reference.', TOM),
    ],
  },
  {
    channel: 'facebook',
    subject: 'Do you ship to Norway?',
    contact: { name: 'Lars Nygård' },
    messages: [said(1620, 'Do you ship to Norway, and what does it cost?'), noted(1500, 'Customs form is in the wiki.', ANN)],
  },
  {
    channel: 'whatsapp',
    subject: 'Broken spout',
    contact: { name: 'Priya Raman', email: 'priya@mail.example' },
    messages: [
      said(1380, 'The spout of the blue one was broken when I unpacked it. I can send a picture.'),
      answered(1290, 'I am sorry! A picture would help, and a new one leaves us today.', ANN),
    ],
    assignee: ANN,
  },
  {
    channel: 'email',
    subject: 'Wholesale prices',
    contact: { name: 'Café Orval', email: 'info@orval.example' },
    messages: [said(190, 'We would like to serve your teas. From which quantity on do you have prices for cafés?')],
    assignee: TOM,
  },
  {
    channel: 'telegram',
    subject: 'Which tea for a cold evening?',
    contact: { name: 'Yusuf Demir' },
    messages: [said(141, 'Something without caffeine, for the evening. What do you drink yourselves?')],
  },
  {
    channel: 'web_widget',
    subject: 'Gift wrapping',
    contact: { name: 'Sofia Marques', email: 'sofia@casa.example' },
    messages: [
      said(96, 'Can you wrap order 4688 as a gift, and leave the invoice out?'),
      answered(88, 'With pleasure. Shall we put a card in?', TOM),
      said(71, 'Yes please! "For grandmother, from all of us."'),
    ],
  },
  {
    channel: 'twilio_sms',
    subject: 'Opening hours on Friday',
    contact: { name: '+32 470 12 34 56' },
    messages: [said(48, 'Are you open on Friday after six?')],
  },
  {
    channel: 'web_widget',
    subject: 'Where is my teapot?',
    contact: { name: 'Maria Keller', email: 'maria@customer.example' },
    messages: [
      said(64, 'Hi! I ordered a teapot last week (order 4711) and it has not arrived. Do you know where it is?'),
      answered(
        44,
        'Hello Maria,\n\nyour teapot left us on Monday; the carrier says it comes **tomorrow before noon**. Is somebody at home then?',
        ANN,
      ),
    ],
    assignee: ANN,
  },
];
const MAIL = `MIME-Version: 1.0
Content-Type: text/html; charset=utf-8

<div>Thank you, that is good to hear! I am out until eleven, but my neighbour at number 12 takes it.</div><div><br></div>
<div>Maria</div>
<div class="gmail_quote"><div class="gmail_attr">On Thu, Nov 12, 2026 at 9:58 AM Ann Verbeke wrote:<br></div>
<blockquote class="gmail_quote">Hello Maria,<br>your teapot left us on Monday.</blockquote></div>
`;

function cli(...words) {
  const env = { PATH: process.env.PATH, HOME: folder };
  return JSON.parse(execFileSync(`${root}bin/replyd`, ['-c', config, ...words, '--json'], { encoding: 'utf8', env }));
}

async function ready() {
  for (let waits = 0; waits < 600; waits += 1) {
    try {
      return JSON.parse(readFileSync(path.join(data, 'listening.json'), 'utf8'));
    } catch {
      await wait(50);
    }
  }
  throw new Error('the daemon is not ready');
}

async function post(url, body, headers) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return response;
}

/** Fills the store. Gives the conversation that is looked at, and Ann's session. */
async function fill({ http, web, smtp }) {
  cli('account', 'add', 'shop', '--domain', 'in.shop.example', '--support-email', 'help@shop.example', '--name', 'Teapot Shop');
  const { key } = cli('key', 'add', 'shop');
  const call = async (place, body) =>
    (await post(`http://${http}${place}`, body, { authorization: `Bearer ${key}` })).json();
  const ann = await call('/v1/agents', { ...ANN, role: 'admin' });
  const agents = { [ANN.email]: ann.id, [TOM.email]: (await call('/v1/agents', TOM)).id };
  const signedIn = await post(
    `http://${web}/sign-in/password`,
    { secret: ann.link.split('#')[1], password: 'a password for pictures' },
    { origin: `http://${web}` },
  );
  let last = null;
  for (const { assignee, messages, ...rest } of MORNING) {
    last = await call('/v1/conversations', rest);
    for (const { minutes, agent, ...message } of messages) {
      const by = agent === undefined ? {} : { agent: { id: agents[agent.email] } };
      const created_at = new Date(BEGUN - minutes * MINUTE).toISOString();
      const mail = message.direction === 'outgoing' && rest.contact.email !== undefined ? { mail: 'now' } : {};
      await call(`/v1/conversations/${last.id}/messages`, { ...message, ...by, ...mail, created_at });
    }
    if (assignee) await call(`/v1/conversations/${last.id}/assign`, { agent: agents[assignee.email] });
  }
  const mail = path.join(folder, 'mail.eml');
  const date = new Date(BEGUN - 3 * MINUTE).toUTCString().replace('GMT', '+0000');
  const head = `From: Maria Keller <maria@customer.example>\nTo: ${last.reply_to}\nSubject: Re: Where is my teapot?\nDate: ${date}`;
  writeFileSync(mail, `${head}\nMessage-ID: <1@customer.example>\n${MAIL}`);
  const addresses = ['--mail-from', 'maria@customer.example', '--mail-rcpt', last.reply_to];
  execFileSync('curl', ['-sS', `smtp://${smtp[0]}`, '--crlf', '-T', mail, ...addresses]);
  await call(`/v1/conversations/${last.id}/messages`, {
    ...{ direction: 'note', text: 'I told the carrier: number 12, parcel 3SKABA0098.', agent: { id: agents[TOM.email] } },
    created_at: new Date(BEGUN - MINUTE).toISOString(),
  });
  // Its mails have to be on their way, and moments of the store as old as its words.
  await wait(3_000);
  const db = new Database(path.join(data, 'replyd.db'), { timeout: 5_000 });
  db.exec(`update conversation set last_activity_at = coalesce(
    (select max(coalesce(m.date, m.received_at)) from message m where m.conversation_key = conversation.key), last_activity_at)`);
  db.close();
  return { id: last.id, cookie: signedIn.headers.get('set-cookie').split(';')[0] };
}

async function takePictures(web, { id, cookie }) {
  const url = `http://${web}`;
  const [name, value] = cookie.split('=');
  const executablePath = process.env.REPLYD_TEST_CHROMIUM ?? '/usr/bin/chromium';
  const browser = await chromium.launch({ executablePath, args: process.getuid() === 0 ? ['--no-sandbox'] : [] });
  try {
    const open = async options => {
      const tab = await browser.newContext({ locale: 'en-GB', timezoneId: 'UTC', reducedMotion: 'reduce', ...options });
      await tab.addCookies([{ name, value, url, httpOnly: true, sameSite: 'Lax' }]);
      const page = await tab.newPage();
      page.setDefaultTimeout(20_000);
      await page.clock.setFixedTime(SHOWN);
      await page.route('**/v1/conversations**', async route => {
        const response = await route.fetch();
        const text = (await response.text()).replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, moment =>
          new Date(Date.parse(moment) + SHOWN - BEGUN).toISOString(),
        );
        await route.fulfill({ response, body: text });
      });
      return page;
    };
    const take = async (page, file) => {
      await page.locator('.row').nth(MORNING.length - 1).waitFor({ state: 'attached' });
      await page.evaluate(() => document.activeElement?.blur());
      const target = new URL(`page-${file}.png`, import.meta.url).pathname;
      await page.screenshot({ path: target });
      const { size } = statSync(target);
      process.stdout.write(`${path.basename(target)} ${Math.round(size / 1000)} kB\n`);
      if (size >= LIMIT) throw new Error(`${target} is too large`);
      await page.context().close();
    };
    const desk = { viewport: { width: 1280, height: 820 } };
    const phone = { viewport: { width: 390, height: 780 }, deviceScaleFactor: 1.5, isMobile: true, hasTouch: true };
    for (const colorScheme of ['light', 'dark']) {
      const page = await open({ ...desk, colorScheme });
      await page.goto(`${url}/conversations/${id}`);
      await page.locator('.message').getByText('my neighbour at number 12').waitFor();
      await page.waitForTimeout(700);
      await take(page, colorScheme);
    }
    const list = await open({ ...phone, colorScheme: 'light' });
    await list.goto(url);
    await take(list, 'phone-list');
    const talk = await open({ ...phone, colorScheme: 'light' });
    await talk.goto(`${url}/conversations/${id}`);
    await talk.locator('.message').getByText('my neighbour at number 12').waitFor();
    await talk.waitForTimeout(700);
    await take(talk, 'phone-conversation');
  } finally {
    await browser.close();
  }
}

writeFileSync(
  config,
  `data_dir = ${JSON.stringify(data)}\nsmtp.listen = ["127.0.0.1:0"]\nhttp.listen = "127.0.0.1:0"\nweb.listen = "127.0.0.1:0"\nlog.level = "warn"\n`,
  { mode: 0o600 },
);
const daemon = spawn(`${root}bin/replyd`, ['-c', config, 'serve'], { stdio: ['ignore', 'inherit', 'inherit'] });
try {
  const listening = await ready();
  await takePictures(listening.web, await fill(listening));
} finally {
  const ended = new Promise(resolve => daemon.once('exit', resolve));
  daemon.kill('SIGTERM');
  await ended;
  rmSync(folder, { recursive: true, force: true });
}
