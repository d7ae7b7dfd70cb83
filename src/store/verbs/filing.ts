/**
 * Files a mail: the transaction behind every 250. It checks the destinations again (they may have changed since RCPT),
 * finds or opens the conversations, and stores raw mail, message, attachments, dedupe key and events. What it decides
 * stands in `conversation/rules`: filing (where it goes), writer, hold, loop, delivery (what it reports).
 */

import type { Filing, FilingResult } from '../../conversation/filing.js';
import { isFlaggedAsSpam } from '../../conversation/rules/blocked.js';
import { planFiling, refusalOfAll } from '../../conversation/rules/filing.js';
import { decideEffects, unreadKind } from '../../conversation/rules/hold.js';
import { carriesLoopMark } from '../../conversation/rules/loop.js';
import { writerOf } from '../../conversation/rules/writer.js';
import { NO_AUTHENTICATION } from '../../mail/authentication.js';
import { byKey } from '../by-key.js';
import { encodeId, keyOf } from '../ids.js';
import type { ParticipantRow, StoredResult } from '../rows.js';
import { inTurn, type StoreTx, toJson } from '../tx.js';
import { firstDomain } from '../views/views.js';
import { advance, emitNumbered, type NewEvent } from './events.js';
import { forwardToOperator, keptBefore } from './forwards.js';
import { recentMails } from './loops.js';
import { insertMail } from './mails.js';
import { type InsertedAttachment, insertAttachments, insertMessage } from './messages.js';
import { openConversations } from './opening.js';
import { clearSuspension, joinWriter, participantByAddress } from './participants.js';
import { proofUse, rememberProof } from './proofs.js';
import { attachmentsOf, columnsOf, judgedColumns } from './reading-columns.js';
import { applyReports, reportedDeliveries } from './reports.js';
import { CONTENT_KEY_BYTES, madeId, rememberId } from './thread-ids.js';
import { type Place, type Target, targetOf } from './threading.js';
import { rememberUnverified, verdictFields } from './verification.js';

type SettledTarget = Exclude<Target, { kind: 'opens' }>;

export async function fileMail(tx: StoreTx, filing: Filing): Promise<readonly FilingResult[]> {
  if (filing.proof === undefined) return fileProven(tx, filing);
  if ((await proofUse(tx, filing.proof, filing.facts.sha256)) === 'other')
    return filing.destinations.map(() => ({ kind: 'proof_used' }));
  const results = await fileProven(tx, filing);
  if (results.some(result => result.kind === 'filed')) await rememberProof(tx, filing);
  return results;
}

async function fileProven(tx: StoreTx, filing: Filing): Promise<readonly FilingResult[]> {
  const mail = { reading: filing.reading, mailFrom: filing.envelope.mailFrom, ownId: ownMessageId(filing) };
  const found = await inTurn(filing.destinations, destination => targetOf(tx, mail, destination));
  const refusal = filing.together
    ? refusalOfAll(found.map(target => (target.kind === 'refused' ? target.refusal : null)))
    : null;
  if (refusal !== null) return found.map(() => ({ kind: refusal }));
  const targets = await openConversations(tx, filing, found);
  const contentKey = Buffer.from(filing.facts.contentKey, 'hex').subarray(0, CONTENT_KEY_BYTES);
  const before = await filedBefore(tx, targets, contentKey);
  const keptKey = targets.some(target => target.kind === 'operator')
    ? await operatorHas(tx, filing, before)
    : undefined;
  const plan = planFiling({
    addressed: targets.map(target =>
      target.kind === 'conversation' ? { kind: target.kind, conversation: target.conversation.key } : target,
    ),
    readable: filing.reading !== null,
    isFiled: conversation => before.has(conversation),
    isKept: keptKey !== undefined,
  });
  // Known before anything is written, so that each row is written once.
  const mailKey = tx.key();
  const messageKeys = new Map(plan.conversations.map(conversation => [conversation, tx.key()]));
  const results = targets.map((target): FilingResult => {
    if (target.kind === 'refused') return { kind: target.refusal };
    const known = target.kind === 'operator' ? undefined : before.get(target.conversation.key);
    const mailBefore = target.kind === 'operator' ? keptKey : known?.mail_key;
    const message = target.kind === 'operator' ? undefined : (known?.key ?? messageKeys.get(target.conversation.key));
    return {
      kind: 'filed',
      mailId: encodeId('mail', mailBefore ?? mailKey),
      messageId: message === undefined ? null : encodeId('message', message),
      before: mailBefore !== undefined,
    };
  });
  if (plan.mail === null) return results;
  await insertMail(tx, filing, { key: mailKey, state: plan.mail, results: storedResults(filing, targets, results) });
  for (const [conversation, messageKey] of messageKeys) {
    const places = targets
      .filter(target => target.kind === 'conversation')
      .filter(each => each.conversation.key === conversation);
    await fileInConversation(tx, filing, { places, mailKey, messageKey, contentKey });
  }
  if (filing.unverified !== undefined && messageKeys.size > 0)
    await rememberUnverified(tx, mailKey, filing.unverified.client);
  const unsent = plan.keeps ? await forwardToOperator(tx, mailKey, filing.reading) : null;
  if (unsent !== null && plan.mail === 'kept') await tx.update('mail', mailKey, { reason: unsent });
  return results;
}

/** The same mail: its message and mail in each of the conversations that have it. */
type FiledBefore = ReadonlyMap<number, { readonly key: number; readonly mail_key: number }>;

async function filedBefore(
  tx: StoreTx,
  targets: readonly SettledTarget[],
  contentKey: Uint8Array,
): Promise<FiledBefore> {
  const before = new Map<number, { key: number; mail_key: number }>();
  for (const target of targets) {
    if (target.kind !== 'conversation') continue;
    const known = await tx.get<{ key: number; mail_key: number }>(
      'select key, mail_key from message where conversation_key = $1 and content_key = $2',
      target.conversation.key,
      contentKey,
    );
    if (known) before.set(target.conversation.key, known);
  }
  return before;
}

/** The same mail to the same recipients, postmaster or abuse among them: filed in one of its conversations, or kept. */
async function operatorHas(tx: StoreTx, filing: Filing, before: FiledBefore): Promise<number | undefined> {
  const recipients = JSON.stringify(filing.envelope.rcptTo);
  for (const { mail_key: key } of before.values()) {
    if (await tx.get('select 1 from mail where key = $1 and rcpt_to = $2', key, recipients)) return key;
  }
  return keptBefore(tx, filing);
}

function ownMessageId(filing: Filing): string {
  return filing.reading?.mail.messageId ?? madeId(filing.facts.contentKey);
}

const VERDICTS = {
  filed: 'accepted',
  changed: 'deferred',
  blocked: 'rejected',
  unthreaded: 'rejected',
  proof_used: 'rejected',
} as const;

function storedResults(
  filing: Filing,
  targets: readonly SettledTarget[],
  results: readonly FilingResult[],
): readonly StoredResult[] {
  return results.map((result, index) => {
    const target = targets[index]!;
    return {
      recipient: filing.destinations[index]!.address,
      verdict: VERDICTS[result.kind],
      message: result.kind === 'filed' && result.messageId !== null ? keyOf('message', result.messageId) : null,
      account: target.kind === 'conversation' ? target.account.key : null,
    };
  });
}

async function fileInConversation(
  tx: StoreTx,
  filing: Filing,
  at: { places: readonly Place[]; mailKey: number; messageKey: number; contentKey: Uint8Array },
): Promise<void> {
  const { account, conversation, evidence, opened, opener } = at.places[0]!;
  const { reading } = filing;
  const from = opener === undefined ? (reading?.mail.from ?? null) : opener.person;
  const named = await participantByAddress(tx, conversation.key, from?.email);
  const writer = writerOf(reading && { from, kind: reading.kind }, named, await ownerOf(tx, at.places));
  const verdicts = verdictFields(filing.authentication ?? NO_AUTHENTICATION);
  const ownMail = reading !== null && carriesLoopMark(reading.mail.headers, encodeId('account', account.key));
  const contactKey = conversation.contact_key;
  const deliveryKey = at.places.find(each => each.deliveryKey !== null)?.deliveryKey ?? null;
  const effects = decideEffects({
    kind: reading?.kind ?? unreadKind({ mailFrom: filing.envelope.mailFrom, toBounceAddress: deliveryKey !== null }),
    status: conversation.status,
    writer: writer.standing,
    holdStrangers: account.hold_strangers === 1,
    dmarc: verdicts.dmarc,
    flaggedAsSpam: reading !== null && isFlaggedAsSpam(reading.mail.headers),
    trusted: filing.trusted,
    opens: opened === true,
    recent: await recentMails(tx, { contactKey, conversation, ownMail }, filing.limits),
    loopMessages: filing.limits.loopMessages,
    ownMail,
  });
  const joined = effects.joins && from !== null ? await joinWriter(tx, conversation.key, from) : null;
  const participant = joined === null ? writer.participant : joined.participant;
  const { messageKey } = at;
  const events: NewEvent[] = [];
  if (effects.reopens) events.push({ type: 'conversation.updated', data: { changed: ['status'] } });
  if (effects.event !== null) events.push({ type: effects.event, messageKey });
  const step = await advance(tx, conversation, {
    messages: 1,
    events: events.length,
    ...(effects.reopens ? { status: 'open' } : {}),
  });
  const reported = reading === null ? [] : await reportedDeliveries(tx, { conversation, deliveryKey }, reading);
  await insertMessage(tx, {
    key: messageKey,
    conversation_key: conversation.key,
    seq: step.seq,
    direction: 'incoming',
    ...(reading === null ? { kind: 'reply' } : columnsOf(reading)),
    ...judgedColumns(writer.author, { participant, held: effects.held, reported }),
    message_id: await messageIdOf(tx, filing, account.key),
    via: filing.via,
    mail_key: at.mailKey,
    sender: toJson({
      is_participant: writer.sender.is_participant,
      token_of: writer.sender.token_of,
      ...verdicts,
      evidence: [...(opener?.evidence ?? []), ...writer.sender.evidence, ...verdicts.evidence],
    }),
    evidence: toJson([
      ...filing.evidence,
      ...evidence,
      ...(reading ? reading.evidence : [`unparsed: ${filing.reason}`]),
      ...effects.evidence,
      ...(joined?.evidence ?? []),
    ]),
    looping: effects.looping ? 1 : 0,
    content_key: at.contentKey,
  });
  await insertAttachments(tx, { key: messageKey, conversation_key: conversation.key }, filedAttachments(filing));
  await rememberId(tx, conversation.key, ownMessageId(filing));
  emitNumbered(tx, conversation, step.eventSeq, events);
  await applyReports(tx, reported);
  if (effects.resumesMailing && participant?.contact_key) await clearSuspension(tx, participant.contact_key);
}

async function ownerOf(tx: StoreTx, places: readonly Place[]): Promise<ParticipantRow | null> {
  const place = places.find(each => each.participantKey !== null);
  if (place === undefined) return null;
  if (place.owner !== undefined) return place.owner;
  return (await byKey(tx, 'participant', place.participantKey)) ?? null;
}

async function messageIdOf(tx: StoreTx, filing: Filing, accountKey: number): Promise<string> {
  return filing.reading?.mail.messageId ?? madeId(filing.facts.contentKey, await firstDomain(tx, accountKey));
}

function filedAttachments(filing: Filing): readonly InsertedAttachment[] {
  if (filing.reading !== null) return attachmentsOf(filing.reading, filing.attachments);
  const { raw: content } = filing;
  return [{ filename: 'original.eml', contentType: 'message/rfc822', inline: false, contentId: null, content }];
}
