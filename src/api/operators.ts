/**
 * Routes for operators' keys: all accounts, all keys, and the figures of the store. `GET /v1/accounts` is for others too, who
 * see those that they administer. A key's secret is in the answer that made it, in no other, and nowhere kept.
 */
import type { ApiKey } from '../conversation/model.js';
import { route } from './route.js';
import { NewAccountBody, NewKeyBody } from './schema.js';

export const OPERATOR_ROUTES = [
  route('GET /v1/accounts', {
    summary: 'List the accounts that the caller administers; with an operator’s key all',
    gives: { list: 'Account' },
    run: async ({ store }) => ({ data: await store.accounts(), next_cursor: null }),
  }),
  route('POST /v1/accounts', {
    summary: 'Add an account; for operators',
    body: NewAccountBody,
    gives: { one: 'Account' },
    makes: true,
    run: ({ store, body }) => store.addAccount(body),
  }),
  route('GET /v1/keys', {
    summary: 'List the keys of all accounts; for operators',
    gives: { list: 'Key' },
    run: async ({ store }) => ({ data: await store.keys(), next_cursor: null }),
  }),
  route('POST /v1/keys', {
    summary: 'Make a key; the answer has it, once; for operators',
    body: NewKeyBody,
    gives: { one: 'MadeKey' },
    makes: true,
    async run({ store, body, onceOutside }) {
      // Kept for a repeated request is what everybody may know.
      let secret: string | null = null;
      const key = await onceOutside(async (): Promise<ApiKey> => {
        const made = await store.addKey(body);
        secret = made.secret;
        return made.key;
      });
      return { ...key, key: secret };
    },
  }),
  route('DELETE /v1/keys/{id}', {
    summary: 'End a key at once; for operators',
    gives: { one: 'Key' },
    run: ({ store, params }) => store.revokeKey(params.id!),
  }),
  route('GET /v1/stats', {
    summary: 'How much is in the store, in all accounts; for operators',
    gives: { one: 'Stats' },
    run: ({ store }) => store.stats(),
  }),
];
