/**
 * The mail that tells an agent what was written in a conversation, and that he can answer (docs/agent-mail.md). Pure.
 *
 * On top stands the marker (`markerLine`): it says what the mail is about, and everything from there on is ours. Customers'
 * words stand in it as text alone, files only by their names. Its thread is the agents' own: no id of a customer's mail is
 * in it. A machine sends it and says so (RFC 3834); it carries our loop mark.
 *
 * Brackets in names and subjects become parentheses: programs quote those above the marker, and nobody else may write one.
 */
import { splitAddress } from '../mail/address.js';
import { cutText } from '../mail/cut.js';
import { escapeHtml } from '../mail/html/escape.js';
import { markerLine, REPLY_LINES, wrapHtml } from '../mail/reply-text/marker.js';
import { stripReplyPrefixes } from '../mail/subject.js';
import { address, type OutgoingMail } from './compose.js';
import { plainToHtml } from './markdown.js';
import type { Account, Message } from './model.js';
import { block, cleanText, oneLine } from './quoted.js';
import { COMMANDS } from './rules/agent-commands.js';
import { LOOP_HEADER } from './rules/loop.js';
import { wordsFor } from './words.js';

/** A message as a notification shows it; `text` may be cut at `NOTICE_TEXT`. */
export interface NoticeMessage {
  readonly author: string;
  readonly direction: Message['direction'];
  readonly text: string;
  readonly files: readonly string[];
  /** ISO 8601. */
  readonly at: string;
  /** It came by a mail that nobody could read. */
  readonly isUnread: boolean;
}

export interface AgentNotice {
  readonly account: Pick<Account, 'id' | 'slug' | 'name' | 'support_email' | 'settings' | 'domains'>;
  readonly conversation: { readonly id: string; readonly number: number; readonly subject: string | null };
  /** Name or address of the customer. */
  readonly contact: string;
  readonly agent: { readonly name: string; readonly email: string };
  readonly purpose: 'answer' | 'note';
  /** The last message that he knows with this mail. */
  readonly seq: number;
  /** What it is about, oldest first; how many more there are. */
  readonly messages: readonly NoticeMessage[];
  readonly more: number;
  /** What else was said since his last notification, oldest first. */
  readonly since: readonly NoticeMessage[];
  /** His own mails that were held since, and why. */
  readonly held: readonly { readonly at: string; readonly reason: string }[];
  /** Of the conversation in the page; null: there is no page. */
  readonly link: string | null;
}

/** What the store gives for a notification that is due. */
export interface NoticeSnapshot extends Omit<AgentNotice, 'link'> {
  readonly deliveryId: string;
  readonly messageIds: readonly string[];
  readonly replyTo: string;
  readonly bounceAddress: string | null;
}

/** Characters of a message that a notification shows. */
export const NOTICE_TEXT = 8_000;
/** Messages that it shows of each kind. */
export const NOTICE_MESSAGES = 20;

export function agentNotice(
  notice: AgentNotice,
  made: { readonly mailId: string; readonly date: number },
): OutgoingMail {
  const { account, conversation, agent } = notice;
  const domain = account.domains[0] ?? splitAddress(account.support_email)!.domain;
  const root = `team.${conversation.id}@${domain}`;
  const { marker, sections, footer } = partsOf(notice);
  const subject = subjectOf(notice);
  return {
    from: { name: fromName(notice), email: address(account.support_email) },
    to: [{ name: oneLine(agent.name), email: address(agent.email) }],
    cc: [],
    subject,
    messageId: `${made.mailId}@${domain}`,
    inReplyTo: root,
    references: [root],
    date: made.date,
    text: `${[marker, ...sections, `-- \n${footer.join('\n')}`].join('\n\n')}\n`,
    html: htmlOf({
      subject,
      language: wordsFor(account.settings.locale).language,
      parts: [marker, ...sections],
      footer,
    }),
    attachments: [],
    headers: [
      { name: 'Auto-Submitted', value: 'auto-generated' },
      { name: 'X-Auto-Response-Suppress', value: 'All' },
      { name: LOOP_HEADER, value: oneLine(account.id) },
    ],
  };
}

/** Our own words in a notification, in all languages: none of them may come back in an answer. */
export function noticeWords(name: string): readonly string[] {
  return Object.keys(REPLY_LINES).flatMap(language => {
    const { notice } = wordsFor(language);
    return [notice.answer(name), notice.note, notice.commands(COMMAND_LIST), notice.since, notice.unread];
  });
}

const COMMAND_LIST = COMMANDS.map(({ name, takes }) => (takes === null ? `/${name}` : `/${name} ${takes}`)).join(', ');

function partsOf(notice: AgentNotice): {
  readonly marker: string;
  readonly sections: readonly string[];
  readonly footer: readonly string[];
} {
  const { account, conversation, purpose, seq, link } = notice;
  const words = wordsFor(account.settings.locale);
  const { wrote, noted, answered, ...said } = words.notice;
  const when = (at: string) => words.when(new Date(at));
  const shown = (message: NoticeMessage): string => {
    const saying = { incoming: wrote, note: noted, outgoing: answered }[message.direction];
    const text = message.isUnread ? said.unread : shortened(cleanText(message.text), words.shortened);
    const files = message.files.length === 0 ? [] : [`${said.files}: ${message.files.map(oneLine).join(', ')}`];
    return [saying(nameOf(message.author, words.customer), when(message.at)), text, ...files]
      .filter(line => line !== '')
      .join('\n\n');
  };
  const since = [...notice.since.map(shown), ...notice.held.map(({ at, reason }) => said.held(when(at), reason))];
  const sections = [
    ...notice.messages.map(shown),
    ...(notice.more > 0 ? [said.more(notice.more)] : []),
    ...(since.length > 0 ? [`${said.since}:`, ...since] : []),
    ...(link === null ? [] : [link]),
  ];
  return {
    marker: markerLine({ account: account.slug, number: conversation.number, seq }, said.marker),
    sections,
    footer: [
      purpose === 'note' ? said.note : said.answer(nameOf(notice.contact, words.customer)),
      said.commands(COMMAND_LIST),
    ],
  };
}

function subjectOf({ account, conversation }: AgentNotice): string {
  const subject = stripReplyPrefixes(conversation.subject ?? '') || wordsFor(account.settings.locale).subject;
  return `[${account.slug}#${conversation.number}] ${withoutBrackets(subject)}`;
}

/** The newest writer speaks. */
function fromName(notice: AgentNotice): string {
  const account = withoutBrackets(oneLine(notice.account.name));
  const name = withoutBrackets(oneLine(notice.messages.at(-1)?.author ?? ''));
  return name === '' || name === account ? account : `${name} (${account})`;
}

function nameOf(name: string, otherwise: string): string {
  return withoutBrackets(oneLine(name)) || otherwise;
}

function withoutBrackets(text: string): string {
  return text.replaceAll('[', '(').replaceAll(']', ')');
}

function shortened(text: string, word: string): string {
  return text.length <= NOTICE_TEXT ? text : `${cutText(text, NOTICE_TEXT)} ${word}`;
}

function htmlOf(shown: {
  readonly subject: string;
  readonly language: string;
  readonly parts: readonly string[];
  readonly footer: readonly string[];
}): string {
  const [marker, ...sections] = shown.parts;
  const grey = 'color:#59636e;font-size:13px';
  const inner = [
    `<p style="${grey}">${escapeHtml(marker!)}</p>`,
    ...sections.map(section => block(linked(section))),
    block(plainToHtml(shown.footer.join('\n')), grey),
  ];
  const style = 'font-family:system-ui,Helvetica,Arial,sans-serif;font-size:15px;line-height:1.5;max-width:640px';
  return [
    '<!doctype html>',
    `<html lang="${shown.language}"><head><meta charset="utf-8"><title>${escapeHtml(shown.subject)}</title></head>`,
    `<body>\n${wrapHtml(`<div style="${style}">\n${inner.join('\n')}\n</div>`)}\n</body></html>\n`,
  ].join('\n');
}

/** Only our own link is one: what a customer wrote stays text. */
function linked(section: string): string {
  return /^https?:\/\/\S+\/conversations\/cv_\w+$/.test(section)
    ? `<p><a href="${escapeHtml(section)}">${escapeHtml(section)}</a></p>`
    : plainToHtml(section);
}
