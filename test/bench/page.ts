/**
 * `npm run bench -- page`: the team's page on a store with 100,000 conversations, in Chromium. How long from opening the
 * page until the first list is shown, in a browser that knows nothing of it and in one that has been there; and what
 * the daemon's memory grows by with 50 open pages, each with its list and its stream of events.
 *
 * Then, on SQLite and on PostgreSQL (a private server): how long after its commit a word is found by the search while
 * mails come as fast as they are taken. A note with a word of its own is added, and asked for until it is found.
 *
 * `REPLYD_BENCH_CONVERSATIONS` makes the store smaller or larger.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { Browser, BrowserContext } from 'playwright-core';
import { loadConfig } from '#replyd/config/load.js';
import { storeRules } from '#replyd/config/settings.js';
import { openStore } from '#replyd/store/sqlite/open.js';
import { launchChromium, NO_BROWSER } from '../browser/chromium.js';
import { type DaemonProcess, makeDaemon } from '../daemon-process.js';
import { postgresMissing, startCluster } from '../postgres/cluster.js';
import { residentMemory } from '../process-figures.js';
import { eventually } from '../run.js';
import { fill } from './against.js';
import { goal, median, print } from './figures.js';
import { intoSqlite, seed } from './search.js';
import { runLoad } from './smtp-client.js';

const PAGES = 50;
const WHO = { email: 'ann@acme.example', password: 'a password of the benchmark' };

export async function page(quick: boolean): Promise<void> {
  const conversations = Number(process.env.REPLYD_BENCH_CONVERSATIONS ?? (quick ? 1_000 : 100_000));
  await firstList(conversations, quick ? 3 : 21);
  const seconds = quick ? 3 : 30;
  await lag('SQLite', null, seconds);
  const missing = postgresMissing();
  if (missing !== null) return print(`PostgreSQL is left out: ${missing}`);
  const cluster = await startCluster();
  try {
    await lag('PostgreSQL', cluster.url(await cluster.createDatabase()), seconds);
  } finally {
    await cluster.close();
  }
}

async function firstList(conversations: number, rounds: number): Promise<void> {
  const settings = { 'log.level': 'warn', 'web.listen': '127.0.0.1:0', 'limits.api_requests': 1_000_000 };
  const daemon = await makeDaemon({ settings });
  try {
    const rules = storeRules(loadConfig({ env: {}, cwd: daemon.folder }).config);
    const store = await openStore({ dataDir: daemon.dataFolder, writer: 'thread', rules, migrate: true });
    await seed(store, { conversations, messages: 1, insert: intoSqlite(daemon.dataFolder) });
    while ((await store.fillSearch()).more);
    await store.close();
    await daemon.start();
    const url = `http://${daemon.listening.web}`;
    const cookie = await addAnn(daemon, url);
    print(`${conversations.toLocaleString('en')} conversations on SQLite`);
    if (NO_BROWSER === false) {
      const { browser, close } = await launchChromium();
      try {
        await measureList(browser, url, rounds);
      } finally {
        await close();
      }
    } else print(`the page is left out: ${NO_BROWSER}`);
    await measureMemory(daemon, url, cookie);
  } finally {
    await daemon.close();
  }
}

/** Gives her session as a header of requests. */
async function addAnn(daemon: DaemonProcess, url: string): Promise<string> {
  const { key } = await daemon.json<{ readonly key: string }>(['key', 'add', 'acme']);
  const added = await fetch(`http://${daemon.listening.http}/v1/agents`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ email: WHO.email, name: 'Ann', role: 'admin' }),
  });
  if (added.status !== 201) throw new Error(`${added.status} ${await added.text()}`);
  const { link } = (await added.json()) as { readonly link: string };
  const response = await fetch(`${url}/sign-in/password`, {
    method: 'POST',
    headers: { origin: url, 'content-type': 'application/json' },
    body: JSON.stringify({ secret: link.split('#')[1], password: WHO.password }),
  });
  if (response.status !== 204) throw new Error(`${response.status} ${await response.text()}`);
  return response.headers.get('set-cookie')!.split(';')[0]!;
}

async function measureList(browser: Browser, url: string, rounds: number): Promise<void> {
  const first = await browser.newContext({ locale: 'en-GB' });
  const door = await first.newPage();
  await door.goto(url);
  await door.getByLabel('E-mail address').fill(WHO.email);
  await door.getByLabel('Password').fill(WHO.password);
  await door.getByRole('button', { name: 'Sign in' }).click();
  await door.locator('.row').first().waitFor();
  await door.close();
  const storageState = await first.storageState();
  const times: Record<'new' | 'known', number[]> = { new: [], known: [] };
  for (let round = 0; round <= rounds; round += 1) {
    const unknown = await browser.newContext({ locale: 'en-GB', storageState });
    const found = { new: await untilShown(unknown, url), known: await untilShown(first, url) };
    await unknown.close();
    // The first finds everything cold.
    if (round > 0) for (const kind of ['new', 'known'] as const) times[kind].push(found[kind]);
  }
  for (const [what, all] of [
    ['in a new browser', times.new],
    ['in one that was there', times.known],
  ] as const) {
    print(`  first list ${what.padEnd(24)} ${Math.round(median(all))} ms, at most ${Math.round(Math.max(...all))}`);
  }
  goal('the first list within 1 s', median(times.new) < 1_000);
}

/** From the navigation until the frame in which rows stand is painted, as the browser measures it. */
async function untilShown(tab: BrowserContext, url: string): Promise<number> {
  const opened = await tab.newPage();
  await opened.addInitScript({
    content: `new MutationObserver((_, watcher) => {
      if (document.querySelector('.row') === null) return;
      watcher.disconnect();
      requestAnimationFrame(() => setTimeout(() => { window.shownAt = performance.now(); }));
    }).observe(document, { childList: true, subtree: true });`,
  });
  await opened.goto(url);
  const shownAt = () => (globalThis as { shownAt?: number }).shownAt;
  const at = await (await opened.waitForFunction(shownAt, undefined, { timeout: 30_000 })).jsonValue();
  await opened.close();
  return at!;
}

/** What a page asks for when it opens, and its stream, which stays. */
async function measureMemory(daemon: DaemonProcess, url: string, cookie: string): Promise<void> {
  let ended = 0;
  const open = async (until: AbortSignal) => {
    for (const place of ['/', '/v1/me', '/v1/conversations?account=acme&status=open&limit=40&preview=200']) {
      await (await fetch(url + place, { headers: { cookie } })).text();
    }
    const stream = await fetch(`${url}/v1/events?account=acme`, { headers: { cookie }, signal: until });
    if (!stream.ok) throw new Error(`the stream: ${stream.status} ${await stream.text()}`);
    // Taken, as a page takes it.
    const ends = () => {
      if (!until.aborted) ended += 1;
    };
    void stream.body!.pipeTo(new WritableStream()).then(ends, ends);
  };
  const openAll = async () => {
    const closing = new AbortController();
    for (let number = 0; number < PAGES; number += 1) await open(closing.signal);
    return closing;
  };
  // Once for the code; what it leaves behind is no page's.
  (await openAll()).abort();
  const without = await atRest(daemon.pid);
  const closing = await openAll();
  const having = await atRest(daemon.pid);
  if (ended > 0) throw new Error(`${ended} of the streams ended`);
  closing.abort();
  const each = Math.max(0, (having - without) / PAGES);
  const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);
  print(`  memory of the daemon: ${megabytes(without)} MB, with ${PAGES} open pages ${megabytes(having)} MB`);
  print(`  ${Math.round(each / 1e3)} kB for an open page`);
}

async function atRest(pid: number): Promise<number> {
  await wait(5_000);
  const seen: number[] = [];
  for (let look = 0; look < 10; look += 1) {
    seen.push(residentMemory(pid));
    await wait(500);
  }
  return median(seen);
}

async function lag(name: string, store: string | null, seconds: number): Promise<void> {
  const address = store === null ? {} : { 'store.url': store };
  const daemon = await makeDaemon({ settings: { 'log.level': 'warn', 'limits.api_requests': 10_000_000, ...address } });
  try {
    await daemon.start();
    const { key, recipients } = await fill(daemon, 1_000);
    const load = { ...daemon.smtp, connections: 50, connection: 'kept', recipients, warmUp: 2, seconds } as const;
    let isOver = false;
    const loading = runLoad(load).finally(() => {
      isOver = true;
    });
    const lags: number[] = [];
    await wait(2_000);
    while (!isOver) {
      lags.push(await untilFound(daemon, key, `word${lags.length}x`));
      await wait(200);
    }
    const { perSecond, failures } = await loading;
    if (Object.keys(failures).length > 0) throw new Error(JSON.stringify(failures));
    const found = `${Math.round(median(lags))} ms, at most ${Math.round(Math.max(...lags))}, of ${lags.length}`;
    print(`${name}, ${Math.round(perSecond)} mails/s: a word is found ${found} after its commit`);
  } finally {
    await daemon.close();
  }
}

/** From the answer to a note until a search has it, ms. */
async function untilFound(daemon: DaemonProcess, key: string, word: string): Promise<number> {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const url = `http://${daemon.listening.http}`;
  const body = JSON.stringify({ direction: 'note', text: `It is called ${word}.` });
  const added = await fetch(`${url}/v1/conversations/1/messages`, { method: 'POST', headers, body });
  if (added.status !== 201) throw new Error(`${added.status} ${await added.text()}`);
  await added.text();
  const begun = performance.now();
  const isFound = async () => {
    const { data } = (await (await fetch(`${url}/v1/search?q=${word}`, { headers })).json()) as { data: unknown[] };
    return data.length > 0;
  };
  await eventually(`${word} is found`, isFound, { within: 120_000, every: 10 });
  return performance.now() - begun;
}
