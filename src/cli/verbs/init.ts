/**
 * `replyd init` and `migrate`: what an operator does before the daemon runs, or after an upgrade.
 *
 * `init` keeps what is there and says so; only the reference of all keys is written anew when it is an older version's. As
 * root it gives the data directory to `--user`, whose group may read the configuration.
 */
import {
  chmodSync,
  closeSync,
  existsSync,
  fchmodSync,
  fchownSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { faultText, ReplydError, systemText } from '../../base/errors.js';
import { SYSTEM_CONFIG } from '../../config/load.js';
import { placeOf } from '../../store/opener.js';
import { configOption, loadSettings, openDirectly, openerFor, storeIsMissing, withDataDir } from '../context.js';
import { usageError } from '../errors.js';
import { checkAccess, findUser, isRoot, makeDataDirectory, type Owner } from '../owner.js';
import { quoted } from '../readers.js';
import { progressReporter } from '../terminal/progress.js';
import { remark, warn } from '../terminal/terminal.js';
import { brokenCommand, type Call, defineResultVerb, option, shellWord } from '../verb.js';

const SYSTEM_DATA = '/var/lib/replyd';

export function defineInit(verb: Command): void {
  defineResultVerb(verb, {
    does: 'write a configuration and make the store',
    examples: ['init --user replyd', 'init -c ./config.toml', 'init -c ./config.toml --data-dir ./store'],
    more: 'Writes a short configuration, a reference of all keys in the same folder (config.example.toml), the data directory (0700) and the store.\nWhat is there already is kept; only config.example.toml is written anew when it is an older one.',
    options: [
      option('--user <name>', 'the user that runs the daemon; the data belongs to him (root only)'),
      option('--data-dir <folder>', 'where the data goes'),
    ],
    async run({ command, options }: Call<{ user?: string; dataDir?: string }>) {
      const owner = options.user === undefined ? null : wantedUser(options.user);
      const file = path.resolve(configOption(command) ?? (process.env.REPLYD_CONFIG || SYSTEM_CONFIG));
      const wroteConfig = await writeConfig(file, {
        dataDir:
          options.dataDir === undefined ? (file === SYSTEM_CONFIG ? SYSTEM_DATA : null) : path.resolve(options.dataDir),
        owner,
      });
      const renewed = !wroteConfig && (await renewReference(referenceBeside(file)));
      const loaded = await loadSettings(command);
      const { dataDir } = loaded.config;
      makeDataDirectory(dataDir, owner);
      checkAccess(dataDir);
      const madeStore = await storeIsMissing(loaded);
      if (madeStore) await (await openDirectly(loaded, true)).close();
      return {
        config: file,
        data_dir: dataDir,
        ...(loaded.store.kind === 'postgres' ? { store: placeOf(loaded.store) } : {}),
        wrote_config: wroteConfig,
        made_store: madeStore,
        renewed,
      };
    },
    json: ({ renewed: _, ...done }) => done,
    view: ({ config, data_dir, store, wrote_config, made_store, renewed }) =>
      [
        `${wrote_config ? 'wrote' : 'kept '} ${config}`,
        ...(renewed ? [`wrote ${referenceBeside(config)} anew`] : []),
        `${made_store ? 'made ' : 'kept '} the store in ${store ?? data_dir}`,
      ].join('\n'),
    after({ config }, { options: { json, user } }) {
      if (!json) remark(nextSteps(config, user !== undefined));
    },
  });
}

export function defineMigrate(verb: Command): void {
  defineResultVerb(verb, {
    does: "bring the store's schema up to date",
    examples: ['migrate', 'migrate --json'],
    more: '`replyd serve` does the same when it starts. The daemon must not be running. Make a backup first: there is no way back to an older version.',
    run: ({ command }) => withDataDir(command, async loaded => (await openerFor(loaded)).migrate(progressReporter())),
    view: ({ version, applied }) =>
      [...applied.map(name => `applied ${name}`), `the schema is up to date (version ${version})`].join('\n'),
  });
}

/** Three commands, to be pasted. */
function nextSteps(file: string, forUser: boolean): string {
  const named = file === SYSTEM_CONFIG || file === process.env.REPLYD_CONFIG ? '' : ` -c ${shellWord(file)}`;
  const commands = [
    `replyd check-config${named}`,
    `replyd account add acme --domain reply.acme.example --support-email help@acme.example${named}`,
    `replyd serve${named}`,
  ];
  return [
    `Look through ${file}. Then, with your own names:`,
    '',
    ...commands.map(command => brokenCommand(`  ${command}`)),
    ...(forUser ? ['', 'In place of the last one `replyd systemd` prints units.'] : []),
  ].join('\n');
}

/** The user that was named. Throws a usage error when there is none, unauthorized for others than root. */
export function wantedUser(name: string): Owner {
  const user = findUser(name);
  if (user === null) {
    throw usageError(
      `there is no user ${quoted(name)}: \`useradd --system --home-dir ${SYSTEM_DATA} --shell /usr/sbin/nologin ${name}\` makes one`,
    );
  }
  if (!isRoot() && user.uid !== process.getuid?.()) {
    throw new ReplydError(
      'unauthorized',
      `only root can make files for ${name}: run it as root, or as ${name} and without --user`,
    );
  }
  return user;
}

/** Writes the configuration and the reference, unless they are there. True when the configuration was written. */
async function writeConfig(file: string, options: { dataDir: string | null; owner: Owner | null }): Promise<boolean> {
  if (existsSync(file)) return false;
  const { exampleConfig, initialConfig } = await import('../../config/example.js');
  const text = initialConfig({
    ...(options.dataDir === null ? {} : { data_dir: options.dataDir }),
    // Where replyd ran before, nothing is asked that was not asked then: the key's own default is never.
    'auth.verify': 'when_missing',
  });
  const reference = referenceBeside(file);
  try {
    const made = mkdirSync(path.dirname(file), { recursive: true });
    // The daemon's user must be able to enter; the umask of this program forbids it.
    if (made !== undefined)
      for (let up = path.dirname(file); up.startsWith(made); up = path.dirname(up)) chmodSync(up, 0o755);
    writeNew(file, { text, mode: 0o640, group: isRoot() ? (options.owner?.gid ?? null) : null });
    if (!existsSync(reference)) writeNew(reference, { text: exampleConfig(), mode: 0o644, group: null });
    return true;
  } catch (error) {
    const reason = systemText(error);
    if (reason === null) throw error;
    throw new ReplydError('unauthorized', `${reason}; run as root, or say where: \`replyd init -c ./config.toml\``, {
      cause: error,
    });
  }
}

/** Throws EEXIST when anything is there. What it makes is named by its descriptor: the path may lead elsewhere by then. */
function writeNew(file: string, { text, mode, group }: { text: string; mode: number; group: number | null }): void {
  const descriptor = openSync(file, 'wx', 0o600);
  try {
    writeFileSync(descriptor, text);
    fchmodSync(descriptor, mode);
    if (group !== null) fchownSync(descriptor, 0, group);
  } finally {
    closeSync(descriptor);
  }
}

function referenceBeside(file: string): string {
  return path.join(path.dirname(file), 'config.example.toml');
}

/** Brings the reference of another version up to date; true when it did. One that cannot be written is a warning. */
async function renewReference(reference: string): Promise<boolean> {
  const { exampleConfig, isExampleConfig } = await import('../../config/example.js');
  try {
    const has = readFileSync(reference, 'utf8');
    if (!isExampleConfig(has) || has === exampleConfig()) return false;
    writeFileSync(reference, exampleConfig());
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      warn(`the reference of all keys is left as it is: ${faultText(error)}`);
    }
    return false;
  }
}
