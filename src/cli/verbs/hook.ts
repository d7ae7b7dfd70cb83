/**
 * `replyd hook …`: where an account's events are posted. `test` posts from this process and needs no daemon; it prints
 * the receiver's answer, and ends with 1 when the receiver does not take the event.
 */
import { isIP } from 'node:net';
import type { Command } from 'commander';
import type { Hook } from '../../conversation/model.js';
import { withStore } from '../context.js';
import { EXIT_FAILED } from '../errors.js';
import { timeText } from '../terminal/render.js';
import { facts, table } from '../terminal/table.js';
import { print, printJson, warn } from '../terminal/terminal.js';
import { addVerb, jsonOption } from '../verb.js';

interface Json {
  readonly json?: true;
}

export function defineHook(group: Command): void {
  addVerb(group, 'add <slug> <url>', {
    does: 'post an account’s events to an address',
    examples: ['hook add acme https://app.acme.example/replyd', 'hook add acme https://app.acme.example/replyd --json'],
    more: 'The secret that signs (Standard Webhooks) is shown now; `hook rotate` makes a new one.',
  })
    .addOption(jsonOption())
    .action(async (slug: string, url: string, options: Json, command: Command) => {
      await withStore(command, async ({ store, loaded }) => {
        showSecret(await store.addHook({ account: slug, url }), options);
        const { isPrivateAddress } = await import('../../outbound/webhook.js');
        const host = new URL(url).hostname.replace(/^\[|\]$/g, '');
        if (!loaded.config.hooks.allowPrivate && (host === 'localhost' || (isIP(host) && isPrivateAddress(host)))) {
          warn(`nothing will be posted there yet: ${host} is a private address, and hooks.allow_private is off`);
        }
      });
    });

  addVerb(group, 'list', { does: 'list the hooks', examples: ['hook list', 'hook list --json'] })
    .addOption(jsonOption())
    .action(async (options: Json, command: Command) => {
      const hooks = await withStore(command, ({ store }) => store.hooks({}));
      if (options.json) return hooks.forEach(printJson);
      if (hooks.length === 0) return warn('no hooks yet: `replyd hook add --help` shows how to add one');
      print(
        table(
          hooks,
          [
            { title: 'id', of: hook => hook.id },
            { title: 'account', of: hook => hook.account, shrinks: true },
            { title: 'state', of: stateOf },
            { title: 'address', of: hook => hook.url, shrinks: true },
          ],
          { note: hook => hook.reason },
        ),
      );
    });

  addVerb(group, 'test <id>', {
    does: 'post a test event now',
    examples: ['hook test hook_04x0g2k9c7d', 'hook test hook_04x0g2k9c7d --json'],
    more: 'When it is taken, a hook that is off or in trouble is on again.',
  })
    .addOption(jsonOption())
    .action(async (id: string, options: Json, command: Command) => {
      await withStore(command, async ({ store, loaded }) => {
        const [{ createPoster }, { testHook }] = await Promise.all([
          import('../../outbound/webhook.js'),
          import('../../outbound/hooks.js'),
        ]);
        const poster = createPoster({ allowPrivate: () => loaded.config.hooks.allowPrivate, clock: Date.now });
        try {
          const { ok, response } = await testHook({ store, poster, clock: Date.now }, id);
          if (options.json) printJson({ ok, response, hook: await store.hook(id) });
          else if (ok) print(`taken: ${response}`);
          else warn(`not taken: ${response}`);
          if (!ok) process.exitCode = EXIT_FAILED;
        } finally {
          poster.close();
        }
      });
    });

  addVerb(group, 'rotate <id>', {
    does: 'make a new secret; for a day the old one signs too',
    examples: ['hook rotate hook_04x0g2k9c7d', 'hook rotate hook_04x0g2k9c7d --json'],
  })
    .addOption(jsonOption())
    .action(async (id: string, options: Json, command: Command) => {
      showSecret(await withStore(command, ({ store }) => store.rotateHook(id)), options);
    });

  addVerb(group, 'remove <id>', {
    does: 'remove a hook with what waits for it',
    examples: ['hook remove hook_04x0g2k9c7d', 'hook remove hook_04x0g2k9c7d --json'],
  })
    .addOption(jsonOption())
    .action(async (id: string, options: Json, command: Command) => {
      await withStore(command, async ({ store }) => {
        const hook = await store.hook(id);
        await store.removeHook(id);
        if (options.json) printJson(hook);
        else print(`removed ${hook.id} of ${hook.account}`);
      });
    });
}

function showSecret({ hook, secret }: { hook: Hook; secret: string }, options: Json): void {
  if (options.json) {
    printJson({ ...hook, secret });
    return;
  }
  print(
    facts([
      ['id', hook.id],
      ['account', hook.account],
      ['address', hook.url],
      ['secret', secret],
    ]),
  );
  warn('keep the secret now: it cannot be shown again');
}

function stateOf(hook: Hook): string {
  if (hook.state === 'off') return 'off';
  return hook.failing_since === null ? 'on' : `failing ${timeText(hook.failing_since)}`;
}
