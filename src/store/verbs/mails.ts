/** Mails on record: listed, shown, refused ones kept, quarantined ones filled in after all. */

import { ReplydError } from '../../base/errors.js';
import type { FiledReading, Filing, StoredContent } from '../../conversation/filing.js';
import type { MailRecordState } from '../../conversation/model.js';
import { decideLateEffects } from '../../conversation/rules/hold.js';
import { writerOf } from '../../conversation/rules/writer.js';
import { parseOurAddress } from '../../mail/address.js';
import { blobKey, blobRef, goneRef, NOTHING, rawKey } from '../blobs/blobs.js';
import { byId, byKey, newest } from '../by-key.js';
import { encodeId, keyOf } from '../ids.js';
import type { Json, MessageRow, StoredResult } from '../rows.js';
import { fromJson, type StoreTx, type Terms, toJson, type Verb } from '../tx.js';
import { mailView, mailViews } from '../views/mails.js';
import { accountBySlug } from './accounts.js';
import { emitEvents } from './events.js';
import { insertAttachments } from './messages.js';
import { joinWriter, participantByAddress } from './participants.js';
import { proofUse, rememberProof } from './proofs.js';
import { attachmentsOf, columnsOf, judgedColumns } from './reading-columns.js';
import { applyReports, reportedDeliveries } from './reports.js';
import { lookAgain } from './search-again.js';
import { rememberId } from './thread-ids.js';
import { keepUnfiledWithinLimits } from './unfiled.js';
import { addToSums, countedSums, shareOf } from './unfiled-sums.js';

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
  return mailViews(tx, rows);
};

export const mail: Verb<'mail'> = async (tx, id) => {
  const row = await byId(tx, 'mail', id);
  const raw = row.raw_gone_at === null ? await blobRef(tx, row.blob_key) : goneRef(row.size);
  return { mail: await mailView(tx, row), raw };
};

export const refuse: Verb<'refuse'> = async (tx, refused) => {
  const use = refused.proof === undefined ? 'first' : await proofUse(tx, refused.proof, refused.facts.sha256);
  if (use !== 'first') return { kind: use };
  const results = refused.envelope.rcptTo.map(
    (recipient): StoredResult => ({ recipient, verdict: 'rejected', message: null, account: null }),
  );
  const key = tx.key();
  await insertMail(tx, refused, { key, state: 'refused', results });
  await rememberProof(tx, refused);
  return { kind: 'recorded', id: encodeId('mail', key) };
};

/** `results`: what became of it for each recipient. */
export async function insertMail(
  tx: StoreTx,
  mail: Pick<Filing, 'envelope' | 'facts' | 'via' | 'client' | 'reason'> & { readonly raw: StoredContent | null },
  as: { readonly key: number; readonly state: MailRecordState; readonly results: readonly StoredResult[] },
): Promise<void> {
  const { raw } = mail;
  const raw_gone_at = raw === null ? tx.now() : null;
  const share = shareOf({ state: as.state, size: mail.facts.size, raw_gone_at });
  if (share !== null) {
    await countedSums(tx);
    await addToSums(tx, share);
  }
  await tx.insert('mail', {
    key: as.key,
    state: as.state,
    mail_from: mail.envelope.mailFrom,
    rcpt_to: toJson(mail.envelope.rcptTo),
    size: mail.facts.size,
    blob_key: as.state === 'filed' && raw !== null ? await rawKey(tx, raw) : await blobKey(tx, raw ?? NOTHING),
    ...(raw_gone_at === null ? {} : { raw_gone_at }),
    door: mail.via,
    client: mail.client,
    received_at: tx.now(),
    reason: mail.reason,
    results: toJson(as.results),
  });
  if (share !== null) await keepUnfiledWithinLimits(tx, { olderThan: as.key });
}

export const refile: Verb<'refile'> = async (tx, mailId, reading, attachments) => {
  const row = await byId(tx, 'mail', mailId);
  if (row.state !== 'quarantined') {
    throw new ReplydError('conflict', `mail ${mailId} is ${row.state}, not quarantined: there is nothing to reprocess`);
  }
  const messages = await tx.all<MessageRow>('select * from message where mail_key = $1', row.key);
  for (const message of messages) await fillIn(tx, message, reading, attachments);
  await tx.update('mail', row.key, { state: 'filed', reason: null });
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
  if (message.direction !== 'incoming') return fillInAgentMail(tx, message, { reading, attachments });
  const from = reading.mail.from;
  const conversation = (await byKey(tx, 'conversation', message.conversation_key))!;
  const { hold_strangers } = (await byKey(tx, 'account', conversation.account_key))!;
  const owner = (await byKey(tx, 'participant', message.participant_key)) ?? null;
  const named = await participantByAddress(tx, conversation.key, from?.email);
  const writer = writerOf({ from, kind: reading.kind }, named, owner);
  const effects = decideLateEffects({
    kind: reading.kind,
    status: conversation.status,
    writer: writer.standing,
    holdStrangers: hold_strangers === 1,
  });
  const joined = effects.joins && from !== null ? await joinWriter(tx, conversation.key, from) : null;
  const participant = joined === null ? writer.participant : joined.participant;
  const reported = await reportedDeliveries(
    tx,
    { conversation, deliveryKey: await bouncedDelivery(tx, message) },
    reading,
  );
  await tx.update('message', message.key, {
    ...columnsOf(reading),
    ...judgedColumns(writer.author, { participant, held: effects.held, reported }),
    message_id: reading.mail.messageId ?? undefined,
    sender: toJson({
      ...(message.sender === null ? {} : fromJson(message.sender)),
      is_participant: writer.sender.is_participant,
      token_of: writer.sender.token_of,
    }),
    evidence: toJson([
      ...fromJson(message.evidence).filter(line => line.startsWith('threaded: ')),
      ...reading.evidence,
      'reprocessed',
      ...effects.evidence,
      ...(joined?.evidence ?? []),
    ]),
  });
  await tx.run('delete from attachment where message_key = $1', message.key);
  await insertAttachments(tx, message, attachmentsOf(reading, attachments));
  await lookAgain(tx, [message.key]);
  if (reading.mail.messageId) await rememberId(tx, message.conversation_key, reading.mail.messageId);
  await emitEvents(tx, conversation, [
    effects.held
      ? { type: 'message.held', messageKey: message.key }
      : { type: 'message.updated', messageKey: message.key, data: { changed: ['text'] } },
  ]);
  await applyReports(tx, reported);
}

/** It is held as a note, and stays so: its words were not judged when it came. */
async function fillInAgentMail(
  tx: StoreTx,
  message: MessageRow,
  { reading, attachments }: { readonly reading: FiledReading; readonly attachments: readonly StoredContent[] },
): Promise<void> {
  await tx.update('message', message.key, {
    text: reading.text.text || reading.text.quotedText,
    evidence: toJson([...fromJson(message.evidence), 'reprocessed']),
  });
  await tx.run('delete from attachment where message_key = $1', message.key);
  await insertAttachments(tx, message, attachmentsOf(reading, attachments));
  await lookAgain(tx, [message.key]);
  await emitEvents(tx, (await byKey(tx, 'conversation', message.conversation_key))!, [
    { type: 'message.updated', messageKey: message.key, data: { changed: ['text'] } },
  ]);
}

/** The delivery whose bounce address the mail came to. */
async function bouncedDelivery(tx: StoreTx, message: MessageRow): Promise<number | null> {
  const rcptTo = await tx.value<Json<readonly string[]>>('select rcpt_to from mail where key = $1', message.mail_key);
  for (const address of rcptTo === undefined ? [] : fromJson(rcptTo)) {
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
