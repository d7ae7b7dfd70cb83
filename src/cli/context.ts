/**
 * What a verb works with: the configuration, and the store that it names, opened by this process. No verb needs a
 * running daemon; one that runs shares the store and sees every commit.
 *
 * The verb ends with exit 1 and a line that says what to do when the configuration is wrong, or when the store is
 * missing, belongs to another user or has another schema. The store is always closed.
 */
import { realpathSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { isReplydError, ReplydError } from '../base/errors.js';
import type { LoadedConfig } from '../config/load.js';
import type { Store } from '../conversation/store.js';
import type { OpenStore } from '../store/assembled.js';
import { type Opener, placeOf } from '../store/opener.js';
import { advised } from './advice.js';
import { usageError } from './errors.js';
import { becomeOwner, checkAccess, runAsHint } from './owner.js';
import { given } from './readers.js';
import { hint, warn } from './terminal/terminal.js';

export interface Context {
  readonly loaded: LoadedConfig;
  readonly store: Store;
}

/** The path of this installation's `bin/replyd`, which units, pipes and people start. */
export function launcher(): string {
  return path.join(path.dirname(realpathSync(process.argv[1]!)), 'replyd');
}

/** The file named by `-c`, before or after the verb. */
export function configOption(command: Command): string | undefined {
  let found: string | undefined;
  for (let at: Command | null = command; at !== null; at = at.parent) {
    const { config } = at.opts<{ config?: string }>();
    if (found !== undefined && config !== undefined && config !== found)
      throw usageError(`two configurations: ${config} and ${found}; name one`);
    found ??= config;
  }
  return found;
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
 * Runs `work` with the store open. Root is the store's owner from here on, so files that were named on the command line
 * are opened before (`named-files.ts`). `create`: makes the store when it is missing. `loaded`: settings that were read
 * before.
 */
export function withStore<T>(
  command: Command,
  work: (context: Context) => Promise<T>,
  options: { create?: boolean; loaded?: LoadedConfig } = {},
): Promise<T> {
  // A failure is reported where it is awaited; a wrong configuration is reported first.
  loadStoreCode().catch(() => undefined);
  return withDataDir(
    command,
    async loaded => {
      const missing = (options.create ?? false) && (await storeIsMissing(loaded));
      const store = await openDirectly(loaded, missing);
      if (missing) warn(`made a new store in ${placeOf(loaded.store)}`);
      try {
        return await work({ loaded, store });
      } catch (error) {
        throw await advised(error, store);
      } finally {
        await store.close();
      }
    },
    options,
  );
}

/**
 * Runs `work` for verbs that need the files of the store and not its verbs; root is the owner from here on. Throws
 * unavailable when there is no store, unless `create`.
 */
export async function withDataDir<T>(
  command: Command,
  work: (loaded: LoadedConfig) => Promise<T>,
  options: { create?: boolean; loaded?: LoadedConfig } = {},
): Promise<T> {
  const loaded = options.loaded ?? (await loadSettings(command));
  const { dataDir } = loaded.config;
  becomeOwner(dataDir);
  if (!options.create || !(await storeIsMissing(loaded))) await refuseMissing(loaded);
  return work(loaded);
}

/** Throws unavailable when there is no store, unauthorized when this user may not use it. */
export async function refuseMissing(loaded: LoadedConfig): Promise<void> {
  // That shows when it is opened, and it is no folder of this user's.
  if (loaded.store.kind === 'postgres') return;
  const { dataDir } = loaded.config;
  if (await storeIsMissing(loaded)) {
    throw new ReplydError(
      'unavailable',
      `there is no store in ${dataDir}: run \`replyd init\`, or start \`replyd serve\``,
    );
  }
  checkAccess(dataDir);
}

/** Says that nothing leaves while no daemon runs. On a database daemons of other machines may. */
export async function hintWithoutDaemon({ store, config }: LoadedConfig): Promise<void> {
  const { seemsServed } = await import('../store/sqlite/lock.js');
  if (store.kind === 'sqlite' && !seemsServed(config.dataDir))
    hint('no daemon runs: mails wait until `replyd serve` does');
}

/** The store of this configuration, opened by this process. `migrate` makes it or brings its schema up to date. */
export async function openDirectly(loaded: LoadedConfig, migrate: boolean): Promise<OpenStore> {
  const [, { storeRules }] = await loadStoreCode();
  const opener = await openerFor(loaded);
  return opener.open({ writer: 'direct', rules: storeRules(loaded.config), migrate });
}

/** What keeps the store of this configuration. */
export async function openerFor(loaded: LoadedConfig): Promise<Opener> {
  const [{ openerOf }] = await loadStoreCode();
  return openerOf(loaded.store);
}

/** Loading the code takes longer than running it, so it starts while the configuration is read. */
function loadStoreCode() {
  return Promise.all([import('../store/open.js'), import('../config/settings.js')]);
}

/** True when there is no store; throws unauthorized when this process cannot see that. */
export async function storeIsMissing(loaded: LoadedConfig): Promise<boolean> {
  const opener = await openerFor(loaded);
  try {
    return await opener.isMissing();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
    throw new ReplydError('unauthorized', runAsHint(loaded.config.dataDir), { cause: error });
  }
}
