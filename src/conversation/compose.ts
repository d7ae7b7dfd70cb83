/**
 * What an outgoing mail says: header, text and HTML of one mail to everybody who gets it (docs/contract.md section 5). Pure:
 * the same input gives the same mail. The bytes are made of it in outbound/render.ts, once.
 *
 * The one field that differs from copy to copy is Reply-To. It is not part of the composed mail but of its copies:
 * `head` of a copy goes in front of the bytes when they are sent, so a mail is stored once for any number of readers.
 *
 * Names, subjects and file names lose their line breaks and controls here, so no value can begin a header field of its
 * own. An address that is none throws ReplydError('invalid'): such a mail can't be sent to anybody. Nothing here says
 * Auto-Submitted, Precedence or List-*: these are a person's words, and other helpdesks would ignore them otherwise.
 */
import { ReplydError } from '../base/errors.js';
import { normalizeAddress, splitAddress } from '../mail/address.js';
import { escapeHtml } from '../mail/html/escape.js';
import type { Content, HeaderField, Mailbox } from '../mail/mail.js';
import { wrapHtml } from '../mail/reply-text/marker.js';
import { cleanSubject, replySubject, stripReplyPrefixes } from '../mail/subject.js';
import type { ComposeMessage, ComposeSnapshot } from './composing.js';
import { plainToHtml } from './markdown.js';
import type { Account, Conversation } from './model.js';
import { block, bodyHtml, cleanText, contextPart, historyPart, oneLine, type Part } from './quoted.js';
import { chainOf, HISTORY_BYTES } from './rules/continuity.js';
import { LOOP_HEADER } from './rules/loop.js';
import { type Words, wordsFor } from './words.js';

/** A reader of the mail. `replyTo` is his own reply address; null when he has none. */
type ComposeRecipient = Pick<ComposeSnapshot['copies'][number], 'email' | 'name' | 'role' | 'replyTo'>;

export interface OutgoingAttachment {
  readonly filename: string;
  readonly contentType: string;
  /** Bytes. */
  readonly size: number;
  readonly content: Content;
}

/** What a mail is made of: a `ComposeSnapshot`, as far as a mail asks, with what is only known when the mail is made. */
export interface ComposeInput extends Pick<ComposeSnapshot, 'chain' | 'firstSubject' | 'answered'> {
  /** Its first domain is that of ids and reply addresses; without one it is the support address's. */
  readonly account: Pick<Account, 'id' | 'name' | 'support_email' | 'settings' | 'domains'> & {
    readonly features: Pick<Account['features'], 'inbound_emails'>;
  };
  /** Without a subject of its own it gets fixed words; `firstSubject` wins, so that a renamed one keeps its mails together. */
  readonly conversation: Pick<Conversation, 'id' | 'number' | 'subject'>;
  readonly unmailed: readonly ComposeMessage[];
  /** Earlier messages, oldest first: what a first mail carries, or what a later one quotes; never both. */
  readonly context: readonly ComposeMessage[];
  readonly history?: readonly ComposeMessage[];
  /** For how many bytes of history the mail has room. */
  readonly historyRoom?: number;
  readonly copies: readonly ComposeRecipient[];
  readonly mailId: string;
  /** When the mail is made, milliseconds since 1970. */
  readonly date: number;
  readonly attachments: readonly OutgoingAttachment[];
}

/** One mail, the same for all its readers. Ids are without angle brackets, as everywhere but on the wire. */
export interface OutgoingMail {
  readonly from: Mailbox;
  readonly to: readonly Mailbox[];
  readonly cc: readonly Mailbox[];
  readonly subject: string;
  readonly messageId: string;
  readonly inReplyTo: string | null;
  readonly references: readonly string[];
  /** Milliseconds since 1970. */
  readonly date: number;
  readonly text: string;
  readonly html: string;
  readonly attachments: readonly OutgoingAttachment[];
  /** Further fields, each one line of ASCII. */
  readonly headers: readonly HeaderField[];
}

/** What one reader's copy has of its own. `head` is whole header lines with CRLF. */
export interface Copy {
  readonly email: string;
  readonly head: string;
}

export interface Composed {
  readonly mail: OutgoingMail;
  /** In the order of the recipients. */
  readonly copies: readonly Copy[];
  /** It holds earlier messages. */
  readonly quotes: boolean;
}

/** An id of ours has about 60 characters; nobody needs one that breaks the line limit of RFC 5322. */
const MAX_ID = 250;

/** The mail and its copies. */
export function compose(input: ComposeInput): Composed {
  const words = wordsFor(input.account.settings.locale);
  const support = address(input.account.support_email);
  const domain = input.account.domains[0] ?? splitAddress(support)!.domain;
  const from = { name: senderName(input), email: support };
  const root = `${input.conversation.id}@${domain}`;
  const earlier = input.chain.filter(isSendableId);
  const said = saidBefore(input, words);
  const mail: OutgoingMail = {
    from,
    to: mailboxes(input.copies, 'to'),
    cc: mailboxes(input.copies, 'cc'),
    subject: subjectOf(input, words),
    messageId: `${input.mailId}@${domain}`,
    inReplyTo: earlier.at(-1) ?? null,
    references: [root, ...chainOf(earlier.filter(id => id !== root))],
    date: input.date,
    text: textPart(input, said),
    html: htmlPart(input, words, said),
    attachments: input.attachments.map(cleanAttachment),
    headers: [{ name: LOOP_HEADER, value: oneLine(input.account.id) }],
  };
  const copies = input.copies.map(recipient => ({
    email: address(recipient.email),
    head: copyHead({
      name: from.name,
      email: (input.account.features.inbound_emails ? recipient.replyTo : null) ?? support,
    }),
  }));
  return { mail, copies, quotes: said !== null };
}

/** The header lines of one copy: its Reply-To, encoded and folded (RFC 5322, RFC 2047), ended by CRLF. */
export function copyHead(replyTo: Mailbox): string {
  const email = address(replyTo.email);
  const name = oneLine(replyTo.name);
  if (name === '') return `Reply-To: <${email}>\r\n`;
  return `Reply-To: ${phrase(name)}\r\n <${email}>\r\n`;
}

// ---------------------------------------------------------------- header

/** `<agent> (<account>)`; the newest message's agent speaks for the mail. */
function senderName(input: ComposeInput): string {
  const account = oneLine(input.account.name);
  const agent = oneLine(input.unmailed.at(-1)?.author.name ?? '');
  if (agent === '' || agent === account) return account;
  return account === '' ? agent : `${agent} (${account})`;
}

function subjectOf(input: ComposeInput, words: Words): string {
  const base = stripReplyPrefixes(input.firstSubject ?? '') || templateSubject(input, words);
  return input.answered ? replySubject(base) : base;
}

/** `{subject}`, `{number}` and `{account}` stand for themselves; a template without `{subject}` only serves for none. */
function templateSubject(input: ComposeInput, words: Words): string {
  const own = stripReplyPrefixes(input.conversation.subject ?? '');
  const template = input.account.settings.subject_template ?? '';
  if (own !== '' && !template.includes('{subject}')) return own;
  const filled = (template === '' ? '[#{number}] {subject}' : template).replaceAll(
    /\{(subject|number|account)\}/g,
    (_, name: string) => {
      if (name === 'number') return String(input.conversation.number);
      return name === 'account' ? input.account.name : own || words.subject;
    },
  );
  return stripReplyPrefixes(filled) || words.subject;
}

function mailboxes(recipients: readonly ComposeRecipient[], role: 'to' | 'cc'): Mailbox[] {
  return recipients
    .filter(recipient => recipient.role === role)
    .map(recipient => ({ name: oneLine(recipient.name), email: address(recipient.email) }));
}

export function address(text: string): string {
  const email = normalizeAddress(text);
  if (email === null || /[\s\x00-\x1f\x7f<>]/.test(email)) {
    throw new ReplydError('invalid', `can't send mail from or to ${JSON.stringify(text)}: it is no e-mail address`);
  }
  return email;
}

/** Ids of customers' mails come from outside; one that would not survive folding is left out of the chain. */
function isSendableId(id: string): boolean {
  return id.length <= MAX_ID && /^[\x21-\x3b\x3d\x3f-\x7e]+$/.test(id);
}

/** A display name: a quoted string, or encoded words of at most 75 characters on lines of their own. */
function phrase(name: string): string {
  if (/^[\x20-\x7e]*$/.test(name)) return `"${name.replaceAll(/["\\]/g, '\\$&')}"`;
  const chunks: string[] = [''];
  for (const char of name) {
    if (Buffer.byteLength(chunks.at(-1)! + char) > 45) chunks.push('');
    chunks[chunks.length - 1] += char;
  }
  return chunks.map(chunk => `=?UTF-8?B?${Buffer.from(chunk).toString('base64')}?=`).join('\r\n ');
}

function cleanAttachment(attachment: OutgoingAttachment): OutgoingAttachment {
  const filename = cleanSubject(attachment.filename.split(/[/\\]/).at(-1)!) || 'attachment';
  const type = attachment.contentType.split(';')[0]!.trim().toLowerCase();
  const contentType = /^[a-z0-9!#$&^_.+-]{1,80}\/[a-z0-9!#$&^_.+-]{1,80}$/.test(type)
    ? type
    : 'application/octet-stream';
  return { ...attachment, filename, contentType };
}

// ---------------------------------------------------------------- parts

function saidBefore(input: ComposeInput, words: Words): Part | null {
  const style = { account: oneLine(input.account.name), words };
  return (
    contextPart(input.context, style) ??
    historyPart(input.history ?? [], { ...style, room: input.historyRoom ?? HISTORY_BYTES })
  );
}

/** New words first, as in every answer; then what was said before, quoted; then the footer. */
function textPart(input: ComposeInput, said: Part | null): string {
  const { intro, footer } = input.account.settings;
  const parts: string[] = [];
  if (intro) parts.push(cleanText(intro));
  for (const [index, message] of input.unmailed.entries()) {
    const name = speaker(input.unmailed, index);
    parts.push((name === null ? '' : `${name}:\n\n`) + cleanText(message.text));
  }
  if (said !== null) parts.push(said.text);
  if (footer) parts.push(`-- \n${cleanText(footer)}`);
  return `${parts.join('\n\n')}\n`;
}

function htmlPart(input: ComposeInput, words: Words, said: Part | null): string {
  const { intro, footer } = input.account.settings;
  const parts: string[] = [];
  if (intro) parts.push(block(plainToHtml(cleanText(intro))));
  for (const [index, message] of input.unmailed.entries()) {
    const name = speaker(input.unmailed, index);
    const body = bodyHtml(cleanText(message.text), message.format);
    parts.push(block((name === null ? '' : `<p><b>${escapeHtml(name)}</b></p>\n`) + body));
  }
  // The footer stands above what was said before: below ten messages nobody would read it, and HTML needs no delimiter.
  if (footer) parts.push(block(plainToHtml(cleanText(footer)), 'color:#59636e;font-size:13px'));
  if (said !== null) parts.push(said.html);
  const style = 'font-family:system-ui,Helvetica,Arial,sans-serif;font-size:15px;line-height:1.5;max-width:640px';
  return [
    '<!doctype html>',
    `<html lang="${words.language}"><head><meta charset="utf-8"><title>${escapeHtml(subjectOf(input, words))}</title></head>`,
    `<body>\n${wrapHtml(`<div style="${style}">\n${parts.join('\n')}\n</div>`)}\n</body></html>\n`,
  ].join('\n');
}

/** The name above a message when more than one person speaks in this mail; else null: From says it. */
function speaker(messages: readonly ComposeMessage[], index: number): string | null {
  const name = oneLine(messages[index]!.author.name);
  if (messages.every(message => oneLine(message.author.name) === name)) return null;
  return index > 0 && oneLine(messages[index - 1]!.author.name) === name ? null : name || null;
}
