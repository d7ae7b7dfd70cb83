/**
 * `data_dir/listening.json`: the places that the running daemon really listens at (port 0 has become a real one), and
 * digests of the values that it works with. It is written as a whole when the daemon is ready, and removed when it ends; after a kill it is stale, so a reader asks the
 * lock first whether a daemon runs.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { readTextFile, replaceTextFile } from '../base/text-file.js';
import { type Config, findKey, KEY_NAMES, type KeyName, readKey } from './keys.js';

export interface Listening {
  readonly smtp: readonly string[];
  readonly lmtp: readonly string[];
  readonly http: string | null;
  /** Only with a listener of its own for the providers. */
  readonly ingress?: string;
  /** The page for agents; only where it is switched on. */
  readonly web?: string;
}

/** The values that the daemon works with, as digests under a salt of this daemon: secrets are among them. */
interface InForce {
  readonly salt: string;
  readonly keys: Readonly<Record<string, string>>;
}

interface Written extends Listening {
  readonly in_force: InForce;
}

/**
 * Written when the daemon is ready, and again when it took over another configuration: `started` is the one whose values
 * only a restart changes.
 */
export function writeListening(
  dataDir: string,
  listening: Listening,
  { started, config }: { readonly started: Config; readonly config: Config },
): void {
  const salt = randomBytes(16).toString('hex');
  const keys = Object.fromEntries(
    KEY_NAMES.map(name => [name, digestOf(findKey(name)!.restart ? started : config, name, salt)]),
  );
  const written: Written = { ...listening, in_force: { salt, keys } };
  replaceTextFile(listeningFile(dataDir), `${JSON.stringify(written)}\n`);
}

/**
 * The keys whose value in `config` is another than the one that the running daemon has: those that a reload takes
 * over, and those that want a restart.
 */
export function keysNotInForce(
  dataDir: string,
  config: Config,
): { readonly reload: readonly KeyName[]; readonly restart: readonly KeyName[] } {
  // An older daemon wrote none.
  const { salt, keys }: Partial<InForce> = (readListening(dataDir) as Partial<Written> | null)?.in_force ?? {};
  if (typeof salt !== 'string' || typeof keys !== 'object' || keys === null) return { reload: [], restart: [] };
  const other = KEY_NAMES.filter(name => keys[name] !== undefined && keys[name] !== digestOf(config, name, salt));
  return {
    reload: other.filter(name => !findKey(name)!.restart),
    restart: other.filter(name => findKey(name)!.restart === true),
  };
}

function digestOf(config: Config, name: KeyName, salt: string): string {
  const value = JSON.stringify(readKey(config, name)) ?? '';
  return createHmac('sha256', salt).update(value).digest('hex').slice(0, 16);
}

/** What the file says, or null when there is none that can be read. */
export function readListening(dataDir: string): Listening | null {
  try {
    return JSON.parse(readTextFile(listeningFile(dataDir))) as Listening;
  } catch {
    return null;
  }
}

export function removeListening(dataDir: string): void {
  rmSync(listeningFile(dataDir), { force: true });
}

function listeningFile(dataDir: string): string {
  return path.join(dataDir, 'listening.json');
}
