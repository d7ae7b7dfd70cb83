/**
 * Nodes on one store do the same whichever of them a mail comes to, as long as their configurations say the same. A node's
 * row has a hash of each key that all of them share (`store/verbs/nodes.ts`); secrets and what is of one machine are left
 * out. `doctor` says which keys differ.
 */
import { createHash } from 'node:crypto';
import { type Config, findKey, KEY_NAMES, type KeyName, readKey } from './keys.js';

/** Of one machine, or counted on each. */
const OWN: readonly string[] = [
  'data_dir',
  'store.',
  'log.',
  'smtp.',
  'lmtp.',
  'tls.',
  'http.listen',
  'ingress.',
  'web.listen',
  'web.trusted_proxies',
  'auth.resolvers',
  'limits.parse',
  'limits.min_free',
];
const SHARED_BESIDE: readonly KeyName[] = ['smtp.max_size', 'smtp.max_recipients', 'store.standbys'];
const HASH_DIGITS = 8;

function isShared(name: KeyName): boolean {
  if (findKey(name)?.secret === true) return false;
  return SHARED_BESIDE.includes(name) || !OWN.some(own => name.startsWith(own));
}

/** JSON: from each shared key to a hash of its value. */
export function nodeConfiguration(config: Config): string {
  const hashes = KEY_NAMES.filter(isShared).map(name => [name, hashOf(readKey(config, name))]);
  return JSON.stringify(Object.fromEntries(hashes));
}

/** Keys with other values there, as `nodeConfiguration` gave them; null: that is from a program that says it otherwise. */
export function differingKeys(one: string, other: string): readonly string[] | null {
  try {
    const [ours, theirs] = [one, other].map(text => JSON.parse(text) as Readonly<Record<string, unknown>>);
    // A key that only one of two versions knows says nothing.
    return Object.keys(ours!).filter(key => theirs![key] !== undefined && theirs![key] !== ours![key]);
  } catch {
    return null;
  }
}

function hashOf(value: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(value) ?? '')
    .digest('hex')
    .slice(0, HASH_DIGITS);
}
