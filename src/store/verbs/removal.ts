/**
 * Removing what a person or an account left. Each verb removes a bounded piece and says whether nothing is left, so that
 * no transaction is long: the callers of the Store port loop. Rows, overwritten as they go (`secure_delete`), and the
 * copies in `sent/`; blobs without a row are cleared away by the daemon.
 *
 * The first piece of a conversation revokes its tokens and marks it: from then on nothing comes in for it. When the one
 * who removes is cut off, the daemon finishes what is marked (`retention.ts`). An account or contact whose removal is cut
 * off has fewer conversations, each whole; removing it again goes on.
 *
 * What stays: mails that stand in somebody else's conversation too, without the removed one's address in their envelope;
 * participants and words in other people's conversations.
 */
import type { ConversationRef } from '../../conversation/ref.js';
import { removeBlobIfUnused } from '../blobs/blobs.js';
import { removeDeliveries } from '../blobs/sent.js';
import { byId, byKey } from '../by-key.js';
import { encodeId } from '../ids.js';
import type { MailRow } from '../rows.js';
import { fromJson, type StoreTx, toJson } from '../tx.js';
import { accountBySlug } from './accounts.js';
import { leavePart } from './agents.js';
import { conversationRow } from './conversation-row.js';
import { forgetAnswers } from './keys.js';
import { lookAgain } from './search-again.js';
import { forgetAliases, forgetIds } from './thread-ids.js';
import { addToSums, countedSums, shareOf } from './unfiled-sums.js';

/** Rows a transaction may remove before it lets others in. */
const BATCH = 500;
const AGENTS_AT_ONCE = 20;
/** Bytes it may: what stood in rows is overwritten, so each is written once more. */
const BYTES_AT_ONCE = 4 * 1024 * 1024;

/** True when nothing is left and the conversation is gone. */
export async function removeConversationPart(tx: StoreTx, ref: ConversationRef): Promise<boolean> {
  const { key } = await conversationRow(tx, ref);
  await lockWithThoseBeside(tx, key);
  return removeConversation(tx, key);
}

export async function removeContactPart(tx: StoreTx, id: string): Promise<boolean> {
  const contact = await byId(tx, 'contact', id);
  await tx.lock('account', [contact.account_key]);
  if (await removePart(tx, 'select key from conversation where contact_key = $1', contact.key)) return false;
  if (await forgetAnswers(tx, id)) return false;
  await tx.run('update participant set contact_key = null where contact_key = $1', contact.key);
  await tx.run('delete from contact where key = $1', contact.key);
  return true;
}

export async function removeAccountPart(tx: StoreTx, slug: string): Promise<boolean> {
  const account = await accountBySlug(tx, slug);
  await tx.lock('account', [account.key]);
  if (await removePart(tx, 'select key from conversation where account_key = $1', account.key)) return false;
  // What the account itself told goes a piece at a time too, with what went to its hooks.
  if ((await removeContacts(tx, account.key)) > 0) return false;
  if ((await removeEvents(tx, 'account_key = $1', account.key)) > 0) return false;
  if ((await removeDeliveries(tx, 'account_key', { value: account.key, most: BATCH })) > 0) return false;
  const agents = await tx.all<{ agent_key: number }>(
    `select agent_key from agent_account where account_key = $1 limit ${AGENTS_AT_ONCE}`,
    account.key,
  );
  for (const { agent_key } of agents) await leavePart(tx, { accountKey: account.key, agentKey: agent_key });
  if (agents.length > 0) return false;
  const answers = await tx.run(
    `delete from idempotency where (caller, name) in (
           select caller, name from idempotency where caller in (select key from api_key where account_key = $1) limit ${BATCH})`,
    account.key,
  );
  if (answers > 0) return false;
  for (const hook of await tx.all<{ key: number }>('select key from hook where account_key = $1', account.key)) {
    if (await forgetAnswers(tx, encodeId('hook', hook.key))) return false;
    await tx.run('delete from destination where name = $1', encodeId('hook', hook.key));
  }
  if (await forgetAnswers(tx, encodeId('account', account.key))) return false;
  await tx.run('delete from account where key = $1', account.key);
  return true;
}

/** Those of an account, with what an operator's key was told of them. */
async function removeContacts(tx: StoreTx, accountKey: number): Promise<number> {
  const contacts = await tx.all<{ key: number }>(
    `select key from contact where account_key = $1 limit ${BATCH}`,
    accountKey,
  );
  for (const { key } of contacts) {
    if (!(await forgetAnswers(tx, encodeId('contact', key)))) await tx.run('delete from contact where key = $1', key);
  }
  return contacts.length;
}

type EventsOf = 'account_key = $1' | 'conversation_key = $1 and message_key is null' | 'message_key = $1';

/** Up to a batch. */
async function removeEvents(tx: StoreTx, of: EventsOf, key: number): Promise<number> {
  return tx.run(`delete from event where key in (select key from event where ${of} limit ${BATCH})`, key);
}

/** A piece of one of the conversations whose keys the statement gives. False: it gives none. */
export async function removePart(tx: StoreTx, text: string, ...values: readonly unknown[]): Promise<boolean> {
  const key = await tx.value<number>(`${text} limit 1`, ...values);
  if (key === undefined) return false;
  await lockWithThoseBeside(tx, key);
  // A mail may have come into it in that moment.
  const still = `select 1 from (${text}) found where found.key = $${values.length + 1}`;
  if (await tx.get(still, ...values, key)) await removeConversation(tx, key);
  return true;
}

/** The conversations that have a mail of its next messages too. */
export async function conversationsBeside(tx: StoreTx, conversationKey: number): Promise<readonly number[]> {
  const rows = await tx.all<{ key: number }>(
    `select distinct other.conversation_key as key
     from (select mail_key from message where conversation_key = $1 order by seq limit ${BATCH}) next
       join message other on other.mail_key = next.mail_key
     where other.conversation_key <> $1`,
    conversationKey,
  );
  return rows.map(row => row.key);
}

/** A mail goes with the last of its messages: of two that go at once each would leave it to the other. */
async function lockWithThoseBeside(tx: StoreTx, conversationKey: number): Promise<void> {
  await tx.lock('conversation', async () => [conversationKey, ...(await conversationsBeside(tx, conversationKey))]);
}

/** Clears one after the other until enough bytes went. Returns how many things that were, one at least. */
export async function withinBudget<Row>(rows: readonly Row[], clear: (row: Row) => Promise<number>): Promise<number> {
  let bytes = 0;
  for (const [index, row] of rows.entries()) {
    bytes += await clear(row);
    if (bytes > BYTES_AT_ONCE) return index + 1;
  }
  return rows.length;
}

/** Removes up to a batch of rows; the conversation itself with the last of them. True when it is gone. */
async function removeConversation(tx: StoreTx, key: number): Promise<boolean> {
  if ((await tx.value('select removing_at from conversation where key = $1', key)) === null) {
    await tx.update('conversation', key, { removing_at: tx.now() });
    await tx.run('delete from agent_token where conversation_key = $1', key);
    await tx.run(
      'delete from token where participant_key in (select key from participant where conversation_key = $1)',
      key,
    );
  }
  // In this order nothing refers to what goes first.
  if ((await removeEvents(tx, 'conversation_key = $1 and message_key is null', key)) === BATCH) return false;
  if ((await removeDeliveries(tx, 'conversation_key', { value: key, most: BATCH })) === BATCH) return false;
  if ((await removeMessages(tx, key)) === BATCH) return false;
  const sent = await tx.all<RawMail>(
    `select key, blob_key from outgoing_mail where conversation_key = $1 limit ${BATCH}`,
    key,
  );
  const removed = await withinBudget(sent, mail => removeSent(tx, mail));
  if (removed < sent.length || removed === BATCH) return false;
  if ((await forgetAliases(tx, key, BATCH)) === BATCH) return false;
  if (await forgetAnswers(tx, encodeId('conversation', key))) return false;
  await tx.run('delete from conversation where key = $1', key);
  return true;
}

async function removeMessages(tx: StoreTx, conversationKey: number): Promise<number> {
  const messages = await tx.all<{
    key: number;
    mail_key: number | null;
    message_id: string | null;
    content_key: Uint8Array | null;
  }>(
    `select key, mail_key, message_id, content_key from message where conversation_key = $1 order by seq limit ${BATCH}`,
    conversationKey,
  );
  let bytes = 0;
  let events = 0;
  for (const message of messages) {
    events += await removeEvents(tx, 'message_key = $1', message.key);
    if (bytes > BYTES_AT_ONCE || events >= BATCH) return BATCH;
    await forgetIds(tx, conversationKey, message);
    const blobs = await tx.all<{ blob_key: number }>(
      'select blob_key from attachment where message_key = $1',
      message.key,
    );
    await tx.run('delete from message where key = $1', message.key);
    await lookAgain(tx, [message.key]);
    for (const { blob_key } of blobs) bytes += await removeBlobIfUnused(tx, blob_key);
    if (message.mail_key !== null) bytes += await leaveMail(tx, message.mail_key, message.key);
  }
  return messages.length;
}

/** A mail to two conversations goes with the last of them; until then it forgets by which address it came to the first. */
async function leaveMail(tx: StoreTx, mailKey: number, messageKey: number): Promise<number> {
  if (!(await tx.get('select 1 from message where mail_key = $1 limit 1', mailKey))) {
    return removeMail(tx, mailKey);
  }
  const mail = (await byKey(tx, 'mail', mailKey))!;
  const results = fromJson(mail.results);
  const removed = results.filter(result => result.message === messageKey).map(result => result.recipient);
  const forget = (address: string) => (removed.includes(address) ? 'removed' : address);
  await tx.update('mail', mailKey, {
    rcpt_to: toJson(fromJson(mail.rcpt_to).map(forget)),
    results: toJson(
      results.map(result =>
        result.message === messageKey ? { ...result, recipient: 'removed', message: null, account: null } : result,
      ),
    ),
  });
  return 0;
}

/** The mail and its bytes. No message may name it any more. Returns how many bytes of rows went. */
export async function removeMail(tx: StoreTx, mailKey: number): Promise<number> {
  const mail = await tx.get<Pick<MailRow, 'state' | 'size' | 'raw_gone_at' | 'blob_key'>>(
    'select state, size, raw_gone_at, blob_key from mail where key = $1',
    mailKey,
  );
  const share = mail === undefined ? null : shareOf(mail);
  if (share !== null) {
    await countedSums(tx);
    await addToSums(tx, { mails: -share.mails, bytes: -share.bytes });
  }
  // Its copy to the operator belongs to no conversation; the delivery goes with the mail.
  const copies = await tx.all<RawMail>(
    `select o.key, o.blob_key from delivery d join outgoing_mail o on o.key = d.outgoing_mail_key
     where d.forwarded_mail_key = $1`,
    mailKey,
  );
  if ((await tx.run('delete from mail where key = $1', mailKey)) === 0) {
    // Another process was faster.
    if (share !== null) await addToSums(tx, share);
    return 0;
  }
  let bytes = mail === undefined ? 0 : await removeBlobIfUnused(tx, mail.blob_key);
  for (const copy of copies) bytes += await removeSent(tx, copy);
  return bytes;
}

/** A mail on record or one of ours, and its bytes. */
export interface RawMail {
  readonly key: number;
  readonly blob_key: number;
}

/** Returns how many bytes of rows went. */
async function removeSent(tx: StoreTx, mail: RawMail): Promise<number> {
  await tx.run('delete from outgoing_mail where key = $1', mail.key);
  return removeBlobIfUnused(tx, mail.blob_key);
}
