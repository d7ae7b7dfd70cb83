/** Which conversation a reference names: an id, or the number within an account. Throws conversation_not_found. */
import { ReplydError } from '../../base/errors.js';
import type { ConversationRef } from '../../conversation/ref.js';
import { byId } from '../by-key.js';
import type { ConversationRow } from '../rows.js';
import type { StoreTx } from '../tx.js';
import { accountBySlug } from './accounts.js';

export async function conversationRow(tx: StoreTx, ref: ConversationRef): Promise<ConversationRow> {
  if ('id' in ref) {
    return byId(tx, 'conversation', ref.id);
  }
  const account = await accountBySlug(tx, ref.account);
  const row = await tx.get<ConversationRow>(
    'select * from conversation where account_key = $1 and number = $2',
    account.key,
    ref.number,
  );
  if (!row)
    throw new ReplydError('conversation_not_found', `account ${ref.account} has no conversation #${ref.number}`);
  return row;
}
