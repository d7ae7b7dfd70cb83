/** Mails on record: listed, shown, refused ones kept, quarantined ones filled in after all. */

import { ReplydError } from '../../base/errors.js';
import type { FiledReading, StoredContent } from '../../conversation/filing.js';
import type { ConversationStatus } from '../../conversation/model.js';
import { decideLateEffects } from '../../conversation/rules/hold.js';
import { writerOf } from '../../conversation/rules/writer.js';
import { parseOurAddress } from '../../mail/address.js';
import { blobKey, blobRef, goneRef } from '../blobs/blobs.js';
import { byId, byKey, newest } from '../by-key.js';
import { encodeId, keyOf } from '../ids.js';
import type { MessageRow } from '../rows.js';
import { inTurn, type StoreTx, type Terms, type Verb } from '../tx.js';
import { mailView } from '../views/views.js';
import { accountBySlug } from './accounts.js';
import { emitEvents } from './events.js';
import { HELD, insertAttachments, NOT_HELD } from './messages.js';
import { join, participantByAddress } from './participants.js';
import { applyReports, reportedDeliveries, reportRow } from './reports.js';
import { rememberId } from './thread-ids.js';

export const mails: Verb<'mails'> = async (tx, filter) => {
  const account = filter.account === undefined ? null : (await accountBySlug(tx, filter.account)).key;
  const terms: Terms = [
    // With a state other than filed the partial index serves, in its own words; else the table's own order.
    filter.state === undefined ? null : ['state = $', filter.state],
    filter.state === undefined || filter.state === 'filed' ? null : ["state <> 'filed'"],
    filter.before === undefined ? null : ['key < $', keyOf('mail', filter.before)],
    // As `StoredResult` is written: the account stands last. A recipient's quotation marks are written with a backslash.
    account === null ? null : ['results like $', `%"account":${account}}%`],
  ];
  const rows = await newest(tx, 'mail', { terms, limit: filter.limit });
  return inTurn(rows, row => mailView(tx, row));
};

export const mail: Verb<'mail'> = async (tx, id) => {
  const row = await byId(tx, 'mail', id);
  const raw = row.raw_gone_at === null ? await blobRef(tx, row.blob_key) : goneRef(row.size);
  return { mail: await mailView(tx, row), raw };
};

export const refuse: Verb<'refuse'> = async (tx, refused) => {
  const results = refused.envelope.rcptTo.map(recipient => ({
    recipient,
    verdict: 'rejected',
    message: null,
    account: null,
  }));
  const key = tx.key();
  await tx.insert('mail', {
    key,
    state: 'refused',
    mail_from: refused.envelope.mailFrom,
    rcpt_to: JSON.stringify(refused.envelope.rcptTo),
    size: refused.facts.size,
    blob_key: await blobKey(tx, refused.raw),
    door: refused.via,
    client: refused.client,
    received_at: tx.now(),
    reason: refused.reason,
    results: JSON.stringify(results),
  });
  return encodeId('mail', key);
};

export const refile: Verb<'refile'> = async (tx, mailId, reading, attachments) => {
  const row = await byId(tx, 'mail', mailId);
  if (row.state !== 'quarantined') {
    throw new ReplydError('conflict', `mail ${mailId} is ${row.state}, not quarantined: there is nothing to reprocess`);
  }
  const messages = await tx.all<MessageRow>('select * from message where mail_key = $1', row.key);
  for (const message of messages) await fillIn(tx, message, reading, attachments);
  await tx.run("update mail set state = 'filed', reason = null where key = $1", row.key);
  return messages.map(message => encodeId('message', message.key));
};

/**
 * The message keeps its id and place; what the reader saw of it (the original as attachment) is replaced. It stood there
 * as its token owner's, who wrote it only if From says so. What a machine reports takes effect; what had its effect
 * already, such as a conversation that opened again, stays.
 */
async function fillIn(
  tx: StoreTx,
  message: MessageRow,
  reading: FiledReading,
  attachments: readonly StoredContent[],
): Promise<void> {
  const from = reading.mail.from;
  const conversation = (await byKey(tx, 'conversation', message.conversation_key))!;
  const { hold_strangers } = (await byKey(tx, 'account', conversation.account_key))!;
  const owner = (await byKey(tx, 'participant', message.participant_key)) ?? null;
  const named = from === null ? null : ((await participantByAddress(tx, conversation.key, from.email)) ?? null);
  const writer = writerOf({ from, kind: reading.kind }, named, owner);
  const effects = decideLateEffects({
    kind: reading.kind,
    status: conversation.status as ConversationStatus,
    writer: writer.standing,
    holdStrangers: hold_strangers === 1,
  });
  const participant = effects.joins && from !== null ? await join(tx, conversation.key, from) : writer.participant;
  const reported = await reportedDeliveries(
    tx,
    { conversation, deliveryKey: await bouncedDelivery(tx, message) },
    reading,
  );
  await tx.run(
    `update message set kind = $1, author_name = $2, author_email = $3, author_role = $4, participant_key = $5, sender = $6,
       report = $7, held = $8, text = $9, quoted_text = $10, signature = $11, html = $12,
       subject = $13, message_id = coalesce($14, message_id), in_reply_to = $15, refs = $16, recipients_to = $17, recipients_cc = $18,
       date = $19, evidence = $20
     where key = $21`,
    reading.kind,
    writer.author.name,
    writer.author.email,
    writer.author.role,
    participant?.key ?? null,
    JSON.stringify({
      ...(message.sender === null ? {} : JSON.parse(message.sender)),
      is_participant: writer.sender.is_participant,
      token_of: writer.sender.token_of,
    }),
    JSON.stringify(reported.map(reportRow)),
    effects.held ? HELD : NOT_HELD,
    reading.text.text,
    reading.text.quotedText,
    reading.text.signature,
    reading.html,
    reading.mail.subject,
    reading.mail.messageId,
    reading.mail.inReplyTo[0] ?? null,
    JSON.stringify(reading.mail.references),
    JSON.stringify(reading.mail.to),
    JSON.stringify(reading.mail.cc),
    reading.mail.date ? Date.parse(reading.mail.date) : null,
    JSON.stringify([...reading.evidence, 'reprocessed', ...effects.evidence]),
    message.key,
  );
  await tx.run('delete from attachment where message_key = $1', message.key);
  await insertAttachments(
    tx,
    message,
    reading.mail.attachments.map((attachment, index) => ({ ...attachment, content: attachments[index]! })),
  );
  if (reading.mail.messageId) await rememberId(tx, message.conversation_key, reading.mail.messageId);
  await emitEvents(tx, conversation, [
    effects.held
      ? { type: 'message.held', messageKey: message.key }
      : { type: 'message.updated', messageKey: message.key, data: { changed: ['text'] } },
  ]);
  await applyReports(tx, reported);
}

/** The delivery whose bounce address the mail came to. */
async function bouncedDelivery(tx: StoreTx, message: MessageRow): Promise<number | null> {
  const rcptTo = (await tx.value<string>('select rcpt_to from mail where key = $1', message.mail_key)) ?? '[]';
  for (const address of JSON.parse(rcptTo) as string[]) {
    const parsed = parseOurAddress(address, []);
    if (parsed.kind !== 'bounce') continue;
    const key = await tx.value<number>(
      'select key from delivery where bounce_token = $1 and conversation_key = $2',
      parsed.token,
      message.conversation_key,
    );
    if (key !== undefined) return key;
  }
  return null;
}
