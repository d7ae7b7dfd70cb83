/**
 * Notifications of agents on their way from gathering (`followers.ts`) to the queue: what each is to say, and the composed
 * mail. Until then one has the destination `notices`, which nobody leases.
 *
 * A notification says what it gathered; what colleagues answered since the last one; and which mails of his were held since,
 * and why. So whoever reads it knows the conversation up to `seq`.
 */
import {
  NOTICE_MESSAGES,
  NOTICE_TEXT,
  type NoticeMessage,
  type NoticeSnapshot,
  noticeWords,
} from '../../conversation/agent-notice.js';
import { HELD_MARK } from '../../conversation/rules/agent-mail.js';
import { noticeRefusal } from '../../conversation/rules/notices.js';
import { KNOWN_LIMIT } from '../../mail/reply-text/known-texts.js';
import { rawKey } from '../blobs/blobs.js';
import { groupedBy } from '../by-key.js';
import { decodeId, encodeId, keyOf } from '../ids.js';
import {
  type AccountRow,
  type ConversationRow,
  type DeliveryRow,
  type MessageRow,
  NOTICES,
  SMARTHOST,
} from '../rows.js';
import { fromJson, type StoreTx, toIso, type Verb } from '../tx.js';
import { accountView } from '../views/accounts.js';
import { bounceAddress, replyAddress } from '../views/addresses.js';
import { agentToken, type TokenPurpose } from './agent-tokens.js';
import { UNFINISHED } from './unfinished.js';

const WAITING = `kind = 'mail' and destination = $1 and state = 'waiting' and ${UNFINISHED} and outgoing_mail_key is null`;

export const dueNotices: Verb<'dueNotices'> = async (tx, { now, limit }) => {
  const rows = await tx.all<{ key: number }>(
    `select key from delivery where ${WAITING} and due_at <= $2 order by due_at, key limit $3`,
    NOTICES,
    now,
    limit,
  );
  return rows.map(({ key }) => encodeId('delivery', key));
};

export const nextNoticeAt: Verb<'nextNoticeAt'> = async tx =>
  (await tx.value<number>(`select min(due_at) from delivery where ${WAITING}`, NOTICES)) ?? null;

export const openNotice: Verb<'openNotice'> = async (tx, deliveryId) => {
  const row = await waitingNotice(tx, deliveryId);
  if (row === undefined) return null;
  const found = (await tx.get<NoticeFacts>(
    `select a.agent_mail, a.inbound_emails, g.name, g.email, g.state, g.suspended_at, k.name as contact_name,
       k.email as contact_email, f.muted, f.told_seq, case when m.agent_key is null then 0 else 1 end as is_member
     from conversation c join account a on a.key = c.account_key join contact k on k.key = c.contact_key
       left join agent g on g.key = $2
       left join agent_account m on m.account_key = c.account_key and m.agent_key = $2 and m.leaving_at is null
       left join agent_follow f on f.conversation_key = c.key and f.agent_key = $2
     where c.key = $1`,
    row.conversation_key,
    row.agent_key,
  ))!;
  const gathered = await gatheredBy(tx, row.key);
  const refusal =
    gathered.length === 0
      ? 'what it would tell is gone'
      : noticeRefusal({
          isOn: found.agent_mail === 1,
          takesMail: found.inbound_emails === 1,
          isMember: found.is_member === 1,
          isDisabled: found.state !== 'on',
          isSuspended: found.suspended_at !== null,
          isMuted: found.muted === 1,
        });
  if (refusal !== null) {
    await tx.update('delivery', row.key, {
      state: 'cancelled',
      reason: null,
      last_error: refusal,
      settled_at: tx.now(),
    });
    return null;
  }
  return snapshotOf(tx, row, { found, gathered });
};

interface NoticeFacts extends Pick<AccountRow, 'agent_mail' | 'inbound_emails'> {
  readonly name: string;
  readonly email: string;
  readonly state: string | null;
  readonly suspended_at: number | null;
  readonly contact_name: string;
  readonly contact_email: string | null;
  readonly muted: number | null;
  readonly told_seq: number | null;
  readonly is_member: number;
}

async function waitingNotice(tx: StoreTx, deliveryId: string): Promise<DeliveryRow | undefined> {
  return tx.get<DeliveryRow>(
    `select * from delivery where ${WAITING} and key = $2`,
    NOTICES,
    keyOf('delivery', deliveryId),
  );
}

/** Held or dropped ones are not told of. */
async function gatheredBy(tx: StoreTx, deliveryKey: number): Promise<readonly { key: number; seq: number }[]> {
  return tx.all(
    `select m.key, m.seq from delivery_message dm join message m on m.key = dm.message_key
     where dm.delivery_key = $1 and m.held = 0 order by m.seq`,
    deliveryKey,
  );
}

async function snapshotOf(
  tx: StoreTx,
  row: DeliveryRow,
  { found, gathered }: { readonly found: NoticeFacts; readonly gathered: readonly { key: number; seq: number }[] },
): Promise<NoticeSnapshot> {
  const [conversationKey, agentKey] = [row.conversation_key!, row.agent_key!];
  const conversation = (await tx.get<ConversationRow>('select * from conversation where key = $1', conversationKey))!;
  const account = await accountView(
    tx,
    (await tx.get<AccountRow>('select * from account where key = $1', conversation.account_key))!,
  );
  const domain = account.domains[0]!;
  const purpose: TokenPurpose = row.order_key.endsWith(':note') ? 'note' : 'answer';
  const token = await agentToken(tx, { conversationKey, agentKey, purpose });
  const shown = gathered.slice(0, NOTICE_MESSAGES);
  const toldSeq = found.told_seq ?? 0;
  return {
    deliveryId: encodeId('delivery', row.key),
    messageIds: gathered.map(({ key }) => encodeId('message', key)),
    account,
    conversation: {
      id: encodeId('conversation', conversationKey),
      number: conversation.number,
      subject: conversation.subject ?? (await firstSubject(tx, conversationKey)),
    },
    contact: found.contact_name || found.contact_email || '',
    agent: { name: found.name, email: found.email },
    purpose,
    seq: conversation.next_seq - 1,
    messages: await shownMessages(
      tx,
      'm.key = any($1)',
      shown.map(({ key }) => key),
    ),
    more: gathered.length - shown.length,
    // Whoever was told nothing yet finds all of it on the page.
    since: toldSeq === 0 ? [] : await answersSince(tx, { conversationKey, agentKey, seq: toldSeq }),
    held: toldSeq === 0 ? [] : await heldSince(tx, { conversationKey, agentKey, seq: toldSeq }),
    replyTo: replyAddress(tx, token, domain),
    bounceAddress: row.bounce_token === null ? null : bounceAddress(tx, row.bounce_token, domain),
  };
}

async function firstSubject(tx: StoreTx, conversationKey: number): Promise<string | null> {
  const text = `select subject from message where conversation_key = $1 and subject is not null and subject <> '' and held = 0
    order by seq limit 1`;
  return (await tx.value<string>(text, conversationKey)) ?? null;
}

type ShownRow = Pick<
  MessageRow,
  'key' | 'direction' | 'text' | 'author_name' | 'author_email' | 'received_at' | 'evidence'
>;

async function shownMessages(
  tx: StoreTx,
  where: string,
  ...values: readonly unknown[]
): Promise<readonly NoticeMessage[]> {
  const rows = await tx.all<ShownRow>(
    `select m.key, m.direction, substr(m.text, 1, ${2 * NOTICE_TEXT}) as text, m.author_name, m.author_email, m.received_at,
       m.evidence
     from message m where ${where} order by m.seq limit ${NOTICE_MESSAGES}`,
    ...values,
  );
  const files = await tx.all<{ message_key: number; filename: string }>(
    'select message_key, filename from attachment where message_key = any($1) order by message_key, position',
    rows.map(row => row.key),
  );
  const filesOf = groupedBy(files, each => each.message_key);
  return rows.map(row => ({
    author: row.author_name || row.author_email || '',
    direction: row.direction,
    text: row.text,
    files: filesOf(row.key).map(each => each.filename),
    at: toIso(row.received_at),
    isUnread: fromJson(row.evidence).some(line => line.startsWith('unparsed: ')),
  }));
}

interface Since {
  readonly conversationKey: number;
  readonly agentKey: number;
  readonly seq: number;
}

async function answersSince(tx: StoreTx, { conversationKey, agentKey, seq }: Since): Promise<readonly NoticeMessage[]> {
  return shownMessages(
    tx,
    `m.conversation_key = $1 and m.seq > $2 and m.direction = 'outgoing' and m.held = 0
       and (m.agent_key is null or m.agent_key <> $3)`,
    conversationKey,
    seq,
    agentKey,
  );
}

async function heldSince(tx: StoreTx, { conversationKey, agentKey, seq }: Since): Promise<NoticeSnapshot['held']> {
  const rows = await tx.all<Pick<MessageRow, 'received_at' | 'evidence'>>(
    `select received_at, evidence from message
     where conversation_key = $1 and seq > $2 and held = 1 and agent_key = $3 and mail_key is not null
     order by seq limit ${NOTICE_MESSAGES}`,
    conversationKey,
    seq,
    agentKey,
  );
  return rows.map(row => ({
    at: toIso(row.received_at),
    reason: (fromJson(row.evidence).find(line => line.startsWith(HELD_MARK)) ?? '').slice(HELD_MARK.length),
  }));
}

export const saveNotice: Verb<'saveNotice'> = async (tx, composed) => {
  const row = await waitingNotice(tx, composed.deliveryId);
  if (row === undefined) return false;
  const gathered = await gatheredBy(tx, row.key);
  if (gathered.map(({ key }) => encodeId('message', key)).join() !== composed.messageIds.join()) return false;
  const mailKey = decodeId('mail', composed.mailId)!;
  const now = tx.now();
  await tx.insert('outgoing_mail', {
    key: mailKey,
    // None of the conversation's own mails.
    conversation_key: null,
    message_id: composed.messageId,
    blob_key: await rawKey(tx, composed.raw),
    created_at: now,
  });
  await tx.update('delivery', row.key, {
    destination: SMARTHOST,
    outgoing_mail_key: mailKey,
    head: composed.head,
    envelope_sender: composed.mailFrom,
    reason: null,
    next_attempt_at: now,
  });
  await tx.run(
    `insert into agent_follow (conversation_key, agent_key, told_seq, told_at) values ($1, $2, $3, $4)
     on conflict (conversation_key, agent_key) do update set told_seq = excluded.told_seq, told_at = excluded.told_at`,
    row.conversation_key,
    row.agent_key,
    composed.seq,
    now,
  );
  return true;
};

const TOLD_MESSAGES = 40;

/** His own words may come again; those of all others may not, and none of ours. */
export const notified: Verb<'notified'> = async (tx, told) => {
  const texts: string[] = [];
  const secrets: string[] = [];
  const addresses: string[] = [];
  let length = 0;
  for (const { conversationId, agentId } of told) {
    const key = keyOf('conversation', conversationId);
    const about = await tx.get<{ support_email: string; name: string; email: string | null }>(
      `select a.support_email, k.name, k.email from conversation c join account a on a.key = c.account_key
         join contact k on k.key = c.contact_key where c.key = $1`,
      key,
    );
    if (about === undefined) continue;
    addresses.push(about.support_email.toLowerCase());
    secrets.push(conversationId.toLowerCase());
    texts.push(...noticeWords(about.name || about.email || ''));
    if (length >= KNOWN_LIMIT) continue;
    const rows = await tx.all<{ text: string }>(
      `select substr(text, 1, ${2 * NOTICE_TEXT}) as text from message
       where conversation_key = $1 and direction <> 'outgoing' and (agent_key is null or agent_key <> $2)
       order by seq desc limit ${TOLD_MESSAGES}`,
      key,
      decodeId('agent', agentId) ?? -1,
    );
    for (const { text } of rows) texts.push(text);
    length = texts.reduce((sum, text) => sum + text.length, 0);
  }
  return { texts, secrets, addresses };
};
