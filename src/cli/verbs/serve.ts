/**
 * `replyd serve`: the daemon in the foreground, its log on standard error.
 *
 * SIGHUP reads the configuration again; a wrong one changes nothing and is logged. The first SIGTERM or SIGINT ends the
 * daemon gracefully (it finishes what is in flight), the second one at once. A failed start prints one line that names
 * the key, port or process, and ends with 1.
 */
import type { Command } from 'commander';
import { errorText, isAway, isReplydError, ReplydError } from '../../base/errors.js';
import { createLog, type Log } from '../../base/log.js';
import type { Config } from '../../config/keys.js';
import { type LoadedConfig, SYSTEM_CONFIG } from '../../config/load.js';
import { loadSettings } from '../context.js';
import { doorsOf } from '../doors.js';
import { EXIT_FAILED } from '../errors.js';
import { becomeOwner, checkAccess, ownerForRoot, ownerOf, userName } from '../owner.js';
import { defineVerb } from '../verb.js';

export function defineServe(verb: Command): void {
  defineVerb(verb, {
    does: 'run the daemon in the foreground',
    examples: ['serve', 'serve -c /etc/replyd/config.toml', '-c ./config.toml serve 2>> replyd.log'],
    more: 'SIGHUP reloads the configuration, SIGTERM ends it gracefully, a second SIGTERM at once.\nThe ports really bound stand in data_dir/listening.json when it is ready.',
  }).action(async (_options: unknown, command: Command) => {
    const loaded = await loadSettings(command, { quiet: true });
    refuseUnset(loaded);
    const { config } = loaded;
    const log = createLog(config.log.level, config.log.format);
    sayFindings(log, loaded);
    becomeServer(config);
    // The handlers come before the daemon: whoever sees `listening.json` may send a signal, and without a handler it
    // would end the process.
    const ends = listenForEnd();
    const opening = import('../../daemon.js').then(({ openDaemon }) =>
      openDaemon(loaded, { log, onFatal: ends.fatal, ending: ends.ending }),
    );
    let reloads = Promise.resolve();
    process.on('SIGHUP', () => {
      reloads = reloads.then(async () => {
        try {
          const next = await loadSettings(command, { quiet: true });
          sayFindings(log, next);
          await (await opening).reload(next);
        } catch (error) {
          log.error('reload_failed', { error: errorText(error) });
        }
      });
    });
    const daemon = await opening.catch(error => {
      // It waited for its database, and nothing was opened.
      if (ends.ending.aborted && isAway(error)) return null;
      // A place that cannot be had is no misuse of the command.
      if (isReplydError(error, 'invalid')) throw new ReplydError('unavailable', error.message, { cause: error });
      throw error;
    });
    if (daemon === null) return log.info('stopping', { signal: String(await ends.reason) });
    const reason = await ends.reason;
    if (typeof reason === 'string') {
      log.info('stopping', { signal: reason });
      return daemon.close();
    }
    log.error('fatal', { error: errorText(reason) });
    // Answers what is in flight with 4xx; nothing more can be stored.
    await daemon.close({ graceMs: 0 }).catch(() => undefined);
    throw reason;
  });
}

/** Resolves with the first signal to end, or with the fault that makes going on useless. The second signal exits. */
function listenForEnd(): {
  readonly reason: Promise<NodeJS.Signals | Error>;
  readonly fatal: (error: Error) => void;
  readonly ending: AbortSignal;
} {
  let end: (reason: NodeJS.Signals | Error) => void = () => {};
  const reason = new Promise<NodeJS.Signals | Error>(resolve => {
    end = resolve;
  });
  const ending = new AbortController();
  let signals = 0;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      signals += 1;
      if (signals > 1) process.exit(EXIT_FAILED);
      end(signal);
      ending.abort();
    });
  }
  return { reason, fatal: end, ending: ending.signal };
}

/** A daemon that somebody starts by the way would make a store in the folder where he stands. */
function refuseUnset({ file, given }: LoadedConfig): void {
  if (file !== null || given.has('data_dir') || given.has('store.url')) return;
  throw new ReplydError(
    'unavailable',
    `there is no configuration: ${SYSTEM_CONFIG} is missing. \`replyd init\` writes it, \`-c FILE\` names another ` +
      '(or set REPLYD_DATA_DIR)',
  );
}

function sayFindings(log: Log, loaded: LoadedConfig): void {
  for (const warning of loaded.warnings) log.warn('config', { text: warning });
  for (const notice of loaded.notices) log.info('config', { text: notice });
}

/** So that the owner has everything that the daemon makes. */
function becomeServer(config: Config): void {
  const { dataDir } = config;
  const owner = ownerForRoot(dataDir);
  if (owner !== null) {
    const ports = doorsOf(config).flatMap(([, listen]) => listen.map(each => (each.kind === 'tcp' ? each.port : 0)));
    const low = ports.find(port => port > 0 && port < 1024);
    const name = userName(owner.uid);
    if (low !== undefined) {
      throw new ReplydError(
        'unauthorized',
        `${dataDir} belongs to ${name}, but port ${low} needs root: start as ${name} with CAP_NET_BIND_SERVICE, such as ` +
          `\`setpriv --reuid ${name} --regid ${owner.gid} --init-groups --inh-caps +net_bind_service ` +
          '--ambient-caps +net_bind_service replyd serve`',
      );
    }
    becomeOwner(dataDir);
  }
  if (ownerOf(dataDir) !== null) checkAccess(dataDir);
}
