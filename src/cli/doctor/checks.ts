/**
 * What `replyd doctor` checks on this machine, from the configuration to a mail that goes through the running daemon.
 * Each check returns findings for people: what was found, and what to do where something is wrong. A check never throws;
 * a check that cannot be made is a warning.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, fsyncSync, openSync, rmSync, statfsSync, statSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { faultText, reasonText } from '../../base/errors.js';
import { ipVersion, printListen, type TcpListen } from '../../base/place.js';
import type { Config } from '../../config/keys.js';
import type { Listening } from '../../config/listening.js';
import { queueState } from '../../conversation/queue-state.js';
import type { Store } from '../../conversation/store.js';
import { readDoorFaults } from '../../ingress/providers/door-faults.js';
import { PROVIDERS } from '../../ingress/providers/list.js';
import type { Provider } from '../../ingress/providers/provider.js';
import { doorsOf } from '../doors.js';
import { userName } from '../owner.js';
import { connectTo, submitMail } from '../submit.js';
import { sizeText, timeText } from '../terminal/render.js';
import { pausedText } from '../verbs/queue.js';

export interface Finding {
  readonly check: string;
  readonly state: 'ok' | 'warning' | 'failed';
  readonly text: string;
  /** What to do; null where nothing is to be done. */
  readonly advice: string | null;
}

export function ok(check: string, text: string): Finding {
  return { check, state: 'ok', text, advice: null };
}

export function warning(check: string, text: string, advice: string | null = null): Finding {
  return { check, state: 'warning', text, advice };
}

export function failed(check: string, text: string, advice: string | null = null): Finding {
  return { check, state: 'failed', text, advice };
}

/** Even-numbered releases of Node get fixes for years, odd ones for months. The launcher refuses what is too old. */
export function checkNode(node: string, library: string): Finding {
  const major = Number(node.split('.')[0]);
  return major % 2 === 1
    ? warning('node', `${node} gets no fixes for long`, 'run replyd with Node 22, 24 or 26')
    : ok('node', `${node}, better-sqlite3 ${library}`);
}

/** Owner, permissions, free space and how long a write takes to be on the disk. */
export function checkDataDirectory({ dataDir, limits }: Config): readonly Finding[] {
  return [checkOwner(dataDir), checkSpace(dataDir, limits.minFree), checkSync(dataDir)];
}

function checkOwner(dataDir: string): Finding {
  const { uid, mode } = statSync(dataDir);
  const me = process.geteuid?.() ?? 0;
  const owner = `${dataDir} belongs to ${userName(uid)}`;
  if ((mode & 0o077) !== 0) {
    const shown = (mode & 0o777).toString(8).padStart(4, '0');
    return warning('data directory', `${owner}, mode ${shown}: others can look into it`, `chmod 0700 ${dataDir}`);
  }
  return me !== 0 && me !== uid
    ? warning('data directory', `${owner}, you are ${userName(me)}`)
    : ok('data directory', owner);
}

function checkSpace(dataDir: string, least: number): Finding {
  const { bavail, bsize } = statfsSync(dataDir);
  const free = bavail * bsize;
  if (free < least) {
    const text = `${sizeText(free)}, less than limits.min_free (${sizeText(least)}): mail is put off`;
    return failed('free space', text, 'make room on that disk, or lower limits.min_free');
  }
  return free < 2 * least
    ? warning('free space', `${sizeText(free)}; below ${sizeText(least)} mail is put off`, 'make room on that disk')
    : ok('free space', sizeText(free));
}

/** Posts of providers that the daemon could not take, as it recorded them. A failure where the provider drops such mails. */
export function checkDoors(config: Config): readonly Finding[] {
  return Object.entries(readDoorFaults(config.dataDir)).map(([provider, { at, detail }]) => {
    const text = `${detail} (${timeText(at)}, nothing was taken since)`;
    const { losesMail }: Partial<Provider> = PROVIDERS.find(({ name }) => name === provider) ?? {};
    return losesMail === undefined
      ? warning(`door ${provider}`, text)
      : failed(`door ${provider}`, text, `fix it soon: ${losesMail}`);
  });
}

/** How far the index of the search is. */
export async function checkSearch(
  store: Pick<Store, 'searchProgress'>,
  { enabled, running }: { readonly enabled: boolean; readonly running: boolean },
): Promise<Finding> {
  if (!enabled) return ok('search', 'switched off (search.enabled)');
  try {
    const { done, total, filled } = await store.searchProgress();
    if (filled) return ok('search', 'all messages are indexed');
    const progress = total === 0 ? 'not begun' : `${Math.floor((100 * done) / total)} % of ${total} messages`;
    return running
      ? ok('search', `indexing: ${progress}`)
      : warning('search', `indexing: ${progress}`, 'start the daemon, which goes on with it');
  } catch (error) {
    return warning('search', faultText(error), 'with the daemon stopped remove search.db: it is made anew');
  }
}

const SYNC_ROUNDS = 9;
const SLOW_SYNC = 50;

function checkSync(dataDir: string): Finding {
  const file = path.join(dataDir, `.doctor-${process.pid}`);
  const times: number[] = [];
  try {
    const descriptor = openSync(file, 'wx', 0o600);
    try {
      for (let round = 0; round < SYNC_ROUNDS; round += 1) {
        const before = process.hrtime.bigint();
        writeSync(descriptor, Buffer.alloc(4096, round), 0, 4096, 0);
        fsyncSync(descriptor);
        times.push(Number(process.hrtime.bigint() - before) / 1e6);
      }
    } finally {
      closeSync(descriptor);
      rmSync(file, { force: true });
    }
  } catch (error) {
    return failed('fsync', faultText(error), 'every mail is synced to the disk before it is answered');
  }
  const median = times.sort((a, b) => a - b)[Math.floor(SYNC_ROUNDS / 2)]!;
  const text = `${median < 10 ? median.toFixed(1) : Math.round(median)} ms`;
  return median > SLOW_SYNC
    ? warning('fsync', `${text}: each batch of mails waits that long`, 'put data_dir on a faster disk')
    : ok('fsync', text);
}

/** Are the addresses that the daemon will listen on free? Only sensible while it does not run. */
export async function* checkPortsFree(config: Config): AsyncGenerator<Finding> {
  for (const [name, places] of doorsOf(config)) {
    for (const listen of places) if (listen.kind === 'tcp') yield await checkPortFree(`port ${name}`, listen);
  }
}

async function checkPortFree(check: string, listen: TcpListen): Promise<Finding> {
  const place = printListen(listen);
  try {
    const server = createServer().listen(listen.port, listen.host);
    await once(server, 'listening');
    server.close();
    return ok(check, `${place} is free`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const advice =
      code === 'EADDRINUSE'
        ? `\`ss -ltnp sport = :${listen.port}\` shows by whom; end it, or change the configuration`
        : code === 'EACCES'
          ? 'ports below 1024 need root or CAP_NET_BIND_SERVICE; the daemon may have it though you do not'
          : 'change the configuration';
    return failed(check, `${place}: ${reasonText(error)}`, advice);
  }
}

/** Does the running daemon answer where it said it listens? */
export async function* checkPortsAnswer({ smtp, lmtp, http, web }: Listening): AsyncGenerator<Finding> {
  const doors = [...smtp.map(door => ({ name: 'smtp', door })), ...lmtp.map(door => ({ name: 'lmtp', door }))];
  for (const { name, door } of doors) {
    const greeting = await greetingOf(door);
    yield greeting.startsWith('220')
      ? ok(`port ${name}`, `${door} answers`)
      : failed(`port ${name}`, `${door}: ${greeting}`, 'look into the log of the daemon; start it again');
  }
  if (http !== null) yield await checkHttp('http', `${http}/healthz`, status => status === 200);
  // As whom it is asked there (web.public_url) is no matter here: another name gets 421.
  if (web !== undefined) yield await checkHttp('web', `${web}/`, status => status === 200 || status === 421);
  if (doors.length === 0) {
    yield warning('port smtp', 'no SMTP and no LMTP', 'set smtp.listen, unless all mail comes by provider posts');
  }
}

const NEW_UNITS =
  'systemd holds its sockets: as root `replyd systemd --sockets --output /etc/systemd/system`, `systemctl stop "replyd-*.socket" replyd`, `systemctl daemon-reload`, `systemctl start replyd`';

/** Places of the configuration at which the running daemon does not listen: systemd handed it other sockets. */
export function* checkPlaces(config: Config, listening: Listening): Generator<Finding> {
  for (const [name, places] of doorsOf(config)) {
    const bound = [listening[name as keyof Listening] ?? []].flat();
    for (const place of places) {
      if (place.kind !== 'tcp' || place.port === 0 || bound.some(each => isAt(each, place))) continue;
      const where = bound.length === 0 ? 'nowhere' : bound.join(', ');
      yield warning(
        `port ${name}`,
        `${printListen(place)} is configured, but the daemon listens at ${where}`,
        NEW_UNITS,
      );
    }
  }
}

/** A name may be any address, and an IPv6 address may be written in many ways: of these the port is compared. */
function isAt(bound: string, { host, port }: TcpListen): boolean {
  return bound.endsWith(`:${port}`) && (ipVersion(host) !== 4 || bound === `${host}:${port}`);
}

async function checkHttp(name: string, place: string, isGood: (status: number) => boolean): Promise<Finding> {
  const advice = 'look into the log of the daemon';
  const address = place.slice(0, place.indexOf('/'));
  try {
    const response = await fetch(`http://${place}`, { signal: AbortSignal.timeout(TIMEOUT) });
    await response.arrayBuffer();
    if (isGood(response.status)) return ok(`port ${name}`, `${address} answers`);
    return failed(`port ${name}`, `${place} says ${response.status}`, advice);
  } catch (error) {
    const cause = error instanceof Error && error.cause ? error.cause : error;
    return failed(`port ${name}`, `${address}: ${faultText(cause)}`, advice);
  }
}

const TIMEOUT = 5000;

/** The first line that the door sends, or why there is none. */
async function greetingOf(door: string): Promise<string> {
  try {
    const socket = await connectTo(door, TIMEOUT);
    let text = '';
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
      text += (chunk as Buffer).toString('latin1');
      if (text.includes('\n') || text.length >= 1000) break;
    }
    socket
      .on('error', () => {})
      .resume()
      .end('QUIT\r\n');
    return text.split('\r\n')[0] || 'closed without a greeting';
  } catch (error) {
    return faultText(error);
  }
}

/** Whether anything can leave. */
export async function* checkQueue(store: Store, config: Config): AsyncGenerator<Finding> {
  if (config.outbound.transport === 'file') {
    const text = `mails are written to ${path.join(config.dataDir, 'sent')}, none leaves this machine`;
    yield warning('outbound', text, 'set outbound.transport = "smtp" and outbound.host');
  }
  const state = await queueState(store);
  const paused = pausedText(state);
  if (paused === null) {
    const [latest] = await store.deliveries({ state: 'failed', limit: 1 });
    const failure = latest ? `; the latest failure: ${latest.recipient}, ${latest.last_error ?? 'no reason'}` : '';
    yield ok('queue', `open${failure}`);
  } else if (state.paused === 'operator') yield warning('queue', paused);
  else yield failed('queue', paused, 'see `replyd queue list`; check outbound.*');
}

const PROBE = /^doctor-[0-9a-f]{8}$/;

/** Sends a mail to a throw-away conversation through the daemon's own door, and removes that conversation again. */
export async function checkProbe(store: Store, listening: Listening): Promise<Finding> {
  const door = listening.smtp[0] ?? listening.lmtp[0];
  if (door === undefined) return warning('probe mail', 'not sent: there is no door to send it through');
  const slug = `doctor-${randomBytes(4).toString('hex')}`;
  try {
    // What an interrupted doctor left behind goes first.
    for (const account of await store.accounts()) if (PROBE.test(account.slug)) await store.removeAccount(account.slug);
    await store.addAccount({ slug, domains: [`${slug}.example`], support_email: `help@${slug}.example` });
    const { id, reply_to } = await store.startConversation({
      account: slug,
      channel: 'api',
      contact: { email: 'probe@doctor.example', name: 'Doctor' },
      via: 'cli',
    });
    const before = process.hrtime.bigint();
    await submitMail({
      protocol: listening.smtp.length > 0 ? 'smtp' : 'lmtp',
      door,
      mailFrom: 'probe@doctor.example',
      rcptTo: reply_to!,
      mail: { from: 'Doctor <probe@doctor.example>', to: reply_to!, subject: 'Probe', text: `A probe (${slug}).` },
    });
    const took = Number(process.hrtime.bigint() - before) / 1e6;
    const { messages = [] } = await store.conversation({ id });
    const found = messages.some(message => message.direction === 'incoming' && message.text.includes(slug));
    if (found) return ok('probe mail', `stood in its conversation after ${Math.round(took)} ms`);
    const text = `${door} took it, but it does not stand in its conversation`;
    return failed('probe mail', text, 'is this the store that the daemon serves?');
  } catch (error) {
    return failed('probe mail', `${door}: ${faultText(error)}`, 'the log of the daemon says why');
  } finally {
    await store.removeAccount(slug).catch(() => {});
  }
}
