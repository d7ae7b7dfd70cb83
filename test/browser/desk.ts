/**
 * The page in a real browser, on a real daemon that serves it. `openDesk` starts both and signs an agent in.
 *
 * For other tests: `desk.page()` opens a tab that fails its test on an error in the console, `desk.agent()` adds a
 * colleague, `desk.call` speaks to the API as an application would, `desk.mail` brings a mail as a customer's MTA would.
 */
import { connect } from 'node:net';
import type { TestContext } from 'node:test';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import type { Agent, Conversation, Message } from '#replyd/conversation/model.js';
import { type DaemonProcess, makeDaemon, type Settings } from '../daemon-process.js';
import { openBrowser } from './chromium.js';

/** Somebody who is signed in. */
export interface SignedIn {
  readonly agent: Agent;
  readonly password: string;
  /** As a header of requests. */
  readonly cookie: string;
}

export interface PageOptions extends BrowserContextOptions {
  /** Default: Ann, an admin; null: nobody. */
  readonly as?: SignedIn | null;
  /** Errors that are meant: their text and address. */
  readonly isExpected?: (text: string) => boolean;
}

export interface Desk {
  readonly daemon: DaemonProcess;
  readonly browser: Browser;
  /** Where the page is. */
  readonly url: string;
  readonly ann: SignedIn;
  /** Adds an agent and lets him choose a password. */
  agent(who: { readonly name: string; readonly email: string; readonly role?: 'agent' | 'admin' }): Promise<SignedIn>;
  /** A new link to sign in with. */
  link(email: string): Promise<string>;
  call<Answer>(method: string, place: string, body?: unknown): Promise<Answer>;
  start(conversation: Record<string, unknown>): Promise<Conversation>;
  say(conversation: { readonly id: string }, message: Record<string, unknown>): Promise<Message>;
  /** A mail to this reply address, by SMTP; `text` as it stands behind the fields that are always there. */
  mail(to: string, text: string, from?: { readonly name: string; readonly email: string }): Promise<void>;
  /** A tab of this test. Errors in the console and policy violations fail it, unless they are expected. */
  page(context: TestContext, options?: PageOptions): Promise<Page>;
}

const ACCOUNT = ['--domain', 'in.shop.example', '--support-email', 'help@shop.example', '--name', 'Teapot Shop'];

/** `settings`: of the daemon, beside those that a desk needs; `switches`: of Chromium. */
export async function openDesk(
  context: TestContext,
  settings: Settings = {},
  switches: readonly string[] = [],
): Promise<Desk> {
  const daemon = await makeDaemon({ settings: { 'web.listen': '127.0.0.1:0', ...settings } });
  // A page that outlives its daemon complains.
  const tabs: BrowserContext[] = [];
  context.after(async () => {
    await Promise.all(tabs.map(tab => tab.close()));
    await daemon.close();
  });
  await daemon.start();
  await daemon.json(['account', 'add', 'shop', ...ACCOUNT]);
  const { key } = await daemon.json<{ key: string }>(['key', 'add', 'shop']);
  const url = `http://${daemon.listening.web}`;
  const browser = await openBrowser(context, switches);

  const call: Desk['call'] = async (method, place, body) => {
    const response = await fetch(`http://${daemon.listening.http}${place}`, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${place}: ${response.status} ${text}`);
    return JSON.parse(text);
  };
  const link: Desk['link'] = async email => {
    const agents = await call<{ data: Agent[] }>('GET', '/v1/agents');
    const id = agents.data.find(agent => agent.email === email)?.id;
    return (await call<{ link: string }>('POST', `/v1/agents/${id}/link`)).link;
  };
  const agent: Desk['agent'] = async who => {
    const made = await call<Agent & { link: string }>('POST', '/v1/agents', who);
    const password = `${who.email} knows it`;
    const response = await fetch(`${url}/sign-in/password`, {
      method: 'POST',
      headers: { origin: url, 'content-type': 'application/json' },
      body: JSON.stringify({ secret: made.link.split('#')[1], password }),
    });
    if (response.status !== 204) throw new Error(`${response.status} ${await response.text()}`);
    return { agent: made, password, cookie: response.headers.get('set-cookie')!.split(';')[0]! };
  };
  const ann = await agent({ name: 'Ann Verbeke', email: 'ann@shop.example', role: 'admin' });

  return {
    ...{ daemon, browser, url, ann, agent, link, call },
    start: conversation => call('POST', '/v1/conversations', conversation),
    say: ({ id }, message) => call('POST', `/v1/conversations/${id}/messages`, message),
    mail: (to, text, from = { name: 'Maria Keller', email: 'maria@customer.example' }) =>
      sendMail(daemon.smtp, { to, text, from }),
    async page(each, { as = ann, isExpected = () => false, ...options } = {}) {
      const tab = await browser.newContext({ locale: 'en-GB', reducedMotion: 'reduce', ...options });
      tabs.push(tab);
      if (as !== null) {
        const [name = '', value = ''] = as.cookie.split('=');
        await tab.addCookies([{ name, value, url, httpOnly: true, sameSite: 'Lax' }]);
      }
      const page = await tab.newPage();
      const wrong: string[] = [];
      page.on('pageerror', error => wrong.push(error.message));
      page.on('console', message => {
        const text = `${message.text()} ${message.location().url}`;
        if (message.type() === 'error' && !isExpected(text)) wrong.push(text);
      });
      each.after(async () => {
        await tab.close();
        if (wrong.length > 0) throw new Error(`the page complained: ${wrong.join('; ')}`);
      });
      return page;
    },
  };
}

interface Mail {
  readonly to: string;
  readonly text: string;
  readonly from: { readonly name: string; readonly email: string };
}

/** As an MTA that waits for each answer. */
async function sendMail({ host, port }: { host: string; port: number }, { to, text, from }: Mail): Promise<void> {
  const id = `${Math.random().toString(36).slice(2)}@customer.example`;
  const fields = [`From: ${from.name} <${from.email}>`, `To: ${to}`, `Message-ID: <${id}>`, 'Subject: Re: Hello'];
  // What begins with fields of its own goes on in the header.
  const begin = /^[\w-]+: /.test(text) ? '' : '\r\n';
  const mail = `${fields.join('\r\n')}\r\n${begin}${text.replaceAll(/\r?\n/g, '\r\n')}\r\n.`;
  const lines = ['EHLO mta.example', `MAIL FROM:<${from.email}>`, `RCPT TO:<${to}>`, 'DATA', mail, 'QUIT'];
  await new Promise<void>((resolve, reject) => {
    const socket = connect(port, host);
    let heard = '';
    socket.setEncoding('utf8');
    socket.on('data', chunk => {
      heard += chunk;
      const last = heard.split('\r\n').at(-2) ?? '';
      if (!heard.endsWith('\r\n') || !/^\d{3} /.test(last)) return;
      heard = '';
      if (last.startsWith('4') || last.startsWith('5')) socket.destroy(new Error(last));
      else if (lines.length === 0) socket.end();
      else socket.write(`${lines.shift()}\r\n`);
    });
    socket.on('error', reject);
    socket.on('close', () => resolve());
  });
}
