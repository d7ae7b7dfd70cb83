/**
 * The closed lists of docs/contract.md that code walks through at run time. The shapes of model.ts are made of them; they
 * stand apart because a short CLI verb needs the lists and must not load the library behind the shapes.
 */

export const FEATURES = [
  'inbound_emails',
  'new_conversations',
  'hold_strangers',
  'forwarded_mail',
  'agent_mail',
] as const;

export const CHANNELS = [
  'web_widget',
  'facebook',
  'twitter',
  'whatsapp',
  'twilio_sms',
  'telegram',
  'line',
  'api',
  'email',
] as const;

export const CONVERSATION_STATUSES = ['open', 'resolved'] as const;

export const DELIVERY_STATES = ['waiting', 'leased', 'sent', 'deferred', 'failed', 'cancelled'] as const;

export const AGENT_ROLES = ['agent', 'admin'] as const;

export const AGENT_NOTIFY = ['assigned', 'all', 'none'] as const;

/** What becomes of those whom a participant puts into Cc. */
export const CC_POLICIES = ['carry', 'suggest', 'never'] as const;

export const MAIL_RECORD_STATES = ['filed', 'quarantined', 'refused', 'kept'] as const;

export const VIAS = [
  'smtp',
  'lmtp',
  'postfix',
  'exim',
  'qmail',
  'relay',
  'mailgun',
  'mandrill',
  'postmark',
  'sendgrid',
  'api',
  'cli',
] as const;

export const MESSAGE_KINDS = [
  'reply',
  'note',
  'auto_reply',
  'bounce',
  'receipt',
  'complaint',
  'list',
  'channel',
] as const;

export const MAIL_REASONS = [
  'never',
  'seen',
  'answered',
  'no_address',
  'delay',
  'suspended',
  'paused',
  'cancelled',
  'channel_off',
] as const;

export const EVENT_TYPES = [
  'message.created',
  'message.updated',
  'message.held',
  'conversation.created',
  'conversation.updated',
  'conversation.looping',
  'delivery.failed',
  'contact.suspended',
  'hook.disabled',
  'agent.suspended',
] as const;

/** What each of them tells. */
export const EVENT_WORDS: Readonly<Record<(typeof EVENT_TYPES)[number], string>> = {
  'message.created': 'A message came, was written, or was told by an application',
  'message.updated':
    'Something of a message changed: whether it was mailed, its deliveries, what is known of its sender',
  'message.held': 'A message is held until somebody releases or drops it',
  'conversation.created': 'A conversation began',
  'conversation.updated': 'Something of a conversation changed; `data.changed` says what',
  'conversation.looping': 'Mails go in circles: the conversation takes no effect of them for a while',
  'delivery.failed': 'A mail was refused for good, or given up',
  'contact.suspended': 'Nothing is mailed to a contact any more: his address is dead, or he complained',
  'hook.disabled': 'A hook was switched off: its receiver said 410, or took nothing for 5 days',
  'agent.suspended': 'Nobody notifies an agent any more: his mailbox does not exist, or he complained',
};

/** Characters of an application's own id for something: it stands in an index, and PostgreSQL bounds an entry of one. */
export const MAX_SOURCE_ID = 255;
