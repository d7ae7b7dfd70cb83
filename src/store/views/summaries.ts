/** Reading across tables: what we wrote into conversations (for recognising quotes), and the store in figures. */

import { KNOWN_LIMIT } from '../../mail/reply-text/known-texts.js';
import { keyOf } from '../ids.js';
import type { AccountRow } from '../rows.js';
import { fromJson, type StoreTx } from '../tx.js';
import { UNFINISHED } from '../verbs/unfinished.js';

/** How many earlier messages of ours, and of the channel, a quoted part is compared with. */
const QUOTABLE_MESSAGES = 10;
/** In one statement, because every mail asks. */
const LATEST_OF_OURS = `select * from (select text, null as settings from message
    where conversation_key = $1 and held = 0 and (direction = 'outgoing' or kind = 'channel') order by seq desc limit ${QUOTABLE_MESSAGES}) latest
  union all select null, settings from account where key = (select account_key from conversation where key = $1)`;

/**
 * Texts of the conversations' latest messages that were mailed or said in the channel, newest first; then what stands
 * around them in our mails. Of several conversations as many as a reader looks at.
 */
export async function quotable(tx: StoreTx, conversationIds: readonly string[]): Promise<readonly string[]> {
  const texts: string[] = [];
  let length = 0;
  for (const id of new Set(conversationIds)) {
    if (length >= KNOWN_LIMIT) break;
    const rows = await tx.all<{ text: string | null; settings: AccountRow['settings'] | null }>(
      LATEST_OF_OURS,
      keyOf('conversation', id),
    );
    for (const { text, settings } of rows) {
      const { intro, footer } = settings === null ? {} : fromJson(settings);
      for (const known of [text, intro, footer]) if (known) texts.push(known);
    }
    length = texts.reduce((sum, text) => sum + text.length, 0);
  }
  return texts;
}

/** Unfinished deliveries by kind, and since when the one that is due longest has been due. From the index alone. */
export async function queueDepth(
  tx: StoreTx,
): Promise<{ kind: 'mail' | 'webhook'; count: number; dueSince: number | null }[]> {
  const rows = await tx.all<{ hooks: number; count: number; due: number | null }>(
    `select case when destination >= 'hook_' and destination < 'hook\`' then 1 else 0 end as hooks, count(*) as count,
       min(next_attempt_at) as due
     from delivery where ${UNFINISHED} group by 1`,
  );
  const now = tx.now();
  return rows.map(({ hooks, count, due }) => ({
    kind: hooks === 1 ? 'webhook' : 'mail',
    count,
    dueSince: due !== null && due <= now ? due : null,
  }));
}

export async function stats(tx: StoreTx): Promise<Readonly<Record<string, number>>> {
  const count = async (text: string) => (await tx.value<number>(text)) ?? 0;
  return {
    accounts: await count('select count(*) from account'),
    contacts: await count('select count(*) from contact'),
    conversations: await count('select count(*) from conversation'),
    conversations_open: await count("select count(*) from conversation where status = 'open'"),
    messages: await count('select count(*) from message'),
    mails: await count('select count(*) from mail'),
    mails_quarantined: await count("select count(*) from mail where state = 'quarantined'"),
    mails_refused: await count("select count(*) from mail where state = 'refused'"),
    mails_kept: await count("select count(*) from mail where state = 'kept'"),
    deliveries_waiting: await count("select count(*) from delivery where state = 'waiting'"),
    deliveries_deferred: await count("select count(*) from delivery where state = 'deferred'"),
    deliveries_failed: await count("select count(*) from delivery where state = 'failed'"),
    hooks: await count('select count(*) from hook'),
    hooks_off: await count("select count(*) from hook where state = 'off'"),
    contents: await count('select count(*) from blob'),
  };
}
