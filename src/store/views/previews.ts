/** The newest words of conversations, for lists of them. */
import type { Conversation } from '../../conversation/model.js';
import type { MessageRow } from '../rows.js';
import type { StoreTx } from '../tx.js';

type Newest = Pick<MessageRow, 'conversation_key' | 'direction' | 'author_name' | 'author_email' | 'text'>;

const NEWEST = `select m.conversation_key, m.direction, m.author_name, m.author_email, substr(m.text, 1, $2) as text
  from conversation c join message m on m.key = (
    select n.key from message n where n.conversation_key = c.key and n.held = 0 order by n.seq desc limit 1)
  where c.key = any($1)`;

/** One statement, by key, for those that have a message that is not held; `length`: in characters. */
export async function previewsOf(
  tx: StoreTx,
  keys: readonly number[],
  length: number,
): Promise<ReadonlyMap<number, NonNullable<Conversation['preview']>>> {
  if (keys.length === 0) return new Map();
  const rows = await tx.all<Newest>(NEWEST, keys, length);
  return new Map(
    rows.map(row => [
      row.conversation_key,
      {
        direction: row.direction,
        author: row.author_name || row.author_email || '',
        text: whole(row.text, length).replaceAll(/\s+/g, ' ').trim(),
      },
    ]),
  );
}

/** What may be the beginning of a token or of an address of ours, which is not longer: hex, or words with a separator. */
const CUT = /(?:[\da-f]{4,36}|[\w.%]{0,140}[+=%-][\w+=%.-]{0,140})$/i;

/** Without a piece of an address at its end: who may not read the address would not know it for one, and let it pass. */
function whole(text: string, length: number): string {
  return text.length < length ? text : text.replace(CUT, '');
}
