/**
 * Readers for what people type: words, addresses, references, durations, KEY=VALUE. A reader throws a usage error (exit
 * 2) that quotes what was typed and shows what is right.
 */
import { nearestText } from '../config/nearest.js';
import { duration } from '../config/values.js';
import type { ConversationRef } from '../conversation/ref.js';
import { MAX_SOURCE_ID } from '../conversation/vocabulary.js';
import { normalizeAddress } from '../mail/address.js';
import { usageError } from './errors.js';
import { oneLine } from './terminal/text.js';

/** Collects an option that may be given several times. */
export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** The options that were given: without those that are undefined. */
export function given<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

/** Reads one of these words; the error names them. */
export function oneOf<const T extends string>(what: string, words: readonly T[]): (typed: string) => T {
  return typed => {
    const word = words.find(each => each === typed);
    if (word === undefined) {
      const near = nearestText(typed, words);
      throw usageError(`there is no ${what} ${quoted(typed)}${near || `: use ${listed(words)}`}`);
    }
    return word;
  };
}

/** A conversation's id, `SLUG#NUMBER` or `SLUG:NUMBER`. */
export function readRef(value: string): ConversationRef {
  const numbered = /^([a-z0-9][a-z0-9-]{0,62})[#:](\d{1,15})$/i.exec(value);
  if (numbered) return { account: numbered[1]!.toLowerCase(), number: Number(numbered[2]) };
  if (/^[a-z]{1,8}_[0-9a-z]+$/.test(value)) return { id: value };
  const advice = /^#?\d+$/.test(value)
    ? `a number needs its account, such as acme#${value.replace('#', '')}`
    : 'use its id, acme#12 or acme:12';
  throw usageError(`${quoted(value)} names no conversation: ${advice}`);
}

/** An e-mail address, normalised. */
export function readAddress(value: string): string {
  const address = normalizeAddress(value);
  if (address === null) throw usageError(`${quoted(value)} is no e-mail address, such as help@example.com`);
  return address;
}

/** An application's own id for something. */
export function readSourceId(value: string): string {
  if (value.length > MAX_SOURCE_ID) throw usageError(`a source id has at most ${MAX_SOURCE_ID} characters`);
  return value;
}

/** `Name <address>` or a bare address. */
export function readMailbox(value: string): { readonly name: string; readonly email: string } {
  const named = /^([^<>]*)<([^<>]+)>\s*$/.exec(value);
  if (!named) return { name: '', email: readAddress(value.trim()) };
  const name = oneLine(named[1]!).replace(/^"(.*)"$/, '$1');
  return { name, email: readAddress(named[2]!) };
}

/** `key=value` words, in their order. The value may hold further `=`; '' unsets. */
export function readPairs(words: readonly string[], keys: readonly string[]): Readonly<Record<string, string>> {
  const pairs = words.map(word => {
    const at = word.indexOf('=');
    if (at < 1) throw usageError(`${quoted(word)} is not KEY=VALUE; keys are ${listed(keys)}`);
    return [oneOf('key', keys)(word.slice(0, at)), word.slice(at + 1)];
  });
  return Object.fromEntries(pairs);
}

/** Milliseconds from `500ms`, `90s`, `2m`, `1h`, `3d` or `0`; `what` is the option or key it was given for. */
export function readDuration(what: string, value: string, most = MAX_DURATION): number {
  const parsed = duration(0, most).parse(value, '');
  if ('reason' in parsed) throw usageError(`${what}: ${parsed.reason}`);
  return parsed.value;
}

const MAX_DURATION = 30 * 86_400_000;

export function quoted(value: string): string {
  return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
}

export function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}
