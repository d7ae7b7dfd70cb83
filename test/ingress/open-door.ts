/**
 * Opens a door on free loopback ports for one test and closes it, with its spool folder, when the test ends. The clock
 * stands still until the test moves it (`clock.now`), and time limits are looked at when the test says `sweep()`.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { createLog } from '#replyd/base/log.js';
import { openSmtp, type SmtpDoor, type SmtpOptions } from '#replyd/ingress/smtp/smtp.js';
import { connectTalk, type SmtpTalk, type TalkAddress } from '../interop/smtp-talk.js';
import { type ScriptedReception, scriptedReception } from './scripted-reception.js';

export interface OpenDoor {
  readonly door: SmtpDoor;
  readonly reception: ScriptedReception;
  readonly address: TalkAddress;
  readonly clock: { now: number };
  /** Log lines as objects. */
  readonly log: Record<string, unknown>[];
  readonly settings: SmtpOptions;
  sweep(): void;
  spoolFiles(): string[];
  /** A new connection; the greeting is still to be read. */
  connect(): Promise<SmtpTalk>;
  /** A new connection after its greeting and EHLO (LHLO). */
  greeted(): Promise<SmtpTalk>;
}

/** Strangers only, unless `trustedNetworks` says otherwise; no greeting delay. */
export async function openDoor(t: TestContext, change: Partial<SmtpOptions> = {}): Promise<OpenDoor> {
  const folder = mkdtempSync(path.join(tmpdir(), 'replyd-door-'));
  const reception = scriptedReception();
  const log: Record<string, unknown>[] = [];
  const clock = { now: 1_000_000 };
  let sweep = () => {};
  const settings: SmtpOptions = {
    kind: 'smtp',
    listen: ['127.0.0.1:0'],
    hostname: 'mx.in.example',
    maxSize: 100_000,
    maxConnections: 50,
    maxConnectionsPerIp: 20,
    maxRecipients: 5,
    maxRefused: 10,
    idleTimeout: 60_000,
    sessionTimeout: 600_000,
    dataTimeout: 300_000,
    trustedNetworks: [],
    spoolFolder: folder,
    reception,
    log: createLog('debug', 'json', { write: line => log.push(JSON.parse(line) as Record<string, unknown>) }),
    now: () => clock.now,
    greetingDelay: 0,
    everySecond(look) {
      sweep = look;
      return () => {};
    },
    ...change,
  };
  let door: SmtpDoor | null = null;
  const talks: SmtpTalk[] = [];
  t.after(async () => {
    for (const talk of talks) talk.close();
    await door?.close({ graceMs: 0 });
    rmSync(folder, { recursive: true, force: true });
  });
  const opened = await openSmtp(settings);
  door = opened;
  const address = talkAddress(opened.addresses()[0]!);
  const connect = async () => {
    const talk = await connectTalk(address);
    talks.push(talk);
    return talk;
  };
  return {
    door: opened,
    reception,
    address,
    clock,
    log,
    settings,
    sweep: () => sweep(),
    spoolFiles: () => readdirSync(folder),
    connect,
    async greeted() {
      const talk = await connect();
      await talk.expect(220);
      await talk.command(`${settings.kind === 'lmtp' ? 'LHLO' : 'EHLO'} client.example`, 250);
      return talk;
    },
  };
}

export function talkAddress(place: string): TalkAddress {
  if (place.startsWith('unix:')) return { path: place.slice(5) };
  const colon = place.lastIndexOf(':');
  return { host: place.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(place.slice(colon + 1)) };
}

/** Asks until it is true, at most 10 s: for things the other side does a moment later. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const end = Date.now() + 10_000;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`waited 10 s for: ${what}`);
    await new Promise(resolve => setImmediate(resolve));
  }
}
