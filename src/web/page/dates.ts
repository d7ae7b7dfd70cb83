/** Dates and sizes as people of a language write them. */
import { computed } from '@preact/signals';
import { language } from './state/preferences.js';

const DAY = 86_400_000;

/** `14:05` of today, `Mon 14:05` of the last days, `3 Nov`, `3 Nov 2024`. */
export function shortDate(iso: string, now = Date.now()): string {
  const at = new Date(iso);
  const ago = now - at.getTime();
  const today = new Date(now).toDateString() === at.toDateString();
  if (today) return format({ hour: '2-digit', minute: '2-digit' }).format(at);
  if (ago >= 0 && ago < 6 * DAY) return format({ weekday: 'short', hour: '2-digit', minute: '2-digit' }).format(at);
  const sameYear = new Date(now).getFullYear() === at.getFullYear();
  return format({ day: 'numeric', month: 'short', ...(sameYear ? {} : { year: 'numeric' }) }).format(at);
}

/** With its zone. */
export function exactDate(iso: string): string {
  return format({
    weekday: 'long',
    day: 'numeric',
    month: 'long',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    timeZoneName: 'short',
  }).format(new Date(iso));
}

const UNITS = [
  ['day', DAY],
  ['hour', 3_600_000],
  ['minute', 60_000],
] as const;

/** `3 hours ago`, `in 2 minutes`; of the last minute: `now`. */
export function relativeDate(iso: string, now = Date.now()): string {
  const difference = Date.parse(iso) - now;
  const relative = new Intl.RelativeTimeFormat(place.value, { numeric: 'auto' });
  const unit = UNITS.find(([, length]) => Math.abs(difference) >= length);
  return unit === undefined ? relative.format(0, 'second') : relative.format(Math.trunc(difference / unit[1]), unit[0]);
}

export function sizeOf(bytes: number): string {
  const [unit, divisor] = bytes < 1000 ? ['byte', 1] : bytes < 1e6 ? ['kilobyte', 1e3] : ['megabyte', 1e6];
  return new Intl.NumberFormat(place.value, {
    style: 'unit',
    unit: unit as string,
    unitDisplay: 'short',
    maximumFractionDigits: bytes < 1e6 ? 0 : 1,
  }).format(bytes / (divisor as number));
}

/** As the browser is set, where that is the language of the page: it says more than the language alone. */
const place = computed(
  () => navigator.languages.find(tag => tag.split('-')[0] === language.value) ?? (language.value as string),
);
const formats = new Map<string, Intl.DateTimeFormat>();

/** Made once: they are dear. */
function format(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const name = place.value + JSON.stringify(options);
  const made = formats.get(name) ?? new Intl.DateTimeFormat(place.value, options);
  formats.set(name, made);
  return made;
}
