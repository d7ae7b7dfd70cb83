/** Routes of an account's settings, for keys and admins of that account, and of its equipment, for operators. */
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
    summary: 'Change its name or settings, an operator more; what is left out stays as it is',
    body: AccountChange,
    gives: { one: 'Account' },
    async run({ store, params, body: { name, settings, ...equipment } }) {
      const blocked = settings?.blocked?.map(entry => {
        const read = blockEntry(entry);
        if (read === null) {
          throw new ReplydError('invalid', `${JSON.stringify(entry.slice(0, 320))} is no address and no domain.`);
        }
        return read;
      });
      // Refused as a whole, for those who may not.
      if (Object.keys(equipment).length > 0) await store.equipAccount(params.slug!, equipment);
      return store.setAccount(params.slug!, {
        ...(name === undefined ? {} : { name }),
        ...(settings === undefined ? {} : { settings: { ...settings, ...(blocked && { blocked }) } }),
      });
    },
  }),
];
