/** The thread that reads one large body: it parses the file, writes the attachments into the folder, and ends. */
import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { type ErrorCode, errorText, isReplydError } from '../base/errors.js';
import { parseBody, sha256 } from './body-parse.js';

export interface BodyJob {
  readonly file: string;
  readonly folder: string;
}

export interface WrittenContent {
  readonly file: string;
  readonly size: number;
  readonly sha256: string;
}

export type BodyResult =
  | { readonly value: unknown; readonly contents: readonly WrittenContent[]; readonly sha256: string }
  | { readonly error: string; readonly code: ErrorCode; readonly details: Readonly<Record<string, unknown>> };

function work({ file, folder }: BodyJob): BodyResult {
  try {
    const parsed = parseBody(readFileSync(file));
    const contents = parsed.contents.map((bytes): WrittenContent => {
      const place = path.join(folder, `api-${randomUUID()}.part`);
      writeFileSync(place, bytes, { mode: 0o600, flag: 'wx' });
      return { file: place, size: bytes.length, sha256: sha256(bytes) };
    });
    return { value: parsed.value, contents, sha256: parsed.sha256 };
  } catch (error) {
    const known = isReplydError(error);
    return {
      error: errorText(error),
      code: known ? error.code : 'unavailable',
      details: known ? { ...error.details } : {},
    };
  }
}

parentPort!.postMessage(work(workerData as BodyJob));
