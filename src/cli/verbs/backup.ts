/**
 * `replyd backup FILE` and `replyd restore FILE`. A backup holds everything: conversations, mails, and the secrets of
 * hooks. So the file has mode 0600, and the help says what is in it. A restore checks the whole backup first and leaves
 * the old database under another name.
 */
import path from 'node:path';
import type { Command } from 'commander';
import { isReplydError, ReplydError } from '../../base/errors.js';
import { VERSION } from '../../base/version.js';
import type { LoadedConfig } from '../../config/load.js';
import type { PostgresAddress } from '../../store/opener.js';
import type { BackupOptions } from '../../store/upkeep/backup-file.js';
import type { Manifest } from '../../store/upkeep/manifest.js';
import { loadSettings, refuseMissing, withDataDir } from '../context.js';
import { EXIT_FAILED } from '../errors.js';
import { isOwnersPath, openInput } from '../named-files.js';
import { asOwnerOf, becomeOwner, makeDataDirectory, ownerForRoot } from '../owner.js';
import { numbered, progressReporter } from '../terminal/progress.js';
import { sizeText, timeText } from '../terminal/render.js';
import { warn } from '../terminal/terminal.js';
import { type Call, defineResultVerb, option } from '../verb.js';
import { wantedUser } from './init.js';

export function defineBackup(verb: Command): void {
  defineResultVerb(verb.argument('<file>'), {
    does: 'copy the whole store into one file',
    examples: ['backup /var/backups/replyd.tar', 'backup /var/backups/replyd.tar --replace --json'],
    more: [
      'The daemon may run: the copy is of one moment, with every mail and attachment that the database names then. With store.url it has the rows of all tables, and can be restored into a data directory too.',
      'It is a tar file, readable by its owner alone (0600): it holds all conversations, the reply addresses and the secrets of hooks. Encrypt it before it leaves the machine.',
      'Run as root, it copies the database within data_dir for a while: there must be room for it.',
      'Not in it: the configuration, and mails that outbound.transport = "file" wrote.',
      'Ends with 1 when the store has lost contents already (`replyd check`); the backup of the rest is made.',
    ].join('\n'),
    options: [option('--replace', 'an older backup under this name is replaced')],
    async run({ command, options }: Call<{ replace?: true }>, file) {
      const how = {
        version: VERSION,
        replace: options.replace ?? false,
        now: Date.now(),
        progress: progressReporter(),
      };
      const loaded = await loadSettings(command);
      const target = path.resolve(file);
      const address = loaded.store;
      return {
        file,
        ...(address.kind === 'sqlite'
          ? await backUpFolder(command, { loaded, target, how })
          : await backUpDatabase(address, { target, how })),
      };
    },
    json: made => ({ ...made, file: path.resolve(made.file) }),
    view: ({ file, files, ...made }) =>
      made.format === 1
        ? `wrote ${file}: ${sizeText(made.bytes + made.database.size)}, with ${files} files and the database`
        : `wrote ${file}: ${numbered(made.tables.reduce((rows, table) => rows + table.rows, 0))} rows and ${files} files`,
    after({ missing }) {
      if (missing.length === 0) return;
      warn(`${missing.length} contents are missing in the store itself: \`replyd check\` shows which`);
      process.exitCode = EXIT_FAILED;
    },
  });
}

interface Wanted {
  readonly target: string;
  readonly how: BackupOptions;
}

async function backUpFolder(
  command: Command,
  { loaded, target, how }: Wanted & { readonly loaded: LoadedConfig },
): Promise<Manifest> {
  const { makeBackup } = await import('../../store/upkeep/backup.js');
  const { dataDir } = loaded.config;
  // Perhaps only root can write there. Then it is root who makes the file, and the owner who fills it.
  if (ownerForRoot(dataDir) === null || isOwnersPath(target, dataDir)) {
    return withDataDir(command, () => makeBackup(dataDir, target, how), { loaded });
  }
  return makeBackup(dataDir, target, {
    ...how,
    asOwner: work =>
      asOwnerOf(dataDir, async () => {
        await refuseMissing(loaded);
        return work();
      }),
  });
}

async function backUpDatabase(address: PostgresAddress, { target, how }: Wanted): Promise<Manifest> {
  const [{ makeArchive }, { storeSnapshot }] = await Promise.all([
    import('../../store/upkeep/archive.js'),
    import('../../store/open.js'),
  ]);
  if (isOwnersPath(target, address.dataDir)) becomeOwner(address.dataDir);
  const source = await storeSnapshot(address);
  try {
    return await makeArchive(source, target, how);
  } finally {
    await source.close();
  }
}

export function defineRestore(verb: Command): void {
  defineResultVerb(verb.argument('<file>'), {
    does: 'put a backup in the place of the store',
    examples: ['restore /var/backups/replyd.tar --user replyd', 'restore /var/backups/replyd.tar --replace'],
    more: [
      'Stop the daemon first. The whole backup is checked before anything is written; one of a newer replyd is refused.',
      'With --replace the database that is there is kept as replyd.db.replaced: remove it when all is well. With store.url the database must be empty.',
      'A backup of a store in a data directory can be restored into PostgreSQL, and the other way round.',
      'What waited to be sent may have been sent since the backup was made. So the queue is paused if anything waits: look at `replyd queue list`, then `replyd queue resume`.',
    ].join('\n'),
    options: [
      option('--replace', 'replace the store that is there; its database is kept as replyd.db.replaced'),
      option('--user <name>', 'on a new machine: the user that runs the daemon; the data belongs to him (root only)'),
    ],
    async run({ command, options }: Call<{ replace?: true; user?: string }>, file) {
      const { config, store: address } = await loadSettings(command);
      const { dataDir } = config;
      const { restoreBackup } = await import('../../store/upkeep/restore.js');
      const user = options.user === undefined ? null : wantedUser(options.user);
      const backup = await openInput(file, dataDir);
      if (user === null) becomeOwner(dataDir);
      else makeDataDirectory(dataDir, user);
      try {
        const { manifest, waiting } = await restoreBackup(address, backup, {
          replace: options.replace ?? false,
          scratch: dataDir,
          progress: progressReporter(),
        }).catch(error => {
          // What reads a tar file does not know its name.
          if (!isReplydError(error, 'unavailable') || !error.message.startsWith('it is ')) throw error;
          throw new ReplydError('unavailable', `${file}: ${error.message}: name a file that \`replyd backup\` wrote`);
        });
        return { store: address.kind === 'sqlite' ? dataDir : address.name, data_dir: dataDir, waiting, ...manifest };
      } finally {
        await backup.close();
      }
    },
    json: ({ store: _, ...restored }) => restored,
    view: ({ store, made_at }) => `restored the store of ${timeText(made_at)} in ${store}`,
    after({ missing, waiting }) {
      if (missing.length > 0) {
        warn(`${missing.length} contents were missing when the backup was made: \`replyd check\` shows which`);
      }
      if (waiting > 0) {
        warn(
          `${waiting} mails wait to be sent, and may have been sent since: the queue is paused. See \`replyd queue list\`, then \`replyd queue resume\``,
        );
      }
    },
  });
}
