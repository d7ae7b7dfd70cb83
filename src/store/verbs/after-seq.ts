/** `after_seq` of a new message: two people who answer at once do not both answer. */
import { ReplydError } from '../../base/errors.js';
import { encodeId } from '../ids.js';
import type { ConversationRow } from '../rows.js';
import type { StoreTx } from '../tx.js';

const NEW_SHOWN = 50;

/** Somebody has written since the writer looked: conflict, with what is new, so that he can look again. */
export async function checkNothingNew(tx: StoreTx, conversation: ConversationRow, after: number): Promise<void> {
  if (conversation.next_seq - 1 <= after) return;
  const rows = await tx.all<{ key: number; seq: number; direction: string }>(
    `select key, seq, direction from message
     where conversation_key = $1 and seq > $2 and direction <> 'note'
       and not (direction = 'outgoing' and held <> 0) order by seq limit ${NEW_SHOWN}`,
    conversation.key,
    after,
  );
  if (rows.length === 0) return;
  const messages = rows.map(row => ({ id: encodeId('message', row.key), seq: row.seq, direction: row.direction }));
  throw new ReplydError(
    'conversation_moved',
    `somebody has written since message ${after}: read what is new and send it again with after_seq ${messages.at(-1)!.seq}`,
    { details: { after_seq: after, messages } },
  );
}
