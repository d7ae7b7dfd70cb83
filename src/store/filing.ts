/**
 * Files a mail: the transaction behind every 250. It checks the destinations again (they may have changed since RCPT),
 * finds the conversations, stores raw mail, message, attachments, dedupe key and events, and applies the effects that
 * `conversation/thread.ts` decided. Two destinations in one conversation make one message.
 *
 * `together`: when one destination has changed nothing is written and all come back as changed.
 */
import { carriesLoopMark } from '../conversation/loop.js';
import type { Sender } from '../conversation/model.js';
import type { Destination } from '../conversation/ports.js';
import type { Filing, FilingResult, StoredContent } from '../conversation/store.js';
import { addressesInHeader, decideEffects, threadIds } from '../conversation/thread.js';
import { parseOurAddress } from '../mail/address.js';
import type { Reading, ReportEntry } from '../mail/mail.js';
import { accountByKey, knownPrefixes, livingToken } from './accounts.js';
import { blobKey } from './blobs.js';
import { openConversation } from './conversations.js';
import { applyReports } from './deliveries.js';
import { advance, insertEvents, type NewEvent } from './events.js';
import { encodeId, keyOf } from './ids.js';
import { insertAttachments, insertMessage } from './messages.js';
import { addParticipant, clearSuspension, contactFor, participantByAddress } from './participants.js';
import { newKey, type Session } from './session.js';
import { conversationOfId, rememberId } from './thread-ids.js';
import { type AccountRow, type ConversationRow, firstDomain, type ParticipantRow, type StoredResult } from './views.js';

/** Where one destination leads now. */
interface Target {
  readonly account: AccountRow | null;
  /** Null: kept for the operator. */
  readonly conversation: ConversationRow | null;
  /** Whose token it is. */
  readonly participantKey: number | null;
  readonly deliveryKey: number | null;
}

export function fileMail(session: Session, filing: Filing): readonly FilingResult[] {
  const targets = filing.destinations.map(destination => findTarget(session, filing, destination));
  if (filing.together && targets.some(target => target === 'changed')) {
    return filing.destinations.map(() => ({ result: 'changed' }));
  }
  if (filing.together && targets.some(target => target === 'unthreaded')) {
    return filing.destinations.map(() => ({ result: 'unthreaded' }));
  }
  const contentKey = Buffer.from(filing.facts.contentKey, 'hex').subarray(0, 16);
  const before = new Map<number, { key: number; mail_key: number }>();
  let fresh = false;
  for (const target of targets) {
    if (typeof target === 'string') continue;
    const known = target.conversation
      ? session.db.get<{ key: number; mail_key: number }>(
          'select key, mail_key from message where conversation_key = ? and content_key = ?',
          target.conversation.key,
          contentKey,
        )
      : undefined;
    if (known) before.set(target.conversation!.key, known);
    else fresh = true;
  }
  const mailKey = fresh ? insertMail(session, filing, targets) : null;
  const filed = new Map<number, number>();
  const results = targets.map((target): FilingResult => {
    if (typeof target === 'string') return { result: target };
    if (target.conversation === null) {
      return { result: 'filed', mailId: encodeId('mail', mailKey!), messageId: null, before: false };
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
    let messageKey = filed.get(target.conversation.key);
    if (messageKey === undefined) {
      const mine = targets.filter(
        (other): other is Target => typeof other !== 'string' && other.conversation?.key === target.conversation!.key,
      );
      messageKey = fileInConversation(session, filing, { targets: mine, mailKey: mailKey!, contentKey });
      filed.set(target.conversation.key, messageKey);
    }
    return {
      result: 'filed',
      mailId: encodeId('mail', mailKey!),
      messageId: encodeId('message', messageKey),
      before: false,
    };
  });
  if (mailKey !== null) writeResults(session, mailKey, filing, targets, results);
  return results;
}

function findTarget(session: Session, filing: Filing, destination: Destination): Target | 'changed' | 'unthreaded' {
  const { db } = session;
  switch (destination.kind) {
    case 'operator':
      return { account: null, conversation: null, participantKey: null, deliveryKey: null };
    case 'reply': {
      const token = livingToken(session, destination.token);
      if (token?.inbound_emails !== 1) return 'changed';
      return {
        account: accountByKey(session, token.account_key),
        conversation: db.get<ConversationRow>('select * from conversation where key = ?', token.conversation_key)!,
        participantKey: token.participant_key,
        deliveryKey: null,
      };
    }
    case 'bounce': {
      const row = db.get<{ key: number; conversation_key: number | null; participant_key: number | null }>(
        `select d.key, d.conversation_key, d.participant_key from delivery d
           join conversation c on c.key = d.conversation_key where d.bounce_token = ? and c.removing_at is null`,
        destination.token,
      );
      if (!row || row.conversation_key === null) return 'changed';
      const conversation = db.get<ConversationRow>('select * from conversation where key = ?', row.conversation_key)!;
      return {
        account: accountByKey(session, conversation.account_key),
        conversation,
        participantKey: row.participant_key,
        deliveryKey: row.key,
      };
    }
    case 'inbox': {
      const account = db.get<AccountRow>('select * from account where inbox_token = ?', destination.token);
      if (account?.inbound_emails !== 1) return 'changed';
      return threadOrOpen(session, filing, account);
    }
  }
}

/** Mail to a forwarding address: by token in the delivery headers, by ids, or a new conversation. Always within the account. */
function threadOrOpen(session: Session, filing: Filing, account: AccountRow): Target | 'unthreaded' {
  const { db } = session;
  const none = { account, participantKey: null, deliveryKey: null };
  const mail = filing.reading?.mail ?? null;
  if (mail) {
    const prefixes = knownPrefixes(session);
    for (const address of addressesInHeader(mail)) {
      const parsed = parseOurAddress(address, prefixes);
      const token = parsed.kind === 'reply' ? livingToken(session, parsed.token) : undefined;
      if (token && token.account_key === account.key) {
        const conversation = db.get<ConversationRow>(
          'select * from conversation where key = ?',
          token.conversation_key,
        )!;
        return { account, conversation, participantKey: token.participant_key, deliveryKey: null };
      }
    }
  }
  const ids = mail ? [...threadIds(mail), ...(mail.messageId ? [mail.messageId] : [])] : [];
  for (const id of [...ids, ownMessageId(filing)]) {
    const conversation = conversationOfId(session, account.key, id);
    if (conversation) return { ...none, conversation };
  }
  const writer = mail?.from ?? null;
  if (account.new_conversations !== 1 || writer === null) return 'unthreaded';
  const contact = contactFor(session, account.key, writer);
  const conversation = openConversation(session, account.key, contact.key, {
    channel: 'email',
    subject: mail!.subject || null,
  });
  const participant = addParticipant(session, conversation.key, {
    contactKey: contact.key,
    email: contact.email,
    name: contact.name,
    role: 'contact',
  });
  const { eventSeq } = advance(session, conversation, { events: 1 });
  insertEvents(session, conversation, eventSeq, [{ type: 'conversation.created' }]);
  return { account, conversation, participantKey: participant.key, deliveryKey: null };
}

/** A mail without a Message-ID gets one from its content, so that it is the same each time it comes. */
function ownMessageId(filing: Filing): string {
  return filing.reading?.mail.messageId ?? `${filing.facts.contentKey.slice(0, 32)}@without-message-id.invalid`;
}

function insertMail(session: Session, filing: Filing, targets: readonly (Target | string)[]): number {
  const kept = targets.every(target => typeof target === 'string' || target.conversation === null);
  return session.db.value<number>(
    `insert into mail (key, state, mail_from, rcpt_to, size, blob_key, door, client, received_at, reason)
     values (max(?, (select coalesce(max(key), 0) + 1 from mail)), ?, ?, ?, ?, ?, ?, ?, ?, ?) returning key`,
    newKey(session),
    kept ? 'kept' : filing.reading === null ? 'quarantined' : 'filed',
    filing.envelope.mailFrom,
    JSON.stringify(filing.envelope.rcptTo),
    filing.facts.size,
    blobKey(session, filing.raw),
    filing.via,
    filing.client,
    session.clock(),
    filing.reason,
  )!;
}

function writeResults(
  session: Session,
  mailKey: number,
  filing: Filing,
  targets: readonly (Target | string)[],
  results: readonly FilingResult[],
): void {
  const stored = results.map((result, index): StoredResult => {
    const target = targets[index]!;
    return {
      recipient: filing.destinations[index]!.address,
      verdict: result.result === 'filed' ? 'accepted' : result.result === 'changed' ? 'deferred' : 'rejected',
      message: result.result === 'filed' && result.messageId !== null ? keyOf('message', result.messageId) : null,
      account: typeof target === 'string' ? null : (target.account?.key ?? null),
    };
  });
  session.db.run('update mail set results = ? where key = ?', JSON.stringify(stored), mailKey);
}

function fileInConversation(
  session: Session,
  filing: Filing,
  at: { targets: readonly Target[]; mailKey: number; contentKey: Uint8Array },
): number {
  const { db } = session;
  const target = at.targets[0]!;
  const conversation = target.conversation!;
  const account = target.account!;
  const owner = ownerOf(session, at.targets);
  const { reading } = filing;
  const writer = findWriter(session, conversation, reading, owner);
  const effects = decideEffects({
    kind: reading?.kind ?? 'reply',
    status: conversation.status as 'open' | 'resolved',
    known: writer.known,
    holdStrangers: account.hold_strangers === 1,
    dmarc: null,
    recent: recentMails(session, conversation, filing.limits),
    loopMessages: filing.limits.loopMessages,
    ownMail: reading !== null && carriesLoopMark(reading.mail.headers, encodeId('account', account.key)),
  });
  const events: NewEvent[] = [];
  if (effects.reopens) events.push({ type: 'conversation.updated', data: { changed: ['status'] } });
  if (effects.looping) events.push({ type: 'conversation.looping' });
  const step = advance(session, conversation, {
    messages: 1,
    events: events.length + 1,
    ...(effects.reopens ? { status: 'open' } : {}),
  });
  const deliveryKey = at.targets.find(each => each.deliveryKey !== null)?.deliveryKey ?? null;
  const report = reportRows(reading, deliveryKey);
  const messageKey = insertMessage(session, {
    conversation_key: conversation.key,
    seq: step.seq,
    direction: 'incoming',
    kind: reading?.kind ?? 'reply',
    author: writer.author,
    participant_key: writer.participant?.key ?? null,
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
    sender: writer.sender,
    report,
    evidence: [
      ...filing.evidence,
      ...(reading ? reading.evidence : [`unparsed: ${filing.reason}`]),
      ...effects.evidence,
    ],
    held: effects.held,
    looping: effects.looping,
    content_key: at.contentKey,
  });
  insertAttachments(session, { key: messageKey, conversation_key: conversation.key }, attachmentsOf(filing));
  rememberId(session, conversation.key, ownMessageId(filing));
  events.push({ type: effects.held ? 'message.held' : 'message.created', messageKey });
  insertEvents(session, conversation, step.eventSeq, events);
  if (reading && report.length > 0) applyReports(session, account.key, deliveryKey, reading);
  const person =
    reading !== null && (reading.kind === 'reply' || reading.kind === 'list') && !effects.held && !effects.looping;
  // Whoever writes again can be written to again.
  if (person && writer.participant?.contact_key) clearSuspension(session, writer.participant.contact_key);
  if (filing.reading === null) db.run("update mail set state = 'quarantined' where key = ?", at.mailKey);
  return messageKey;
}

function ownerOf(session: Session, targets: readonly Target[]): ParticipantRow | undefined {
  const key = targets.find(target => target.participantKey !== null)?.participantKey;
  return key === undefined || key === null
    ? undefined
    : session.db.get<ParticipantRow>('select * from participant where key = ?', key);
}

interface Writer {
  readonly participant: ParticipantRow | undefined;
  /** He was a participant before this mail. */
  readonly known: boolean;
  readonly author: { name: string; email: string | null; role: 'contact' | 'participant' | 'system' };
  readonly sender: Sender;
}

/** The writer is the person in From. A person nobody knew becomes a participant; a robot does not. */
function findWriter(
  session: Session,
  conversation: ConversationRow,
  reading: Reading | null,
  owner: ParticipantRow | undefined,
): Writer {
  const from = reading?.mail.from ?? null;
  const verdicts = { dmarc: null, dkim: null, spf: null };
  if (reading === null || from === null) {
    const evidence = reading === null ? [] : ['no From field: taken for the owner of the token'];
    return {
      participant: owner,
      known: owner !== undefined,
      author: { name: owner?.name ?? '', email: owner?.email ?? null, role: owner?.role ?? 'system' },
      sender: { is_participant: owner !== undefined, token_of: null, ...verdicts, evidence },
    };
  }
  const known = participantByAddress(session, conversation.key, from.email);
  const person = reading.kind === 'reply' || reading.kind === 'list';
  const participant =
    known ??
    (person
      ? addParticipant(session, conversation.key, {
          contactKey: null,
          email: from.email,
          name: from.name,
          role: 'participant',
        })
      : undefined);
  const reporting = reading.kind === 'bounce' || reading.kind === 'receipt' || reading.kind === 'complaint';
  return {
    participant,
    known: known !== undefined,
    author: {
      name: from.name || known?.name || '',
      email: from.email,
      role: known?.role ?? (reporting ? 'system' : 'participant'),
    },
    sender: {
      is_participant: known !== undefined,
      token_of: owner && owner.key !== participant?.key ? owner.name || owner.email : null,
      ...verdicts,
      evidence: [],
    },
  };
}

/** How many mails came in within the window, counted up to the limit. */
function recentMails(session: Session, conversation: ConversationRow, limits: Filing['limits']): number {
  // A conversation with fewer messages than the limit can't be in a loop: most mails are spared the count.
  if (conversation.next_seq <= limits.loopMessages) return 0;
  return session.db.value<number>(
    `select count(*) from (
       select received_at from message where conversation_key = ? and direction = 'incoming' and mail_key is not null
       order by seq desc limit ?)
     where received_at > ?`,
    conversation.key,
    limits.loopMessages,
    session.clock() - limits.loopWindow,
  )!;
}

function messageIdOf(session: Session, filing: Filing, accountKey: number): string {
  const own = ownMessageId(filing);
  const domain = own.endsWith('.invalid') ? firstDomain(session, accountKey) : null;
  return domain === null ? own : own.replace('without-message-id.invalid', domain);
}

function reportRows(
  reading: Reading | null,
  deliveryKey: number | null,
): readonly (ReportEntry & { delivery_id: string | null })[] {
  const id = deliveryKey === null ? null : encodeId('delivery', deliveryKey);
  return (reading?.report ?? []).map(entry => ({ ...entry, delivery_id: id }));
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
