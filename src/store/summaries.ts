/** Reading across tables: what we wrote into conversations (for recognising quotes), and the store in figures. */
import type { Traces } from '../mail/mail.js';
import { keyOf } from './ids.js';
import type { Session } from './session.js';
import { replyAddressOf } from './views.js';

/** How many earlier messages of ours, and of the channel, a quoted part is compared with. */
const TRACED_MESSAGES = 10;
const TRACED_PARTICIPANTS = 20;

export function traces(session: Session, conversationIds: readonly string[]): Traces {
  const { db } = session;
  const texts: string[] = [];
  const replyAddresses: string[] = [];
  for (const id of new Set(conversationIds)) {
    const key = keyOf('conversation', id);
    for (const row of db.all<{ text: string }>(
      `select text from message indexed by message_quotable
       where conversation_key = ? and (direction = 'outgoing' or kind = 'channel') order by seq desc limit ?`,
      key,
      TRACED_MESSAGES,
    )) {
      if (row.text !== '') texts.push(row.text);
    }
    for (const row of db.all<{ written: string; domain: string }>(
      `select t.written, d.name as domain from conversation c
         join domain d on d.account_key = c.account_key and d.position = 0
         join participant p on p.conversation_key = c.key
         join token t on t.participant_key = p.key and t.revoked_at is null
       where c.key = ? limit ?`,
      key,
      TRACED_PARTICIPANTS,
    )) {
      replyAddresses.push(replyAddressOf(session, row.written, row.domain));
    }
  }
  return { texts, replyAddresses };
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
  };
}
