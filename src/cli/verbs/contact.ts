/** `replyd contact …`: the people an account writes to, their addresses, and suspended mailing. */
import type { Command } from 'commander';
import { ReplydError } from '../../base/errors.js';
import { readFileStream } from '../../base/text-file.js';
import { exportContact } from '../../conversation/export.js';
import type { StoredContentRef } from '../../conversation/filing.js';
import type { Contact, Message } from '../../conversation/model.js';
import type { Store } from '../../conversation/store.js';
import { withStore } from '../context.js';
import { usageError } from '../errors.js';
import { listed, readAddress, readPairs, readSourceId } from '../readers.js';
import { confirmRemoval, type Yes, yesOption } from '../terminal/confirm.js';
import { contactView } from '../terminal/render.js';
import { table } from '../terminal/table.js';
import { printBytes } from '../terminal/terminal.js';
import { defineListVerb, defineStoreVerb, defineVerb, option, type StoreCall } from '../verb.js';

/** Throws not_found when nobody has the address. */
async function contactsAt(store: Store, email: string): Promise<readonly Contact[]> {
  const contacts = await store.contacts({ email, limit: MOST_CONTACTS });
  if (contacts.length === 0) throw new ReplydError('not_found', `there is no contact with the address ${email}`);
  return contacts;
}

const MOST_CONTACTS = 100;
const KEYS = ['email', 'name', 'source_id'];

export function defineContact(group: Command): void {
  defineListVerb(group.command('list'), {
    does: 'list contacts, the newest first',
    examples: ['contact list --account acme', 'contact list --email maria@example.org --json'],
    options: [option('--account <slug>', 'of this account'), option('--email <address>', 'with this address')],
    rows: (store, filter: Parameters<Store['contacts']>[0]) => store.contacts(filter),
    view: contacts =>
      table(
        contacts,
        [
          { title: 'id', of: contact => contact.id },
          { title: 'account', of: contact => contact.account, shrinks: true, whole: true },
          { title: 'name', of: contact => contact.name, shrinks: true },
          { title: 'address', of: contact => contact.email, shrinks: true, whole: true },
          { title: 'source id', of: contact => contact.source_id, shrinks: true, whole: true },
        ],
        { note: contact => (contact.suspended ? `suspended: ${contact.suspended.reason}` : null) },
      ),
  });

  defineStoreVerb(group.command('show <who>'), {
    does: 'show a contact, by id or address',
    examples: ['contact show ct_04x0g2k9c7d', 'contact show maria@example.org', 'contact show ct_04x0g2k9c7d --json'],
    more: 'An address shows the contact of each account that writes to it.',
    run: async ({ store }, who) =>
      who.includes('@') ? contactsAt(store, readAddress(who)) : [await store.contact(who)],
    view: contacts => contacts.map(contactView).join('\n\n'),
  });

  defineStoreVerb(group.command('set <id> <pairs...>'), {
    does: 'change a contact, each as KEY=VALUE',
    examples: [
      'contact set ct_04x0g2k9c7d email=maria@example.net',
      'contact set ct_04x0g2k9c7d name="Maria K." source_id=',
    ],
    more: `Keys: ${listed(KEYS)}. An empty email or source_id takes it away.\nA new address gets reply addresses of its own; the old ones live on until \`conversation rotate-token\` revokes them.`,
    async run({ store }, id, ...pairs) {
      const change = Object.entries(readPairs(pairs, KEYS)).map(([key, value]) => [
        key,
        value === '' && key !== 'name' ? null : key === 'source_id' ? readSourceId(value) : value,
      ]);
      return store.setContact(id, Object.fromEntries(change));
    },
    view: contactView,
  });

  defineStoreVerb(group.command('clear <id>'), {
    does: 'mail to him again after his address was found dead',
    examples: ['contact clear ct_04x0g2k9c7d'],
    run: ({ store }, id) => store.clearContact(id),
    view: contactView,
  });

  defineVerb(group.command('export <id>'), {
    does: 'write all that is his as a tar file to standard output',
    examples: ['contact export ct_04x0g2k9c7d > maria.tar', 'contact export ct_04x0g2k9c7d | tar -tv'],
    more: 'It holds what he wrote and what went to him in his conversations, with attachments and his raw mails; no notes, and nothing that others wrote to the team. Whoever reads this file reads all of it: keep it as safe as the store.',
  }).action(async (id: string, _options: unknown, command: Command) => {
    if (process.stdout.isTTY) throw usageError('an archive is nothing for a terminal: write it to a file with >');
    await withStore(command, async ({ store }) => {
      const source = {
        ...store,
        rawOf: async ({ mail_id }: Message) => (mail_id === null ? null : (await store.mail(mail_id)).raw),
        bytes: async (ref: StoredContentRef) => {
          const content = await store.content(ref);
          return 'bytes' in content ? [content.bytes] : readFileStream(content.file);
        },
        shown: async (json: string) => json,
      };
      const contact = await store.contact(id);
      for await (const bytes of exportContact(source, { contact, now: Date.now() })) await printBytes(bytes);
    });
  });

  defineStoreVerb(group.command('remove <id>'), {
    does: 'remove a contact with all his conversations',
    examples: ['contact remove ct_04x0g2k9c7d', 'contact remove ct_04x0g2k9c7d --yes'],
    options: [yesOption()],
    async run({ store, options }: StoreCall<Yes>, id) {
      const contact = await store.contact(id);
      const name = contact.email ?? contact.name;
      await confirmRemoval(`contact ${id} (${name}) with all his conversations`, options);
      await store.removeContact(id);
      return contact;
    },
    view: ({ id }) => `removed contact ${id}`,
  });
}
