import { CONTEXT_TEXT, type ComposeSnapshot } from '../../conversation/composing.js';
import { CHAIN_END, CONTEXT_KINDS, chainOf, contextSize, copiesDue } from '../../conversation/rules/continuity.js';
import { blobKey } from '../blobs/blobs.js';
import { byKey } from '../by-key.js';
import { decodeId, encodeId, keyOf } from '../ids.js';
import { type DeliveryRow, type MessageRow, SMARTHOST } from '../rows.js';
import { inTurn, type StoreTx, toIso, toJson, type Verb } from '../tx.js';
import {
  accountView,
  bounceAddress,
  conversationView,
  firstDomain,
  formatOf,
  messageView,
  replyAddress,
} from '../views/views.js';
import { UNFINISHED } from './unfinished.js';

const UNCOMPOSED = `kind = 'mail' and state = 'waiting' and ${UNFINISHED} and outgoing_mail_key is null
  and next_attempt_at is not null`;

/** A conversation has a delivery for each recipient: so many of them are read for each conversation. */
const COPIES = 8;

export const dueConversations: Verb<'dueConversations'> = async (tx, options) => {
  const rows = await tx.all<{ conversation_key: number }>(
    `select conversation_key from delivery
     where destination = $1 and ${UNCOMPOSED} and conversation_key is not null and next_attempt_at <= $2
     order by next_attempt_at limit $3`,
    SMARTHOST,
    options.now,
    options.limit * COPIES,
  );
  const keys = [...new Set(rows.map(row => row.conversation_key))].slice(0, options.limit);
  return keys.map(key => encodeId('conversation', key));
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
  if (!(await sameWork(tx, conversationKey, keys, messageKeys))) return false;
  const mailKey = decodeId('mail', composed.mailId)!;
  await tx.insert('outgoing_mail', {
    key: mailKey,
    conversation_key: conversationKey,
    message_id: composed.messageId,
    blob_key: await blobKey(tx, composed.raw),
    created_at: tx.now(),
  });
  for (const [index, copy] of composed.copies.entries()) {
    await tx.update('delivery', keys[index]!, {
      outgoing_mail_key: mailKey,
      head: copy.head,
      envelope_sender: copy.mailFrom,
      reason: null,
    });
    // Every copy carries all words that were gathered, also those gathered for another recipient first.
    for (const messageKey of messageKeys) {
      await tx.insert('delivery_message', { delivery_key: keys[index], message_key: messageKey }, { known: 'kept' });
    }
  }
  const people = async (role: 'to' | 'cc') =>
    toJson(
      await tx.all(
        `select recipient_name as name, recipient as email from delivery
             where outgoing_mail_key = $1 and recipient_role = $2 order by key`,
        mailKey,
        role,
      ),
    );
  const mailed = {
    message_id: composed.messageId,
    in_reply_to: composed.inReplyTo,
    refs: toJson(composed.references),
    subject: composed.subject,
    recipients_to: await people('to'),
    recipients_cc: await people('cc'),
  };
  for (const messageKey of messageKeys) await tx.update('message', messageKey, mailed);
  return true;
};

/** Has nothing been cancelled, seen, added or composed since the snapshot was taken? */
async function sameWork(
  tx: StoreTx,
  conversationKey: number,
  deliveries: readonly number[],
  messages: readonly number[],
): Promise<boolean> {
  const now = (await waitingCopies(tx, conversationKey)).map(row => row.key);
  if (now.length !== deliveries.length || now.some((key, index) => key !== deliveries[index])) return false;
  const words = (await gatheredMessages(tx, conversationKey)).map(row => row.key);
  return words.length === messages.length && words.every((key, index) => key === messages[index]);
}

/** Recipients that nothing but time keeps back. */
async function waitingCopies(tx: StoreTx, conversationKey: number): Promise<readonly DeliveryRow[]> {
  return tx.all<DeliveryRow>(
    `select * from delivery where conversation_key = $1 and ${UNCOMPOSED} order by key`,
    conversationKey,
  );
}

async function gatheredMessages(
  tx: StoreTx,
  conversationKey: number,
): Promise<readonly { readonly key: number; readonly seq: number }[]> {
  return tx.all<{ key: number; seq: number }>(
    `select key, seq from message where key in (
       select dm.message_key from delivery d join delivery_message dm on dm.delivery_key = d.key
       where d.conversation_key = $1 and d.kind = 'mail' and d.state = 'waiting' and d.outgoing_mail_key is null
         and d.next_attempt_at is not null)
     order by seq`,
    conversationKey,
  );
}

async function snapshot(
  tx: StoreTx,
  conversationKey: number,
  options: { now: number; context: number },
): Promise<ComposeSnapshot | null> {
  const row = await byKey(tx, 'conversation', conversationKey);
  if (!row) return null;
  const copies = copiesDue(await waitingCopies(tx, conversationKey), options.now);
  if (copies.length === 0) return null;
  const unmailed = await gatheredMessages(tx, conversationKey);
  const account = await accountView(tx, (await byKey(tx, 'account', row.account_key))!);
  const domain = await firstDomain(tx, row.account_key);
  const mailedBefore = await tx.get('select 1 from outgoing_mail where conversation_key = $1 limit 1', conversationKey);
  const size = contextSize({
    first: mailedBefore === undefined,
    context: account.settings.context ?? options.context,
  });
  const [first] = unmailed;
  const context = first && size > 0 ? await contextBefore(tx, conversationKey, { seq: first.seq, size }) : [];
  return {
    account,
    conversation: await conversationView(tx, row),
    unmailed: await inTurn(unmailed, async ({ key }) => messageView(tx, (await byKey(tx, 'message', key))!)),
    context,
    copies: await inTurn(copies, async copy => ({
      deliveryId: encodeId('delivery', copy.key),
      email: copy.recipient,
      name: copy.recipient_name,
      role: copy.recipient_role,
      replyTo: copy.participant_key === null ? null : await replyAddress(tx, copy.participant_key, domain),
      bounceAddress:
        domain !== null && copy.bounce_token !== null ? bounceAddress(tx, copy.bounce_token, domain) : null,
    })),
    ...(await mailChain(tx, conversationKey)),
  };
}

const IN_CONTEXT = `direction in ('incoming', 'outgoing') and held = 0
  and kind in (${CONTEXT_KINDS.map(kind => `'${kind}'`).join(', ')})`;

type ContextRow = Pick<
  MessageRow,
  'direction' | 'text' | 'format' | 'date' | 'received_at' | 'author_name' | 'author_role'
>;

/** So many messages before this one, oldest first. A customer's text may have megabytes: only what can be shown is read. */
async function contextBefore(
  tx: StoreTx,
  conversationKey: number,
  { seq, size }: { readonly seq: number; readonly size: number },
): Promise<ComposeSnapshot['context']> {
  const newest = await tx.all<ContextRow>(
    `select direction, substr(text, 1, ${CONTEXT_TEXT}) as text, format, date, received_at, author_name, author_role
     from message where conversation_key = $1 and seq < $2 and ${IN_CONTEXT} order by seq desc limit $3`,
    conversationKey,
    seq,
    size,
  );
  const shown = newest.map(row => ({
    text: row.text,
    format: formatOf(row),
    date: toIso(row.date),
    received_at: toIso(row.received_at),
    author: { name: row.author_name, role: row.author_role },
  }));
  return shown.reverse();
}

/** The ids of the conversation's mails, as far as \`chainOf\` takes them. */
async function mailChain(
  tx: StoreTx,
  conversationKey: number,
): Promise<Pick<ComposeSnapshot, 'chain' | 'answered' | 'firstSubject'>> {
  const ids = async (direction: 'asc' | 'desc') =>
    (
      await tx.all<{ message_id: string }>(
        `select message_id, min(seq) as at from message
         where conversation_key = $1 and message_id is not null and held = 0
         group by message_id order by at ${direction} limit ${CHAIN_END}`,
        conversationKey,
      )
    ).map(row => row.message_id);
  const last = (await ids('desc')).reverse();
  const firstSubject =
    (await tx.value<string | null>(
      'select subject from message where conversation_key = $1 and message_id is not null and held = 0 order by seq limit 1',
      conversationKey,
    )) ?? null;
  const answered =
    (await tx.get(
      `select 1 from message where conversation_key = $1 and direction = 'incoming' and mail_key is not null and held = 0
       limit 1`,
      conversationKey,
    )) !== undefined;
  return { chain: chainOf([...(await ids('asc')), ...last]), answered, firstSubject };
}
