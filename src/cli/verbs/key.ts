/** `replyd key …`: bearer keys for the HTTP API. A key is shown once, when it is made; the store keeps its hash. */
import type { Command } from 'commander';
import type { ApiKey } from '../../conversation/model.js';
import { withStore } from '../context.js';
import { usageError } from '../errors.js';
import { timeText } from '../terminal/render.js';
import { facts, table } from '../terminal/table.js';
import { print, printJson, warn } from '../terminal/terminal.js';
import { addVerb, jsonOption } from '../verb.js';

interface Json {
  readonly json?: true;
}

export function defineKey(group: Command): void {
  addVerb(group, 'add [slug]', {
    does: 'make a key for an account, or for all of them',
    examples: ['key add acme --name "web widget"', 'key add --operator', 'key add acme --json'],
    more: 'The key is shown now and never again. An operator key is good for every account.',
  })
    .option('--operator', 'good for all accounts')
    .option('--name <name>', 'what it is for')
    .addOption(jsonOption())
    .action(async (slug: string | undefined, options: Json & { operator?: true; name?: string }, command: Command) => {
      if ((slug === undefined) !== (options.operator === true)) {
        throw usageError('give an account or --operator, one of both');
      }
      const { key, secret } = await withStore(command, ({ store }) =>
        store.addKey({ account: slug ?? null, ...(options.name === undefined ? {} : { name: options.name }) }),
      );
      if (options.json) return printJson({ ...key, key: secret });
      print(
        facts([
          ['key', secret],
          ['id', key.id],
          ['for', ownerOf(key)],
          ['name', key.name],
        ]),
      );
      warn('keep it now: it cannot be shown again');
    });

  addVerb(group, 'list', { does: 'list the keys', examples: ['key list', 'key list --json'] })
    .addOption(jsonOption())
    .action(async (options: Json, command: Command) => {
      const keys = await withStore(command, ({ store }) => store.keys());
      if (options.json) return keys.forEach(printJson);
      if (keys.length === 0) return warn('no keys yet: `replyd key add --help` shows how to make one');
      print(
        table(keys, [
          { title: 'id', of: key => key.id },
          { title: 'key', of: key => `${key.hint}…` },
          { title: 'for', of: ownerOf, shrinks: true },
          { title: 'name', of: key => key.name, shrinks: true },
          { title: 'state', of: stateOf },
        ]),
      );
    });

  addVerb(group, 'revoke <id>', {
    does: 'end a key at once',
    examples: ['key revoke key_04x0g2k9c7d', 'key revoke key_04x0g2k9c7d --json'],
  })
    .addOption(jsonOption())
    .action(async (id: string, options: Json, command: Command) => {
      const key = await withStore(command, ({ store }) => store.revokeKey(id));
      if (options.json) printJson(key);
      else print(`revoked ${key.id} of ${ownerOf(key)}`);
    });
}

function ownerOf(key: ApiKey): string {
  return key.account ?? 'all accounts';
}

function stateOf(key: ApiKey): string {
  if (key.revoked_at !== null) return 'revoked';
  return key.last_used_at === null ? 'never used' : `used ${timeText(key.last_used_at)}`;
}
