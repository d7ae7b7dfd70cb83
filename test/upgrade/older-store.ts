/**
 * Stores that the program of commit 2204937 (schema 7) made, as its `replyd backup` wrote them: `store`, two accounts
 * with something of everything, and `one`, an account with one conversation, to be multiplied. `store-2204937.json` is
 * what that program showed of `store` with `--json`.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { runOk } from '../run.js';

const FOLDER = path.resolve('test/upgrade');

/** Puts the store into `dataDir`, which must not hold one. */
export async function putOlderStore(name: 'store' | 'one', dataDir: string): Promise<void> {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const archive = path.join(FOLDER, `${name}-2204937.tar.gz`);
  await runOk('tar', ['-xzf', archive, '-C', dataDir, '--no-same-owner', '--exclude=manifest.json']);
}

type Shown = Readonly<Record<string, unknown>>;

export interface ShownStore {
  /** By their ids, each with its messages. */
  readonly conversations: Readonly<Record<string, Shown>>;
  readonly contacts: readonly Shown[];
  readonly mails: readonly Shown[];
  readonly queue: readonly Shown[];
  readonly accounts: readonly Shown[];
  readonly hooks: readonly Shown[];
  readonly keys: readonly Shown[];
}

export function shownByOlderProgram(): ShownStore {
  return JSON.parse(readFileSync(path.join(FOLDER, 'store-2204937.json'), 'utf8')) as ShownStore;
}
