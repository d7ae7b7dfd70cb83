/** Routes of an account's settings, as far as the page for agents needs them: for keys and admins of that account. */
import { ReplydError } from '../base/errors.js';
import { blockEntry } from '../conversation/rules/blocked.js';
import { route } from './route.js';
import { AccountChange } from './schema.js';

export const ACCOUNT_ROUTES = [
  route('GET /v1/accounts/{slug}', {
    summary: 'Show an account with its settings',
    gives: { one: 'Account' },
    run: ({ store, params }) => store.account(params.slug!),
  }),
  route('PATCH /v1/accounts/{slug}', {
    summary: 'Change its name or settings; settings that are left out stay as they are',
    body: AccountChange,
    gives: { one: 'Account' },
    async run({ store, params, body: { name, settings } }) {
      const blocked = settings?.blocked?.map(entry => {
        const read = blockEntry(entry);
        if (read === null) {
          throw new ReplydError('invalid', `${JSON.stringify(entry.slice(0, 320))} is no address and no domain.`);
        }
        return read;
      });
      return store.setAccount(params.slug!, {
        ...(name === undefined ? {} : { name }),
        ...(settings === undefined ? {} : { settings: { ...settings, ...(blocked && { blocked }) } }),
      });
    },
  }),
];
