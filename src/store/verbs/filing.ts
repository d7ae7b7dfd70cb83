/**
 * Files a mail: the transaction behind every 250. It checks the destinations again (they may have changed since RCPT),
 * finds or opens the conversations, and stores raw mail, message, attachments, dedupe key and events. What it decides
 * stands in `conversation/rules`: filing (where it goes), writer, hold, loop, delivery (what it reports).
 */

import type { Filing, FilingResult, StoredContent } from '../../conversation/filing.js';
import type { ConversationStatus, MailRecordState } from '../../conversation/model.js';
import { isFlaggedAsSpam } from '../../conversation/rules/blocked.js';
import { planFiling, refusalOfAll } from '../../conversation/rules/filing.js';
import { decideEffects } from '../../conversation/rules/hold.js';
import { carriesLoopMark } from '../../conversation/rules/loop.js';
import { writerOf } from '../../conversation/rules/writer.js';
import { NO_AUTHENTICATION } from '../../mail/authentication.js';
import { blobKey, rawKey } from '../blobs/blobs.js';
import { encodeId, keyOf } from '../ids.js';
import type { ParticipantRow, StoredResult } from '../rows.js';
import { newKey, type Session } from '../session.js';
import { firstDomain } from '../views/views.js';
import { advance, insertEvents, type NewEvent } from './events.js';
import { forwardToOperator, keptBefore } from './forwards.js';
import { recentMails } from './loops.js';
import { insertAttachments, insertMessage } from './messages.js';
import { openConversations } from './opening.js';
import { clearSuspension, join, participantByAddress } from './participants.js';
import { applyReports, reportedDeliveries, reportRow } from './reports.js';
import { CONTENT_KEY_BYTES, madeId, rememberId } from './thread-ids.js';
import { type Place, type Target, targetOf } from './threading.js';

type SettledTarget = Exclude<Target, { kind: 'opens' }>;

export function fileMail(session: Session, filing: Filing): readonly FilingResult[] {
  const mail = { reading: filing.reading, mailFrom: filing.envelope.mailFrom, ownId: ownMessageId(filing) };
  const found = filing.destinations.map(destination => targetOf(session, mail, destination));
  const refusal = filing.together
    ? refusalOfAll(found.map(target => (target.kind === 'refused' ? target.refusal : null)))
    : null;
  if (refusal !== null) return found.map(() => ({ result: refusal }));
  const targets = openConversations(session, filing, found);
  const contentKey = Buffer.from(filing.facts.contentKey, 'hex').subarray(0, CONTENT_KEY_BYTES);
  const before = filedBefore(session, targets, contentKey);
  const keptKey = targets.some(target => target.kind === 'operator') ? operatorHas(session, filing, before) : undefined;
  const plan = planFiling({
    addressed: targets.map(target =>
      target.kind === 'conversation' ? { kind: target.kind, conversation: target.conversation.key } : target,
    ),
    readable: filing.reading !== null,
    isFiled: conversation => before.has(conversation),
    isKept: keptKey !== undefined,
  });
  const mailKey = nextKey(session);
  const messageKeys = new Map(plan.conversations.map((conversation, index) => [conversation, mailKey + index]));
  const results = targets.map((target): FilingResult => {
    if (target.kind === 'refused') return { result: target.refusal };
    const known = target.kind === 'operator' ? undefined : before.get(target.conversation.key);
    const mailBefore = target.kind === 'operator' ? keptKey : known?.mail_key;
    const message = target.kind === 'operator' ? undefined : (known?.key ?? messageKeys.get(target.conversation.key));
    return {
      result: 'filed',
      mailId: encodeId('mail', mailBefore ?? mailKey),
      messageId: message === undefined ? null : encodeId('message', message),
      before: mailBefore !== undefined,
    };
  });
  if (plan.mail === null) return results;
  insertMail(session, filing, { key: mailKey, state: plan.mail, results: storedResults(filing, targets, results) });
  for (const [conversation, messageKey] of messageKeys) {
    const places = targets
      .filter(target => target.kind === 'conversation')
      .filter(each => each.conversation.key === conversation);
    fileInConversation(session, filing, { places, mailKey, messageKey, contentKey });
  }
  const unsent = plan.keeps ? forwardToOperator(session, mailKey, filing.reading) : null;
  if (unsent !== null && plan.mail === 'kept')
    session.db.run('update mail set reason = ? where key = ?', unsent, mailKey);
  return results;
}

/** The same mail: its message and mail in each of the conversations that have it. */
type FiledBefore = ReadonlyMap<number, { readonly key: number; readonly mail_key: number }>;

function filedBefore(session: Session, targets: readonly SettledTarget[], contentKey: Uint8Array): FiledBefore {
  const before = new Map<number, { key: number; mail_key: number }>();
  for (const target of targets) {
    if (target.kind !== 'conversation') continue;
    const known = session.db.get<{ key: number; mail_key: number }>(
      'select key, mail_key from message where conversation_key = ? and content_key = ?',
      target.conversation.key,
      contentKey,
    );
    if (known) before.set(target.conversation.key, known);
  }
  return before;
}

/** The same mail to the same recipients, postmaster or abuse among them: filed in one of its conversations, or kept. */
function operatorHas(session: Session, filing: Filing, before: FiledBefore): number | undefined {
  const recipients = JSON.stringify(filing.envelope.rcptTo);
  for (const { mail_key: key } of before.values()) {
    if (session.db.get('select 1 from mail where key = ? and rcpt_to = ?', key, recipients)) return key;
  }
  return keptBefore(session, filing);
}

function ownMessageId(filing: Filing): string {
  return filing.reading?.mail.messageId ?? madeId(filing.facts.contentKey);
}

/**
 * The key of the mail that is filed now, and of the first of its messages; the others follow. Known before anything is
 * written, so that each row is written once.
 */
function nextKey(session: Session): number {
  const last = session.db.value<number>(
    'select max(coalesce((select max(key) from mail), 0), coalesce((select max(key) from message), 0))',
  )!;
  return Math.max(newKey(session), last + 1);
}

function insertMail(
  session: Session,
  filing: Filing,
  mail: { key: number; state: MailRecordState; results: readonly StoredResult[] },
): void {
  session.db.run(
    `insert into mail (key, state, mail_from, rcpt_to, size, blob_key, door, client, received_at, reason, results)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    mail.key,
    mail.state,
    filing.envelope.mailFrom,
    JSON.stringify(filing.envelope.rcptTo),
    filing.facts.size,
    mail.state === 'filed' ? rawKey(session, filing.raw) : blobKey(session, filing.raw),
    filing.via,
    filing.client,
    session.clock(),
    filing.reason,
    JSON.stringify(mail.results),
  );
}

const VERDICTS = { filed: 'accepted', changed: 'deferred', blocked: 'rejected', unthreaded: 'rejected' } as const;

function storedResults(
  filing: Filing,
  targets: readonly SettledTarget[],
  results: readonly FilingResult[],
): readonly StoredResult[] {
  return results.map((result, index) => {
    const target = targets[index]!;
    return {
      recipient: filing.destinations[index]!.address,
      verdict: VERDICTS[result.result],
      message: result.result === 'filed' && result.messageId !== null ? keyOf('message', result.messageId) : null,
      account: target.kind === 'conversation' ? target.account.key : null,
    };
  });
}

function fileInConversation(
  session: Session,
  filing: Filing,
  at: { places: readonly Place[]; mailKey: number; messageKey: number; contentKey: Uint8Array },
): void {
  const { account, conversation, evidence, opened } = at.places[0]!;
  const { reading } = filing;
  const from = reading?.mail.from ?? null;
  const named = from === null ? null : (participantByAddress(session, conversation.key, from.email) ?? null);
  const writer = writerOf(reading && { from, kind: reading.kind }, named, ownerOf(session, at.places));
  const authentication = filing.authentication ?? NO_AUTHENTICATION;
  const ownMail = reading !== null && carriesLoopMark(reading.mail.headers, encodeId('account', account.key));
  const contactKey = conversation.contact_key;
  const effects = decideEffects({
    kind: reading?.kind ?? null,
    status: conversation.status as ConversationStatus,
    writer: writer.standing,
    holdStrangers: account.hold_strangers === 1,
    dmarc: authentication.dmarc,
    spam: filing.trusted && opened === true && reading !== null && isFlaggedAsSpam(reading.mail.headers),
    recent: recentMails(session, { contactKey, conversation, ownMail }, filing.limits),
    loopMessages: filing.limits.loopMessages,
    ownMail,
  });
  const participant = effects.joins && from !== null ? join(session, conversation.key, from) : writer.participant;
  const { messageKey } = at;
  const events: NewEvent[] = [];
  if (effects.reopens) events.push({ type: 'conversation.updated', data: { changed: ['status'] } });
  if (effects.event !== null) events.push({ type: effects.event, messageKey });
  const step = advance(session, conversation, {
    messages: 1,
    events: events.length,
    ...(effects.reopens ? { status: 'open' } : {}),
  });
  const deliveryKey = at.places.find(each => each.deliveryKey !== null)?.deliveryKey ?? null;
  const reported = reading === null ? [] : reportedDeliveries(session, { conversation, deliveryKey }, reading);
  insertMessage(session, {
    key: messageKey,
    conversation_key: conversation.key,
    seq: step.seq,
    direction: 'incoming',
    kind: reading?.kind ?? 'reply',
    author: writer.author,
    participant_key: participant?.key ?? null,
    text: reading?.text.text ?? '',
    quoted_text: reading?.text.quotedText ?? '',
    signature: reading?.text.signature ?? '',
    html: reading?.html ?? null,
    subject: reading?.mail.subject ?? null,
    message_id: messageIdOf(session, filing, account.key),
    in_reply_to: reading?.mail.inReplyTo[0] ?? null,
    references: reading?.mail.references ?? [],
    to: reading?.mail.to ?? [],
    cc: reading?.mail.cc ?? [],
    date: reading?.mail.date ? Date.parse(reading.mail.date) : null,
    via: filing.via,
    mail_key: at.mailKey,
    sender: {
      is_participant: writer.sender.is_participant,
      token_of: writer.sender.token_of,
      dmarc: authentication.dmarc,
      dkim: authentication.dkim,
      spf: authentication.spf,
      evidence: [
        ...writer.sender.evidence,
        ...authentication.evidence.map(field => `Authentication-Results: ${field}`),
      ],
    },
    report: reported.map(reportRow),
    evidence: [
      ...filing.evidence,
      ...evidence,
      ...(reading ? reading.evidence : [`unparsed: ${filing.reason}`]),
      ...effects.evidence,
    ],
    held: effects.held,
    looping: effects.looping,
    content_key: at.contentKey,
  });
  insertAttachments(session, { key: messageKey, conversation_key: conversation.key }, attachmentsOf(filing));
  rememberId(session, conversation.key, ownMessageId(filing));
  insertEvents(session, conversation, step.eventSeq, events);
  applyReports(session, reported);
  if (effects.resumesMailing && participant?.contact_key) clearSuspension(session, participant.contact_key);
}

function ownerOf(session: Session, places: readonly Place[]): ParticipantRow | null {
  const place = places.find(each => each.participantKey !== null);
  if (place === undefined) return null;
  if (place.owner !== undefined) return place.owner;
  return session.db.get<ParticipantRow>('select * from participant where key = ?', place.participantKey) ?? null;
}

function messageIdOf(session: Session, filing: Filing, accountKey: number): string {
  return filing.reading?.mail.messageId ?? madeId(filing.facts.contentKey, firstDomain(session, accountKey));
}

function attachmentsOf(filing: Filing) {
  if (filing.reading === null) {
    return [
      { filename: 'original.eml', contentType: 'message/rfc822', inline: false, contentId: null, content: filing.raw },
    ];
  }
  return filing.reading.mail.attachments.map((attachment, index) => ({
    filename: attachment.filename,
    contentType: attachment.contentType,
    inline: attachment.inline,
    contentId: attachment.contentId,
    content: filing.attachments[index] as StoredContent,
  }));
}
