/** Conversations of another system: taken over with the tokens that stand in its mails. */

import { isReplydError } from '../../base/errors.js';
import type { ImportedConversation, ImportResult } from '../../conversation/store.js';
import { importedToken } from '../../conversation/token.js';
import type { AccountRow } from '../rows.js';
import { inTurn, type StoreTx, type Verb } from '../tx.js';
import { accountBySlug, checkedAddress } from './accounts.js';
import { openConversation } from './conversations.js';
import { contactFor } from './known-contacts.js';

export const importConversations: Verb<'importConversations'> = async (tx, conversations) =>
  await inTurn(conversations, async each => {
    let account: AccountRow;
    let token: string;
    try {
      // All that can be wrong, before anything is written.
      account = await accountBySlug(tx, each.account);
      ({ token } = importedToken(each.token));
      if (each.contact.email) checkedAddress(each.contact.email);
    } catch (error) {
      if (isReplydError(error)) return { refused: error.message };
      throw error;
    }
    return importOne(tx, each, { accountKey: account.key, token });
  });

async function importOne(
  tx: StoreTx,
  imported: ImportedConversation,
  { accountKey, token }: { accountKey: number; token: string },
): Promise<ImportResult> {
  const owner = await tx.value<number>(
    'select c.account_key from token t join conversation c on c.key = t.conversation_key where t.token = $1',
    token,
  );
  if (owner === accountKey) return 'known';
  if (owner !== undefined) return { refused: 'this conversation was imported into another account' };
  const contact = await contactFor(tx, accountKey, imported.contact, { bound: 'if free' });
  await openConversation(tx, contact, imported);
  return 'made';
}
