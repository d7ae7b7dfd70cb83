/**
 * The fixed words of outgoing mails, one entry a language. To add a language, add an entry to TABLE: the compiler asks
 * for every phrase. Nothing here throws; a locale that is not in the table is answered in English.
 *
 * Times are said in UTC and with their zone: nobody knows the reader's clock, and a wrong hour without a zone is worse.
 */

import { REPLY_LINES } from '../mail/reply-text/marker.js';

export interface Words {
  /** BCP 47, for the HTML part's `lang`. */
  readonly language: string;
  /** The subject of a conversation that has none; the number is put in front. */
  readonly subject: string;
  /** Heading of the earlier messages in the first mail. */
  readonly earlier: string;
  /** The line above the earlier messages that a later mail quotes. */
  readonly replyLine: string;
  /** The line above one of them, as mail programs write it. `when` as `when` says it. */
  readonly wrote: (when: string, name: string) => string;
  /** A person of the conversation whose name nobody knows. */
  readonly customer: string;
  /** Stands where a long earlier message was shortened. */
  readonly shortened: string;
  /** The mail with an agent's link to sign in. */
  readonly signIn: {
    readonly subject: (account: string) => string;
    /** Its paragraphs; the link stands in one of its own. */
    readonly text: (about: {
      readonly name: string;
      readonly account: string;
      readonly link: string;
      /** He has a password and gets another. */
      readonly again: boolean;
    }) => readonly string[];
  };
  /** The mail that tells an agent what was written in a conversation. */
  readonly notice: {
    /** On top of it; everything below is ours. */
    readonly marker: keyof typeof REPLY_LINES;
    readonly wrote: (name: string, when: string) => string;
    readonly noted: (name: string, when: string) => string;
    readonly answered: (name: string, when: string) => string;
    /** Of a mail of his that was not taken. */
    readonly held: (when: string, reason: string) => string;
    readonly files: string;
    /** Heading of what colleagues and he himself did since his last notification. */
    readonly since: string;
    readonly unread: string;
    readonly more: (count: number) => string;
    /** What an answer to this mail becomes. */
    readonly answer: (name: string) => string;
    readonly note: string;
    readonly commands: (list: string) => string;
  };
  /** A moment, to the minute. */
  readonly when: (date: Date) => string;
}

const EN_MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

const EN: Words = {
  language: 'en',
  subject: 'Your conversation with us',
  earlier: 'Earlier in this conversation',
  replyLine: REPLY_LINES.en,
  wrote: (when, name) => `On ${when}, ${name} wrote:`,
  customer: 'Customer',
  shortened: '[shortened]',
  signIn: {
    subject: account => `Your link to sign in: ${account}`,
    text: ({ name, account, link, again }) => [
      `Hello ${name},`,
      `with this link you choose ${again ? 'a new password' : 'a password'} and sign in to answer for ${account}:`,
      link,
      'It is good for 24 hours, and once. If you expected no such mail, nothing needs to be done.',
    ],
  },
  notice: {
    marker: 'en',
    wrote: (name, when) => `${name} wrote on ${when}:`,
    noted: (name, when) => `${name} noted on ${when}, for the team alone:`,
    answered: (name, when) => `${name} answered on ${when}:`,
    held: (when, reason) => `Your mail of ${when} was not taken and is held on the page: ${reason}`,
    files: 'Files, on the page',
    since: 'What happened since the last mail to you about this conversation',
    unread: '(This mail could not be read. It is on the page.)',
    more: count => `… and ${count} more, on the page.`,
    answer: name => `Answer this mail to answer ${name}. Nothing from the topmost line on is sent.`,
    note: 'An answer to this mail is a note for the team. It is sent to nobody.',
    commands: list => `On lines of their own at the top of your answer: ${list}`,
  },
  when: date => `${date.getUTCDate()} ${EN_MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}, ${clock(date)} UTC`,
};

const DE: Words = {
  language: 'de',
  subject: 'Ihr Gespräch mit uns',
  earlier: 'Bisher in diesem Gespräch',
  replyLine: REPLY_LINES.de,
  wrote: (when, name) => `Am ${when}, schrieb ${name}:`,
  customer: 'Kunde',
  shortened: '[gekürzt]',
  signIn: {
    subject: account => `Ihr Link zur Anmeldung: ${account}`,
    text: ({ name, account, link, again }) => [
      `Hallo ${name},`,
      `mit diesem Link wählen Sie ein ${again ? 'neues ' : ''}Passwort und melden sich an, um für ${account} zu antworten:`,
      link,
      'Er gilt 24 Stunden und einmal. Wenn Sie diese Mail nicht erwartet haben, ist nichts zu tun.',
    ],
  },
  notice: {
    marker: 'de',
    wrote: (name, when) => `${name} schrieb am ${when}:`,
    noted: (name, when) => `${name} notierte am ${when}, nur für das Team:`,
    answered: (name, when) => `${name} antwortete am ${when}:`,
    held: (when, reason) => `Ihre Mail vom ${when} wurde nicht übernommen und wartet auf der Seite: ${reason}`,
    files: 'Dateien, auf der Seite',
    since: 'Was seit der letzten Mail an Sie zu diesem Gespräch geschah',
    unread: '(Diese Mail konnte nicht gelesen werden. Sie steht auf der Seite.)',
    more: count => `… und ${count} weitere, auf der Seite.`,
    answer: name =>
      `Antworten Sie auf diese Mail, um ${name} zu antworten. Ab der obersten Zeile wird nichts versandt.`,
    note: 'Eine Antwort auf diese Mail ist eine Notiz für das Team. Sie wird niemandem gesandt.',
    commands: list => `Auf eigenen Zeilen ganz oben in Ihrer Antwort: ${list}`,
  },
  when: date => `${two(date.getUTCDate())}.${two(date.getUTCMonth() + 1)}.${date.getUTCFullYear()}, ${clock(date)} UTC`,
};

const TABLE: Readonly<Record<string, Words>> = { en: EN, de: DE };

/** The words of a locale such as `de`, `de-AT` or `de_AT`; English for any other. */
export function wordsFor(locale: string | undefined): Words {
  const language = (locale ?? 'en').toLowerCase().split(/[-_]/)[0]!;
  return Object.hasOwn(TABLE, language) ? TABLE[language]! : EN;
}

function clock(date: Date): string {
  return `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
