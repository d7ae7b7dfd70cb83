/**
 * The configuration as people read it: the commented example file, the list of keys for documentation, and the
 * values in force without their secrets. All of it follows from the table in `keys.ts`.
 */

import { ReplydError } from '../base/errors.js';
import { type Config, findKey, KEY_NAMES, type KeyName, readKey, variableOf } from './keys.js';
import type { Written } from './values.js';

export interface KeyDescription {
  readonly name: KeyName;
  readonly variable: string;
  readonly type: string;
  readonly default: Written;
  readonly meaning: string;
  readonly reloadable: boolean;
  readonly secret: boolean;
}

const WIDTH = 100;

const PREAMBLE = `# Configuration of replyd: every key and its meaning. A line such as #max_size = "35MiB" shows the
# default, or an example where the default is nothing; take the "#" away to change it.
#
# Every key is also an environment variable, which comes before the file: smtp.listen is
# REPLYD_SMTP_LISTEN, lists by commas. Relative paths are relative to the folder of this file.
# Sizes: "35MiB", "20MB". Durations: "500ms", "30s", "2m", "4h", "3d". Keys marked [reload] change
# on SIGHUP, the others on a restart. "replyd check-config" tells what is wrong.`;

/**
 * The example file: every key, commented out, except those in `overrides` (by key name), which are set. Throws
 * ReplydError 'invalid' for an override that is no key or no value of its kind.
 */
export function exampleConfig(overrides: Readonly<Record<string, Written>> = {}): string {
  for (const [name, value] of Object.entries(overrides)) checkOverride(name, value);
  const parts = [PREAMBLE];
  let group = '';
  for (const name of KEY_NAMES) {
    const dot = name.indexOf('.');
    if (dot > 0 && name.slice(0, dot) !== group) {
      group = name.slice(0, dot);
      parts.push(`\n[${group}]`);
    }
    parts.push(entryOf(name, name.slice(dot + 1), overrides[name]));
  }
  return `${parts.join('\n').trimEnd()}\n`;
}

/** Every key, in the order of the example file. */
export function describeKeys(): readonly KeyDescription[] {
  return KEY_NAMES.map(name => {
    const { kind, default: usual, meaning, reloadable, secret } = findKey(name)!;
    return { name, variable: variableOf(name), type: kind.name, default: usual, meaning, reloadable, secret };
  });
}

/** The values in force by key name, as they would be written in the file; secrets that are set are "(set)". */
export function redactedConfig(config: Config): Readonly<Record<KeyName, Written>> {
  const entries = KEY_NAMES.map(name => {
    const { kind, secret } = findKey(name)!;
    const written = kind.print(readKey(config, name));
    return [name, secret && !isNothing(written) ? '(set)' : written] as const;
  });
  return Object.fromEntries(entries) as Record<KeyName, Written>;
}

function entryOf(name: KeyName, shortName: string, override: Written | undefined): string {
  const { kind, default: usual, meaning, example, reloadable } = findKey(name)!;
  const shown = example !== null && isNothing(usual) ? example : usual;
  const words = `${meaning} ${kindNote(kind.name, usual)}${reloadable ? ' [reload]' : ''}`;
  const line = override === undefined ? `#${shortName} = ${toml(shown)}` : `${shortName} = ${toml(override)}`;
  return `\n${wrap(words)}\n${line}`;
}

function kindNote(kind: string, usual: Written): string {
  return isNothing(usual) ? `(${kind}; default: ${Array.isArray(usual) ? '[]' : '""'})` : `(${kind})`;
}

function isNothing(written: Written): boolean {
  return written === '' || (Array.isArray(written) && written.length === 0);
}

function wrap(words: string): string {
  const lines: string[] = [];
  let line = '#';
  for (const word of words.split(' ')) {
    if (line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = '#';
    }
    line += ` ${word}`;
  }
  return [...lines, line].join('\n');
}

/** JSON strings are TOML basic strings, but for DEL, which TOML wants escaped. */
function toml(written: Written): string {
  if (Array.isArray(written)) return `[${written.map(item => toml(item)).join(', ')}]`;
  return JSON.stringify(written).replaceAll('\x7f', '\\u007f');
}

function checkOverride(name: string, value: Written): void {
  const key = findKey(name);
  const parsed = key?.kind.parse(value, '/');
  const reason = parsed === undefined ? 'unknown key' : 'reason' in parsed ? parsed.reason : null;
  if (reason !== null) throw new ReplydError('invalid', `${name}: ${reason}`);
}
