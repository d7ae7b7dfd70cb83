/** `replyd mail …`: mails as they came in, what became of each, and reading quarantined ones again. */
import type { Command } from 'commander';
import type { MailRecordState } from '../conversation/model.js';
import { withStore } from './context.js';
import { list } from './listing.js';
import { mailView, sizeText, timeText } from './render.js';
import { table } from './table.js';
import { print, printJson } from './terminal.js';
import { addVerb, jsonOption, limitOption, oneOf } from './verb.js';

const STATES: readonly MailRecordState[] = ['filed', 'quarantined', 'refused', 'kept'];

interface Json {
  readonly json?: true;
}

export function defineMail(group: Command): void {
  addVerb(group, 'list', {
    does: 'list mails, the newest first',
    examples: ['mail list', 'mail list --state quarantined', 'mail list --state refused --limit 5 --json'],
    more: [
      'filed        stands in its conversation',
      'quarantined  stands in its conversation, but could not be read (`mail reprocess`)',
      'refused      was turned away after it came',
      'kept         for postmaster or abuse',
    ].join('\n'),
  })
    .option('--state <state>', STATES.join(', '))
    .option('--account <slug>', 'of this account')
    .addOption(limitOption())
    .addOption(jsonOption())
    .action(async (options: Json & { state?: string; account?: string; limit: number }, command: Command) => {
      const filter = {
        ...(options.state === undefined ? {} : { state: oneOf('state', STATES, options.state) }),
        ...(options.account === undefined ? {} : { account: options.account }),
      };
      await withStore(command, ({ store }) =>
        list(
          options,
          page => store.mails({ ...filter, ...page }),
          mails =>
            table(
              mails,
              [
                { title: 'id', of: mail => mail.id },
                { title: 'state', of: mail => mail.state },
                { title: 'received', of: mail => timeText(mail.received_at) },
                { title: 'size', of: mail => sizeText(mail.size), align: 'right' },
                { title: 'from', of: mail => mail.envelope.mail_from || '<>', shrinks: true },
                { title: 'to', of: mail => mail.envelope.rcpt_to.join(' '), shrinks: true },
              ],
              { note: mail => mail.reason },
            ),
        ),
      );
    });

  addVerb(group, 'show <id>', {
    does: 'show a mail: envelope, state, what became of it',
    examples: ['mail show mail_04x0g2k9c7d', 'mail show mail_04x0g2k9c7d --json'],
  })
    .addOption(jsonOption())
    .action(async (id: string, options: Json, command: Command) => {
      const { mail } = await withStore(command, ({ store }) => store.mail(id));
      if (options.json) printJson(mail);
      else print(mailView(mail));
    });
}
