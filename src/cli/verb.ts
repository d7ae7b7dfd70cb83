/**
 * What all verbs share: help with examples, the options `--config`, `--json` and `--limit`, and readers for what people
 * type (counts, addresses, references, KEY=VALUE).
 *
 * A reader throws a usage error (exit 2) that quotes what was typed and shows what is right.
 */
import { createRequire } from 'node:module';
import type * as Commander from 'commander';
import type { Command, Option } from 'commander';
import { duration } from '../config/values.js';
import type { ConversationRef } from '../conversation/store.js';
import { normalizeAddress } from '../mail/address.js';
import { usageError } from './errors.js';
import { oneLine } from './terminal/text.js';

/** Loaded by `require`: `import` of a CommonJS package costs every verb 5 ms more, to find its exports. */
export const commander = createRequire(import.meta.url)('commander') as typeof Commander;

export interface VerbHelp {
  /** One line: what it does. */
  readonly does: string;
  /** Complete commands without the leading `replyd`. */
  readonly examples: readonly string[];
  /** More, under the usage. */
  readonly more?: string;
}

/** Adds a verb to a group: `words` is the name with its arguments, e.g. `show <slug>`. */
export function addVerb(group: Command, words: string, help: VerbHelp): Command {
  return makeVerb(group.command(words), help);
}

/** Makes a verb of a command that is there already: help, examples and `--config`. */
export function makeVerb(verb: Command, help: VerbHelp): Command {
  verb.showHelpAfterError(`see \`${pathOf(verb)} --help\``);
  verb.summary(help.does).description(help.more ? `${help.does}\n\n${help.more}` : help.does);
  return verb
    .addOption(new commander.Option('-c, --config <file>', 'the configuration to use'))
    .addHelpText('after', examplesText(help.examples));
}

/** `replyd account add` */
function pathOf(verb: Command): string {
  return verb.parent === null ? verb.name() : `${pathOf(verb.parent)} ${verb.name()}`;
}

const HELP_COLUMNS = 80;

/** The examples under a help, whole commands that can be copied; long ones go on in the next line. */
export function examplesText(examples: readonly string[]): string {
  return ['', 'Examples:', ...examples.map(example => brokenCommand(`  replyd ${example}`))].join('\n');
}

/** A command in lines of at most 80 columns, broken before an option and fit to be pasted. */
export function brokenCommand(command: string): string {
  const lines: string[] = [];
  let line = '';
  for (const word of command.split(/ (?=--|[<>|] )/)) {
    if (line !== '' && line.length + word.length + 3 > HELP_COLUMNS) {
      lines.push(`${line} \\`);
      line = `      ${word}`;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].join('\n');
}

/** `--json` */
export function jsonOption(): Option {
  return new commander.Option('--json', 'print JSON: the object, or one object a line');
}

/** `--limit N` */
export function limitOption(): Option {
  return new commander.Option('--limit <n>', 'at most so many, the newest first').argParser(count).default(50);
}

/** Collects an option that may be given several times. */
export function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

/** The options that were given: without those that are undefined. */
export function given<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

/** A whole number from 1. */
export function count(value: string): number {
  const number = /^\d{1,9}$/.test(value) ? Number(value) : 0;
  if (number < 1) throw new commander.InvalidArgumentError('It must be a whole number from 1.');
  return number;
}

/** One of these words, undefined when none was given; the error names them. */
export function oneOf<const T extends string>(what: string, words: readonly T[], value: string): T;
export function oneOf<const T extends string>(
  what: string,
  words: readonly T[],
  value: string | undefined,
): T | undefined;
export function oneOf<const T extends string>(
  what: string,
  words: readonly T[],
  value: string | undefined,
): T | undefined {
  if (value === undefined) return undefined;
  const word = words.find(each => each === value);
  if (word === undefined) throw usageError(`there is no ${what} ${quoted(value)}: use ${listed(words)}`);
  return word;
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
  if (address === null) throw usageError(`${quoted(value)} is no e-mail address`);
  return address;
}

/** `Name <address>` or a bare address. */
export function readMailbox(value: string): { readonly name: string; readonly email: string } {
  const named = /^([^<>]*)<([^<>]+)>\s*$/.exec(value);
  if (!named) return { name: '', email: readAddress(value.trim()) };
  const name = oneLine(named[1]!).replace(/^"(.*)"$/, '$1');
  return { name, email: readAddress(named[2]!) };
}

/** `key=value` words, in their order. The value may hold further `=`; '' unsets. */
export function readPairs(words: readonly string[], keys: readonly string[]): ReadonlyMap<string, string> {
  const pairs = new Map<string, string>();
  for (const word of words) {
    const at = word.indexOf('=');
    if (at < 1) throw usageError(`${quoted(word)} is not KEY=VALUE; keys are ${listed(keys)}`);
    pairs.set(oneOf('key', keys, word.slice(0, at)), word.slice(at + 1));
  }
  return pairs;
}

/** Milliseconds from `500ms`, `90s`, `2m`, `1h`, `3d` or `0`; `what` is the option or key it was given for. */
export function readDuration(what: string, value: string): number {
  const parsed = duration(0, MAX_DURATION).parse(value, '');
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
