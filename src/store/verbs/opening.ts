/**
 * Conversations that mails open: for mail to an account's `inbox+` address that belongs to none. Everything here runs
 * inside the transaction that files the mail.
 */
import type { FiledReading, Filing } from '../../conversation/filing.js';
import { isContactLooping } from '../../conversation/rules/loop.js';
import { namedWriters, openerOf } from '../../conversation/rules/opener.js';
import { normalizeAddress } from '../../mail/address.js';
import type { ConversationRow, FilingAccount } from '../rows.js';
import { inTurn, type StoreTx } from '../tx.js';
import { openConversation } from './conversations.js';
import { emitEvents } from './events.js';
import { recentMails } from './loops.js';
import { oursAmong } from './ours.js';
import { contactFor } from './participants.js';
import type { Place, Target } from './threading.js';

/** What is known of the mail. `reading`: null when it can't be read. */
type Mail = Pick<Filing, 'envelope' | 'limits' | 'reading'>;

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
async function openForMail(tx: StoreTx, { reading, envelope, limits }: Mail, account: FilingAccount): Promise<Place> {
  // The envelope tells who wrote a mail that cannot be read.
  const opener = reading === null ? null : await openerIn(tx, reading, account);
  const from = reading === null ? { name: '', email: envelope.mailFrom } : opener!.person;
  const email = normalizeAddress(from?.email ?? '');
  const contact = await contactFor(tx, account.key, { email, name: from?.name ?? '' });
  const place = { kind: 'conversation', account, participantKey: null, deliveryKey: null } as const;
  const recent = await recentMails(tx, { contactKey: contact.key, conversation: null, ownMail: false }, limits);
  if (isContactLooping(recent, limits.loopMessages)) {
    const latest = await tx.get<ConversationRow>(
      `select * from conversation where contact_key = $1 and removing_at is null order by last_activity_at desc limit 1`,
      contact.key,
    );
    const evidence = ['threaded: latest conversation of a contact in a loop'];
    if (latest) return { ...place, conversation: latest, evidence };
  }
  const { conversation, participant } = await openConversation(tx, contact, {
    channel: 'email',
    subject: reading?.mail.subject || null,
  });
  await emitEvents(tx, conversation, [{ type: 'conversation.created' }]);
  return {
    ...place,
    conversation,
    opened: true,
    ...(opener === null ? {} : { opener }),
    participantKey: participant.key,
    evidence: ['threaded: a new conversation'],
  };
}

async function openerIn(tx: StoreTx, { kind, mail }: FiledReading, account: FilingAccount) {
  const opening = { kind, ...mail };
  const addresses = namedWriters(opening).map(box => box.email);
  const ours = await oursAmong(tx, account.key, addresses);
  return openerOf(opening, address => ours.has(address));
}
