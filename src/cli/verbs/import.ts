/**
 * `replyd import chatwoot FILE`: takes over conversations of another system, so that answers to its mails are threaded
 * here. It takes 500 rows in a transaction, so a running daemon never waits long. A second run changes nothing. A row
 * that can't be taken is reported on standard error and the run ends with 1; the other rows are taken.
 */
import type { Command } from 'commander';
import type { ImportedConversation } from '../../conversation/store.js';
import { type Context, loadSettings, withStore } from '../context.js';
import { EXIT_FAILED } from '../errors.js';
import { openInput } from '../named-files.js';
import { progressReporter } from '../terminal/progress.js';
import { warn } from '../terminal/terminal.js';
import { type Call, defineResultVerb, option } from '../verb.js';
import { readExport } from './chatwoot.js';

const ROWS = 500;
/** Reasons that are printed; the rest is counted. */
const MAX_REASONS = 50;

export function defineImport(group: Command): void {
  defineResultVerb(group.command('chatwoot <file>'), {
    does: 'take over conversations of Chatwoot',
    examples: ['import chatwoot conversations.csv', 'import chatwoot --account acme conversations.jsonl'],
    more: `FILE is CSV, whose first line names the columns, or JSON lines; "-" is standard input.
Columns: uuid, account, contact_name, contact_email, channel, subject; status and
contact_id if they are there. Reply addresses with the UUID, and the ids that Chatwoot
wrote into Message-ID and References, then name the conversation here. The domain must be
one of the account's, the prefix one of reply.prefix. A second run changes nothing.`,
    options: [option('--account <slug>', 'the account of all rows, in place of their own column')],
    async run({ command, options }: Call<{ account?: string }>, file) {
      const counts = { made: 0, known: 0, refused: 0 };
      const refuse = (line: number, reason: string) => {
        if (counts.refused++ < MAX_REASONS) warn(`line ${line}: ${reason}`);
      };
      const loaded = await loadSettings(command);
      const opened = file === '-' ? null : await openInput(file, loaded.config.dataDir);
      const input = opened?.createReadStream() ?? process.stdin;
      input.setEncoding('utf8');
      const tell = progressReporter();
      const work = async ({ store }: Context) => {
        let batch: { line: number; conversation: ImportedConversation }[] = [];
        const flush = async () => {
          const results = await store.importConversations(batch.map(each => each.conversation));
          results.forEach((result, at) => {
            if (typeof result === 'string') counts[result]++;
            else refuse(batch[at]!.line, result.refused);
          });
          batch = [];
          tell({ doing: 'importing', done: counts.made + counts.known + counts.refused, total: null });
        };
        for await (const { line, conversation } of readExport(input, options.account ?? null)) {
          if ('refused' in conversation) refuse(line, conversation.refused);
          else batch.push({ line, conversation });
          if (batch.length === ROWS) await flush();
        }
        await flush();
      };
      await withStore(command, work, { loaded }).finally(() => opened?.close());
      if (counts.refused > MAX_REASONS) warn(`… and ${counts.refused - MAX_REASONS} more`);
      return counts;
    },
    view: ({ made, known, refused }) => `${made} made, ${known} known already, ${refused} refused`,
    after({ refused }) {
      if (refused > 0) process.exitCode = EXIT_FAILED;
    },
  });
}
