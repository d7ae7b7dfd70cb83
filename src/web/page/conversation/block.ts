/** The account's list of those whose mail is taken no more. */
import type { Account } from '../../../conversation/model.js';
import { ask } from '../api.js';

export async function block(account: string, address: string): Promise<void> {
  const { settings } = await ask<Account>('GET', `/v1/accounts/${account}`);
  const blocked = [...new Set([...(settings.blocked ?? []), address])];
  await ask('PATCH', `/v1/accounts/${account}`, { body: { settings: { blocked } } });
}
