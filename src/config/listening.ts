/**
 * `data_dir/listening.json`: the places that the running daemon really listens at (port 0 has become a real one). It is
 * written as a whole when the daemon is ready, and removed when it ends; after a kill it is stale, so a reader asks the
 * lock first whether a daemon runs.
 */
import { rmSync } from 'node:fs';
import path from 'node:path';
import { readTextFile, replaceTextFile } from '../base/text-file.js';

export interface Listening {
  readonly smtp: readonly string[];
  readonly lmtp: readonly string[];
  readonly http: string | null;
  /** Only with a listener of its own for the providers. */
  readonly ingress?: string;
  /** The page for agents; only where it is switched on. */
  readonly web?: string;
}

export function writeListening(dataDir: string, listening: Listening): void {
  replaceTextFile(listeningFile(dataDir), `${JSON.stringify(listening)}\n`);
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
