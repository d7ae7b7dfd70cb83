import type { ComposeSnapshot } from '../../conversation/composing.js';
import type { Conversation } from '../../conversation/model.js';
import {
  CHAIN_END,
  chainOf,
  copiesDue,
  hasRoom,
  type Load,
  NOTHING,
  quotingOf,
  type ReaderKind,
  sumOf,
} from '../../conversation/rules/continuity.js';
import { sameAddress } from '../../mail/address.js';
import { rawKey } from '../blobs/blobs.js';
import { decodeId, encodeId, keyOf } from '../ids.js';
import { type AccountRow, type DeliveryRow, SMARTHOST } from '../rows.js';
import { ALL, type StoreTx, toJson, type Verb } from '../tx.js';
import { accountView } from '../views/accounts.js';
import { bounceAddress } from '../views/addresses.js';
import { conversationView } from '../views/conversations.js';
import { messageRows } from '../views/message-page.js';
import { messageViews } from '../views/messages.js';
import { quotedTo } from './quoting.js';
import { UNFINISHED } from './unfinished.js';
import { loadsOf } from './waiting.js';

const UNCOMPOSED = `kind = 'mail' and state = 'waiting' and ${UNFINISHED} and outgoing_mail_key is null
  and agent_key is null and next_attempt_at is not null`;

export const dueConversations: Verb<'dueConversations'> = async (tx, options) => {
  const rows = await tx.all<{ key: number }>(
    `select conversation_key as key, min(next_attempt_at) as at from delivery
     where destination = $1 and ${UNCOMPOSED} and conversation_key is not null and next_attempt_at <= $2
     group by conversation_key order by at, key limit $3`,
    SMARTHOST,
    options.now,
    options.limit,
  );
  return rows.map(({ key }) => encodeId('conversation', key));
};

export const nextComposeAt: Verb<'nextComposeAt'> = async tx =>
  (await tx.value<number>(
    `select min(next_attempt_at) from delivery where destination = $1 and ${UNCOMPOSED}`,
    SMARTHOST,
  )) ?? null;

export const composeSnapshot: Verb<'composeSnapshot'> = async (tx, conversationId, options) =>
  snapshot(tx, keyOf('conversation', conversationId), options);

export const saveComposed: Verb<'saveComposed'> = async (tx, composed) => {
  const conversationKey = keyOf('conversation', composed.conversationId);
  const keys = composed.copies.map(copy => keyOf('delivery', copy.deliveryId));
  const messageKeys = composed.messageIds.map(id => keyOf('message', id));
  const now = await nextMail(tx, conversationKey, ALL);
  if (!isSameWork(now, keys, messageKeys)) return false;
  const mails: number[] = [];
  for (const { mailId, raw } of [composed, ...(composed.others ?? [])]) {
    const mailKey = decodeId('mail', mailId)!;
    await tx.insert('outgoing_mail', {
      key: mailKey,
      conversation_key: conversationKey,
      message_id: composed.messageId,
      blob_key: await rawKey(tx, raw),
      created_at: tx.now(),
    });
    mails.push(mailKey);
  }
  for (const [index, copy] of composed.copies.entries()) {
    await tx.update('delivery', keys[index]!, {
      outgoing_mail_key: mails[copy.mail ?? 0]!,
      head: copy.head,
      envelope_sender: copy.mailFrom,
      reason: null,
    });
  }
  // Every copy carries all words that were gathered, also those gathered for another recipient first.
  const carried = keys.flatMap(key => messageKeys.map(message => ({ delivery_key: key, message_key: message })));
  await tx.insertAll('delivery_message', carried, { known: 'kept' });
  const people = (role: 'to' | 'cc') =>
    toJson(
      now.copies
        .filter(copy => copy.recipient_role === role)
        .map(copy => ({ name: copy.recipient_name, email: copy.recipient })),
    );
  await tx.run(
    `update message set message_id = $1, in_reply_to = $2, refs = $3, subject = $4, recipients_to = $5, recipients_cc = $6,
       history = $7
     where key = any($8)`,
    composed.messageId,
    composed.inReplyTo,
    toJson(composed.references),
    composed.subject,
    people('to'),
    people('cc'),
    composed.history === undefined ? null : composed.history ? 1 : 0,
    messageKeys,
  );
  return true;
};

/** Has nothing been cancelled, seen, added or composed since the snapshot was taken, that this mail would carry? */
function isSameWork(now: NextMail, deliveries: readonly number[], messages: readonly number[]): boolean {
  return (
    sameKeys(
      now.copies.map(copy => copy.key),
      deliveries,
    ) && sameKeys(now.messages, messages)
  );
}

function sameKeys(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((key, index) => key === other[index]);
}

/** The mail that is composed next: its copies, and the messages that it carries, oldest first, with the first's seq. */
interface NextMail {
  readonly copies: readonly Copy[];
  readonly messages: readonly number[];
  readonly firstSeq: number;
}

type Copy = Pick<
  DeliveryRow,
  | 'key'
  | 'order_key'
  | 'next_attempt_at'
  | 'participant_key'
  | 'recipient'
  | 'recipient_name'
  | 'recipient_role'
  | 'bounce_token'
>;

/**
 * All copies that are due carry the same words, also those gathered for another recipient first. A copy whose words have
 * no room beside those of the copies before it goes with another mail.
 */
async function nextMail(tx: StoreTx, conversationKey: number, now: number): Promise<NextMail> {
  const waiting = await tx.all<Copy>(
    `select key, order_key, next_attempt_at, participant_key, recipient, recipient_name, recipient_role, bounce_token
     from delivery where conversation_key = $1 and ${UNCOMPOSED} order by key`,
    conversationKey,
  );
  const due = copiesDue(waiting, now);
  const loads = await loadsOf(
    tx,
    due.map(copy => copy.key),
  );
  const copies: Copy[] = [];
  const taken = new Map<number, Load & { readonly seq: number }>();
  let size = NOTHING;
  for (const copy of due) {
    const more = loads(copy.key).filter(message => !taken.has(message.key));
    const added = sumOf(more);
    if (more.length > 0 && !hasRoom(size, added, tx.rules.maxSize)) continue;
    copies.push(copy);
    for (const message of more) taken.set(message.key, message);
    size = sumOf([size, added]);
  }
  const messages = [...taken].sort(([, one], [, other]) => one.seq - other.seq);
  return { copies, messages: messages.map(([key]) => key), firstSeq: messages[0]?.[1].seq ?? 0 };
}

async function snapshot(
  tx: StoreTx,
  conversationKey: number,
  options: { now: number; context: number; history?: number },
): Promise<ComposeSnapshot | null> {
  const { copies, messages, firstSeq } = await nextMail(tx, conversationKey, options.now);
  if (copies.length === 0) return null;
  const account = await accountView(
    tx,
    (await tx.get<AccountRow>(
      'select a.* from conversation c join account a on a.key = c.account_key where c.key = $1',
      conversationKey,
    ))!,
  );
  const [domain] = account.domains;
  const conversation = await conversationView(tx, conversationKey);
  const replyTo = new Map(conversation.participants.map(({ id, reply_to }) => [id, reply_to]));
  const { mailed, ...chain } = await mailChain(tx, conversationKey);
  const { settings } = account;
  const quoting = quotingOf({
    first: !mailed,
    context: settings.context ?? options.context,
    history: settings.history ?? options.history ?? 0,
  });
  const quoted = await quotedTo(
    tx,
    copies.map(({ participant_key, recipient }) => ({
      participant: participant_key,
      email: recipient,
      kind: readerKind(conversation, { participant_key, recipient }),
    })),
    {
      conversation: conversationKey,
      seq: firstSeq,
      ...quoting,
    },
  );
  return {
    account,
    conversation,
    unmailed: await messageViews(tx, await messageRows(tx, messages)),
    quoting: quoting.as,
    quoted: quoted.lists,
    copies: copies.map((copy, index) => ({
      deliveryId: encodeId('delivery', copy.key),
      quoted: quoted.of[index]!,
      email: copy.recipient,
      name: copy.recipient_name,
      role: copy.recipient_role,
      replyTo:
        copy.participant_key === null ? null : (replyTo.get(encodeId('participant', copy.participant_key)) ?? null),
      bounceAddress:
        domain !== undefined && copy.bounce_token !== null ? bounceAddress(tx, copy.bounce_token, domain) : null,
    })),
    ...chain,
  };
}

function readerKind(
  { participants, contact, cc }: Conversation,
  { participant_key, recipient }: Pick<Copy, 'participant_key' | 'recipient'>,
): ReaderKind {
  const present = participants.findLast(({ role }) => role === 'contact');
  const isHe = participant_key !== null && encodeId('participant', participant_key) === present?.id;
  // What waited while he got another address goes to whoever has the old one.
  if (isHe && sameAddress(recipient, contact.email ?? '')) return 'contact';
  return cc.some(each => each.state === 'carried' && sameAddress(each.email, recipient)) ? 'carried' : 'named';
}

const MAILED = 'conversation_key = $1 and message_id is not null and held = 0';

function idsFrom(end: 'oldest' | 'latest'): string {
  return `select '${end}' as what, message_id as word, at from (
    select message_id, min(seq) as at from message where ${MAILED}
    group by message_id order by at ${end === 'oldest' ? 'asc' : 'desc'} limit ${CHAIN_END}) ${end}`;
}

/** In one statement: what each row tells, by `what`. */
const CHAIN = `${idsFrom('oldest')} union all ${idsFrom('latest')}
  union all select 'subject', subject, seq from (
    select subject, seq from message where ${MAILED} order by seq limit 1) opening
  union all select 'answered', null, seq from (
    select seq from message where conversation_key = $1 and direction = 'incoming' and mail_key is not null and held = 0
    limit 1) answer
  union all select 'mailed', null, 0 from (select key from outgoing_mail where conversation_key = $1 limit 1) sent`;

/** The ids of the conversation's mails, as far as `chainOf` takes them. `mailed`: one of ours went out before. */
async function mailChain(
  tx: StoreTx,
  conversationKey: number,
): Promise<Pick<ComposeSnapshot, 'chain' | 'answered' | 'firstSubject'> & { readonly mailed: boolean }> {
  const rows = await tx.all<{ what: string; word: string | null; at: number }>(CHAIN, conversationKey);
  const of = (what: string) => rows.filter(row => row.what === what).sort((one, other) => one.at - other.at);
  return {
    chain: chainOf([...of('oldest'), ...of('latest')].map(row => row.word!)),
    answered: of('answered').length > 0,
    firstSubject: of('subject')[0]?.word ?? null,
    mailed: of('mailed').length > 0,
  };
}
