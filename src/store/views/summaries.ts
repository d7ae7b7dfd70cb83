/** Reading across tables: what we wrote into conversations (for recognising quotes), and the store in figures. */

import { keyOf } from '../ids.js';
import type { Session } from '../session.js';
import { atMost } from '../sqlite/database.js';

/** How many earlier messages of ours, and of the channel, a quoted part is compared with. */
const QUOTABLE_MESSAGES = 10;
const LATEST_OF_OURS = `select text from message indexed by message_quotable
  where conversation_key = ? and (direction = 'outgoing' or kind = 'channel') order by seq desc${atMost(QUOTABLE_MESSAGES)}`;

/** Texts of the conversations' latest messages that were mailed or said in the channel, newest first. */
export function quotable(session: Session, conversationIds: readonly string[]): readonly string[] {
  const texts: string[] = [];
  for (const id of new Set(conversationIds)) {
    for (const { text } of session.db.all<{ text: string }>(LATEST_OF_OURS, keyOf('conversation', id))) {
      if (text !== '') texts.push(text);
    }
  }
  return texts;
}

/** Unfinished deliveries by kind, and since when the one that is due longest has been due. From the index alone. */
export function queueDepth(session: Session): { kind: 'mail' | 'webhook'; count: number; dueSince: number | null }[] {
  const rows = session.db.all<{ hooks: number; count: number; due: number | null }>(
    `select destination >= 'hook_' and destination < 'hook\`' as hooks, count(*) as count, min(next_attempt_at) as due
     from delivery where state in ('waiting', 'leased', 'deferred') group by 1`,
  );
  const now = session.clock();
  return rows.map(({ hooks, count, due }) => ({
    kind: hooks === 1 ? 'webhook' : 'mail',
    count,
    dueSince: due !== null && due <= now ? due : null,
  }));
}

export function stats(session: Session): Readonly<Record<string, number>> {
  const { db } = session;
  const count = (text: string) => db.value<number>(text) ?? 0;
  const pages = (name: 'page_count' | 'page_size') => db.raw.pragma(name, { simple: true }) as number;
  return {
    accounts: count('select count(*) from account'),
    contacts: count('select count(*) from contact'),
    conversations: count('select count(*) from conversation'),
    conversations_open: count("select count(*) from conversation where status = 'open'"),
    messages: count('select count(*) from message'),
    mails: count('select count(*) from mail'),
    mails_quarantined: count("select count(*) from mail where state = 'quarantined'"),
    mails_refused: count("select count(*) from mail where state = 'refused'"),
    mails_kept: count("select count(*) from mail where state = 'kept'"),
    deliveries_waiting: count("select count(*) from delivery where state = 'waiting'"),
    deliveries_deferred: count("select count(*) from delivery where state = 'deferred'"),
    deliveries_failed: count("select count(*) from delivery where state = 'failed'"),
    hooks: count('select count(*) from hook'),
    hooks_off: count("select count(*) from hook where state = 'off'"),
    contents: count('select count(*) from blob'),
    database_bytes: pages('page_count') * pages('page_size'),
  };
}
