/**
 * The worker thread that reads one large JSON post from a file and writes its mails to files of their own. It sends one
 * result and ends. When it fails it removes the mails that it has written and throws; whoever started it answers
 * "temporary".
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { decodeJson, type JsonJob, type JsonProvider } from './json-posts.js';
import { PROVIDERS } from './list.js';

const { provider: name, file, maxSize, place } = workerData as JsonJob;
const provider = PROVIDERS.find(one => one.name === name) as JsonProvider;
const written: string[] = [];

function keep(bytes: Buffer, at: number): { readonly file: string } {
  const target = `${place}-${at}.eml`;
  written.push(target);
  writeFileSync(target, bytes, { flag: 'wx', mode: 0o600 });
  return { file: target };
}

try {
  parentPort!.postMessage(decodeJson(provider, readFileSync(file), { maxSize, keep }));
} catch (error) {
  for (const target of written) rmSync(target, { force: true });
  throw error;
}
