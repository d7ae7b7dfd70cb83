/**
 * `replyd mail …`: mails as they came in, the result of each, and `clear` for those outside conversations.
 */
import type { Command } from 'commander';
import type { Store } from '../../conversation/store.js';
import { MAIL_RECORD_STATES } from '../../conversation/vocabulary.js';
import { given, oneOf, readDuration } from '../readers.js';
import { confirmRemoval, type Yes, yesOption } from '../terminal/confirm.js';
import { mailView, sizeText, timeText } from '../terminal/render.js';
import { table } from '../terminal/table.js';
import { plural } from '../terminal/thread.js';
import { defineListVerb, defineStoreVerb, option, required, type StoreCall } from '../verb.js';
import { defineExplain } from './explain.js';
import { defineReprocess } from './reprocess.js';

export function defineMail(group: Command): void {
  defineListVerb(group.command('list'), {
    does: 'list mails, the newest first',
    examples: ['mail list', 'mail list --state quarantined', 'mail list --state refused --limit 5 --json'],
    more: [
      'filed        stands in its conversation',
      'quarantined  stands in its conversation, but could not be read (`mail reprocess`)',
      'refused      was turned away after it came',
      'kept         for postmaster or abuse',
    ].join('\n'),
    options: [
      option('--state <state>', MAIL_RECORD_STATES.join(', '), oneOf('state', MAIL_RECORD_STATES)),
      option('--account <slug>', 'of this account'),
    ],
    rows: (store, filter: Parameters<Store['mails']>[0]) => store.mails(filter),
    view: mails =>
      table(
        mails,
        [
          { title: 'id', of: mail => mail.id },
          { title: 'state', of: mail => mail.state },
          { title: 'received', of: mail => timeText(mail.received_at) },
          { title: 'size', of: mail => sizeText(mail.size), align: 'right' },
          { title: 'from', of: mail => mail.envelope.mail_from || '<>', shrinks: true, whole: true },
          { title: 'to', of: mail => mail.envelope.rcpt_to.join(' '), shrinks: true },
        ],
        { note: mail => mail.reason },
      ),
  });

  defineStoreVerb(group.command('show <id>'), {
    does: 'show a mail: envelope, state, what became of it',
    examples: ['mail show mail_04x0g2k9c7d', 'mail show mail_04x0g2k9c7d --json'],
    run: async ({ store }, id) => (await store.mail(id)).mail,
    view: mailView,
  });

  defineExplain(group);
  defineClear(group);

  defineReprocess(group);
}

interface Clear extends Yes {
  readonly state: (typeof CLEARABLE)[number];
  readonly older?: number;
}

const CLEARABLE = ['kept', 'refused'] as const;
const MAX_AGE = 3650 * 86_400_000;

function defineClear(group: Command): void {
  defineStoreVerb(group.command('clear'), {
    does: 'remove mails that stand in no conversation',
    examples: ['mail clear --state refused', 'mail clear --state kept --older 30d --yes --json'],
    more: 'Mails in conversations stay. So does a mail whose copy is still on its way to operator.address.',
    options: [
      required('--state <state>', CLEARABLE.join(' or '), oneOf('state that can be cleared', CLEARABLE)),
      option('--older <duration>', 'only what came longer ago, such as 30d', typed =>
        readDuration('--older', typed, MAX_AGE),
      ),
      yesOption(),
    ],
    async run({ store, options }: StoreCall<Clear>) {
      const { state, older } = options;
      const before = older === undefined ? undefined : Date.now() - older;
      const when = before === undefined ? '' : ` that came before ${timeText(new Date(before).toISOString())}`;
      await confirmRemoval(`all ${state} mails${when}`, options);
      return { state, removed: await store.clearUnfiled({ state, ...given({ before }) }) };
    },
    view: ({ state, removed }) => `removed ${plural(removed, `${state} mail`)}`,
  });
}
