/**
 * The configuration as people read it: the reference file, the short file that `replyd init` writes, and the values in force without their secrets. All of it follows from the table in `keys.ts`.
 */

import { ReplydError } from '../base/errors.js';
import { type Config, findKey, KEY_NAMES, type KeyName, readKey } from './keys.js';
import type { Written } from './values.js';

const WIDTH = 100;

const REFERENCE = `# Reference of replyd's configuration: every key, its meaning and its default.
#
# A line such as #smtp.max_size = "35MiB" shows the default, or an example where the default is
# nothing. To change a key, copy its line into the configuration and take the "#" away. The order of
# lines does not matter; each key stands once.
#
# Every key is also an environment variable, which comes before the file: smtp.listen is
# REPLYD_SMTP_LISTEN, lists by commas. Relative paths are relative to the folder of the file.
# Sizes: "35MiB", "20MB". Durations: "500ms", "30s", "2m", "4h", "3d". Keys marked [reload] change
# on SIGHUP, the others on a restart. "replyd check-config" says what is wrong.
#
# Nothing reads this file, and "replyd init" writes it anew after an upgrade: make no changes here.`;

const INITIAL = `# Configuration of replyd. Here are the keys that most installations set; config.example.toml in
# this folder shows every key. A line that begins with "#" is not in force. Further lines can be
# added in any order; each key stands once. "replyd check-config" says what is wrong.`;

/** What an operator decides: the keys of the file that `replyd init` writes. */
const INITIAL_KEYS: readonly KeyName[] = [
  'data_dir',
  'operator.address',
  'smtp.listen',
  'smtp.hostname',
  'lmtp.listen',
  'tls.certificate',
  'tls.key',
  'outbound.transport',
  'outbound.host',
  'outbound.port',
  'outbound.tls',
  'outbound.username',
  'outbound.password',
];

/** Whether a file is a reference of this or another version: what stands in it is not the operator's. */
export function isExampleConfig(text: string): boolean {
  return text.startsWith(REFERENCE.split('\n', 1)[0]!);
}

/** The reference, `config.example.toml`: every key, commented out. */
export function exampleConfig(): string {
  return [REFERENCE, ...KEY_NAMES.map(name => entryOf(name, undefined))].join('\n\n').concat('\n');
}

/**
 * The file that `replyd init` writes: `settings` are set, the other keys that an operator decides are commented out.
 * All keys are dotted, so that lines of the documentation can be pasted anywhere. Throws ReplydError 'invalid' for a
 * setting that is no key or no value of its kind.
 */
export function initialConfig(settings: Readonly<Record<string, Written>> = {}): string {
  for (const [name, value] of Object.entries(settings)) checkSetting(name, value);
  const names = KEY_NAMES.filter(name => INITIAL_KEYS.includes(name) || settings[name] !== undefined);
  return [INITIAL, ...names.map(name => entryOf(name, settings[name]))].join('\n\n').concat('\n');
}

/** The values in force by key name, as they would be written in the file; a secret that is set is "(set)", or masked. */
export function redactedConfig(config: Config): Readonly<Record<KeyName, Written>> {
  const entries = KEY_NAMES.map(name => {
    const { kind, secret, mask } = findKey(name)!;
    const written = kind.print(readKey(config, name));
    if (!secret || isNothing(written)) return [name, written] as const;
    return [name, (mask?.(String(written)) ?? '') || '(set)'] as const;
  });
  return Object.fromEntries(entries) as Record<KeyName, Written>;
}

function entryOf(name: KeyName, setting: Written | undefined): string {
  const { kind, default: usual, meaning, example = usual, restart } = findKey(name)!;
  const shown = isNothing(usual) ? example : usual;
  const words = `${meaning} ${kindNote(kind.name, usual)}${restart ? '' : ' [reload]'}`;
  return `${wrap(words)}\n${setting === undefined ? `#${name} = ${toml(shown)}` : `${name} = ${toml(setting)}`}`;
}

function kindNote(kind: string, usual: Written): string {
  return isNothing(usual) ? `(${kind}; default: ${Array.isArray(usual) ? '[]' : '""'})` : `(${kind})`;
}

function isNothing(written: Written): boolean {
  return written === '' || (Array.isArray(written) && written.length === 0);
}

function wrap(words: string): string {
  const lines = words.match(new RegExp(`\\S.{0,${WIDTH - 3}}(?= |$)`, 'g'))!;
  return lines.map(line => `# ${line}`).join('\n');
}

/** JSON strings are TOML basic strings, but for DEL, which TOML wants escaped. */
function toml(written: Written): string {
  if (Array.isArray(written)) return `[${written.map(item => toml(item)).join(', ')}]`;
  return JSON.stringify(written).replaceAll('\x7f', '\\u007f');
}

function checkSetting(name: string, value: Written): void {
  const key = findKey(name);
  const parsed = key?.kind.parse(value, '/');
  if (parsed?.kind === 'good') return;
  throw new ReplydError('invalid', `${name}: ${parsed?.reason ?? 'unknown key'}`);
}
