/**
 * `replyd hook …`: where an account's events are posted. `test` posts from this process and needs no daemon; it prints
 * the receiver's answer, and ends with 1 when the receiver does not take the event.
 */
import { isIP } from 'node:net';
import type { Command } from 'commander';
import type { Hook } from '../../conversation/model.js';
import type { Store } from '../../conversation/store.js';
import { EVENT_TYPES } from '../../conversation/vocabulary.js';
import { EXIT_FAILED } from '../errors.js';
import { oneOf } from '../readers.js';
import { confirmRemoval, type Yes, yesOption } from '../terminal/confirm.js';
import { timeText } from '../terminal/render.js';
import { facts, table } from '../terminal/table.js';
import { warn } from '../terminal/terminal.js';
import { type Call, defineStoreVerb, option, type StoreCall } from '../verb.js';

type Made = Awaited<ReturnType<Store['addHook']>>;

/** How a hook is shown whose secret is new. */
const WITH_SECRET = {
  json: ({ hook, secret }: Made) => ({ ...hook, secret }),
  view: ({ hook, secret }: Made) =>
    facts([
      ['id', hook.id],
      ['account', hook.account],
      ['address', hook.url],
      ...(hook.types === null ? [] : [['events', hook.types.join(', ')] as const]),
      ['secret', secret],
    ]),
  after(_made: Made, { options }: Call<unknown>) {
    if (!options.json) warn('keep the secret now: it cannot be shown again');
  },
};

export function defineHook(group: Command): void {
  defineStoreVerb(group.command('add <slug> <url>'), {
    does: 'post an account’s events to an address',
    examples: ['hook add acme https://app.acme.example/replyd', 'hook add acme https://app.acme.example/replyd --json'],
    more: 'The secret that signs (Standard Webhooks) is shown now; `hook rotate` makes a new one.',
    options: [
      option('--types <types>', `only events of these types, with commas between them: ${EVENT_TYPES.join(', ')}`),
    ],
    async run({ store, loaded, options }: StoreCall<{ readonly types?: string }>, slug, url) {
      const types = options.types === undefined ? null : options.types.split(',').map(oneOf('type', EVENT_TYPES));
      const made = await store.addHook({ account: slug, url, types });
      const { isPrivateAddress } = await import('../../outbound/webhook.js');
      const host = new URL(url).hostname.replace(/^\[|\]$/g, '');
      if (!loaded.config.hooks.allowPrivate && (host === 'localhost' || (isIP(host) && isPrivateAddress(host)))) {
        warn(`nothing will be posted there yet: ${host} is a private address, and hooks.allow_private is off`);
      }
      return made;
    },
    ...WITH_SECRET,
  });

  defineStoreVerb(group.command('list'), {
    does: 'list the hooks',
    examples: ['hook list', 'hook list --json'],
    run: ({ store }) => store.hooks({}),
    view: hooks =>
      table(
        hooks,
        [
          { title: 'id', of: hook => hook.id },
          { title: 'account', of: hook => hook.account, shrinks: true },
          { title: 'state', of: stateOf },
          { title: 'address', of: hook => hook.url, shrinks: true, whole: true },
        ],
        { note: hook => [hook.types?.join(', '), hook.reason].filter(Boolean).join('; ') || null },
      ),
    none: 'no hooks yet: `replyd hook add --help` shows how to add one',
  });

  defineStoreVerb(group.command('test <id>'), {
    does: 'post a test event now',
    examples: ['hook test hook_04x0g2k9c7d', 'hook test hook_04x0g2k9c7d --json'],
    more: 'When it is taken, a hook that is off or in trouble is on again.',
    async run({ store, loaded }, id) {
      const [{ createPoster }, { testHook }] = await Promise.all([
        import('../../outbound/webhook.js'),
        import('../../outbound/hooks.js'),
      ]);
      const poster = createPoster({ allowPrivate: () => loaded.config.hooks.allowPrivate, clock: Date.now });
      try {
        const { ok, response } = await testHook({ store, poster, clock: Date.now }, id);
        return { ok, response, hook: await store.hook(id) };
      } finally {
        poster.close();
      }
    },
    view: ({ ok, response }) => (ok ? `taken: ${response}` : ''),
    after({ ok, response }, { options }) {
      if (ok) return;
      if (!options.json) warn(`not taken: ${response}`);
      process.exitCode = EXIT_FAILED;
    },
  });

  defineStoreVerb(group.command('rotate <id>'), {
    does: 'make a new secret; for a day the old one signs too',
    examples: ['hook rotate hook_04x0g2k9c7d', 'hook rotate hook_04x0g2k9c7d --json'],
    run: ({ store }, id) => store.rotateHook(id),
    ...WITH_SECRET,
  });

  defineStoreVerb(group.command('remove <id>'), {
    does: 'remove a hook with what waits for it',
    examples: ['hook remove hook_04x0g2k9c7d', 'hook remove hook_04x0g2k9c7d --yes --json'],
    options: [yesOption()],
    async run({ store, options }: StoreCall<Yes>, id) {
      const hook = await store.hook(id);
      await confirmRemoval(`hook ${id} (${hook.url}) with what waits for it`, options);
      await store.removeHook(id);
      return hook;
    },
    view: hook => `removed ${hook.id} of ${hook.account}`,
  });
}

function stateOf(hook: Hook): string {
  if (hook.state === 'off') return 'off';
  return hook.failing_since === null ? 'on' : `failing ${timeText(hook.failing_since)}`;
}
