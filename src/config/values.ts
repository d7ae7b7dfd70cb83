/**
 * The kinds of value that a configuration key can have: sizes, durations, words, paths, lists … A kind reads what people
 * write (a TOML value, or the text of an environment variable) into the value that the program works with, and prints
 * such a value as it would be written.
 *
 * A bad value is a result, not a throw: `{ reason }` is one line that says what is wrong and what would be right,
 * without the key's name. Reasons quote the value; kinds for secrets never do. Pure: no files, no DNS.
 */
import path from 'node:path';

/** A value as it stands in TOML: what defaults and the example file are written in. */
export type Written = string | number | boolean | readonly string[];

export type Parsed<T> = { readonly value: T } | { readonly reason: string };

export interface Kind<T> {
  /** What people read: "size", "list of host:port". */
  readonly name: string;
  /** Lists take several values; an environment variable gives them separated by commas. */
  readonly list: boolean;
  /** `folder` is what relative paths are relative to. */
  parse(written: unknown, folder: string): Parsed<T>;
  print(value: T): Written;
}

const SECOND = 1000;
const DURATION_UNITS: readonly (readonly [unit: string, ms: number])[] = [
  ['w', 604_800 * SECOND],
  ['d', 86_400 * SECOND],
  ['h', 3600 * SECOND],
  ['m', 60 * SECOND],
  ['s', SECOND],
  ['ms', 1],
];

/** Decimal as written (MB), binary as written (MiB); a bare letter is binary, as mail and web servers read it. */
const SIZE_UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 2 ** 10,
  kb: 1e3,
  kib: 2 ** 10,
  m: 2 ** 20,
  mb: 1e6,
  mib: 2 ** 20,
  g: 2 ** 30,
  gb: 1e9,
  gib: 2 ** 30,
  t: 2 ** 40,
  tb: 1e12,
  tib: 2 ** 40,
};

export function text(): Kind<string> {
  return kind('text', written => {
    const value = typeof written === 'string' ? written.trim() : '';
    return value !== '' ? { value } : bad(written, 'a text that is not empty');
  });
}

/** A text that is never shown. Spaces at its ends are part of it. */
export function secret(): Kind<string> {
  return kind('secret text', written =>
    typeof written === 'string' && written !== '' ? { value: written } : { reason: 'must be a text that is not empty' },
  );
}

export function yesNo(): Kind<boolean> {
  return kind('true or false', written => {
    const word = String(written).trim().toLowerCase();
    if (['true', 'yes', 'on', '1'].includes(word)) return { value: true };
    if (['false', 'no', 'off', '0'].includes(word)) return { value: false };
    return bad(written, 'true or false');
  });
}

export function oneOf<const T extends string>(words: readonly T[]): Kind<T> {
  return kind(words.map(word => `"${word}"`).join(' | '), written => {
    const value = words.find(word => word === written);
    return value !== undefined ? { value } : bad(written, `one of ${words.map(word => `"${word}"`).join(', ')}`);
  });
}

/** A whole number from `min` to `max`. */
export function whole(min: number, max: number): Kind<number> {
  return kind(`whole number, ${min} to ${max}`, written => {
    const value = typeof written === 'string' && /^\d{1,15}$/.test(written.trim()) ? Number(written) : written;
    const fits = typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;
    return fits ? { value } : bad(written, `a whole number from ${min} to ${max}`);
  });
}

/** Bytes. "35MiB", "20 MB", "512k" or a bare number of bytes. */
export function size(min = 0, max = Number.MAX_SAFE_INTEGER): Kind<number> {
  return kind(
    'size',
    written => {
      const match = /^(\d{1,15}(?:\.\d{1,6})?) ?([a-z]{0,3})$/i.exec(String(written).trim());
      const unit = match ? SIZE_UNITS[match[2]!.toLowerCase()] : undefined;
      if (!match || unit === undefined) return bad(written, 'a size such as "35MiB", "20MB" or a number of bytes');
      const value = Math.round(Number(match[1]) * unit);
      if (value < min) return bad(written, `at least ${printSize(min)}`);
      if (value > max)
        return bad(written, max === Number.MAX_SAFE_INTEGER ? 'a smaller size' : `at most ${printSize(max)}`);
      return { value };
    },
    printSize,
  );
}

/** Milliseconds. "500ms", "2m", "1h30m", "3d"; 0 needs no unit. */
export function duration(min: number, max: number): Kind<number> {
  return kind(
    'duration',
    (written): Parsed<number> => {
      const value = readDuration(String(written));
      if (value === null) {
        return /^\d+$/.test(String(written).trim())
          ? bad(written, `a duration with its unit, such as "${String(written).trim()}s"`)
          : bad(written, 'a duration such as "500ms", "30s", "2m", "4h" or "3d"');
      }
      return value >= min && value <= max
        ? { value }
        : bad(written, `a duration from ${printDuration(min)} to ${printDuration(max)}`);
    },
    printDuration,
  );
}

/** A duration, or "always" (null). */
export function durationOrAlways(min: number, max: number): Kind<number | null> {
  const inner = duration(min, max);
  return kind(
    'duration or "always"',
    (written, folder): Parsed<number | null> => {
      if (typeof written === 'string' && written.trim() === 'always') return { value: null };
      const parsed = inner.parse(written, folder);
      return 'value' in parsed ? parsed : { reason: `${parsed.reason}, or "always"` };
    },
    value => (value === null ? 'always' : printDuration(value)),
  );
}

/** An absolute path; what is written may be relative to the folder of the file it stands in. */
export function filePath(): Kind<string> {
  return kind('path', (written, folder) =>
    typeof written === 'string' && written.trim() !== '' && !written.includes('\0')
      ? { value: path.resolve(folder, written.trim()) }
      : bad(written, 'a path'),
  );
}

/** Permission bits of a socket: "0660", or 0o660 in TOML. Its owner must be able to read and write. */
export function fileMode(): Kind<number> {
  return kind(
    'octal file mode',
    written => {
      const match = /^(?:0o)?([0-7]{3,4})$/.exec(String(written).trim());
      const value = typeof written === 'number' ? written : Number.parseInt(match?.[1] ?? 'x', 8);
      return Number.isInteger(value) && value >= 0o600 && value <= 0o777 && (value & 0o600) === 0o600
        ? { value }
        : bad(written, 'an octal file mode from "0600" to "0777", with "rw" for the owner, such as "0660"');
    },
    value => value.toString(8).padStart(4, '0'),
  );
}

/** Nothing (an empty text), or a value. */
export function optional<T>(inner: Kind<T>): Kind<T | null> {
  return kind(
    inner.name,
    (written, folder): Parsed<T | null> => (written === '' ? { value: null } : inner.parse(written, folder)),
    value => (value === null ? '' : inner.print(value)),
  );
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
        if ('value' in parsed) values.set(JSON.stringify(parsed.value), parsed.value);
        else reasons.push(items.length > 1 ? `entry ${at + 1}: ${parsed.reason}` : parsed.reason);
      }
      if (reasons.length > 0) return { reason: reasons.join('; ') };
      return values.size >= atLeast ? { value: [...values.values()] } : { reason: 'must not be empty' };
    },
    print: values => values.map(value => String(inner.print(value))),
  };
}

/** The shortest exact form: 90000 → "90s", 7200000 → "2h". */
export function printDuration(ms: number): string {
  if (ms === 0) return '0';
  const [unit, length] = DURATION_UNITS.find(([, unitMs]) => unitMs <= 86_400 * SECOND && ms % unitMs === 0) ?? [
    'ms',
    1,
  ];
  return `${ms / length}${unit}`;
}

/** The shortest exact form in binary units: 36700160 → "35MiB". */
export function printSize(bytes: number): string {
  const unit = ['TiB', 'GiB', 'MiB', 'KiB'].find(name => bytes > 0 && bytes % SIZE_UNITS[name.toLowerCase()]! === 0);
  return unit ? `${bytes / SIZE_UNITS[unit.toLowerCase()]!}${unit}` : String(bytes);
}

function readDuration(written: string): number | null {
  const compact = written.trim().replaceAll(' ', '').toLowerCase();
  if (compact === '0') return 0;
  if (!/^(?:\d{1,12}(?:\.\d{1,6})?(?:ms|[smhdw])){1,6}$/.test(compact)) return null;
  const parts = compact.matchAll(/([\d.]+)([a-z]+)/g);
  const total = [...parts].reduce((sum, [, count, unit]) => sum + Number(count) * unitLength(unit!), 0);
  return Math.round(total);
}

function unitLength(unit: string): number {
  return DURATION_UNITS.find(([name]) => name === unit)?.[1] ?? 0;
}

/** A kind of single value; without `print` the value is written as it is. */
export function kind<T>(
  name: string,
  parse: (written: unknown, folder: string) => Parsed<T>,
  print: (value: T) => Written = value => value as Written,
): Kind<T> {
  return {
    name,
    list: false,
    parse: (written, folder) =>
      typeof written === 'object'
        ? { reason: `must be one value (${name}), not ${quote(written)}` }
        : parse(written, folder),
    print,
  };
}

/** The reason that names what was written and what was wanted. */
export function bad(written: unknown, wanted: string): { readonly reason: string } {
  if (written === '') return { reason: `is empty, must be ${wanted}` };
  return { reason: `${quote(written)} must be ${wanted}` };
}

function quote(written: unknown): string {
  if (Array.isArray(written)) return 'a list';
  if (written instanceof Date) return 'a date';
  if (typeof written === 'object') return 'a group of keys';
  const shown = JSON.stringify(written) ?? String(written);
  return shown.length > 80 ? `${shown.slice(0, 79)}…` : shown;
}
