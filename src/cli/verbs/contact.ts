/** `replyd contact …`: the people an account writes to, their addresses, and suspended mailing. */
import type { Command } from 'commander';
import type { Contact } from '../../conversation/model.js';
import { withStore } from '../context.js';
import { confirmRemoval } from '../terminal/confirm.js';
import { list } from '../terminal/listing.js';
import { contactView } from '../terminal/render.js';
import { table } from '../terminal/table.js';
import { print, printJson } from '../terminal/terminal.js';
import { addVerb, given, jsonOption, limitOption, listed, readPairs } from '../verb.js';

const KEYS = ['email', 'name', 'source_id'] as const;

interface Json {
  readonly json?: true;
}

export function defineContact(group: Command): void {
  addVerb(group, 'list', {
    does: 'list contacts, the newest first',
    examples: ['contact list --account acme', 'contact list --email maria@example.org --json'],
  })
    .option('--account <slug>', 'of this account')
    .option('--email <address>', 'with this address')
    .addOption(limitOption())
    .addOption(jsonOption())
    .action(async (options: Json & { account?: string; email?: string; limit: number }, command: Command) => {
      const filter = given({ account: options.account, email: options.email });
      await withStore(command, ({ store }) =>
        list(
          options,
          page => store.contacts({ ...filter, ...page }),
          contacts =>
            table(
              contacts,
              [
                { title: 'id', of: contact => contact.id },
                { title: 'account', of: contact => contact.account, shrinks: true },
                { title: 'name', of: contact => contact.name, shrinks: true },
                { title: 'address', of: contact => contact.email, shrinks: true },
                { title: 'source id', of: contact => contact.source_id, shrinks: true },
              ],
              { note: contact => (contact.suspended ? `suspended: ${contact.suspended.reason}` : null) },
            ),
        ),
      );
    });

  addVerb(group, 'show <id>', {
    does: 'show a contact',
    examples: ['contact show ct_04x0g2k9c7d', 'contact show ct_04x0g2k9c7d --json'],
  })
    .addOption(jsonOption())
    .action(async (id: string, options: Json, command: Command) => {
      showContact(await withStore(command, ({ store }) => store.contact(id)), options);
    });

  addVerb(group, 'set <id> <pairs...>', {
    does: 'change a contact, each as KEY=VALUE',
    examples: [
      'contact set ct_04x0g2k9c7d email=maria@example.net',
      'contact set ct_04x0g2k9c7d name="Maria K." source_id=',
    ],
    more: `Keys: ${listed(KEYS)}. An empty email or source_id takes it away.\nA new address gets reply addresses of its own; the old ones live on until \`conversation rotate-token\` revokes them.`,
  })
    .addOption(jsonOption())
    .action(async (id: string, words: readonly string[], options: Json, command: Command) => {
      const change = Object.fromEntries(
        [...readPairs(words, KEYS)].map(([key, value]) => [key, value === '' && key !== 'name' ? null : value]),
      );
      showContact(await withStore(command, ({ store }) => store.setContact(id, change)), options);
    });

  addVerb(group, 'clear <id>', {
    does: 'mail to him again after his address was found dead',
    examples: ['contact clear ct_04x0g2k9c7d'],
  })
    .addOption(jsonOption())
    .action(async (id: string, options: Json, command: Command) => {
      showContact(await withStore(command, ({ store }) => store.clearContact(id)), options);
    });

  addVerb(group, 'remove <id>', {
    does: 'remove a contact with all his conversations',
    examples: ['contact remove ct_04x0g2k9c7d', 'contact remove ct_04x0g2k9c7d --yes'],
  })
    .option('--yes', 'do not ask')
    .addOption(jsonOption())
    .action(async (id: string, options: Json & { yes?: true }, command: Command) => {
      await withStore(command, async ({ store }) => {
        const contact = await store.contact(id);
        const name = contact.email ?? contact.name;
        if (
          !(await confirmRemoval(`contact ${id} (${name}) with all his conversations`, {
            ...options,
            unasked: 'remove',
          }))
        )
          return;
        await store.removeContact(id);
        if (options.json) printJson(contact);
        else print(`removed contact ${id}`);
      });
    });
}

function showContact(contact: Contact, options: Json): void {
  if (options.json) printJson(contact);
  else print(contactView(contact));
}
