/**
 * The Date field (RFC 5322 section 3.3 and 4.3) as an instant.
 *
 * It reads what programs write: no weekday, no seconds, month names of other languages, `GMT+2`, comments, hours of a
 * clock of twelve, RFC 3339, C's asctime, JavaScript's toString, days in numbers when only one order of them is a date.
 * Everything else is null, because a wrong instant is worse than none. JavaScript's own parser is not used: it reads a
 * year into any word with a digit. Nothing throws.
 */

/** Names as far as they tell a month, without accents; longer names begin with them. */
const MONTHS: ReadonlyMap<string, number> = new Map(
  [
    'jan ene gen janv jän',
    'feb fev fevr',
    'mar mrz maerz mär mrt mars',
    'apr abr avr',
    'may mai mag maj mei maio',
    'jun giu juin',
    'jul lug juil',
    'aug ago aout',
    'sep set sett sept',
    'oct okt ott out',
    'nov',
    'dec dez dic des',
  ].flatMap((names, index) => names.split(' ').map(name => [folded(name), index + 1] as const)),
);

/** Minutes east of UTC (RFC 5322 section 4.3). Military letters and unknown names count as UTC, as it says. */
const ZONES: ReadonlyMap<string, number> = new Map(
  Object.entries({
    HST: -600,
    AKST: -540,
    AKDT: -480,
    PST: -480,
    PDT: -420,
    MST: -420,
    MDT: -360,
    CST: -360,
    CDT: -300,
    EST: -300,
    EDT: -240,
    ART: -180,
    BRT: -180,
    WEST: 60,
    BST: 60,
    CET: 60,
    CEST: 120,
    MEZ: 60,
    MESZ: 120,
    EET: 120,
    EEST: 180,
    SAST: 120,
    MSK: 180,
    ICT: 420,
    WIB: 420,
    HKT: 480,
    SGT: 480,
    AWST: 480,
    JST: 540,
    KST: 540,
    AEST: 600,
    AEDT: 660,
    NZST: 720,
    NZDT: 780,
  }),
);

const WEEKDAY = '(?:\\p{L}{2,14}(?:[.,]{1,2}\\s{0,4}|\\s{1,4}))?';
const MONTH = '(?:de\\s)?(\\p{L}{3,10})\\.?(?:\\sde(?=\\s))?';
const TIME =
  '(\\d{1,2})[:.h]\\s?(\\d{1,2})(?:[:.]\\s?(\\d{1,2})(?:[.,]\\d{1,9})?)?\\s?([ap]\\.?m\\.?(?![a-z]))?\\s{0,4}(\\S{0,40})(?:\\s|$)';
const DAY_FIRST = new RegExp(
  `^${WEEKDAY}(\\d{1,2})\\.?(?:\\s{1,4}|-|\\s?/)${MONTH},?(?:\\s{1,4}|-|/),?\\s?(\\d{2,4}),?(?:\\s{1,4}|t)(?:at\\s)?${TIME}`,
  'u',
);
const MONTH_FIRST = new RegExp(
  `^${WEEKDAY}${MONTH}\\s{1,4}(\\d{1,2}),?\\s{1,4}(\\d{4}),?\\s{1,4}(?:at\\s)?${TIME}`,
  'u',
);
const IN_NUMBERS = new RegExp(`^${WEEKDAY}(\\d{1,2})([./-])(\\d{1,2})\\2(\\d{4}),?\\s{1,4}${TIME}`, 'u');
const YEAR_FIRST = new RegExp(`^${WEEKDAY}(\\d{4})([./-])(\\d{1,2})\\2(\\d{1,2}),?(?:\\s{1,4}|t)${TIME}`, 'u');
const EAST_ASIAN =
  /^(\d{4})\s?[年년]\s?(\d{1,2})\s?[月월]\s?(\d{1,2})\s?[日일号],?\s?(?:[(（]?.{1,3}曜日[)）]?|(?:星期|周|週).)?\s?(上午|下午|午前|午後|오전|오후)?\s?(\d{1,2})[:時时시点]\s?(\d{1,2})(?:[:分분]\s?(\d{1,2})?[秒초]?)?\s{0,4}(\S{0,40})(?:\s|$)/u;
const C_DATE =
  /^[a-z]{3},? ([a-z]{3})\s{1,2}(\d{1,2}) (\d{1,2}):(\d{2})(?::(\d{2}))? (?:([a-z]{1,4}|[+-]\d{4}) )?(\d{4})$/i;

/** ISO 8601 in UTC, to the second with `.000`, or null when the value is no date between 1970 and 2200. */
export function parseDate(value: string): string | null {
  const text = withoutComments(value).toLowerCase();
  return mailDate(text) ?? dateInNumbers(text) ?? eastAsianDate(text) ?? cDate(text);
}

function mailDate(text: string): string | null {
  const dayFirst = DAY_FIRST.exec(text);
  const found = dayFirst ?? MONTH_FIRST.exec(text);
  if (found === null) return null;
  const [, first, second, year, ...time] = found;
  const [day, month] = dayFirst === null ? [second!, first!] : [first!, second!];
  return instant([number(year), monthNumber(month), number(day)], time);
}

function dateInNumbers(text: string): string | null {
  const yearFirst = YEAR_FIRST.exec(text);
  if (yearFirst !== null) {
    const [, year, , month, day, ...time] = yearFirst;
    return instant([number(year), number(month), number(day)], time);
  }
  const found = IN_NUMBERS.exec(text);
  if (found === null) return null;
  const [, first, between, second, year, ...time] = found;
  const [a, b] = [number(first), number(second)];
  // With full stops the day always stands first, with others in half of the world.
  if (between !== '.' && a !== b && a <= 12 && b <= 12) return null;
  const [day, month] = between !== '.' && b > 12 ? [b, a] : [a, b];
  return instant([number(year), month, day], time);
}

function eastAsianDate(text: string): string | null {
  const found = EAST_ASIAN.exec(text);
  if (found === null) return null;
  const [, year, month, day, half, hour, minute, second, zone] = found;
  const clock = half === undefined ? undefined : /^(?:上午|午前|오전)$/.test(half) ? 'am' : 'pm';
  return instant([number(year), number(month), number(day)], [hour, minute, second, clock, zone]);
}

function cDate(text: string): string | null {
  const found = C_DATE.exec(text);
  if (found === null) return null;
  const [, month, day, hour, minute, second, zone, year] = found;
  return instant([number(year), monthNumber(month!), number(day)], [hour, minute, second, undefined, zone]);
}

function withoutComments(value: string): string {
  const head = value.slice(0, 200);
  const bare = head.includes('(') ? head.replaceAll(/\([^()]*\)/g, ' ') : head;
  // A single space is no match: there are many.
  const even = bare.replaceAll(/[^\S ]\s*| \s+/g, ' ');
  return /^["' ]|["' ;]$/.test(even) ? even.replace(/^["' ]+|["' ;]+$/g, '') : even;
}

/** 0 for what is not there. */
function number(digits: string | undefined): number {
  return digits === undefined ? 0 : Number(digits);
}

/** 0 for what is no month. */
function monthNumber(name: string): number {
  const text = folded(name);
  for (let length = Math.min(text.length, 5); length >= 3; length -= 1) {
    const month = MONTHS.get(text.slice(0, length));
    if (month !== undefined) return month;
  }
  return 0;
}

function folded(name: string): string {
  if (!/[^a-z]/.test(name)) return name;
  return name.normalize('NFD').replaceAll(/\p{M}/gu, '').toLowerCase();
}

/** Hour, minute, second, am or pm, zone: as written. */
type Time = readonly (string | undefined)[];

function instant([year, month, day]: readonly number[], time: Time): string | null {
  const fullYear = year! < 50 ? year! + 2000 : year! < 1000 ? year! + 1900 : year!;
  if (fullYear < 1970 || fullYear > 2200 || month! < 1 || month! > 12) return null;
  const days = day! > 28 ? new Date(Date.UTC(fullYear, month!, 0)).getUTCDate() : 28;
  const hour = hourOf(number(time[0]), time[3]);
  const [minute, second] = [number(time[1]), number(time[2])];
  if (day! < 1 || day! > days || hour === null || hour > 24 || minute > 59 || second > 60) return null;
  const offset = zoneOffset(time[4] ?? '');
  if (offset === null) return null;
  return new Date(Date.UTC(fullYear, month! - 1, day!, hour, minute - offset, second)).toISOString();
}

/** The hour of the day; null for one that is none before noon. Some write `14:05 PM`. */
function hourOf(hour: number, half: string | undefined): number | null {
  if (half === undefined) return hour;
  const isMorning = half.toLowerCase().startsWith('a');
  if (hour > 12) return isMorning ? null : hour;
  return (hour % 12) + (isMorning ? 0 : 12);
}

/** Minutes east of UTC; 0 for none and for names nobody knows; null for an offset that is no offset. */
function zoneOffset(written: string): number | null {
  const zone = written.replaceAll(/^["'[]+|["'\],;.]+$/g, '');
  const numeric = /^(?:GMT|UTC|UT|Z)?([+\u2212-])(\d{1,2})(?::?(\d{2}))?(?::?\d{2})?$/i.exec(zone);
  if (numeric === null) return /^[+\u2212-]|^\d|\//.test(zone) ? null : (ZONES.get(zone.toUpperCase()) ?? 0);
  const minutes = Number(numeric[2]) * 60 + Number(numeric[3] ?? 0);
  if (minutes > 24 * 60) return null;
  return numeric[1] === '+' ? minutes : -minutes;
}
