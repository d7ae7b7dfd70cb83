/**
 * `replyd migrate-store FROM TO`: the whole store to another engine or place. A store is named by its folder or by the URL
 * of its database. Nobody may use either meanwhile; what is found in use is refused. The old store stays as it is, but for
 * the mark that says where it went. Root works as the owner of the folders.
 */
import path from 'node:path';
import type { Command } from 'commander';
import { ReplydError } from '../../base/errors.js';
import type { StorePlace } from '../../store/opener.js';
import { EXIT_FAILED, usageError } from '../errors.js';
import { becomeOwner, checkAccess, makeDataDirectory, type Owner, ownerOf } from '../owner.js';
import { numbered, progressReporter } from '../terminal/progress.js';
import { sizeText } from '../terminal/render.js';
import { hint, warn } from '../terminal/terminal.js';
import { type Call, defineResultVerb, option } from '../verb.js';
import { wantedUser } from './init.js';

export function defineMigrateStore(verb: Command): void {
  defineResultVerb(verb.argument('<from>').argument('<to>'), {
    does: 'move the store to PostgreSQL, back, or elsewhere',
    examples: [
      'migrate-store /var/lib/replyd postgres://replyd@db.example/replyd',
      'migrate-store postgres://replyd@db.example/replyd /var/lib/replyd-back',
    ],
    more: [
      'FROM and TO are each a data directory or the URL of a database. The password is read from PGPASSWORD or the password file too: other users of the machine see what stands in a command.',
      'Stop the daemon first, on all machines. TO must be empty: a database that was just made, or a folder without a store. Room for the whole store is needed there; a million conversations take minutes.',
      'The copy is read again and compared by counts and hashes before it counts. Then FROM is marked: whoever opens it is told where the store went. It stays until you remove it. When anything goes wrong before, FROM is as it was.',
      'Not moved: the configuration, and mails that outbound.transport = "file" wrote.',
      'Ends with 1 when the store has lost contents already (`replyd check`); the rest is moved.',
    ].join('\n'),
    options: [
      option('--replace', 'a store that is in the folder TO is put aside as replyd.db.replaced'),
      option('--user <name>', 'the user that runs the daemon; the folder TO belongs to him (root only)'),
    ],
    async run({ options }: Call<{ replace?: true; user?: string }>, fromWord, toWord) {
      const [from, to] = [await readPlace(fromWord), await readPlace(toWord)];
      if (nameOf(from) === nameOf(to)) throw usageError('FROM and TO are the same store');
      const user = options.user === undefined ? null : wantedUser(options.user);
      takeFolders(from, to, user);
      const [{ moveStore }, { movedSource, newStore }] = await Promise.all([
        import('../../store/upkeep/move.js'),
        import('../../store/open.js'),
      ]);
      const source = await movedSource(from);
      try {
        const made = await newStore(to, { replace: options.replace ?? false });
        try {
          const { tables, ...contents } = await moveStore(source, made, {
            name: nameOf(to),
            progress: progressReporter(),
          });
          const rows = Object.entries(tables).map(([table, summary]) => [table, summary.rows] as const);
          return { from: nameOf(from), to: nameOf(to), ...contents, tables: Object.fromEntries(rows) };
        } finally {
          await made.close();
        }
      } finally {
        await source.close();
      }
    },
    view: ({ to, tables, contents, bytes }) =>
      `moved ${numbered(sum(Object.values(tables)))} rows and ${numbered(contents)} files (${sizeText(bytes)}) to ${to}`,
    after({ to, missing }, { options: { json } }) {
      if (missing.length > 0) {
        warn(`${missing.length} contents were missing in the old store: \`replyd check\` there shows which`);
        process.exitCode = EXIT_FAILED;
      }
      if (json) return;
      const key = to.startsWith('postgres://') ? 'store.url' : 'data_dir';
      hint(`\nNext: name it in the configuration (${key}), then \`replyd check\` and \`replyd serve\`.`);
    },
  });
}

async function readPlace(word: string): Promise<StorePlace> {
  if (!/^postgres(ql)?:/i.test(word)) return { kind: 'sqlite', dataDir: path.resolve(word) };
  const { readUrl, resolveAddress } = await import('../../store/postgres/address.js');
  const read = readUrl(word);
  if (read.kind === 'bad') throw usageError(`the URL of the database ${read.reason}`);
  // Others see the words of a process for as long as it runs.
  if (read.given.password !== undefined) process.title = 'replyd migrate-store';
  return { kind: 'postgres', ...resolveAddress(word, process.env) };
}

function nameOf(place: StorePlace): string {
  return place.kind === 'sqlite' ? place.dataDir : place.name;
}

/** Root is the owner of the folders from here on. Throws unavailable when there is no store to move. */
function takeFolders(from: StorePlace, to: StorePlace, user: Owner | null): void {
  if (to.kind === 'sqlite')
    makeDataDirectory(to.dataDir, user ?? (from.kind === 'sqlite' ? ownerOf(from.dataDir) : null));
  if (from.kind === 'postgres') return;
  if (ownerOf(from.dataDir) === null) throw new ReplydError('unavailable', `there is no store in ${from.dataDir}`);
  becomeOwner(from.dataDir);
  checkAccess(from.dataDir);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, each) => all + each, 0);
}
