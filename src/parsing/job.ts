/** What the parser's worker thread and child processes do with one mail, and the messages that they exchange with it. */

import { errorText, isReplydError } from '../base/errors.js';
import { filedReading } from '../conversation/filing.js';
import type { Parsed, ReadingContext } from '../conversation/ports.js';
import { authenticationOf } from '../mail/authentication.js';
import type { AttachmentKeeper, Content, RawFacts, Reading } from '../mail/mail.js';
import { parseMail } from '../mail/message.js';
import { readMail } from '../mail/reading.js';

export interface Job {
  readonly id: number;
  readonly raw: Content;
  readonly about: ReadingContext;
  /** For the second reader, with what is known since the first one failed. */
  readonly again?: { readonly facts: RawFacts };
}

/** `trouble`: the parser could not work; nothing is known about the mail. */
export type JobResult = (Parsed | { readonly kind: 'trouble'; readonly reason: string }) & { readonly id: number };

/** The mail of a job: its bytes, their facts, and where its attachments go. */
export interface JobMail {
  readonly bytes: Uint8Array;
  readonly facts: RawFacts;
  readonly keeper: AttachmentKeeper;
}

/** Reads one mail. Whatever its reading throws is the mail's fault; trouble with the disk is ours. */
export function readJob(job: Job, mail: JobMail): Promise<JobResult> {
  return resultOf(job, mail.facts, async () => {
    const { knownTexts, mailFrom } = job.about;
    return readMail(await parseMail(mail.bytes, mail.keeper), knownTexts, { mailFrom });
  });
}

/** What comes of a job when it is read like this. */
export async function resultOf(job: Job, facts: RawFacts, read: () => Promise<Reading>): Promise<JobResult> {
  const { id, about } = job;
  try {
    const reading = await read();
    const { attachments, headers } = reading.mail;
    const authentication = about.authservIds.length === 0 ? null : authenticationOf(headers, about.authservIds);
    return { kind: 'read', id, facts, reading: filedReading(reading), attachments, authentication };
  } catch (error) {
    if (isDiskTrouble(error)) return { kind: 'trouble', id, reason: errorText(error) };
    return {
      kind: 'unreadable',
      id,
      facts,
      reason: isReplydError(error, 'invalid') ? error.message : errorText(error),
    };
  }
}

function isDiskTrouble(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^E[A-Z]+$/.test(code);
}
