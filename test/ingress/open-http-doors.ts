/**
 * Opens the HTTP doors on a free loopback port for one test, in front of a scripted reception, and closes them when the
 * test ends. A door that leaves a file in its folder fails the test that opened it.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { openHttp } from '#replyd/base/http.js';
import { createLog } from '#replyd/base/log.js';
import { NO_BUDGET } from '#replyd/base/space.js';
import { createDoors, type DoorSettings } from '#replyd/ingress/providers/http.js';
import { until } from './open-door.js';
import { POST_TIME, type ProviderPost, PUBLIC_URL, SECRET } from './provider-posts.js';
import { type ScriptedReception, scriptedReception } from './scripted-reception.js';

export interface HttpDoors {
  readonly url: string;
  readonly port: number;
  readonly reception: ScriptedReception;
  readonly log: Record<string, unknown>[];
  readonly clock: { now: number };
  spoolFiles(): string[];
  post(post: ProviderPost): Promise<{ readonly status: number; readonly body: string; readonly headers: Headers }>;
}

export async function openHttpDoors(t: TestContext, change: Partial<DoorSettings> = {}): Promise<HttpDoors> {
  const folder = mkdtempSync(path.join(tmpdir(), 'replyd-doors-'));
  const reception = scriptedReception();
  const lines: Record<string, unknown>[] = [];
  const log = createLog('debug', 'json', { write: line => lines.push(JSON.parse(line) as Record<string, unknown>) });
  const clock = { now: POST_TIME };
  const all = [SECRET];
  const settings: DoorSettings = {
    maxSize: 100_000,
    publicUrl: PUBLIC_URL,
    trustedNetworks: [],
    unprovenBytes: 10_000_000,
    secrets: { relay: all, mailgun: all, mandrill: all, postmark: all, sendgrid: all },
    ...change,
  };
  const doors = await createDoors({
    reception,
    log,
    now: () => clock.now,
    steady: () => clock.now,
    spoolFolder: folder,
    space: NO_BUDGET,
    settings: () => settings,
  });
  const listener = await openHttp({ listen: { host: '127.0.0.1', port: 0 }, handlers: [doors], log });
  t.after(async () => {
    await listener.close({ graceMs: 0 });
    try {
      await until('the folder of the doors is empty', () => readdirSync(folder).length === 0);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
  const url = `http://${listener.address}`;
  return {
    url,
    port: Number(listener.address.split(':')[1]),
    reception,
    log: lines,
    clock,
    spoolFiles: () => readdirSync(folder),
    async post({ path: address, headers, body }) {
      const answer = await fetch(`${url}${address}`, { method: 'POST', headers, body, redirect: 'manual' });
      assert.ok(answer.status < 300 || answer.status > 399, 'never a redirect');
      return { status: answer.status, body: await answer.text(), headers: answer.headers };
    },
  };
}
