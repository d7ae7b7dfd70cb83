/**
 * `replyd serve`: the daemon in the foreground, its log on standard error.
 *
 * SIGHUP reads the configuration again; one that is wrong changes nothing and is said in the log. The first SIGTERM or
 * SIGINT ends it gracefully (what is in flight is finished), the second at once. A start that fails is one line that
 * says which key, port or process is in the way, and exit 1.
 */
import type { Command } from 'commander';
import type { Config } from '../config/keys.js';
import type { LoadedConfig } from '../config.js';
import type { Daemon } from '../daemon.js';
import { errorText, ReplydError } from '../errors.js';
import { createLog, type Log } from '../log.js';
import { loadSettings } from './context.js';
import { EXIT_FAILED } from './errors.js';
import { checkAccess, isRoot, ownerOf, userName } from './owner.js';
import { makeVerb } from './verb.js';

export function defineServe(verb: Command): void {
  makeVerb(verb, {
    does: 'run the daemon in the foreground',
    examples: ['serve', 'serve -c /etc/replyd/config.toml', '-c ./config.toml serve 2>> replyd.log'],
    more: 'SIGHUP reloads the configuration, SIGTERM ends it gracefully, a second SIGTERM at once.\nThe ports really bound stand in data_dir/listening.json when it is ready.',
  }).action(async (_options: unknown, command: Command) => {
    const loaded = await loadSettings(command, { quiet: true });
    const { config } = loaded;
    const log = createLog(config.log.level, config.log.format);
    sayFindings(log, loaded);
    becomeOwner(config);
    let onFatal: (error: Error) => void = () => {};
    const { openDaemon } = await import('../daemon.js');
    const fatal = new Promise<Error>(resolve => {
      onFatal = resolve;
    });
    const daemon = await openDaemon(loaded, { log, onFatal: error => onFatal(error) });
    await runUntilEnd(daemon, { log, fatal, reread: () => loadSettings(command, { quiet: true }) });
  });
}

/** Resolves when the daemon is closed because somebody wanted it; throws when it could not go on. */
async function runUntilEnd(
  daemon: Daemon,
  { log, fatal, reread }: { log: Log; fatal: Promise<Error>; reread: () => Promise<LoadedConfig> },
): Promise<void> {
  let reloading = Promise.resolve();
  const reload = () => {
    reloading = reloading.then(async () => {
      try {
        const loaded = await reread();
        sayFindings(log, loaded);
        await daemon.reload(loaded);
      } catch (error) {
        log.error('reload_failed', { error: errorText(error) });
      }
    });
  };
  const signal = new Promise<NodeJS.Signals>(resolve => {
    let first = true;
    const stop = (name: NodeJS.Signals) => {
      if (!first) process.exit(EXIT_FAILED);
      first = false;
      resolve(name);
    };
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
  });
  process.on('SIGHUP', reload);
  const reason = await Promise.race([signal, fatal]);
  if (typeof reason === 'string') {
    log.info('stopping', { signal: reason });
    return daemon.close();
  }
  log.error('fatal', { error: errorText(reason) });
  // Answers what is in flight with 4xx; nothing more can be stored.
  await daemon.close({ graceMs: 0 }).catch(() => undefined);
  throw reason;
}

function sayFindings(log: Log, loaded: LoadedConfig): void {
  for (const warning of loaded.warnings) log.warn('config', { text: warning });
  for (const notice of loaded.notices) log.info('config', { text: notice });
}

/** Root with somebody else's store becomes that user for good, so that everything the daemon makes is his. */
function becomeOwner({ dataDir, smtp, lmtp, http }: Config): void {
  const owner = ownerOf(dataDir);
  if (owner === null) return;
  if (isRoot() && owner.uid !== 0) {
    const ports = [...smtp.listen, ...lmtp.listen, http.listen].flatMap(each =>
      each?.kind === 'tcp' ? [each.port] : [],
    );
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
    initGroups(name.startsWith('#') ? owner.uid : name, owner.gid);
    process.setgid!(owner.gid);
    process.setuid!(owner.uid);
  }
  checkAccess(dataDir);
}

/** His other groups too: the one of the LMTP socket may be among them. */
function initGroups(user: string | number, group: number): void {
  const { initgroups } = process as { initgroups?: (user: string | number, group: number) => void };
  initgroups?.(user, group);
}
