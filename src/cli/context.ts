/**
 * What a verb works with: the configuration that was named or found, and the store behind it, opened directly. A
 * running daemon shares the store and notices every commit; no verb needs one.
 *
 * A bad configuration, a store that isn't there, belongs to somebody else or has another schema ends the verb with
 * exit 1 and a line that says what to do. The store is closed whatever happens.
 */
import { realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { isReplydError, ReplydError } from '../base/errors.js';
import type { LoadedConfig } from '../config/load.js';
import type { Store } from '../conversation/store.js';
import { actAsOwner, checkAccess, whomToBe } from './owner.js';
import { hint, warn } from './terminal/terminal.js';
import { given } from './verb.js';

export interface Context {
  readonly loaded: LoadedConfig;
  readonly store: Store;
}

/** `bin/replyd` of this installation: what units, pipes and people start. */
export function launcher(): string {
  return path.join(path.dirname(realpathSync(process.argv[1]!)), 'replyd');
}

/** The file named by `-c`, before or after the verb. */
export function configOption(command: Command): string | undefined {
  return command.optsWithGlobals<{ config?: string }>().config;
}

/** Reads the configuration; its warnings go to standard error. Throws unavailable with all that is wrong. */
export async function loadSettings(command: Command, options: { quiet?: boolean } = {}): Promise<LoadedConfig> {
  const { loadConfig } = await import('../config/load.js');
  const file = configOption(command);
  try {
    const loaded = loadConfig({ ...given({ file }), env: process.env, cwd: process.cwd() });
    if (!options.quiet) for (const warning of loaded.warnings) warn(warning);
    return loaded;
  } catch (error) {
    if (!isReplydError(error, 'invalid')) throw error;
    throw new ReplydError('unavailable', error.message, {
      cause: error,
      details: { ...error.details, reason: 'config' },
    });
  }
}

/**
 * Runs `work` with the store open; root acts as the store's owner meanwhile, so files of the caller are read before
 * and written after. `create`: a store that is not there yet is made. `loaded`: settings that were read already.
 */
export async function withStore<T>(
  command: Command,
  work: (context: Context) => Promise<T>,
  options: { create?: boolean; loaded?: LoadedConfig } = {},
): Promise<T> {
  const storeCode = loadStoreCode();
  // Whoever awaits it hears of a failure; a configuration that is wrong comes first.
  storeCode.catch(() => undefined);
  const loaded = options.loaded ?? (await loadSettings(command));
  const { dataDir } = loaded.config;
  const missing = storeIsMissing(dataDir);
  if (missing && !options.create) throw noStore(dataDir);
  const leaveStore = actAsOwner(dataDir);
  try {
    if (!missing) checkAccess(dataDir);
    const store = await openDirectly(loaded, missing);
    if (missing) warn(`made a new store in ${dataDir}`);
    try {
      return await work({ loaded, store });
    } finally {
      await store.close();
    }
  } finally {
    leaveStore();
  }
}

/**
 * Runs `work` for verbs that need the files of the store and not its verbs. Root acts as the owner meanwhile, unless
 * `asOwner` is false. Throws unavailable when there is no store.
 */
export async function withDataDir<T>(
  command: Command,
  work: (loaded: LoadedConfig) => Promise<T>,
  options: { asOwner?: boolean } = {},
): Promise<T> {
  const loaded = await loadSettings(command);
  const { dataDir } = loaded.config;
  if (storeIsMissing(dataDir)) throw noStore(dataDir);
  const leaveStore = options.asOwner === false ? () => {} : actAsOwner(dataDir);
  try {
    checkAccess(dataDir);
    return await work(loaded);
  } finally {
    leaveStore();
  }
}

/** For people who wait for a mail: that nothing leaves while no daemon runs. */
export async function hintWithoutDaemon(dataDir: string): Promise<void> {
  const { seemsServed } = await import('../store/sqlite/lock.js');
  if (!seemsServed(dataDir)) hint('no daemon runs: mails wait until `replyd serve` does');
}

function noStore(dataDir: string): ReplydError {
  return new ReplydError(
    'unavailable',
    `there is no store in ${dataDir}: run \`replyd init\`, or start \`replyd serve\``,
  );
}

/** The store of this configuration, opened by this process. `migrate` makes it or brings its schema up to date. */
export async function openDirectly(loaded: LoadedConfig, migrate: boolean): Promise<Store> {
  const [{ openStore }, { storeRules }] = await loadStoreCode();
  return openStore({ dataDir: loaded.config.dataDir, writer: 'direct', rules: storeRules(loaded.config), migrate });
}

/** Reading the code takes longer than what it does: it is begun while the configuration is still being read. */
function loadStoreCode() {
  return Promise.all([import('../store/sqlite/open.js'), import('../config/settings.js')]);
}

/** True when nobody has made it; throws unauthorized when that can't be seen. */
export function storeIsMissing(dataDir: string): boolean {
  try {
    statSync(path.join(dataDir, 'replyd.db'));
    return false;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EACCES') throw new ReplydError('unauthorized', whomToBe(dataDir), { cause: error });
    if (code === 'ENOENT' || code === 'ENOTDIR') return true;
    throw error;
  }
}
