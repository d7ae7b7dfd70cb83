/**
 * What is a person's in his conversations, for his export: what he wrote, and what went to him. Notes are the team's, and
 * what somebody else wrote to the team is his who wrote it, unless the mail went to the person too. Of the others he sees
 * here no more than he saw then: names and addresses of a mail, the name of an agent. Pure.
 */
import { foldAddress } from '../../mail/address.js';
import type { Conversation, Message } from '../model.js';

/** `addresses`: of the contact, as the conversation's participants say. */
export function isHis(
  { direction, author, to, cc }: Pick<Message, 'direction' | 'author' | 'to' | 'cc'>,
  addresses: readonly string[],
): boolean {
  if (direction === 'note') return false;
  if (direction === 'outgoing' || author.role === 'contact') return true;
  const his = new Set(addresses.map(foldAddress));
  return author.role === 'participant' && [...to, ...cc].some(({ email }) => his.has(foldAddress(email)));
}

export function addressesOf({ contact, participants }: Pick<Conversation, 'contact' | 'participants'>): string[] {
  const all = [contact.email, ...participants.filter(({ role }) => role === 'contact').map(({ email }) => email)];
  return [...new Set(all.filter(email => email !== null))];
}

/** A message as it is exported. */
export function exportedMessage(message: Message) {
  const { id, seq, direction, kind, author, text, format, quoted_text, signature, html, subject } = message;
  const { message_id, to, cc, date, received_at, via, source_id, metadata } = message;
  return {
    ...{ id, seq, direction, kind, date, received_at, via, source_id, subject, message_id, to, cc },
    author: { name: author.name, email: author.role === 'agent' ? null : author.email, role: author.role },
    ...{ text, format, quoted_text, signature, html, metadata },
    attachments: message.attachments.map(each => {
      return { id: each.id, filename: each.filename, content_type: each.content_type, size: each.size };
    }),
    mail: message.mail,
  };
}

/** A conversation as it is exported: without reply addresses, which are keys to it, and without the team's words on it. */
export function exportedConversation(conversation: Conversation) {
  const { id, number, account, channel, source_id, subject, status, metadata } = conversation;
  const { created_at, last_activity_at } = conversation;
  const addresses = addressesOf(conversation);
  return {
    id,
    number,
    account,
    channel,
    source_id,
    subject,
    status,
    metadata,
    created_at,
    last_activity_at,
    addresses,
  };
}
