/** `replyd key …`: bearer keys for the HTTP API. A key is shown once, when it is made; the store keeps its hash. */
import type { Command } from 'commander';
import type { ApiKey } from '../../conversation/model.js';
import { usageError } from '../errors.js';
import { given } from '../readers.js';
import { timeText } from '../terminal/render.js';
import { facts, table } from '../terminal/table.js';
import { warn } from '../terminal/terminal.js';
import { defineStoreVerb, option, type StoreCall } from '../verb.js';

export function defineKey(group: Command): void {
  defineStoreVerb(group.command('add [slug]'), {
    does: 'make a key for an account, or for all of them',
    examples: ['key add acme --name "web widget"', 'key add --operator', 'key add acme --json'],
    more: 'The key is shown now and never again. An operator key is good for every account.',
    options: [option('--operator', 'good for all accounts'), option('--name <name>', 'what it is for')],
    async run({ store, options }: StoreCall<{ operator?: true; name?: string }>, slug?: string) {
      if ((slug === undefined) !== (options.operator === true)) {
        throw usageError('give an account or --operator, one of both');
      }
      const { key, secret } = await store.addKey({ account: slug ?? null, ...given({ name: options.name }) });
      return { ...key, key: secret };
    },
    view: made =>
      facts([
        ['key', made.key],
        ['id', made.id],
        ['for', ownerOf(made)],
        ['name', made.name],
      ]),
    after(_made, { options }) {
      if (!options.json) warn('keep it now: it cannot be shown again');
    },
  });

  defineStoreVerb(group.command('list'), {
    does: 'list the keys',
    examples: ['key list', 'key list --json'],
    run: ({ store }) => store.keys(),
    view: keys =>
      table(keys, [
        { title: 'id', of: key => key.id },
        { title: 'key', of: key => `${key.hint}…` },
        { title: 'for', of: ownerOf, shrinks: true },
        { title: 'name', of: key => key.name, shrinks: true },
        { title: 'state', of: stateOf },
      ]),
    none: 'no keys yet: `replyd key add --help` shows how to make one',
  });

  defineStoreVerb(group.command('revoke <id>'), {
    does: 'end a key at once',
    examples: ['key revoke key_04x0g2k9c7d', 'key revoke key_04x0g2k9c7d --json'],
    run: ({ store }, id) => store.revokeKey(id),
    view: key => `revoked ${key.id} of ${ownerOf(key)}`,
  });
}

function ownerOf(key: ApiKey): string {
  return key.account ?? 'all accounts';
}

function stateOf(key: ApiKey): string {
  if (key.revoked_at !== null) return 'revoked';
  return key.last_used_at === null ? 'never used' : `used ${timeText(key.last_used_at)}`;
}
