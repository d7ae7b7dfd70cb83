/**
 * `replyd mail …`: mails as they came in, the result of each, `reprocess` for those that could not be read, and
 * `clear` for those outside conversations.
 */
import type { Command } from 'commander';
import { ReplydError } from '../../base/errors.js';
import type { StoredContent } from '../../conversation/filing.js';
import type { Store } from '../../conversation/store.js';
import { MAIL_RECORD_STATES } from '../../conversation/vocabulary.js';
import { given, oneOf, readDuration } from '../readers.js';
import { confirmRemoval, type Yes, yesOption } from '../terminal/confirm.js';
import { mailView, sizeText, timeText } from '../terminal/render.js';
import { table } from '../terminal/table.js';
import { messageView, plural } from '../terminal/thread.js';
import { defineListVerb, defineStoreVerb, option, required, type StoreCall } from '../verb.js';
import { defineExplain } from './explain.js';

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
          { title: 'from', of: mail => mail.envelope.mail_from || '<>', shrinks: true },
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

  defineStoreVerb(group.command('reprocess <id>'), {
    does: 'read a quarantined mail again and fill its message',
    examples: ['mail reprocess mail_04x0g2k9c7d', 'mail reprocess mail_04x0g2k9c7d --json'],
    more: 'The mail is read in this process, without limits of time and memory: end it with Ctrl-C when it takes too long.',
    async run({ store }, id) {
      const messages = await reprocess(store, id);
      const { mail } = await store.mail(id);
      return { mail, messages: await Promise.all(messages.map(each => store.message(each))) };
    },
    json: ({ mail }) => mail,
    view: ({ messages }) => messages.map(message => messageView(message)).join('\n'),
  });
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
      await confirmRemoval(`all ${state} mails${when}`, options, 'refuse');
      return { state, removed: await store.clearUnfiled({ state, ...given({ before }) }) };
    },
    view: ({ state, removed }) => `removed ${plural(removed, `${state} mail`)}`,
  });
}

/** Reads the mail again, by the second reader too. Returns the ids of the messages it filled; throws unavailable when it still can't be read. */
async function reprocess(store: Store, id: string): Promise<readonly string[]> {
  const { mail, raw } = await store.mail(id);
  if (mail.state !== 'quarantined') {
    throw new ReplydError('conflict', `mail ${id} is ${mail.state}, not quarantined: there is nothing to reprocess`);
  }
  const conversations: string[] = [];
  for (const { message_id } of mail.results) {
    if (message_id !== null) conversations.push((await store.message(message_id)).conversation_id);
  }
  const [{ readJob }, { readJobAgain }, { factsOf }, { keepInMemory }] = await Promise.all([
    import('../../parsing/job.js'),
    import('../../parsing/second-reader.js'),
    import('../../mail/fingerprint.js'),
    import('../../mail/message.js'),
  ]);
  const bytes = await store.read(raw);
  const about = {
    knownTexts: { texts: await store.quotable(conversations), replyAddresses: mail.envelope.rcpt_to },
    mailFrom: mail.envelope.mail_from,
    authservIds: [],
  };
  const job = { id: 0, raw: { bytes }, about };
  const given = { bytes, facts: factsOf(bytes), keeper: keepInMemory };
  const first = await readJob(job, given);
  const result = first.kind === 'unreadable' ? await readJobAgain(job, given) : first;
  if (result.kind !== 'read') throw new ReplydError('unavailable', `mail ${id} still can't be read: ${result.reason}`);
  const placed: StoredContent[] = [];
  for (const attachment of result.attachments) placed.push(await store.place(attachment.content, attachment));
  return store.refile(id, result.reading, placed);
}
