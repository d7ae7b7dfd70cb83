/**
 * The thread that reads one large body: it parses the file, checks it against its schema, writes the attachments into the
 * folder, and ends. What is wrong with the body is its answer; all else that goes wrong ends the thread.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { type ErrorCode, isReplydError } from '../base/errors.js';
import { parseBody, type RequestBody } from './body-parse.js';
import { checkBody } from './check.js';
import { LARGE_BODIES, type LargeBody } from './schema.js';

export interface BodyJob {
  readonly file: string;
  readonly folder: string;
  readonly large: LargeBody;
}

export type BodyResult =
  | { readonly kind: 'read'; readonly body: RequestBody }
  | {
      readonly kind: 'refused';
      readonly code: ErrorCode;
      readonly message: string;
      readonly details: Record<string, unknown>;
    };

function work({ file, folder, large }: BodyJob): BodyResult {
  try {
    const keep = (bytes: Uint8Array) => {
      const place = path.join(folder, `api-${randomUUID()}.part`);
      writeFileSync(place, bytes, { mode: 0o600, flag: 'wx' });
      return { file: place };
    };
    const body = parseBody(readFileSync(file), keep, value => checkBody(LARGE_BODIES[large], value));
    return { kind: 'read', body: { ...body, checked: true } };
  } catch (error) {
    if (!isReplydError(error)) throw error;
    return { kind: 'refused', code: error.code, message: error.message, details: { ...error.details } };
  }
}

parentPort!.postMessage(work(workerData as BodyJob));
