/**
 * Finds, reads and checks the configuration: the file named on the command line, else $REPLYD_CONFIG, else
 * /etc/replyd/config.toml, else defaults. Environment variables come before the file (`smtp.listen` is
 * `REPLYD_SMTP_LISTEN`, lists by commas, an empty variable is the empty value). Relative paths in a file are relative to
 * the file's folder, elsewhere to the working directory.
 *
 * All problems come in one ReplydError 'invalid' with a line for each: `FILE:LINE: KEY: reason` (and as
 * `details.problems`). A named file that cannot be read is such an error too; only the system-wide file may be missing.
 * No message holds a secret. Nothing is cached: a reload calls it again.
 */
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { isReplydError, ReplydError, reasonText } from '../base/errors.js';
import type { StoreAddress } from '../store/opener.js';
import { readAliases } from './aliases.js';
import { type Finding, findFaults, findOddities } from './checks.js';
import { type Config, findKey, KEY_NAMES, type KeyName, pathInConfig, readKey, variableOf } from './keys.js';
import { nearestText } from './nearest.js';
import { storeAddress } from './settings.js';
import { readToml } from './toml.js';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface LoadedConfig {
  readonly config: Config;
  /** Where `store.url`, libpq's variables or `data_dir` say that the store is. */
  readonly store: StoreAddress;
  /** The file that was read, absolute; null when there was none. */
  readonly file: string | null;
  /** The keys that were set, each with where: `FILE:LINE`, or the variable. */
  readonly given: ReadonlyMap<KeyName, string>;
  /** For the log and `check-config`, at level warn. */
  readonly warnings: readonly string[];
  /** Likewise, at level info: variables of other programs that are understood. */
  readonly notices: readonly string[];
  /** The inbound domain that `account add` proposes ($MAILER_INBOUND_EMAIL_DOMAIN), or null. */
  readonly inboundDomain: string | null;
}

/** Where something stands. `file` is null for a variable and for what is missing altogether. */
interface Place {
  readonly file: string | null;
  readonly line: number | null;
  /** The key, or the environment variable. */
  readonly key: string;
}

/** One thing that is wrong. */
export interface ConfigProblem extends Place {
  readonly reason: string;
}

/** A file's text and permission bits; null when there is no such file. Other trouble is thrown. */
export type ReadConfigFile = (file: string) => { readonly text: string; readonly mode: number } | null;

export const SYSTEM_CONFIG = '/etc/replyd/config.toml';

/** Read by the command line, not keys. */
const OTHER_VARIABLES: readonly string[] = ['REPLYD_CONFIG', 'REPLYD_SOCKET'];

/** What Kubernetes sets in every container next to a service named "replyd"; `REPLYD_PORT` counts by its value. */
const SERVICE_LINK = /_SERVICE_(?:HOST|PORT(?:_[A-Z0-9_]+)?)$|_PORT_\d+_(?:TCP|UDP)(?:_(?:PROTO|PORT|ADDR))?$/;
const SERVICE_LINK_PORT = /_PORT=(?:tcp|udp):\/\//;

/** A value as somebody gave it, and where. */
interface Setting extends Place {
  readonly written: unknown;
  readonly folder: string;
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
  const folder = read === null ? cwd : path.dirname(file);
  if (read !== null) {
    const { entries, problems: found } = readToml(read.text);
    for (const { name, written, line } of entries) settings.set(name, { written, folder, file, line, key: name });
    problems.push(...found.map(problem => ({ file, ...problem })));
  }
  collectEnvironment(settings, problems, { env, cwd });
  const aliases = readAliases(env, key => settings.has(key));
  for (const [key, { variable, value }] of aliases.values) {
    settings.set(key, { written: value, folder: cwd, file: null, line: null, key: variable });
  }

  const { config, broken } = build(settings, problems, folder);
  for (const fault of findFaults(config)) {
    if (!fault.keys.some(key => broken.has(key))) problems.push(problemOf(fault, settings));
  }
  const store = broken.has('store.url') ? null : findStore(config, env);
  if (store !== null && 'reason' in store) problems.push(problemOf(store, settings));
  if (problems.length > 0 || store === null || 'reason' in store) throw invalid(problems);
  return {
    config,
    store,
    file: read === null ? null : file,
    given: new Map([...settings].map(([name, setting]) => [name, placeText(setting)])),
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
  return { changed, needRestart: changed.filter(name => findKey(name)!.restart) };
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
      settings.set(name, { written, folder: source.cwd, file: null, line: null, key: variable });
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

/** Parses what was given, with defaults for the rest. A broken key has its default, so that the checks can go on. */
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
    if (parsed.kind === 'bad' && setting !== undefined) {
      broken.add(name);
      problems.push({ file: setting.file, line: setting.line, key: setting.key, reason: parsed.reason });
      parsed = kind.parse(usual, folder);
    }
    if (parsed.kind === 'bad') throw new Error(`default of ${name}: ${parsed.reason}`);
    place(tree, pathInConfig(name), parsed.value);
  }
  // Built from the very table that the type is derived from.
  return { config: tree as unknown as Config, broken };
}

function place(tree: Record<string, unknown>, [head, ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) tree[head!] = value;
  else {
    tree[head!] ??= {};
    place(tree[head!] as Record<string, unknown>, rest, value);
  }
}

function findStore(config: Config, env: Environment): StoreAddress | Finding {
  try {
    return storeAddress(config, env);
  } catch (error) {
    if (!isReplydError(error, 'invalid')) throw error;
    return { keys: [error.details.key as KeyName], reason: String(error.details.reason) };
  }
}

/** Names the line of the first of its keys that is set. */
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
  return `${placeText({ file, line, key })}: ${key}: ${reason}`;
}

function placeText({ file, line, key }: Place): string {
  if (file === null) return key;
  return line === null ? file : `${file}:${line}`;
}
