/**
 * Finds, reads and checks the configuration: the file named on the command line, else $REPLYD_CONFIG, else
 * /etc/replyd/config.toml, else defaults. Environment variables (`smtp.listen` → `REPLYD_SMTP_LISTEN`, lists by
 * commas, an empty one is the empty value) come before the file. Relative paths in a file are relative to the file's
 * folder, elsewhere to the working directory.
 *
 * All problems are reported at once, in one ReplydError 'invalid' with a line for each: `FILE:LINE: KEY: reason`
 * (`details.problems` holds them singly). A file that was asked for and cannot be read is such an error too; only
 * the system-wide file may be missing. Secrets appear in no message. Nothing is cached: a reload calls it again.
 */
import { readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import type * as Toml from 'smol-toml';
import { ReplydError, reasonText } from '../base/errors.js';
import { readAliases } from './aliases.js';
import { type Finding, findFaults, findOddities } from './checks.js';
import { type Config, findKey, isGroup, KEY_NAMES, type KeyName, pathInConfig, readKey, variableOf } from './keys.js';
import { nearestText } from './nearest.js';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface LoadedConfig {
  readonly config: Config;
  /** The file that was read, absolute; null when there was none. */
  readonly file: string | null;
  /** For the log and `check-config`, at level warn. */
  readonly warnings: readonly string[];
  /** Likewise, at level info: variables of other programs that are understood. */
  readonly notices: readonly string[];
  /** The inbound domain that `account add` proposes ($MAILER_INBOUND_EMAIL_DOMAIN), or null. */
  readonly inboundDomain: string | null;
}

/** One thing that is wrong. `file` is null for a variable and for what is missing altogether. */
export interface ConfigProblem {
  readonly file: string | null;
  readonly line: number | null;
  /** The key, or the environment variable. */
  readonly key: string;
  readonly reason: string;
}

/** A file's text and permission bits; null when there is no such file. Other trouble is thrown. */
export type ReadConfigFile = (file: string) => { readonly text: string; readonly mode: number } | null;

export const SYSTEM_CONFIG = '/etc/replyd/config.toml';

/** Read by the command line, not keys. */
const OTHER_VARIABLES: readonly string[] = ['REPLYD_CONFIG', 'REPLYD_SOCKET'];

/** What Kubernetes sets in every container beside a service named "replyd"; `REPLYD_PORT` counts by its value. */
const SERVICE_LINK = /_SERVICE_(?:HOST|PORT(?:_[A-Z0-9_]+)?)$|_PORT_\d+_(?:TCP|UDP)(?:_(?:PROTO|PORT|ADDR))?$/;
const SERVICE_LINK_PORT = /_PORT=(?:tcp|udp):\/\//;

/** A value as somebody gave it, and where. */
interface Setting {
  readonly written: unknown;
  readonly folder: string;
  readonly file: string | null;
  readonly line: number | null;
  /** What it is called there: the key or the variable. */
  readonly label: string;
}

type Settings = Map<KeyName, Setting>;

/** Reads the configuration. Throws ReplydError 'invalid' with everything that is wrong. */
export function loadConfig(options: {
  /** From `--config`, relative to `cwd`. */
  file?: string;
  env: Environment;
  cwd: string;
  readFile?: ReadConfigFile;
}): LoadedConfig {
  const { env, cwd } = options;
  const problems: ConfigProblem[] = [];
  const settings: Settings = new Map();
  const asked = options.file ?? (env.REPLYD_CONFIG || undefined);
  const file = path.resolve(cwd, asked ?? SYSTEM_CONFIG);
  const read = readAsked(file, asked !== undefined, options.readFile ?? readFromDisk);
  if (read !== null) collectFile(settings, problems, { file, text: read.text });
  collectEnvironment(settings, problems, { env, cwd });
  const aliases = readAliases(env, key => settings.has(key));
  for (const [key, { variable, value }] of aliases.values) {
    settings.set(key, { written: value, folder: cwd, file: null, line: null, label: variable });
  }

  const folder = read === null ? cwd : path.dirname(file);
  const { config, broken } = build(settings, problems, folder);
  for (const fault of findFaults(config)) {
    if (!fault.keys.some(key => broken.has(key))) problems.push(problemOf(fault, settings));
  }
  if (problems.length > 0) throw invalid(problems);
  return {
    config,
    file: read === null ? null : file,
    warnings: [
      ...findOddities(config).map(finding => problemLine(problemOf(finding, settings))),
      ...(read === null ? [] : fileWarnings(file, read.mode, settings)),
      ...aliases.warnings,
    ],
    notices: aliases.notices,
    inboundDomain: aliases.inboundDomain,
  };
}

/** What a reload changes: all changed keys, and those of them that only a restart can change. */
export function diffReload(
  old: Config,
  next: Config,
): { readonly changed: readonly KeyName[]; readonly needRestart: readonly KeyName[] } {
  const changed = KEY_NAMES.filter(name => JSON.stringify(readKey(old, name)) !== JSON.stringify(readKey(next, name)));
  return { changed, needRestart: changed.filter(name => !findKey(name)!.reloadable) };
}

function readAsked(file: string, asked: boolean, readFile: ReadConfigFile): ReturnType<ReadConfigFile> {
  let read: ReturnType<ReadConfigFile>;
  try {
    read = readFile(file);
  } catch (error) {
    const advice = (error as NodeJS.ErrnoException).code === 'EACCES' ? '; be root or the user that runs replyd' : '';
    throw new ReplydError('invalid', `${file}: cannot be read: ${reasonText(error)}${advice}`, { cause: error });
  }
  if (read === null && asked) {
    throw new ReplydError('invalid', `${file}: there is no such file; \`replyd init\` writes one`);
  }
  return read;
}

function readFromDisk(file: string): { text: string; mode: number } | null {
  try {
    return { text: readFileSync(file, 'utf8'), mode: statSync(file).mode & 0o777 };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function collectFile(settings: Settings, problems: ConfigProblem[], source: { file: string; text: string }): void {
  const { file } = source;
  const text = source.text.replace(/^\ufeff/, '');
  const { parse, TomlError } = loadToml();
  let table: Record<string, unknown>;
  try {
    table = parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    problems.push({ file, line: error.line, key: 'TOML', reason: syntaxReason(error, text) });
    return;
  }
  const lines = linesOfKeys(text);
  const lineOf = (name: string): number | null => {
    for (let at = name; at !== ''; at = at.slice(0, Math.max(at.lastIndexOf('.'), 0))) {
      const line = lines.get(at);
      if (line !== undefined) return line;
    }
    return null;
  };
  const wrong = (key: string, reason: string) => problems.push({ file, line: lineOf(key), key, reason });
  const walk = (group: Record<string, unknown>, prefix: string) => {
    for (const [part, value] of Object.entries(group)) {
      const name = `${prefix}${part}`;
      if (findKey(name) !== null) {
        const setting = { written: value, folder: path.dirname(file), file, line: lineOf(name), label: name };
        settings.set(name as KeyName, setting);
      } else if (isTable(value) && (isGroup(name) || Object.keys(value).length > 0)) {
        walk(value, `${name}.`);
      } else if (isGroup(name)) {
        wrong(name, `is a group of keys: [${name}], then a line for each key`);
      } else {
        wrong(name, `unknown key${nearestText(name, KEY_NAMES)}`);
      }
    }
  };
  walk(table, '');
}

/** The parser's own text goes on with the lines around the fault, which may hold a secret: only its first line is told. */
function syntaxReason(error: Toml.TomlError, text: string): string {
  const line = text.split('\n')[error.line - 1] ?? '';
  if (/=\s*0[0-7]{3}\s*(?:#.*)?$/.test(line))
    return 'a number cannot begin with 0; write a file mode as "0660" or 0o660';
  return (error.message.split('\n')[0] ?? '').replace(/^Invalid TOML document: /, '');
}

/** On which line each key and each table of a valid TOML text stands; the first place counts. */
function linesOfKeys(text: string): ReadonlyMap<string, number> {
  const lines = new Map<string, number>();
  const note = (name: string, line: number) => {
    if (!lines.has(name)) lines.set(name, line);
  };
  let prefix = '';
  for (const [at, line] of text.split('\n').entries()) {
    const table = /^\s*\[{1,2}([^[\]]+)\]/.exec(line);
    const key = /^\s*([A-Za-z0-9_."' \t-]+?)\s*=/.exec(line);
    if (table) {
      prefix = `${bareName(table[1]!)}.`;
      note(bareName(table[1]!), at + 1);
    } else if (key) {
      note(`${prefix}${bareName(key[1]!)}`, at + 1);
    }
  }
  return lines;
}

function bareName(written: string): string {
  return written.replaceAll(/[\s"']/g, '');
}

// Only a file needs it, and as CommonJS it is one file to load instead of ten: 4 ms less in every verb.
function loadToml(): typeof Toml {
  return createRequire(import.meta.url)('smol-toml') as typeof Toml;
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function collectEnvironment(
  settings: Settings,
  problems: ConfigProblem[],
  source: { env: Environment; cwd: string },
): void {
  const names = new Map(KEY_NAMES.map(name => [variableOf(name), name]));
  for (const [variable, value] of Object.entries(source.env)) {
    if (value === undefined || !variable.startsWith('REPLYD_') || OTHER_VARIABLES.includes(variable)) continue;
    const name = names.get(variable);
    if (name !== undefined) {
      const written = findKey(name)!.kind.list ? splitList(value) : value;
      settings.set(name, { written, folder: source.cwd, file: null, line: null, label: variable });
    } else if (!SERVICE_LINK.test(variable) && !SERVICE_LINK_PORT.test(`${variable}=${value}`)) {
      const reason = `unknown variable${nearestText(variable, [...names.keys(), ...OTHER_VARIABLES])}`;
      problems.push({ file: null, line: null, key: variable, reason });
    }
  }
}

function splitList(value: string): readonly string[] {
  return value
    .split(',')
    .map(item => item.trim())
    .filter(item => item !== '');
}

/** Parses what was given, defaults for the rest; a broken key has its default, so that the checks can go on. */
function build(
  settings: Settings,
  problems: ConfigProblem[],
  folder: string,
): { config: Config; broken: ReadonlySet<KeyName> } {
  const tree: Record<string, unknown> = {};
  const broken = new Set<KeyName>();
  for (const name of KEY_NAMES) {
    const { kind, default: usual } = findKey(name)!;
    const setting = settings.get(name);
    let parsed = kind.parse(setting === undefined ? usual : setting.written, setting?.folder ?? folder);
    if ('reason' in parsed && setting !== undefined) {
      broken.add(name);
      problems.push({ file: setting.file, line: setting.line, key: setting.label, reason: parsed.reason });
      parsed = kind.parse(usual, folder);
    }
    if ('reason' in parsed) throw new Error(`default of ${name}: ${parsed.reason}`);
    place(tree, pathInConfig(name), parsed.value);
  }
  // Built from the very table that the type is derived from.
  return { config: tree as unknown as Config, broken };
}

function place(tree: Record<string, unknown>, [head, ...rest]: readonly string[], value: unknown): void {
  if (head === undefined) return;
  if (rest.length === 0) {
    tree[head] = value;
  } else {
    tree[head] ??= {};
    place(tree[head] as Record<string, unknown>, rest, value);
  }
}

/** Told at the first of its keys that somebody set, so that the line to look at is named. */
function problemOf({ keys, reason }: Finding, settings: Settings): ConfigProblem {
  const setting = keys.map(key => settings.get(key)).find(found => found !== undefined);
  return { file: setting?.file ?? null, line: setting?.line ?? null, key: keys[0], reason };
}

function fileWarnings(file: string, mode: number, settings: Settings): string[] {
  const warnings: string[] = [];
  const holdsSecret = [...settings].some(([name, setting]) => setting.file === file && findKey(name)!.secret);
  if (holdsSecret && (mode & 0o004) !== 0) {
    const shown = mode.toString(8).padStart(4, '0');
    warnings.push(
      `${file}: holds secrets and can be read by everybody (mode ${shown}): chmod 0640, group of the daemon`,
    );
  }
  if (file === SYSTEM_CONFIG && !settings.has('data_dir')) {
    warnings.push(`${file}: data_dir is not set, so data goes to /etc/replyd/data; /var/lib/replyd is the usual place`);
  }
  return warnings;
}

function invalid(problems: readonly ConfigProblem[]): ReplydError {
  const inOrder = [...problems].sort(
    (one, other) => (one.line ?? Number.MAX_SAFE_INTEGER) - (other.line ?? Number.MAX_SAFE_INTEGER),
  );
  const lines = inOrder.map(problemLine);
  const text =
    lines.length === 1 ? lines[0]! : [`${lines.length} problems in the configuration:`, ...lines].join('\n  ');
  return new ReplydError('invalid', text, { details: { problems: inOrder } });
}

function problemLine({ file, line, key, reason }: ConfigProblem): string {
  if (file === null)
    return /^[A-Z_]+$/.test(key) ? `environment: ${key}: ${reason}` : `configuration: ${key}: ${reason}`;
  return `${line === null ? file : `${file}:${line}`}: ${key}: ${reason}`;
}
