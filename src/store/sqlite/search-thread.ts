/**
 * The search thread of the daemon: it fills the index and answers what is asked of it, one after the other, so that neither
 * the writer nor the sockets wait. It ends when it is told to close.
 */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { Rules } from '../tx.js';
import { type SearchCall, SearchCalls } from './search-file.js';

export interface SearchThreadData {
  readonly dataDir: string;
  readonly rules: Rules;
}

export type ToSearchThread =
  | { readonly id: number; readonly name: SearchCall; readonly values: readonly unknown[] }
  | 'close';
export type FromSearchThread =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: string; readonly code: string | undefined };

const port = parentPort as MessagePort;
const { dataDir, rules } = workerData as SearchThreadData;
const calls = new SearchCalls({ dataDir, rules });

port.on('message', async (message: ToSearchThread) => {
  if (message === 'close') {
    await calls.close();
    port.close();
    return;
  }
  const { id, name, values } = message;
  try {
    port.postMessage({ id, value: await calls.run(name, values) } satisfies FromSearchThread);
  } catch (error) {
    const { code } = error as { code?: string };
    port.postMessage({ id, error: (error as Error).message, code } satisfies FromSearchThread);
  }
});
