/**
 * A tab in which hostile mails are looked at, and everything that they must not do: run a script, ask for anything of
 * another host, open a window or a dialog, go elsewhere, change what stands outside of their frames, or cover it.
 */
import type { Page } from 'playwright-core';
import type { Elsewhere } from './elsewhere.js';

export interface Watched {
  /** What was done so far that must not be; it is forgotten then. */
  faults(): Promise<readonly string[]>;
}

export interface FramesShown {
  readonly shown: number;
  readonly faults: readonly string[];
}

/** What a payload calls when it runs. In a frame without scripts it is not there, and a call of it is an error. */
const RAN = 'a script ran';

export async function watch(page: Page, { url, elsewhere }: { url: string; elsewhere: Elsewhere }): Promise<Watched> {
  let done: string[] = [];
  let heard = elsewhere.asked.length;
  const tab = page.context();
  tab.on('request', request => {
    const place = request.url();
    if (!place.startsWith(`${url}/`) && !place.startsWith('data:')) done.push(`it asked for ${place}`);
  });
  tab.on('page', other => {
    done.push('a window opened');
    void other.close();
  });
  page.on('dialog', dialog => {
    done.push(`a dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('download', download => done.push(`a download of ${download.url()}`));
  page.on('pageerror', error => done.push(error.message.includes('hit') ? RAN : `an error: ${error.message}`));
  page.on('console', message => {
    if (message.text().startsWith(RAN)) done.push(message.text());
  });
  await tab.addInitScript(text => {
    Object.defineProperty(window, 'hit', { value: (number: unknown) => console.log(`${text}: ${number}`) });
  }, RAN);
  return {
    async faults() {
      const found = [...done, ...elsewhere.asked.slice(heard).map(place => `it reached ${place}`)];
      heard = elsewhere.asked.length;
      done = [];
      return found;
    },
  };
}

/** Where two texts part, in a few words; null: they are the same. */
export function difference(before: string, after: string): string | null {
  if (before === after) return null;
  let at = 0;
  while (before[at] === after[at]) at += 1;
  const around = (text: string) => JSON.stringify(text.slice(Math.max(0, at - 100), at + 200));
  return `${around(before)} became ${around(after)}`;
}

/** Everything of the page that is not in a mail's frame, as text; times of day are left out, since they go on. */
export async function outside(page: Page): Promise<string> {
  const cookies = await page.context().cookies();
  const shown = await page.evaluate(() => {
    const copy = document.documentElement.cloneNode(true) as Element;
    for (const each of copy.querySelectorAll('.html-view, time')) each.remove();
    const names = Object.getOwnPropertyNames(window).filter(name => !/^\d+$/.test(name));
    return [document.title, location.href, window.name, document.cookie, history.length, names.join()]
      .concat(
        Object.entries(localStorage).map(entry => entry.join('=')),
        copy.outerHTML,
      )
      .join('\n');
  });
  return [shown, ...cookies.map(({ name, value, domain, path }) => `${name}=${value} ${domain} ${path}`)].join('\n');
}

/** The same, when all is there that the page asks for after its messages. */
export async function settled(page: Page): Promise<string> {
  await page.waitForLoadState('load');
  let shown = await outside(page);
  for (;;) {
    await page.waitForTimeout(300);
    const now = await outside(page);
    if (now === shown) return now;
    shown = now;
  }
}

/** Mails that are shown at once: fewer than the server gives out to one agent. */
const TOGETHER = 3;

/** Shows the HTML of every message on the page, as somebody does who reads them all. */
export async function showAll(page: Page): Promise<FramesShown> {
  const shown = await page.evaluate(async together => {
    const loaded = new Set<EventTarget | null>();
    document.addEventListener('load', event => loaded.add(event.target), true);
    const show = async (view: Element) => {
      view.querySelector('button')!.click();
      for (let waits = 0; !loaded.has(view.querySelector('iframe')); waits += 1) {
        if (waits > 2_000) throw new Error(`${view.closest('.message')?.id} is not shown`);
        // It loads when it is in sight.
        if (waits % 100 === 1) view.scrollIntoView({ block: 'center', behavior: 'instant' });
        await new Promise(resolve => setTimeout(resolve, 10));
      }
    };
    const views = [...document.querySelectorAll('.html-view')];
    for (let at = 0; at < views.length; at += together) await Promise.all(views.slice(at, at + together).map(show));
    return views.length;
  }, TOGETHER);
  const faults = [...(await misplaced(page))];
  const frames = page.frames().filter(frame => frame.parentFrame() === page.mainFrame());
  if (frames.length !== shown) faults.push(`${frames.length} frames for ${shown} mails`);
  // As a pointer and a keyboard would; handlers that were left in it would hear it.
  const touch = (types: readonly string[]) => {
    for (const element of document.querySelectorAll('*')) {
      for (const type of types) element.dispatchEvent(new Event(type));
    }
    return document.title;
  };
  const titles = await Promise.all(frames.map(frame => frame.evaluate(touch, EVENTS)));
  titles.forEach((title, at) => {
    if (title !== 'mail') faults.push(`${frames[at]!.url()} shows ${JSON.stringify(title)}`);
  });
  return { shown, faults };
}

const EVENTS = [
  ...['mouseover', 'mouseenter', 'pointerenter', 'focus', 'focusin', 'load', 'error', 'toggle', 'beforetoggle'],
  ...['animationstart', 'transitionend', 'wheel', 'scroll', 'copy', 'contextmenu', 'dblclick', 'keydown'],
];

/** What lies elsewhere than it should: a frame out of its message, or over something else; or is not of the page. */
function misplaced(page: Page): Promise<readonly string[]> {
  return page.evaluate(() => {
    const faults: string[] = [];
    const within = (inner: DOMRect, outer: DOMRect) =>
      inner.left >= outer.left - 1 &&
      inner.right <= outer.right + 1 &&
      inner.top >= outer.top - 1 &&
      inner.bottom <= outer.bottom + 1;
    for (const frame of document.querySelectorAll('iframe')) {
      const [message, box] = [frame.closest('.message'), frame.closest('.html-box')];
      const name = message?.id ?? 'a frame of no message';
      const rights = frame.getAttribute('sandbox');
      if (rights !== 'allow-popups allow-popups-to-escape-sandbox') faults.push(`${name} has the rights ${rights}`);
      if (frame.src !== `${location.origin}/html/${name}`) faults.push(`${name} shows ${frame.src}`);
      if (message === null || box === null) continue;
      box.scrollIntoView({ block: 'center', behavior: 'instant' });
      const place = box.getBoundingClientRect();
      if (!within(frame.getBoundingClientRect(), place)) faults.push(`${name} leaves its box`);
      if (!within(place, message.getBoundingClientRect())) faults.push(`${name} leaves its message`);
      for (let x = 5; x < innerWidth; x += 60) {
        for (let y = 5; y < innerHeight; y += 60) {
          const isInside = x >= place.left && x <= place.right && y >= place.top && y <= place.bottom;
          if (!isInside && document.elementFromPoint(x, y) === frame) faults.push(`${name} covers ${x},${y}`);
        }
      }
    }
    for (const element of document.querySelectorAll('.message *')) {
      const name = element.localName;
      if (/^(?:script|style|link|meta|base|object|embed|form|video|audio)$/.test(name)) faults.push(`<${name}>`);
      for (const { name: attribute } of element.attributes) {
        if (/^on|^style$|^srcdoc$/.test(attribute)) faults.push(`<${name} ${attribute}>`);
      }
      if (element instanceof HTMLImageElement && !element.src.startsWith(`${location.origin}/v1/attachments/`)) {
        faults.push(`a picture of ${element.src}`);
      }
      if (element instanceof HTMLAnchorElement && !/^(?:https?|mailto|tel):$/.test(element.protocol)) {
        faults.push(`a link to ${element.href}`);
      }
    }
    return faults;
  });
}
