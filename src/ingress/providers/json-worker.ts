/**
 * The worker thread that reads one large JSON post from a file and writes its mails to files of their own. It sends one
 * result and ends. When it fails it removes the mails that it has written and throws; whoever started it answers
 * "temporary".
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { decodeJson, type JsonJob, type JsonJobResult, type JsonProvider } from './json-posts.js';
import { PROVIDERS } from './list.js';

const { provider: name, file, maxSize, place } = workerData as JsonJob;
const provider = PROVIDERS.find(one => one.name === name) as JsonProvider;

function run(): JsonJobResult {
  const decoded = decodeJson(provider, readFileSync(file));
  if ('fault' in decoded) return decoded;
  const written: string[] = [];
  try {
    return {
      mails: decoded.mails.map(({ raw, ...envelope }, at) => {
        if (raw === 'missing') return { ...envelope, raw };
        if (raw.length > maxSize) return { ...envelope, raw: 'too_large' };
        const target = `${place}-${at}.eml`;
        written.push(target);
        writeFileSync(target, raw, { flag: 'wx', mode: 0o600 });
        return { ...envelope, raw: { file: target } };
      }),
    };
  } catch (error) {
    for (const target of written) rmSync(target, { force: true });
    throw error;
  }
}

parentPort!.postMessage(run());
