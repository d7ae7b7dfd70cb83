/**
 * Mails that came in lately, for stopping loops: counted, not told apart by sender, because robots change theirs. A
 * contact's loop runs through many conversations (a robot that answers all of them, a forwarding address that opens a
 * new one for each mail), so they are counted together.
 *
 * A mail that is far from the limit costs one index query of the contact's conversations with activity in the window
 * (for a reply a part of the statement that finds its conversation, `around.ts`): as long as these hold fewer messages than
 * the limit nothing is counted. Counting ends when the limit is reached, and
 * looks at a bounded number of conversations and messages.
 *
 * From half of the limit on, the contact's mails are filed one after the other, whatever conversation they go to: where
 * several processes write, a loop through many conversations ends at the limit there too.
 */
import { NO_RECENT_MAILS, type RecentMails } from '../../conversation/rules/loop.js';
import type { ConversationRow } from '../rows.js';
import type { StoreTx } from '../tx.js';

/** For each mail of the limit, so many conversations: in some of them only agents wrote. */
export const CONVERSATIONS = 2;
/** For each mail of the limit, so many messages are looked at: agents write between them. */
const COUNTED = 10;

export interface LoopLimits {
  readonly loopMessages: number;
  /** Milliseconds. */
  readonly loopWindow: number;
}

type Active = Pick<ConversationRow, 'key' | 'next_seq'>;

/**
 * `conversation`: null for mail that is about to open one. `ownMail`: it carries our loop mark, whatever the count.
 * `others`: how many messages the contact's other conversations have, where that is known.
 */
export async function recentMails(
  tx: StoreTx,
  at: {
    readonly contactKey: number;
    readonly conversation: Active | null;
    readonly ownMail: boolean;
    readonly others?: number | undefined;
  },
  limits: LoopLimits,
): Promise<RecentMails> {
  const { conversation } = at;
  const since = tx.now() - limits.loopWindow;
  const own = conversation === null ? 0 : conversation.next_seq - 1;
  if (at.others !== undefined && !at.ownMail && 2 * (own + at.others) < limits.loopMessages) return NO_RECENT_MAILS;
  const others =
    at.others === 0
      ? []
      : (
          await tx.all<Active>(
            `select key, next_seq from conversation where contact_key = $1 and last_activity_at > $2
             order by last_activity_at desc limit $3`,
            at.contactKey,
            since,
            CONVERSATIONS * limits.loopMessages,
          )
        ).filter(each => each.key !== conversation?.key);
  const active = conversation === null ? others : [conversation, ...others];
  const most = active.reduce((sum, each) => sum + each.next_seq - 1, 0);
  if (2 * most >= limits.loopMessages && others.length > 0) {
    await tx.lock(
      'conversation',
      others.map(each => each.key),
    );
  }
  if (most < limits.loopMessages && !at.ownMail) return NO_RECENT_MAILS;
  const here = conversation === null ? NONE : await recentIn(tx, conversation, since, limits);
  let mails = here.mails;
  let looping = false;
  for (const other of others) {
    if (mails >= limits.loopMessages && looping) break;
    const found = await recentIn(tx, other, since, limits);
    mails += found.mails;
    looping ||= found.looping;
  }
  return {
    ofConversation: here.mails,
    ofContact: mails,
    looping: here.looping ? 'here' : looping ? 'elsewhere' : null,
  };
}

const NONE = { mails: 0, looping: false };

/** Up to the limit, the newest first. Asks only for what stands in the index. */
async function recentIn(tx: StoreTx, conversation: Active, since: number, limits: LoopLimits) {
  const { mails, looping } = (await tx.get<{ mails: number; looping: number | null }>(
    `select count(*) as mails, max(looping) as looping from
       (select looping from message
        where conversation_key = $1 and seq >= $2 and direction = 'incoming' and mail_key is not null and received_at > $3
        order by seq desc limit $4) recent`,
    conversation.key,
    conversation.next_seq - COUNTED * limits.loopMessages,
    since,
    limits.loopMessages,
  ))!;
  return { mails, looping: looping === 1 };
}
