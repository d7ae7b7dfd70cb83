/**
 * A real browser: Debian's Chromium, by playwright-core. Where there is none, a test says so and is skipped; the variable
 * REPLYD_TEST_CHROMIUM names another.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { type Browser, chromium } from 'playwright-core';

const PLACES = [process.env.REPLYD_TEST_CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser'];

const place = PLACES.find(each => each !== undefined && existsSync(each));

/** For `test(name, { skip: NO_BROWSER }, …)`: false, or why there is no browser. */
export const NO_BROWSER = place === undefined ? 'there is no Chromium (Debian: apt-get install chromium)' : false;

export interface Launched {
  readonly browser: Browser;
  close(): Promise<void>;
}

/** A browser that whoever takes it closes. `more`: switches of Chromium. */
export async function launchChromium(more: readonly string[] = []): Promise<Launched> {
  if (place === undefined) throw new Error('there is no Chromium');
  // Chromium's own sandbox does not start as root.
  const args = [...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), ...more];
  // On a busy machine it ends before it has cleared its files away.
  const folder = await mkdtemp(path.join(tmpdir(), 'chromium-'));
  const clear = () => rm(folder, { recursive: true, force: true, maxRetries: 5 });
  try {
    const browser = await chromium.launch({ executablePath: place, args, env: { ...process.env, TMPDIR: folder } });
    return { browser, close: () => browser.close().finally(clear) };
  } catch (error) {
    await clear();
    throw error;
  }
}

/** One browser for a test and its parts; it ends with the test. */
export async function openBrowser(context: TestContext, more: readonly string[] = []): Promise<Browser> {
  const { browser, close } = await launchChromium(more);
  context.after(close);
  return browser;
}
