/**
 * Files a mail: the transaction behind every 250. It checks the destinations again (they may have changed since RCPT),
 * finds the conversations, stores raw mail, message, attachments, dedupe key and events, and applies the effects that
 * `conversation/thread.ts` decided. Two destinations in one conversation make one message.
 *
 * `together`: when one destination has changed nothing is written and all come back as changed.
 */

import type { Filing, FilingResult, StoredContent } from '../../conversation/filing.js';
import { type FiledReading, unpackReading } from '../../conversation/packed.js';
import type { Destination } from '../../conversation/ports.js';
import { isFlaggedAsSpam } from '../../conversation/rules/blocked.js';
import { decideEffects } from '../../conversation/rules/effects.js';
import { carriesLoopMark } from '../../conversation/rules/loop.js';
import { NO_AUTHENTICATION } from '../../mail/authentication.js';
import type { Mailbox } from '../../mail/mail.js';
import { blobKey, rawKey } from '../blobs/blobs.js';
import { encodeId, keyOf } from '../ids.js';
import type { AccountRow, ParticipantRow, StoredResult } from '../rows.js';
import { newKey, type Session } from '../session.js';
import { firstDomain } from '../views/views.js';
import { advance, insertEvents, type NewEvent } from './events.js';
import { forwardToOperator, keptBefore } from './forwards.js';
import { recentMails } from './loops.js';
import { insertAttachments, insertMessage } from './messages.js';
import { type Opening, openConversations } from './opening.js';
import { clearSuspension, join, participantByAddress } from './participants.js';
import { applyReports, reportedDeliveries, reportRow } from './reports.js';
import { CONTENT_KEY_BYTES, madeId, rememberId } from './thread-ids.js';
import { blockedBy, findThread, namedTarget, type Target, TO_OPERATOR } from './threading.js';

type OpenedFiling = Omit<Filing, 'reading'> & { readonly reading: FiledReading | null };

export function fileMail(session: Session, packed: Filing): readonly FilingResult[] {
  const filing: OpenedFiling = { ...packed, reading: packed.reading === null ? null : unpackReading(packed.reading) };
  const found = filing.destinations.map(destination => findTarget(session, filing, destination));
  if (filing.together && found.some(target => target === 'changed')) {
    return filing.destinations.map(() => ({ result: 'changed' }));
  }
  for (const result of ['blocked', 'unthreaded'] as const) {
    if (filing.together && found.includes(result)) return filing.destinations.map(() => ({ result }));
  }
  const targets = openConversations(session, filing, found);
  const contentKey = Buffer.from(filing.facts.contentKey, 'hex').subarray(0, CONTENT_KEY_BYTES);
  const before = new Map<number, { key: number; mail_key: number }>();
  let files = false;
  for (const target of targets) {
    if (typeof target === 'string' || target.conversation === null) continue;
    const known = session.db.get<{ key: number; mail_key: number }>(
      'select key, mail_key from message where conversation_key = ? and content_key = ?',
      target.conversation.key,
      contentKey,
    );
    if (known) before.set(target.conversation.key, known);
    else files = true;
  }
  const operators = targets.includes(TO_OPERATOR);
  const kept = operators ? operatorHas(session, filing, before) : undefined;
  const keeps = operators && kept === undefined;
  const firstKey = nextKey(session);
  const mailKey = files || keeps ? firstKey : null;
  // Conversations that it makes a message in, with the message's key.
  const filed = new Map<number, number>();
  const results = targets.map((target): FilingResult => {
    if (typeof target === 'string') return { result: target };
    if (target.conversation === null) {
      const mailId = encodeId('mail', kept ?? mailKey!);
      return { result: 'filed', mailId, messageId: null, before: kept !== undefined };
    }
    const known = before.get(target.conversation.key);
    if (known) {
      return {
        result: 'filed',
        mailId: encodeId('mail', known.mail_key),
        messageId: encodeId('message', known.key),
        before: true,
      };
    }
    const messageKey = filed.get(target.conversation.key) ?? firstKey + filed.size;
    filed.set(target.conversation.key, messageKey);
    return {
      result: 'filed',
      mailId: encodeId('mail', mailKey!),
      messageId: encodeId('message', messageKey),
      before: false,
    };
  });
  if (mailKey !== null) {
    insertMail(session, filing, { key: mailKey, files, results: storedResults(filing, targets, results) });
    for (const [conversationKey, messageKey] of filed) {
      const mine = targets.filter(
        (target): target is Target => typeof target !== 'string' && target.conversation?.key === conversationKey,
      );
      fileInConversation(session, filing, { targets: mine, mailKey, messageKey, contentKey });
    }
    const unsent = keeps ? forwardToOperator(session, mailKey, filing.reading) : null;
    if (unsent !== null && !files) session.db.run('update mail set reason = ? where key = ?', unsent, mailKey);
  }
  return results;
}

/** The same mail to the same recipients, postmaster or abuse among them: filed in one of its conversations, or kept. */
function operatorHas(
  session: Session,
  filing: OpenedFiling,
  before: ReadonlyMap<number, { readonly mail_key: number }>,
): number | undefined {
  const recipients = JSON.stringify(filing.envelope.rcptTo);
  for (const { mail_key: key } of before.values()) {
    if (session.db.get('select 1 from mail where key = ? and rcpt_to = ?', key, recipients)) return key;
  }
  return keptBefore(session, filing);
}

function findTarget(
  session: Session,
  filing: OpenedFiling,
  destination: Destination,
): Target | Opening | 'changed' | 'blocked' | 'unthreaded' {
  const writer = { reading: filing.reading, mailFrom: filing.envelope.mailFrom };
  switch (destination.kind) {
    case 'operator':
      return TO_OPERATOR;
    case 'bounce':
      return namedTarget(session, destination) ?? 'changed';
    case 'reply': {
      const target = namedTarget(session, destination) ?? 'changed';
      return target !== 'changed' && target.account !== null && blockedBy(target.account, writer) !== null
        ? 'blocked'
        : target;
    }
    case 'inbox': {
      const account = session.db.get<AccountRow>('select * from account where inbox_token = ?', destination.token);
      if (account?.inbound_emails !== 1) return 'changed';
      if (blockedBy(account, writer) !== null) return 'blocked';
      const thread = findThread(session, account.key, { reading: filing.reading, ownId: ownMessageId(filing) });
      if (thread !== null) return { ...thread, account, evidence: [`threaded: ${thread.by}`] };
      return account.new_conversations === 1 ? { opensIn: account } : 'unthreaded';
    }
  }
}

function ownMessageId(filing: OpenedFiling): string {
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

/** `files`: it makes a message in some conversation; else it is kept for the operator alone. */
function insertMail(
  session: Session,
  filing: OpenedFiling,
  { key, files, results }: { key: number; files: boolean; results: readonly StoredResult[] },
): void {
  session.db.run(
    `insert into mail (key, state, mail_from, rcpt_to, size, blob_key, door, client, received_at, reason, results)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    key,
    !files ? 'kept' : filing.reading === null ? 'quarantined' : 'filed',
    filing.envelope.mailFrom,
    JSON.stringify(filing.envelope.rcptTo),
    filing.facts.size,
    files && filing.reading !== null ? rawKey(session, filing.raw) : blobKey(session, filing.raw),
    filing.via,
    filing.client,
    session.clock(),
    filing.reason,
    JSON.stringify(results),
  );
}

function storedResults(
  filing: OpenedFiling,
  targets: readonly (Target | string)[],
  results: readonly FilingResult[],
): readonly StoredResult[] {
  return results.map((result, index) => {
    const target = targets[index]!;
    return {
      recipient: filing.destinations[index]!.address,
      verdict: result.result === 'filed' ? 'accepted' : result.result === 'changed' ? 'deferred' : 'rejected',
      message: result.result === 'filed' && result.messageId !== null ? keyOf('message', result.messageId) : null,
      account: typeof target === 'string' ? null : (target.account?.key ?? null),
    };
  });
}

function fileInConversation(
  session: Session,
  filing: OpenedFiling,
  at: { targets: readonly Target[]; mailKey: number; messageKey: number; contentKey: Uint8Array },
): void {
  const target = at.targets[0]!;
  const conversation = target.conversation!;
  const account = target.account!;
  const owner = ownerOf(session, at.targets);
  const { reading } = filing;
  const kind = reading?.kind ?? 'reply';
  const from = reading?.mail.from ?? null;
  const known = from === null ? owner : participantByAddress(session, conversation.key, from.email);
  const authentication = filing.authentication ?? NO_AUTHENTICATION;
  const ownMail = reading !== null && carriesLoopMark(reading.mail.headers, encodeId('account', account.key));
  const contactKey = conversation.contact_key;
  const effects = decideEffects({
    kind,
    status: conversation.status as 'open' | 'resolved',
    known: known !== undefined,
    holdStrangers: account.hold_strangers === 1,
    dmarc: authentication.dmarc,
    recent: recentMails(session, { contactKey, conversation, ownMail }, filing.limits),
    loopMessages: filing.limits.loopMessages,
    ownMail,
    spam: filing.trusted && target.opened === true && reading !== null && isFlaggedAsSpam(reading.mail.headers),
  });
  // A robot, somebody who is held back and the mails of a loop take no part.
  const joins = known === undefined && from !== null && effects.speaks;
  const participant = joins ? join(session, conversation.key, from) : known;
  const events: NewEvent[] = [];
  if (effects.reopens) events.push({ type: 'conversation.updated', data: { changed: ['status'] } });
  const told = effects.looping
    ? effects.tellsOfLoop
      ? 'conversation.looping'
      : null
    : effects.held
      ? 'message.held'
      : 'message.created';
  const step = advance(session, conversation, {
    messages: 1,
    events: events.length + (told === null ? 0 : 1),
    ...(effects.reopens ? { status: 'open' } : {}),
  });
  const deliveryKey = at.targets.find(each => each.deliveryKey !== null)?.deliveryKey ?? null;
  const reported = reading === null ? [] : reportedDeliveries(session, { conversation, deliveryKey }, reading);
  const { messageKey } = at;
  insertMessage(session, {
    key: messageKey,
    conversation_key: conversation.key,
    seq: step.seq,
    direction: 'incoming',
    kind,
    author: authorOf(reading, known ?? participant, owner),
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
      is_participant: known !== undefined,
      token_of: owner && owner.key !== participant?.key ? owner.name || owner.email : null,
      dmarc: authentication.dmarc,
      dkim: authentication.dkim,
      spf: authentication.spf,
      evidence: senderEvidence(reading, from, authentication.evidence),
    },
    report: reported.map(reportRow),
    evidence: [
      ...filing.evidence,
      ...target.evidence,
      ...(reading ? reading.evidence : [`unparsed: ${filing.reason}`]),
      ...effects.evidence,
    ],
    held: effects.held,
    looping: effects.looping,
    content_key: at.contentKey,
  });
  insertAttachments(session, { key: messageKey, conversation_key: conversation.key }, attachmentsOf(filing));
  rememberId(session, conversation.key, ownMessageId(filing));
  if (told !== null) events.push({ type: told, messageKey });
  insertEvents(session, conversation, step.eventSeq, events);
  applyReports(session, reported);
  if (effects.speaks && reading !== null && participant?.contact_key) clearSuspension(session, participant.contact_key);
}

function ownerOf(session: Session, targets: readonly Target[]): ParticipantRow | undefined {
  const target = targets.find(each => each.participantKey !== null);
  return target === undefined
    ? undefined
    : (target.owner ??
        session.db.get<ParticipantRow>('select * from participant where key = ?', target.participantKey));
}

/** The writer is the person in From; a mail without one is its token owner's. `writer`: the participant in From. */
export function authorOf(
  reading: FiledReading | null,
  writer: ParticipantRow | undefined,
  owner: ParticipantRow | undefined,
) {
  const from = reading?.mail.from ?? null;
  if (reading === null || from === null) {
    return { name: owner?.name ?? '', email: owner?.email ?? null, role: owner?.role ?? ('system' as const) };
  }
  const reporting = reading.kind === 'bounce' || reading.kind === 'receipt' || reading.kind === 'complaint';
  return {
    name: from.name || writer?.name || '',
    email: from.email,
    role: writer?.role ?? (reporting ? ('system' as const) : ('participant' as const)),
  };
}

function senderEvidence(
  reading: FiledReading | null,
  from: Mailbox | null,
  checked: readonly string[],
): readonly string[] {
  const missing = reading !== null && from === null ? ['no From field: taken for the owner of the token'] : [];
  return [...missing, ...checked.map(field => `Authentication-Results: ${field}`)];
}

function messageIdOf(session: Session, filing: OpenedFiling, accountKey: number): string {
  return filing.reading?.mail.messageId ?? madeId(filing.facts.contentKey, firstDomain(session, accountKey));
}

function attachmentsOf(filing: OpenedFiling) {
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
