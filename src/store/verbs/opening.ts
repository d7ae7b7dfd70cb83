/**
 * Conversations that mails open: for mail to an account's `inbox+` address that belongs to none. Everything here runs
 * inside the transaction that files the mail.
 */
import type { Filing } from '../../conversation/filing.js';
import { carriesLoopMark, isContactLooping } from '../../conversation/rules/loop.js';
import { foldAddress, normalizeAddress } from '../../mail/address.js';
import { encodeId } from '../ids.js';
import type { ConversationRow, FilingAccount } from '../rows.js';
import { inTurn, type StoreTx } from '../tx.js';
import { openConversation } from './conversations.js';
import { emitNumbered } from './events.js';
import { contactFor } from './known-contacts.js';
import { recentMails } from './loops.js';
import { openerIn } from './openers.js';
import { teamForwardOf } from './team-forwards.js';
import type { Place, Target } from './threading.js';

/** What is known of the mail. `reading`: null when it can't be read. */
type Mail = Pick<Filing, 'envelope' | 'limits' | 'reading' | 'authentication' | 'attachments'>;

/** One for each account, however many of its addresses the mail came to. */
export async function openConversations(
  tx: StoreTx,
  mail: Mail,
  targets: readonly Target[],
): Promise<readonly Exclude<Target, { kind: 'opens' }>[]> {
  const opened = new Map<number, Place>();
  return inTurn(targets, async target => {
    if (target.kind !== 'opens') return target;
    const place = opened.get(target.account.key) ?? (await openForMail(tx, mail, target.account));
    opened.set(target.account.key, place);
    return place;
  });
}

/** A new conversation with the writer; a contact's loop goes into his latest one instead. */
async function openForMail(tx: StoreTx, mail: Mail, account: FilingAccount): Promise<Place> {
  const { reading, envelope, limits } = mail;
  // The envelope tells who wrote a mail that cannot be read.
  const opener = reading === null ? null : await openerIn(tx, { ...mail, reading }, account);
  const from = reading === null ? { name: '', email: envelope.mailFrom } : opener!.person;
  const email = normalizeAddress(from?.email ?? '');
  const contact = await contactFor(tx, account.key, { email, name: from?.name ?? '' });
  const place = { kind: 'conversation', account, participantKey: null, owner: null, deliveryKey: null } as const;
  const ownMail = carriesLoopMark(reading?.mail.headers ?? [], encodeId('account', account.key));
  const recent = await recentMails(
    tx,
    { contactKey: contact.key, conversation: null, ownMail, others: contact.isNew ? 0 : undefined },
    limits,
  );
  if (isContactLooping(recent, limits.loopMessages)) {
    const latest = await tx.get<ConversationRow>(
      `select * from conversation where contact_key = $1 and removing_at is null order by last_activity_at desc limit 1`,
      contact.key,
    );
    const evidence = ['threaded: latest conversation of a contact in a loop'];
    if (latest) return { ...place, conversation: latest, evidence };
  }
  const forward = opener?.forward == null ? null : teamForwardOf(mail, opener.forward);
  const { conversation, participant } = await openConversation(
    tx,
    contact,
    { channel: 'email', subject: (forward?.original ?? reading)?.mail.subject || null },
    { events: 1 },
  );
  emitNumbered(tx, conversation, 1, [{ type: 'conversation.created' }]);
  const isContact =
    opener?.person != null &&
    participant.email !== null &&
    foldAddress(participant.email) === foldAddress(opener.person.email);
  return {
    ...place,
    conversation,
    opened: true,
    owner: participant,
    // In a new conversation there is nothing and nobody else.
    around: {
      before: null,
      named: isContact ? participant : null,
      others: 0,
      suspended: contact.suspended_at !== null,
    },
    recent,
    ...(opener === null ? {} : { opener }),
    ...(forward === null ? {} : { forward }),
    participantKey: participant.key,
    evidence: ['threaded: a new conversation'],
  };
}
