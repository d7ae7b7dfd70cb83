/**
 * `replyd backup FILE` and `replyd restore FILE`. A backup holds everything: conversations, mails, and the secrets of
 * hooks. So the file has mode 0600, and the help says what is in it. A restore checks the whole backup first and leaves
 * the old database under another name.
 */
import path from 'node:path';
import type { Command } from 'commander';
import { VERSION } from '../../base/version.js';
import { loadSettings, refuseMissing, withDataDir } from '../context.js';
import { EXIT_FAILED } from '../errors.js';
import { isOwnersPath, openInput } from '../named-files.js';
import { asOwnerOf, becomeOwner, makeDataDirectory, ownerForRoot } from '../owner.js';
import { sizeText, timeText } from '../terminal/render.js';
import { warn } from '../terminal/terminal.js';
import { type Call, defineResultVerb, option } from '../verb.js';
import { wantedUser } from './init.js';

export function defineBackup(verb: Command): void {
  defineResultVerb(verb.argument('<file>'), {
    does: 'copy the whole store into one file',
    examples: ['backup /var/backups/replyd.tar', 'backup /var/backups/replyd.tar --replace --json'],
    more: [
      'The daemon may run: the copy is of one moment, with every mail and attachment that the database names then.',
      'It is a tar file, readable by its owner alone (0600): it holds all conversations, the reply addresses and the secrets of hooks. Encrypt it before it leaves the machine.',
      'Run as root, it copies the database within data_dir for a while: there must be room for it.',
      'Not in it: the configuration, and mails that outbound.transport = "file" wrote.',
      'Ends with 1 when the store has lost contents already (`replyd check`); the backup of the rest is made.',
    ].join('\n'),
    options: [option('--replace', 'an older backup under this name is replaced')],
    async run({ command, options }: Call<{ replace?: true }>, file) {
      const { makeBackup } = await import('../../store/upkeep/backup.js');
      const how = { version: VERSION, replace: options.replace ?? false, now: Date.now() };
      const loaded = await loadSettings(command);
      const { dataDir } = loaded.config;
      const target = path.resolve(file);
      // Perhaps only root can write there. Then it is root who makes the file, and the owner who fills it.
      const made =
        ownerForRoot(dataDir) === null || isOwnersPath(target, dataDir)
          ? await withDataDir(command, () => makeBackup(dataDir, target, how), { loaded })
          : await makeBackup(dataDir, target, {
              ...how,
              asOwner: work =>
                asOwnerOf(dataDir, async () => {
                  refuseMissing(dataDir);
                  return work();
                }),
            });
      return { file, ...made };
    },
    json: made => ({ ...made, file: path.resolve(made.file) }),
    view: ({ file, bytes, files, database }) =>
      `wrote ${file}: ${sizeText(bytes + database.size)}, with ${files} files and the database`,
    after({ missing }) {
      if (missing.length === 0) return;
      warn(`${missing.length} contents are missing in the store itself: \`replyd check\` shows which`);
      process.exitCode = EXIT_FAILED;
    },
  });
}

export function defineRestore(verb: Command): void {
  defineResultVerb(verb.argument('<file>'), {
    does: 'put a backup in the place of the store',
    examples: ['restore /var/backups/replyd.tar --user replyd', 'restore /var/backups/replyd.tar --replace'],
    more: [
      'Stop the daemon first. The whole backup is checked before anything is written; one of a newer replyd is refused.',
      'With --replace the database that is there is kept as replyd.db.replaced: remove it when all is well.',
      'What waited to be sent may have been sent since the backup was made. So the queue is paused if anything waits: look at `replyd queue list`, then `replyd queue resume`.',
    ].join('\n'),
    options: [
      option('--replace', 'replace the store that is there; its database is kept as replyd.db.replaced'),
      option('--user <name>', 'on a new machine: the user that runs the daemon; the data belongs to him (root only)'),
    ],
    async run({ command, options }: Call<{ replace?: true; user?: string }>, file) {
      const { dataDir } = (await loadSettings(command)).config;
      const { restoreBackup } = await import('../../store/upkeep/restore.js');
      const user = options.user === undefined ? null : wantedUser(options.user);
      const backup = await openInput(file, dataDir);
      if (user === null) becomeOwner(dataDir);
      else makeDataDirectory(dataDir, user);
      try {
        const { manifest, waiting } = await restoreBackup(dataDir, backup, { replace: options.replace ?? false });
        return { data_dir: dataDir, waiting, ...manifest };
      } finally {
        await backup.close();
      }
    },
    view: ({ data_dir, made_at }) => `restored the store of ${timeText(made_at)} in ${data_dir}`,
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
