/** `replyd message …` and `replyd attachment …`: shows one message, releases or drops a held one, writes its files. */
import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { ReplydError } from '../../base/errors.js';
import type { Message } from '../../conversation/model.js';
import { withStore } from '../context.js';
import { sizeText } from '../terminal/render.js';
import { print, printBytes, printJson, warn } from '../terminal/terminal.js';
import { messageView } from '../terminal/thread.js';
import { addVerb, jsonOption } from '../verb.js';

interface Json {
  readonly json?: true;
}

export function defineMessage(group: Command): void {
  addVerb(group, 'show <id>', {
    does: 'show a message with what was cut off, or the mail it came in',
    examples: [
      'message show msg_04x0g2k9c7d',
      'message show msg_04x0g2k9c7d --json',
      'message show msg_04x0g2k9c7d --raw > mail.eml',
    ],
  })
    .option('--raw', 'the mail as it came in, byte for byte')
    .addOption(jsonOption().conflicts('raw'))
    .action(async (id: string, options: Json & { raw?: true }, command: Command) => {
      if (options.raw) {
        await printBytes(
          await withStore(command, async ({ store }) => {
            const message = await store.message(id);
            if (message.mail_id === null) throw new ReplydError('not_found', `message ${id} did not come in a mail`);
            return store.read((await store.mail(message.mail_id)).raw);
          }),
        );
      } else {
        showMessage(await withStore(command, ({ store }) => store.message(id)), options);
      }
    });

  addVerb(group, 'release <id>', {
    does: 'give a held message its effect',
    examples: ['message release msg_04x0g2k9c7d'],
  })
    .addOption(jsonOption())
    .action(async (id: string, options: Json, command: Command) => {
      showMessage(await withStore(command, ({ store }) => store.releaseMessage(id)), options);
    });

  addVerb(group, 'drop <id>', {
    does: 'end a held message: it stays, without any effect',
    examples: ['message drop msg_04x0g2k9c7d'],
  })
    .addOption(jsonOption())
    .action(async (id: string, options: Json, command: Command) => {
      showMessage(await withStore(command, ({ store }) => store.dropMessage(id)), options);
    });
}

export function defineAttachment(group: Command): void {
  addVerb(group, 'get <id>', {
    does: 'write an attachment to a file',
    examples: ['attachment get att_04x0g2k9c7d -o invoice.pdf', 'attachment get att_04x0g2k9c7d -o - | less'],
    more: 'The name that the sender gave the file is never used: say where it goes.',
  })
    .requiredOption('-o, --output <file>', 'where it goes; - is standard output')
    .addOption(jsonOption())
    .action(async (id: string, options: Json & { output: string }, command: Command) => {
      const { attachment, bytes } = await withStore(command, async ({ store }) => {
        const found = await store.attachment(id);
        return { attachment: found.attachment, bytes: await store.read(found.content) };
      });
      if (options.output === '-') return printBytes(bytes);
      writeFileSync(options.output, bytes, { mode: 0o600 });
      if (options.json) printJson(attachment);
      else warn(`wrote ${sizeText(bytes.length)} to ${options.output}`);
    });
}

function showMessage(message: Message, options: Json): void {
  if (options.json) printJson(message);
  else print(messageView(message));
}
