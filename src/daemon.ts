/**
 * The only file that knows every part: it opens them in order, reloads what can be reloaded, and closes in reverse.
 *
 * A failed start closes what was open and throws with file, key and reason. A failed reload throws and changes nothing.
 * When the store's writer dies the daemon can only refuse mail: it calls `onFatal`, and the process should end.
 * `close` takes no new connections, waits for transactions and attempts, and closes the store last.
 */
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { createApi } from './api/api.js';
import { createHealth } from './api/health.js';
import { openStream } from './api/stream.js';
import { createAttempts } from './base/attempts.js';
import { errorText, faultText, ReplydError } from './base/errors.js';
import { type HttpHandler, type HttpListener, type HttpOptions, openHttp } from './base/http.js';
import type { Log } from './base/log.js';
import { clientOf, parseNetworks } from './base/network.js';
import { printListen } from './base/place.js';
import { inheritedSockets, openSupervisor } from './base/systemd.js';
import { VERSION } from './base/version.js';
import type { Config } from './config/keys.js';
import { type Listening, removeListening, writeListening } from './config/listening.js';
import { diffReload, type LoadedConfig } from './config/load.js';
import { nodeConfiguration } from './config/nodes.js';
import {
  courierSettings,
  providerSettings,
  queueSettings,
  signInSettings,
  smtpSettings,
  storeRules,
} from './config/settings.js';
import { createReception } from './conversation/pipeline.js';
import { READER } from './conversation/rules/rereading.js';
import { openDoorFaults } from './ingress/providers/door-faults.js';
import { createDoors } from './ingress/providers/http.js';
import { openSmtp, type SmtpDoor, type SmtpOptions } from './ingress/smtp/smtp.js';
import { watchClock } from './outbound/clock-steps.js';
import { openComposer } from './outbound/composer.js';
import { createCourier } from './outbound/courier.js';
import { openHooks, testHook } from './outbound/hooks.js';
import { openQueue } from './outbound/queue.js';
import { createPoster } from './outbound/webhook.js';
import { openParser } from './parsing/parser.js';
import type { OpenStore } from './store/assembled.js';
import { clearIncoming, incomingFolder } from './store/blobs/blobs.js';
import { sentFolder } from './store/blobs/sent.js';
import { watchSpace } from './store/blobs/space.js';
import { prepareDataDir } from './store/data-dir.js';
import { openerOf, openWhenThere } from './store/open.js';
import { placeOf } from './store/opener.js';
import { watchPresence } from './store/presence.js';
import { searchIsOff } from './store/searching.js';
import { lockStore } from './store/sqlite/lock.js';
import { openHousekeeping } from './store/upkeep/housekeeping.js';
import { openIndexing } from './store/upkeep/indexing.js';
import { openAfterCommit } from './verifying/after-commit.js';
import { openVerifier } from './verifying/verifier.js';
import { readBundle } from './web/bundle.js';
import { createWeb, sessionOf } from './web/server.js';
import { siteHeaders, siteOf } from './web/site.js';

export interface Daemon {
  readonly listening: Listening;
  /** Takes over what can change while running; throws invalid and keeps the old when something is wrong with it. */
  reload(next: LoadedConfig): Promise<void>;
  /** Idempotent. Waits for what is in flight, at most `graceMs`. */
  close(options?: { graceMs: number }): Promise<void>;
}

export interface DaemonOptions {
  readonly log: Log;
  /** The daemon can't go on. */
  readonly onFatal: (error: Error) => void;
  /** It is to end before it is open: it waits no longer for a database that is away. */
  readonly ending?: AbortSignal;
}

const GRACE = 30_000;
/** For what only measures how long something takes: the clock on the wall may be put forward or back. */
const steady = () => performance.now();

export async function openDaemon(loaded: LoadedConfig, options: DaemonOptions): Promise<Daemon> {
  const { log } = options;
  let { config } = loaded;
  let graceMs = GRACE;
  let listening: Listening | null = null;
  const closers: (() => Promise<void> | void)[] = [];
  const closeAll = async () => {
    let first: unknown;
    for (let closer = closers.pop(); closer !== undefined; closer = closers.pop()) {
      try {
        await closer();
      } catch (error) {
        first ??= error;
        log.error('close_failed', { error: errorText(error) });
      }
    }
    if (first !== undefined) throw first;
  };
  /** The part is closed when the daemon is. */
  const own = <Part extends { close(options: { graceMs: number }): Promise<void> | void }>(part: Part): Part => {
    closers.push(() => part.close({ graceMs }));
    return part;
  };

  try {
    const { dataDir } = config;
    const sockets = inheritedSockets(process.env, process.pid);
    prepareDataDir(dataDir);
    const lock = lockStore(dataDir);
    closers.push(() => lock.release());
    await clearIncoming(dataDir);
    const folder = incomingFolder(dataDir);

    const opener = await openerOf(loaded.store);
    let opened: OpenStore | null = null;
    // Alive means that the store still commits, or would if others let it: a restart would not help.
    const alive = async () => {
      await opened?.canWrite().catch(error => {
        if (!opener.isHeldUp(error)) throw error;
      });
    };
    const supervisor = own(openSupervisor(process.env, alive, { log }));
    const storeOptions = {
      writer: 'thread',
      rules: storeRules(config),
      migrate: true,
      onDeath: options.onFatal,
      node: { configuration: () => nodeConfiguration(config), log },
    } as const;
    let wakeWhenBack = () => {};
    const presence = watchPresence(log, {
      onTold: () => opened ?? supervisor.waiting(),
      onBack: () => wakeWhenBack(),
    });
    const { ending = new AbortController().signal } = options;
    opened = await openWhenThere(opener, storeOptions, { presence, ending });
    const store = own(opened);
    await store.rememberPrefixes(config.reply.prefix);
    if (await store.noteReader(READER)) {
      const todo = '`replyd mail reprocess --all --dry-run` says which messages this version reads otherwise';
      log.info('reader_changed', { todo });
    }
    const voided = await store.voidLeases();
    if (voided > 0) log.info('leases_void', { count: voided });

    const space = own(watchSpace({ dataDir, folder, minFree: () => config.limits.minFree }));
    const parser = own(await openParser({ dataDir, incomingFolder: folder, space, limits: () => config.limits, log }));

    const verifier = openVerifier({ servers: () => config.auth.resolvers, log });
    const afterCommit = own(openAfterCommit({ store, verifier, enabled: () => config.auth.verify !== 'never', log }));
    const reception = createReception({
      store,
      parser,
      log,
      limits: () => config.limits,
      authservIds: () => config.auth.authservId,
      verification: { mode: () => config.auth.verify, verifier, wake: afterCommit.wake },
      discard: async raw => {
        if ('file' in raw) await rm(raw.file, { force: true }).catch(() => undefined);
      },
      lowOnSpace: space.low,
    });

    const courierOf = (of: Config) =>
      createCourier(courierSettings(of, { sent: sentFolder(dataDir), incoming: folder }));
    let courier = courierOf(config);
    closers.push(() => courier.close());
    const common = { store, log, clock: Date.now };
    const queue = own(
      openQueue({ ...common, courier, destination: 'smarthost', ...queueSettings(config), random: randomBytes }),
    );
    const composer = own(
      openComposer({
        ...common,
        folder,
        space,
        settings: () => ({ ...config.continuity, ...config.outbound, page: config.web.publicUrl }),
        onComposed: () => queue.wake(),
      }),
    );
    const poster = own(createPoster({ allowPrivate: () => config.hooks.allowPrivate, clock: Date.now }));
    const hooks = own(openHooks({ ...common, poster, random: randomBytes }));
    const stream = openStream({ store, log });
    const wakeAll = () => {
      for (const part of [composer, queue, hooks, stream]) part.wake();
    };
    wakeWhenBack = wakeAll;
    closers.push(store.onChange(wakeAll));
    // Without a commit too: a failover may have taken back what a queue knows to be settled.
    const everyMinute = setInterval(wakeAll, 60_000).unref();
    closers.push(() => clearInterval(everyMinute));
    own(openIndexing({ store, log, enabled: config.search.enabled }));
    own(openHousekeeping({ store, dataDir, log, keep: () => config.retention }));
    own(watchClock({ wall: Date.now, steady, putBack: by => store.pullForward(by), log }));

    const doorOptions = { spoolFolder: folder, space, reception, log, now: steady };
    const doors: SmtpDoor[] = [];
    const openDoor = async (door: Pick<SmtpOptions, 'kind' | 'listen'> & Partial<SmtpOptions>) => {
      if (door.listen.length === 0 && (door.fds ?? []).length === 0) return [];
      const opened = own(await openSmtp({ ...smtpSettings(config), ...doorOptions, ...door }));
      doors.push(opened);
      return opened.addresses();
    };
    // A socket that was handed over stands in place of the door's own `listen`, which names the same place.
    const placesOf = (name: 'smtp' | 'lmtp') =>
      sockets[name].length > 0 ? { listen: [], fds: sockets[name] } : { listen: config[name].listen.map(printListen) };
    const smtp = await openDoor({ kind: 'smtp', ...placesOf('smtp') });
    const lmtp = await openDoor({
      kind: 'lmtp',
      ...placesOf('lmtp'),
      socketMode: config.lmtp.socketMode,
      socketGroup: config.lmtp.socketGroup ?? undefined,
    });

    const listeners: HttpListener[] = [];
    let isTrusted = parseNetworks(config.smtp.trustedNetworks);
    const httpClientOf = (address: string) => (isTrusted(address) ? null : clientOf(address));
    const openListener = async (
      name: 'http' | 'ingress' | 'web',
      handlers: readonly HttpHandler[],
      how: Pick<HttpOptions, 'headers' | 'challenge' | 'clientOf'> = {},
    ) => {
      const [fd] = sockets[name];
      const listen = fd !== undefined ? { fd } : config[name].listen;
      if (listen === null) return null;
      const opened = await openHttp({ listen, handlers, log, clientOf: httpClientOf, ...how }).catch(error => {
        throw new ReplydError('unavailable', `${name}.listen: ${faultText(error)}`, { cause: error });
      });
      listeners.push(own(opened));
      return opened.address;
    };
    const doorFaults = own(openDoorFaults({ dataDir, now: Date.now, log }));
    const httpDoors = await createDoors({
      onFault: doorFaults.note,
      spoolFolder: folder,
      space,
      reception,
      log,
      now: Date.now,
      steady,
      settings: () => providerSettings(config),
    });
    const search: OpenStore['search'] = async filter => {
      if (!config.search.enabled) throw searchIsOff();
      return store.search(filter);
    };
    const api = createApi({
      ...common,
      store: { ...store, search },
      folder,
      space,
      version: VERSION,
      limits: () => ({
        requests: config.limits.apiRequests,
        body: bodyLimit(config.outbound.maxSize),
        response: config.limits.responseBytes,
      }),
      mailSize: () => config.outbound.maxSize,
      testHook: id => testHook({ ...common, poster }, id),
      signIn: () => signInSettings(config, listening?.web),
      sessionOf,
      stream,
      cursorKey: await store.cursorKey(),
    });
    const apart = config.ingress.listen !== null || sockets.ingress.length > 0;
    /** The page for agents. */
    async function openPage(): Promise<string | null> {
      const { publicUrl, listen, trustedProxies } = config.web;
      let site = siteOf({ publicUrl, port: listen?.port ?? 0 });
      const isProxy = parseNetworks(trustedProxies);
      const bundle = readBundle(fileURLToPath(new URL('./web/', import.meta.url)));
      const attempts = createAttempts(Date.now);
      const handler = createWeb({ store, log, bundle, api, isProxy, attempts, site: () => site });
      const opened = await openListener('web', [handler], {
        headers: siteHeaders(site),
        challenge: 'Cookie realm="replyd"',
        // A proxy's connections are all its clients': of one address there may be many.
        clientOf: address => (isProxy(address) ? null : clientOf(address)),
      });
      // Port 0 has become a real one.
      site = siteOf({ publicUrl, port: Number(/\d+$/.exec(opened ?? '')?.[0] ?? 0) });
      return opened;
    }
    let closing: Promise<void> | null = null;
    const { standbys } = store;
    const { standbys: wanted } = config.store;
    const health = createHealth({
      version: VERSION,
      store,
      ...(wanted > 0 && standbys !== undefined ? { onStandbys: async () => (await standbys()) >= wanted } : {}),
      space,
      closing: () => closing !== null,
      now: Date.now,
    });
    const http = await openListener('http', apart ? [health, api] : [health, api, httpDoors]);
    const ingress = apart ? await openListener('ingress', [httpDoors]) : null;
    const isServed = config.web.listen !== null || sockets.web.length > 0;
    const web = isServed ? await openPage() : null;
    // Its readers would hold the listener open.
    own(stream);

    listening = { smtp, lmtp, http, ...(ingress === null ? {} : { ingress }), ...(web === null ? {} : { web }) };
    closers.push(() => removeListening(dataDir));
    const places = listening;
    const tell = () => writeListening(dataDir, places, { started: loaded.config, config });
    tell();
    const where = { data_dir: dataDir, store: placeOf(loaded.store) };
    log.info('listening', {
      smtp,
      lmtp,
      http,
      ingress: ingress ?? undefined,
      web: web ?? undefined,
      pid: process.pid,
      ...where,
    });
    wakeAll();
    afterCommit.wake();
    closers.push(() => supervisor.close());
    supervisor.ready();

    return {
      listening,
      async reload(next) {
        const { changed, needRestart } = diffReload(config, next.config);
        const settings = smtpSettings(next.config);
        const nextCourier = changed.some(key => key.startsWith('outbound.')) ? courierOf(next.config) : null;
        // Doors check the certificate before they take it; the first that refuses stops the reload.
        for (const door of doors) door.reload(settings);
        config = next.config;
        isTrusted = parseNetworks(config.smtp.trustedNetworks);
        log.setLevel(config.log.level);
        await store.setRules(storeRules(config));
        if (nextCourier) {
          const old = courier;
          courier = nextCourier;
          queue.change({ courier, ...queueSettings(config) });
          // It ends with the tries that began with it.
          old.close().catch(error => log.warn('close_failed', { error: errorText(error) }));
        }
        tell();
        wakeAll();
        log.info('reloaded', {
          changed: [...changed],
          restart_needed_for: needRestart.length > 0 ? [...needRestart] : undefined,
        });
      },
      close(closeOptions) {
        graceMs = closeOptions?.graceMs ?? GRACE;
        if (closing === null) supervisor.stopping();
        for (const door of [...doors, ...listeners]) door.stopListening();
        closing ??= closeAll();
        return closing;
      },
    };
  } catch (error) {
    await closeAll().catch(() => undefined);
    throw error;
  }
}

/** A mail's worth of attachments in base64, and its words. */
const bodyLimit = (maxSize: number) => Math.ceil(maxSize * 1.4) + 4 * 1024 * 1024;
