/**
 * The fixed words of outgoing mails, one entry a language. To add a language, add an entry to TABLE: the compiler asks
 * for every phrase. Nothing here throws; a locale that is not in the table is answered in English.
 *
 * Times are said in UTC and with their zone: nobody knows the reader's clock, and a wrong hour without a zone is worse.
 */

export interface Words {
  /** BCP 47, for the HTML part's `lang`. */
  readonly language: string;
  /** The subject of a conversation that has none; the number is put in front. */
  readonly subject: string;
  /** Heading of the earlier messages in the first mail. */
  readonly earlier: string;
  /** A person of the conversation whose name nobody knows. */
  readonly customer: string;
  /** Stands where a long earlier message was shortened. */
  readonly shortened: string;
  /** A moment, to the minute. */
  readonly when: (date: Date) => string;
}

const EN_MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

const EN: Words = {
  language: 'en',
  subject: 'Your conversation with us',
  earlier: 'Earlier in this conversation',
  customer: 'Customer',
  shortened: '[shortened]',
  when: date => `${date.getUTCDate()} ${EN_MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}, ${clock(date)} UTC`,
};

const DE: Words = {
  language: 'de',
  subject: 'Ihr Gespräch mit uns',
  earlier: 'Bisher in diesem Gespräch',
  customer: 'Kunde',
  shortened: '[gekürzt]',
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
