/**
 * The kinds of value that a configuration key can have: sizes, durations, words, paths, lists … A kind reads what people
 * write (a TOML value, or the text of an environment variable) into the value that the program works with, and prints
 * such a value as it would be written.
 *
 * A bad value is a result, not a throw: its reason does not name the key. Reasons quote the value; kinds for secrets never
 * do. Pure: no files, no DNS.
 */
import path from 'node:path';

/** A value as it stands in TOML: what defaults and the example file are written in. */
export type Written = string | number | boolean | readonly string[];

/** One line that says what is wrong and what would be right. */
export interface Bad {
  readonly kind: 'bad';
  readonly reason: string;
}

export type Parsed<T> = { readonly kind: 'good'; readonly value: T } | Bad;

export interface Kind<T> {
  /** What people read: "size", "list of host:port". */
  readonly name: string;
  /** Lists take several values; an environment variable gives them separated by commas. */
  readonly list: boolean;
  /** `folder` is what relative paths are relative to. */
  parse(written: unknown, folder: string): Parsed<T>;
  print(value: T): Written;
}

/** Milliseconds, the longest first. */
const DURATION_UNITS: Readonly<Record<string, number>> = {
  w: 604_800_000,
  d: 86_400_000,
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
};

/** The place of a letter is its power. */
const SIZE_LETTERS = ' KMGT';

export function text(): Kind<string> {
  return kind('text', 'a text that is not empty', written => trimmed(written) || null);
}

/** A text that is never shown. Spaces at its ends are part of it. Of `atLeast` characters: strangers may guess at it. */
export function secret({ atLeast = 1 }: { readonly atLeast?: number } = {}): Kind<string> {
  const fault = (reason: string): Bad => ({ kind: 'bad', reason });
  return kind('secret text', '', written => {
    if (typeof written !== 'string' || written === '') return fault('must be a text that is not empty');
    if (written.length >= atLeast) return written;
    return fault(
      `has ${written.length} characters, which can be guessed: take one of at least ${atLeast}, such as \`openssl rand -hex 16\` prints`,
    );
  });
}

export function yesNo(): Kind<boolean> {
  return kind('true or false', 'true or false', written => {
    const word = String(written).trim().toLowerCase();
    if (['true', 'yes', 'on', '1'].includes(word)) return true;
    return ['false', 'no', 'off', '0'].includes(word) ? false : null;
  });
}

export function oneOf<const T extends string>(words: readonly T[]): Kind<T> {
  const quoted = words.map(word => `"${word}"`);
  const read = (written: unknown) => words.find(word => word === written) ?? null;
  return kind(quoted.join(' | '), `one of ${quoted.join(', ')}`, read);
}

/** A whole number from `min` to `max`. */
export function whole(min: number, max: number): Kind<number> {
  return kind(`whole number, ${min} to ${max}`, `a whole number from ${min} to ${max}`, written => {
    const value = /^\d{1,15}$/.test(trimmed(written)) ? Number(written) : written;
    return typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max ? value : null;
  });
}

/** Bytes. "35MiB", "20 MB", "512k" or a bare number. MB is decimal; MiB is binary, and so is M, as mail servers read it. */
export function size(min = 0, max = Number.MAX_SAFE_INTEGER): Kind<number> {
  const read = (written: unknown) => {
    const form = /^(\d{1,15}(?:\.\d{1,6})?) ?(?:([KMGT])(I?B)?|B)?$/;
    const [, count, letter = ' ', ending] = form.exec(String(written).trim().toUpperCase()) ?? [];
    const value = Math.round(Number(count) * (ending === 'B' ? 1000 : 1024) ** SIZE_LETTERS.indexOf(letter));
    if (Number.isNaN(value)) return null;
    if (value < min) return bad(written, `at least ${printSize(min)}`);
    if (value <= max) return value;
    return bad(written, max === Number.MAX_SAFE_INTEGER ? 'a smaller size' : `at most ${printSize(max)}`);
  };
  return kind('size', 'a size such as "35MiB", "20MB" or a number of bytes', read, printSize);
}

/** Milliseconds. "500ms", "2m", "1h30m", "3d"; 0 needs no unit. */
export function duration(min: number, max: number): Kind<number> {
  const read = (written: unknown) => {
    const text = String(written).trim();
    const value = readDuration(text);
    if (value === null) return /^\d+$/.test(text) ? bad(written, `a duration with its unit, such as "${text}s"`) : null;
    return value >= min && value <= max
      ? value
      : bad(written, `a duration from ${printDuration(min)} to ${printDuration(max)}`);
  };
  return kind('duration', 'a duration such as "500ms", "30s", "2m", "4h" or "3d"', read, printDuration);
}

/** A duration, or "always" (null). */
export function durationOrAlways(min: number, max: number): Kind<number | null> {
  const inner = orNothing(duration(min, max), 'always');
  return {
    ...inner,
    name: 'duration or "always"',
    parse(written, folder) {
      const parsed = inner.parse(written, folder);
      return parsed.kind === 'good' ? parsed : { kind: 'bad', reason: `${parsed.reason}, or "always"` };
    },
  };
}

/** An absolute path; what is written may be relative to the folder of the file it stands in. */
export function filePath(): Kind<string> {
  return kind('path', 'a path', (written, folder) => {
    const file = trimmed(written);
    return file !== '' && !file.includes('\0') ? path.resolve(folder, file) : null;
  });
}

/** Permission bits of a socket: "0660", or 0o660 in TOML. Its owner must be able to read and write. */
export function fileMode(): Kind<number> {
  return kind(
    'octal file mode',
    'an octal file mode from "0600" to "0777", with "rw" for the owner, such as "0660"',
    written => {
      const [, digits = 'none'] = /^(?:0o)?([0-7]{3,4})$/.exec(String(written).trim()) ?? [];
      const value = typeof written === 'number' ? written : Number.parseInt(digits, 8);
      return Number.isInteger(value) && value >= 0o600 && value <= 0o777 ? value : null;
    },
    value => value.toString(8).padStart(4, '0'),
  );
}

/** Nothing (an empty text), or a value. */
export function optional<T>(inner: Kind<T>): Kind<T | null> {
  return orNothing(inner, '');
}

/** Null, which is written as `nothing`, or a value. */
function orNothing<T>(inner: Kind<T>, nothing: string): Kind<T | null> {
  return {
    ...inner,
    parse: (written, folder) => (written === nothing ? { kind: 'good', value: null } : inner.parse(written, folder)),
    print: value => (value === null ? nothing : inner.print(value)),
  };
}

/** A list, or one value alone; the same value twice counts once. */
export function listOf<T>(inner: Kind<T>, options: { atLeast?: number } = {}): Kind<readonly T[]> {
  const atLeast = options.atLeast ?? 0;
  return {
    name: `list of ${inner.name}`,
    list: true,
    parse(written, folder) {
      const items: readonly unknown[] = Array.isArray(written) ? written : written === '' ? [] : [written];
      const values = new Map<string, T>();
      const reasons: string[] = [];
      for (const [at, item] of items.entries()) {
        const parsed = inner.parse(item, folder);
        if (parsed.kind === 'good') values.set(JSON.stringify(parsed.value), parsed.value);
        else reasons.push(items.length > 1 ? `entry ${at + 1}: ${parsed.reason}` : parsed.reason);
      }
      if (values.size < atLeast && reasons.length === 0) reasons.push('must not be empty');
      return reasons.length === 0
        ? { kind: 'good', value: [...values.values()] }
        : { kind: 'bad', reason: reasons.join('; ') };
    },
    print: values => values.map(value => String(inner.print(value))),
  };
}

/** The shortest exact form: 90000 → "90s", 7200000 → "2h". */
export function printDuration(ms: number): string {
  if (ms === 0) return '0';
  const [unit, length] = Object.entries(DURATION_UNITS).find(([name, each]) => name !== 'w' && ms % each === 0)!;
  return `${ms / length}${unit}`;
}

/** The shortest exact form in binary units: 36700160 → "35MiB". */
export function printSize(bytes: number): string {
  const power = [4, 3, 2, 1].find(each => bytes > 0 && bytes % 1024 ** each === 0);
  return power === undefined ? String(bytes) : `${bytes / 1024 ** power}${SIZE_LETTERS[power]}iB`;
}

function readDuration(written: string): number | null {
  const compact = written.trim().replaceAll(' ', '').toLowerCase();
  if (compact === '0') return 0;
  if (!/^(?:\d{1,12}(?:\.\d{1,6})?(?:ms|[smhdw])){1,6}$/.test(compact)) return null;
  const parts = compact.matchAll(/([\d.]+)([a-z]+)/g);
  const total = [...parts].reduce((sum, [, count, unit]) => sum + Number(count) * DURATION_UNITS[unit!]!, 0);
  return Math.round(total);
}

/**
 * A kind of single value. `read` gives null where the value is not what is `wanted`, or says itself what is; without
 * `print` the value is written as it is.
 */
export function kind<T>(
  name: string,
  wanted: string,
  read: (written: unknown, folder: string) => T | Bad | null,
  print: (value: T) => Written = value => value as Written,
): Kind<T> {
  return {
    name,
    list: false,
    parse(written, folder) {
      if (typeof written === 'object') {
        return { kind: 'bad', reason: `must be one value (${name}), not ${quote(written)}` };
      }
      const value = read(written, folder);
      if (value === null) return bad(written, wanted);
      return isBad(value) ? value : { kind: 'good', value };
    },
    print,
  };
}

function isBad(value: unknown): value is Bad {
  return typeof value === 'object' && (value as { kind?: unknown }).kind === 'bad';
}

/** The reason that names what was written and what was wanted. */
export function bad(written: unknown, wanted: string): Bad {
  return { kind: 'bad', reason: `${written === '' ? 'is empty,' : quote(written)} must be ${wanted}` };
}

/** Without the spaces at its ends; '' for what is no text. */
export function trimmed(written: unknown): string {
  return typeof written === 'string' ? written.trim() : '';
}

function quote(written: unknown): string {
  if (Array.isArray(written)) return 'a list';
  if (written instanceof Date) return 'a date';
  if (typeof written === 'object') return 'a group of keys';
  const shown = JSON.stringify(written) ?? String(written);
  return shown.length > 80 ? `${shown.slice(0, 79)}…` : shown;
}
