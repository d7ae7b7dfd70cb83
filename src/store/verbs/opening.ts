/**
 * Conversations that mails open: for mail to an account's `inbox+` address that belongs to none. Everything here runs
 * inside the transaction that files the mail.
 */
import type { Filing } from '../../conversation/filing.js';
import type { FiledReading } from '../../conversation/packed.js';
import { normalizeAddress } from '../../mail/address.js';
import type { AccountRow, ConversationRow } from '../rows.js';
import type { Session } from '../session.js';
import { openConversation } from './conversations.js';
import { advance, insertEvents } from './events.js';
import { recentMails } from './loops.js';
import { addParticipant, contactFor } from './participants.js';
import type { Target } from './threading.js';

/** What is known of the mail. `reading`: null when it can't be read. */
type Mail = Pick<Filing, 'envelope' | 'limits'> & { readonly reading: FiledReading | null };

/** A conversation is to be opened in this account; nothing is written while targets are still being looked for. */
export interface Opening {
  readonly opensIn: AccountRow;
}

/** One for each account, however many of its addresses the mail came to. */
export function openConversations(
  session: Session,
  filing: Mail,
  found: readonly (Target | Opening | 'changed' | 'blocked' | 'unthreaded')[],
): readonly (Target | 'changed' | 'blocked' | 'unthreaded')[] {
  const opened = new Map<number, Target>();
  return found.map(each => {
    if (typeof each === 'string' || !('opensIn' in each)) return each;
    const target = opened.get(each.opensIn.key) ?? openForMail(session, filing, each.opensIn);
    opened.set(each.opensIn.key, target);
    return target;
  });
}

/** A new conversation with the writer. A loop opens none: its mails go into the contact's latest one. */
function openForMail(session: Session, filing: Mail, account: AccountRow): Target {
  const mail = filing.reading?.mail ?? null;
  // The envelope tells who wrote a mail that cannot be read.
  const from = mail === null ? { name: '', email: filing.envelope.mailFrom } : mail.from;
  const email = normalizeAddress(from?.email ?? '');
  const contact = contactFor(session, account.key, { email, name: from?.name ?? '' });
  const target = { account, participantKey: null, deliveryKey: null };
  const at = { contactKey: contact.key, conversation: null, ownMail: false };
  if (recentMails(session, at, filing.limits).ofContact >= filing.limits.loopMessages) {
    const latest = session.db.get<ConversationRow>(
      `select * from conversation where contact_key = ? and removing_at is null order by last_activity_at desc limit 1`,
      contact.key,
    );
    const evidence = ['threaded: latest conversation of a contact in a loop'];
    if (latest) return { ...target, conversation: latest, evidence };
  }
  const conversation = openConversation(session, account.key, contact.key, {
    channel: 'email',
    subject: mail?.subject || null,
  });
  const participant = addParticipant(session, conversation.key, {
    contactKey: contact.key,
    email: contact.email,
    name: contact.name,
    role: 'contact',
  });
  const { eventSeq } = advance(session, conversation, { events: 1 });
  insertEvents(session, conversation, eventSeq, [{ type: 'conversation.created' }]);
  return {
    ...target,
    conversation,
    opened: true,
    participantKey: participant.key,
    evidence: ['threaded: a new conversation'],
  };
}
