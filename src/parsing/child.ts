/**
 * The parser's child process: reads one mail from a file whole, under a memory limit, writes attachments to files in the
 * incoming folder and ends. If it dies its mail is unreadable, and nobody else notices.
 */
import { randomBytes } from 'node:crypto';
import { open, readFile } from 'node:fs/promises';
import path from 'node:path';
import { factsOf } from '../mail/fingerprint.js';
import type { Content } from '../mail/mail.js';
import type { AttachmentKeeper } from '../mail/message.js';
import { type Job, type JobResult, readJob } from './job.js';

export interface ChildJob extends Job {
  readonly folder: string;
}

/** Attachments up to this size come back in memory. */
const SMALL = 64 * 1024;

process.once('message', (job: ChildJob) => {
  read(job).then(
    result => process.send!(result, () => process.exit(0)),
    error =>
      process.send!({ id: job.id, outcome: 'trouble', reason: String(error) } satisfies JobResult, () =>
        process.exit(1),
      ),
  );
});

async function read(job: ChildJob): Promise<JobResult> {
  const bytes = await readFile((job.raw as { file: string }).file);
  return readJob(job, factsOf(bytes), bytes, keepIn(job.folder));
}

function keepIn(folder: string): AttachmentKeeper {
  return {
    async keep(content): Promise<Content> {
      const small: Uint8Array[] = [];
      let size = 0;
      let file: { handle: Awaited<ReturnType<typeof open>>; name: string } | null = null;
      try {
        for (const chunk of content) {
          size += chunk.length;
          if (file === null && size <= SMALL) {
            small.push(chunk);
            continue;
          }
          if (file === null) {
            const name = path.join(folder, `part-${randomBytes(12).toString('hex')}`);
            file = { handle: await open(name, 'wx', 0o600), name };
            for (const early of small) await file.handle.write(early);
          }
          await file.handle.write(chunk);
        }
      } finally {
        await file?.handle.close();
      }
      return file ? { file: file.name } : { bytes: Buffer.concat(small) };
    },
  };
}
