/**
 * The Date field (RFC 5322 section 3.3 and 4.3) as an instant.
 *
 * It reads what programs write: no weekday, no seconds, long month names, `GMT+2`, comments, RFC 3339, C's asctime.
 * Everything else is null, because a wrong instant is worse than none. JavaScript's own parser is not used: it reads a
 * year into any word with a digit. Nothing throws.
 */

const MONTHS: ReadonlyMap<string, number> = new Map(
  'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ').map((name, index) => [name, index + 1]),
);

/** Minutes east of UTC (RFC 5322 section 4.3). Military letters and unknown names count as UTC, as it says. */
const ZONES: ReadonlyMap<string, number> = new Map(
  Object.entries({
    EST: -300,
    EDT: -240,
    CST: -360,
    CDT: -300,
    MST: -420,
    MDT: -360,
    PST: -480,
    PDT: -420,
    CET: 60,
    CEST: 120,
    MEZ: 60,
    MESZ: 120,
    BST: 60,
    EET: 120,
    EEST: 180,
    MSK: 180,
    JST: 540,
  }),
);

const MAIL_DATE =
  /^(?:\p{L}{2,12}\.?,?\s{0,4})?(\d{1,2})(?:\s{1,4}|-)([A-Za-z]{3,9})\.?(?:\s{1,4}|-)(\d{2,4}),?\s{1,4}(\d{1,2})[:.](\d{1,2})(?:[:.](\d{1,2})(?:\.\d{1,9})?)?\s{0,4}(\S{0,12})(?:\s|$)/u;
const C_DATE =
  /^[a-z]{3},? ([a-z]{3})\s{1,2}(\d{1,2}) (\d{1,2}):(\d{2})(?::(\d{2}))? (?:([a-z]{1,4}|[+-]\d{4}) )?(\d{4})$/i;
const ISO_DATE = /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,]\d{1,9})?)?\s?(Z|[+-]\d{2}:?\d{2})?$/i;

/** ISO 8601 in UTC, to the second with `.000`, or null when the value is no date between 1970 and 2200. */
export function parseDate(value: string): string | null {
  const text = withoutComments(value);
  const mail = MAIL_DATE.exec(text);
  if (mail !== null) {
    const [, day, month, year, hour, minute, second, zone] = mail;
    return instant(
      [number(year), monthNumber(month!), number(day), number(hour), number(minute), number(second)],
      zone,
    );
  }
  const iso = ISO_DATE.exec(text);
  if (iso !== null) return instant(iso.slice(1, 7).map(number), iso[7]);
  const c = C_DATE.exec(text);
  if (c === null) return null;
  const [, month, day, hour, minute, second, zone, year] = c;
  return instant([number(year), monthNumber(month!), number(day), number(hour), number(minute), number(second)], zone);
}

function withoutComments(value: string): string {
  return value
    .slice(0, 200)
    .replaceAll(/\([^()]*\)/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim();
}

/** 0 for what is not there. */
function number(digits: string | undefined): number {
  return digits === undefined ? 0 : Number(digits);
}

/** 0 for what is no month. */
function monthNumber(name: string): number {
  return MONTHS.get(name.slice(0, 3).toLowerCase()) ?? 0;
}

/** Year to second. */
function instant([year, month, day, hour, minute, second]: readonly number[], zone: string | undefined): string | null {
  const fullYear = year! < 50 ? year! + 2000 : year! < 1000 ? year! + 1900 : year!;
  if (fullYear < 1970 || fullYear > 2200 || month! < 1 || month! > 12) return null;
  const days = day! > 28 ? new Date(Date.UTC(fullYear, month!, 0)).getUTCDate() : 28;
  if (day! < 1 || day! > days || hour! > 24 || minute! > 59 || second! > 60) return null;
  const offset = zoneOffset(zone ?? '');
  if (offset === null) return null;
  return new Date(Date.UTC(fullYear, month! - 1, day!, hour!, minute! - offset, second!)).toISOString();
}

/** Minutes east of UTC; 0 for none and for names nobody knows; null for an offset that is no offset. */
function zoneOffset(zone: string): number | null {
  const numeric = /^(?:GMT|UTC|UT)?([+-])(\d{1,2}):?(\d{2})?$/i.exec(zone);
  if (numeric === null) return ZONES.get(zone.toUpperCase()) ?? 0;
  const minutes = Number(numeric[2]) * 60 + Number(numeric[3] ?? 0);
  if (minutes > 24 * 60) return null;
  return numeric[1] === '-' ? -minutes : minutes;
}
