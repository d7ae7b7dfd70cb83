/**
 * The parser's child process: reads one mail whole, by our own parser or by the second reader, under a heap limit, writes large attachments to files in the incoming
 * folder, sends the result and ends. If it dies its mail is unreadable, and nothing else is affected.
 */
import { randomBytes } from 'node:crypto';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import path from 'node:path';
import { factsOf } from '../mail/fingerprint.js';
import type { AttachmentKeeper } from '../mail/mail.js';
import { type Job, type JobResult, readJob } from './job.js';

export interface ChildJob extends Job {
  readonly folder: string;
}

/** Attachments up to this size come back in memory. */
const SMALL = 64 * 1024;

process.once('message', (job: ChildJob) => {
  read(job).then(
    result => send(result, () => process.exit(0)),
    error => send({ kind: 'trouble', id: job.id, reason: String(error) }, () => process.exit(1)),
  );
});

async function read(job: ChildJob): Promise<JobResult> {
  const bytes = 'bytes' in job.raw ? job.raw.bytes : await readFile(job.raw.file);
  const keeper = keepIn(job.folder);
  if (job.again === undefined) return readJob(job, { bytes, facts: factsOf(bytes), keeper });
  const { readJobAgain } = await import('./second-reader.js');
  return readJobAgain(job, { bytes, facts: job.again.facts, keeper, early: send });
}

function send(result: JobResult, sent: () => void = () => {}): void {
  process.send!(result, sent);
}

function keepIn(folder: string): AttachmentKeeper {
  return {
    async keep(content) {
      let pieces: Uint8Array[] = [];
      let size = 0;
      let handle: FileHandle | null = null;
      const file = path.join(folder, `part-${randomBytes(12).toString('hex')}`);
      try {
        for (const piece of content) {
          pieces.push(piece);
          size += piece.length;
          if (size <= SMALL) continue;
          handle ??= await open(file, 'wx', 0o600);
          for (const each of pieces) await handle.writeFile(each);
          pieces = [];
        }
      } finally {
        await handle?.close();
      }
      return handle ? { file } : { bytes: Buffer.concat(pieces) };
    },
  };
}
