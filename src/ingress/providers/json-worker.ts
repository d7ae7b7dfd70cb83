/**
 * The worker thread that reads one large JSON post from a file and writes its mails to files of their own. It sends one
 * result and ends. When it fails it throws, and whoever started it answers "temporary"; mails written by then are
 * removed first.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { decodeJson, type JsonJob, type JsonJobResult } from './json-posts.js';

const { provider, file, maxSize, place } = workerData as JsonJob;

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
