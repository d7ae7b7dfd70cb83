/**
 * Public ids and the integer keys behind them. A key is `(milliseconds since 2020) << 12`, plus the place of the process
 * that makes it and a count; it fits a double until 2089. So keys rise, inserts append to their b-tree, ids sort by age,
 * and no second index maps one to the other. Nobody asks a table for its last key. The text is Crockford's base 32.
 */
import { ReplydError } from '../base/errors.js';

const EPOCH = Date.UTC(2020, 0, 1);
const STEPS_PER_MS = 4096;
const DIGITS = '0123456789abcdefghjkmnpqrstvwxyz';
const LENGTH = 11;

const PREFIXES = {
  account: 'acc_',
  contact: 'ct_',
  conversation: 'cv_',
  participant: 'p_',
  message: 'msg_',
  attachment: 'att_',
  mail: 'mail_',
  delivery: 'dlv_',
  event: 'ev_',
  hook: 'hook_',
  api_key: 'key_',
  agent: 'agt_',
  agent_session: 'ses_',
  cc: 'cc_',
} as const;

export type IdKind = keyof typeof PREFIXES;

/** Whether rows of this table have public ids. */
export function isIdKind(table: string): table is IdKind {
  return Object.hasOwn(PREFIXES, table);
}

/** `msg_` */
export function prefixOf(kind: IdKind): string {
  return PREFIXES[kind];
}

/** The lowest key of this moment. */
export function keyAt(now: number): number {
  return Math.max(0, Math.floor(now) - EPOCH) * STEPS_PER_MS;
}

/** Makes keys: each is higher than all before it, whatever the clock does. */
export interface KeyMaker {
  next(): number;
  /** What comes next is higher than this. */
  pass(key: number): void;
  /** From now on with this place. */
  move(process: number): void;
}

/** Keys of a millisecond that one process has before it uses those of the next. */
const OWN_STEPS = 32;
/** So many processes may make keys of one moment side by side. */
export const PROCESSES = STEPS_PER_MS / OWN_STEPS;
/** The first of these places are for nodes, each its own; the others are for whoever comes. */
export const NODE_PLACES = PROCESSES / 2;

/**
 * `process`: 0 to 127, its place within each millisecond. Two processes with one place can make the same key; then the
 * second of them to write one fails, and its transaction is repeated with new ones.
 */
export function keyMaker(clock: () => number, process: number): KeyMaker {
  let place = (process % PROCESSES) * OWN_STEPS;
  let last = 0;
  return {
    next() {
      const now = keyAt(clock()) + place;
      const after = last + 1;
      const step = after % STEPS_PER_MS;
      const own = step >= place && step < place + OWN_STEPS;
      const inNext = after - step + place + (step < place ? 0 : STEPS_PER_MS);
      last = now > last ? now : own ? after : inNext;
      return last;
    },
    pass(key) {
      if (key > last) last = key;
    },
    move(process) {
      place = (process % PROCESSES) * OWN_STEPS;
    },
  };
}

export function encodeId(kind: IdKind, key: number): string {
  let text = '';
  let rest = key;
  for (let i = 0; i < LENGTH; i += 1) {
    text = DIGITS[rest % 32]! + text;
    rest = Math.floor(rest / 32);
  }
  return PREFIXES[kind] + text;
}

/** The key of an id, or null when the text is no id of this kind. */
export function decodeId(kind: IdKind, id: string): number | null {
  const prefix = PREFIXES[kind];
  if (!id.startsWith(prefix) || id.length !== prefix.length + LENGTH) return null;
  let key = 0;
  for (const character of id.slice(prefix.length)) {
    const digit = DIGITS.indexOf(character);
    if (digit === -1) return null;
    key = key * 32 + digit;
  }
  return Number.isSafeInteger(key) ? key : null;
}

/** The key of an id that a caller gave. Throws not_found, naming what the id is when it is of another kind. */
export function keyOf(kind: IdKind, id: string): number {
  const key = decodeId(kind, id);
  if (key !== null) return key;
  const other = (Object.keys(PREFIXES) as IdKind[]).find(each => decodeId(each, id) !== null);
  const word = kind.replace('_', ' ');
  throw new ReplydError(
    `${kind}_not_found`,
    other
      ? `${id} is the id of a ${other.replace('_', ' ')}, not of a ${word}`
      : `there is no ${word} ${JSON.stringify(id.slice(0, 80))}`,
  );
}
