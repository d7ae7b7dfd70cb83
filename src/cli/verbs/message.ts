/** `replyd message …` and `replyd attachment …`: shows one message, releases or drops a held one, writes its files. */
import type { Command } from 'commander';
import { ReplydError } from '../../base/errors.js';
import type { Store } from '../../conversation/store.js';
import { loadSettings, withStore } from '../context.js';
import { writeOutput } from '../named-files.js';
import { asOwnerOf } from '../owner.js';
import { sizeText } from '../terminal/render.js';
import { printBytes, printJson, warn } from '../terminal/terminal.js';
import { messageView } from '../terminal/thread.js';
import { defineStoreVerb, defineVerb, type Json, jsonOption, option, required, show } from '../verb.js';

export function defineMessage(group: Command): void {
  defineVerb(group.command('show <id>'), {
    does: 'show a message with what was cut off, or the mail it came in',
    examples: [
      'message show msg_04x0g2k9c7d',
      'message show msg_04x0g2k9c7d --json',
      'message show msg_04x0g2k9c7d --raw > mail.eml',
    ],
    options: [option('--raw', 'the mail as it came in, byte for byte'), jsonOption().conflicts('raw')],
  }).action((id: string, options: Json & { raw?: true }, command: Command) =>
    withStore(command, async ({ store }) => {
      const message = await store.message(id);
      if (!options.raw) return show(message, options, { view: messageView });
      if (message.mail_id === null) throw new ReplydError('not_found', `message ${id} did not come in a mail`);
      await printBytes(await store.read((await store.mail(message.mail_id)).raw));
    }),
  );

  defineStoreVerb(group.command('release <id>'), {
    does: 'give a held message its effect',
    examples: ['message release msg_04x0g2k9c7d'],
    run: ({ store }, id) => store.releaseMessage(id),
    view: messageView,
  });

  defineStoreVerb(group.command('drop <id>'), {
    does: 'end a held message: it stays, without any effect',
    examples: ['message drop msg_04x0g2k9c7d'],
    run: ({ store }, id) => store.dropMessage(id),
    view: messageView,
  });
}

export function defineAttachment(group: Command): void {
  defineVerb(group.command('get <id>'), {
    does: 'write an attachment to a file',
    examples: ['attachment get att_04x0g2k9c7d -o invoice.pdf', 'attachment get att_04x0g2k9c7d -o - | less'],
    more: 'The name that the sender gave the file is never used: say where it goes.',
    options: [
      required('-o, --output <file>', 'where it goes; - is standard output'),
      option('--replace', 'a file that is there is replaced'),
      jsonOption(),
    ],
  }).action(async (id: string, options: Json & { output: string; replace?: true }, command: Command) => {
    const loaded = await loadSettings(command);
    const { dataDir } = loaded.config;
    const work = () => withStore(command, ({ store }) => readAttachment(store, id), { loaded });
    // Root writes it where perhaps only root can: for that it is root again afterwards.
    const { attachment, bytes } = await asOwnerOf(dataDir, work);
    if (options.output === '-') return printBytes(bytes);
    await writeOutput(options.output, bytes, { dataDir, mode: 0o600, replace: options.replace ?? false });
    if (options.json) printJson(attachment);
    else warn(`wrote ${sizeText(bytes.length)} to ${options.output}`);
  });
}

async function readAttachment(store: Store, id: string) {
  const { attachment, content } = await store.attachment(id);
  return { attachment, bytes: await store.read(content) };
}
