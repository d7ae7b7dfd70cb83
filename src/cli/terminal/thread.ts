/**
 * A conversation and a message as people read them. In a thread a message shows what its writer newly wrote; one line
 * stands for the quoted text and names the verb that shows it. A message without text of its own is shown whole.
 *
 * Everything from a mail is made printable and wrapped. Ids and reply addresses are never cut or broken.
 */
import type { Conversation, Message, Participant } from '../../conversation/model.js';
import { answerOf, deliveryState, personText, sizeText, timeText } from './render.js';
import { type Fact, factLines } from './table.js';
import { styled, columns as terminalColumns } from './terminal.js';
import { cut, oneLine, pad, printable, width, wrap } from './text.js';

const INDENT = '  ';
/** Longer bodies are cut in a thread; `message show` has no such limit. */
const MAX_BODY_LINES = 200;

/** `acme#12` */
export function refText(conversation: Pick<Conversation, 'account' | 'number'>): string {
  return `${conversation.account}#${conversation.number}`;
}

/** The head of a conversation: what it is and who takes part. */
export function headView(conversation: Conversation, columns = terminalColumns()): string {
  const { status, contact, created_at, last_activity_at } = conversation;
  const { suspended } = contact;
  const title = `${refText(conversation)}  ${oneLine(conversation.subject ?? '(no subject)')}`;
  const room = columns - status.length;
  const rows: readonly (Fact | string)[] = [
    ['channel', channelText(conversation)],
    ['contact', contactText(conversation)],
    ['assigned to', conversation.assignee && personText(conversation.assignee)],
    address('reply to', conversation.reply_to ?? 'the support address (no inbound domain)'),
    [
      'suspended',
      suspended && `since ${timeText(suspended.since)}: ${suspended.reason}; contact clear ${contact.id} ends it`,
    ],
    ...conversation.participants
      .filter(each => !isContact(conversation, each))
      .flatMap(each => [
        ['with', participantText(each)] as const,
        ...(each.reply_to ? [address('', each.reply_to)] : []),
      ]),
    ...conversation.cc.map(
      each => [each.state === 'carried' ? 'answers also to' : 'suggested in Cc', personText(each)] as const,
    ),
    ['since', `${timeText(created_at)}, last activity ${timeText(last_activity_at)}`],
    ['id', conversation.id],
  ];
  return [
    styled(pad(cut(title, room - 2), room), 'bold') + styled(status, status === 'open' ? 'green' : 'dim'),
    ...rows.flatMap(row => (typeof row === 'string' ? [row] : factLines([row], columns, LABEL_COLUMNS))),
  ].join('\n');
}

/** The head and all messages; when they are too many bytes, the newest, and where the others are listed. */
export function threadView(conversation: Conversation, columns = terminalColumns()): string {
  const { messages = [], earlier_messages: earlier = 0 } = conversation;
  const parts = [headView(conversation, columns)];
  if (earlier > 0) {
    const missing = `… ${plural(earlier, 'earlier message')} not shown: too large for one answer. The API lists all:`;
    parts.push('', ...wrap(missing, columns), `GET /v1/conversations/${conversation.id}/messages`);
  }
  for (const message of messages)
    parts.push(styled('─'.repeat(columns), 'dim'), messageLines(message, columns, 'thread').join('\n'));
  if (messages.length === 0) parts.push('', 'No messages yet.');
  return parts.join('\n');
}

/** One message with everything that is kept of it. */
export function messageView(message: Message, columns = terminalColumns()): string {
  return messageLines(message, columns, 'whole').join('\n');
}

function messageLines(message: Message, columns: number, extent: 'thread' | 'whole'): string[] {
  return [
    ...messageHead(message, columns),
    ...(extent === 'whole' ? messageFields(message, columns) : []),
    '',
    ...(extent === 'thread' ? threadBody(message, columns) : wholeBody(message, columns)),
    ...attachmentLines(message, columns),
    ...noticeLines(message, columns, extent),
    ...deliveryLines(message, columns),
  ];
}

function messageHead(message: Message, columns: number): string[] {
  const kind = message.kind === message.direction || message.kind === 'reply' ? '' : ` ${message.kind}`;
  const role =
    message.author.role === 'contact' || message.author.role === 'participant' ? '' : ` (${message.author.role})`;
  const facts = `${message.direction}${kind}, ${timeText(message.received_at)} by ${message.via}`;
  const id = `  ${message.id}`;
  const first = `${message.seq}. ${personText(message.author)}${role}`;
  return [
    styled(cut(first, columns), 'bold'),
    styled(
      `${INDENT}${pad(cut(facts, columns - id.length - INDENT.length), columns - id.length - INDENT.length)}${id}`,
      'dim',
    ),
  ];
}

function messageFields(message: Message, columns: number): string[] {
  const people = (list: Message['to']) => list.map(personText).join(', ');
  const fields: readonly Fact[] = [
    ['conversation', message.conversation_id],
    ['subject', message.subject],
    ['to', people(message.to)],
    ['cc', people(message.cc)],
    ['date', message.date && timeText(message.date)],
    ['message-id', message.message_id],
    ['in reply to', message.in_reply_to],
    ['mail', message.mail_id],
    ['source id', message.source_id],
  ];
  return factLines(fields, columns, LABEL_COLUMNS);
}

function threadBody(message: Message, columns: number): string[] {
  const show = `\`message show ${message.id}\` shows`;
  const body = (text: string) => {
    const lines = bodyLines(text, columns);
    const more = lines.length - MAX_BODY_LINES;
    return more <= 0
      ? lines
      : [...lines.slice(0, MAX_BODY_LINES), `${INDENT}… ${plural(more, 'more line')}, ${show} them`];
  };
  // Nothing new above the quote: the person answered between the lines, or forwarded.
  if (message.text.trim() === '') {
    return body([message.quoted_text, message.signature].filter(part => part.trim() !== '').join('\n\n'));
  }
  const quoted = countLines(message.quoted_text);
  return [
    ...body(message.text),
    ...(quoted > 0 ? [styled(`${INDENT}… ${plural(quoted, 'quoted line')}, ${show} them`, 'dim')] : []),
    ...(message.signature.trim() === '' ? [] : bodyLines(message.signature, columns).map(line => styled(line, 'dim'))),
  ];
}

function wholeBody(message: Message, columns: number): string[] {
  const part = (title: string, text: string) =>
    text.trim() === ''
      ? []
      : ['', `${INDENT}── ${title}`, ...bodyLines(text, columns)].map(line => styled(line, 'dim'));
  return [
    ...bodyLines(message.text, columns),
    ...part('quoted', message.quoted_text),
    ...part('signature', message.signature),
  ];
}

function bodyLines(text: string, columns: number): string[] {
  const body = printable(text).trim();
  if (body === '') return [styled(`${INDENT}(no text)`, 'dim')];
  return wrap(body, columns - INDENT.length).map(line => (line === '' ? '' : INDENT + line));
}

function attachmentLines(message: Message, columns: number): string[] {
  return message.attachments
    .filter(attachment => !(attachment.seen_before && attachment.inline))
    .map(attachment => {
      const facts = `  ${cut(oneLine(attachment.content_type), 24)}, ${sizeText(attachment.size)}  ${attachment.id}`;
      const name = cut(oneLine(attachment.filename), Math.max(12, columns - INDENT.length - 2 - width(facts)));
      return `${INDENT}+ ${name}${styled(facts, 'dim')}`;
    });
}

function noticeLines(message: Message, columns: number, extent: 'thread' | 'whole'): string[] {
  const notices: string[] = [];
  if (message.held)
    notices.push(`held: \`message release ${message.id}\` gives it its effect, \`message drop\` ends it`);
  if (message.looping) notices.push('part of a loop: filed without effect');
  if (message.sender && !message.sender.is_participant) notices.push('written by somebody who is no participant');
  if (message.sender?.token_of) notices.push(`sent to the reply address of ${message.sender.token_of}`);
  for (const entry of message.report) {
    const status = [entry.status, entry.diagnostic].filter(text => text !== null).join(' ');
    notices.push(`report: ${entry.recipient} ${entry.action}${status ? `, ${status}` : ''}`);
  }
  const because = message.evidence.filter(line => !line.startsWith('unparsed'));
  notices.push(...message.evidence.filter(line => !because.includes(line)));
  return [
    ...notices.flatMap(notice => marked('!', notice, columns, 'yellow')),
    ...(extent === 'whole' ? because : []).flatMap(line => marked('·', line, columns, 'dim')),
  ];
}

function deliveryLines(message: Message, columns: number): string[] {
  if (message.deliveries.length === 0) {
    const { state, reason } = message.mail;
    return state === 'not_mailed' ? marked('→', `not mailed${reason ? `: ${reason}` : ''}`, columns, 'dim') : [];
  }
  return message.deliveries.flatMap(delivery => {
    const words = [`${delivery.recipient}: ${deliveryState(delivery)}`];
    if (delivery.report) words.push(delivery.report);
    if (delivery.attempts > 1 || (delivery.attempts === 1 && delivery.state !== 'sent'))
      words.push(plural(delivery.attempts, 'attempt'));
    if (delivery.next_attempt_at && delivery.state !== 'sent') words.push(`next ${timeText(delivery.next_attempt_at)}`);
    const answer = answerOf(delivery);
    if (answer) words.push(answer);
    const bad = delivery.state === 'failed' || delivery.report === 'bounced';
    return marked('→', words.join(', '), columns, bad ? 'red' : 'dim');
  });
}

function marked(sign: string, text: string, columns: number, style: 'dim' | 'yellow' | 'red'): string[] {
  const lines = wrap(oneLine(text), columns - INDENT.length - 2);
  return lines.map((line, at) => styled(`${INDENT}${at === 0 ? sign : ' '} ${line}`, style));
}

const LABEL_COLUMNS = 14;

// Addresses stay in one piece even where they are longer than the line: people copy them.
function address(label: string, value: string): string {
  return `${styled(pad(label, LABEL_COLUMNS), 'dim')}${oneLine(value)}`;
}

function channelText(conversation: Conversation): string {
  return conversation.source_id === null ? conversation.channel : `${conversation.channel}, ${conversation.source_id}`;
}

function contactText(conversation: Conversation): string {
  const { contact } = conversation;
  return contact.email === null
    ? `${personText(contact)}, no address yet (${contact.id})`
    : `${personText(contact)} (${contact.id})`;
}

function isContact(conversation: Conversation, participant: Participant): boolean {
  return participant.role === 'contact' && participant.reply_to === conversation.reply_to;
}

function participantText(participant: Participant): string {
  return `${personText(participant)} (${participant.id}${participant.revoked ? ', token revoked' : ''})`;
}

function countLines(text: string): number {
  const trimmed = text.trim();
  return trimmed === '' ? 0 : trimmed.split(/\r\n?|\n/).length;
}

export function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}
