/** What the parser's worker thread and child processes do with one mail, and the messages that they exchange with it. */

import { readFile } from 'node:fs/promises';
import { errorText, isReplydError } from '../base/errors.js';
import { filedReading } from '../conversation/filing.js';
import type { Parsed, ReadingContext } from '../conversation/ports.js';
import { readAgentMail } from '../mail/agent-mail.js';
import { authenticationOf } from '../mail/authentication.js';
import { readForward } from '../mail/forward.js';
import type { AttachmentKeeper, Content, MailAttachment, RawFacts, Reading } from '../mail/mail.js';
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
    const { knownTexts, mailFrom, forwards } = job.about;
    const reading = readMail(await parseMail(mail.bytes, mail.keeper), knownTexts, { mailFrom });
    return forwards === true ? withForward(reading, mail.keeper) : reading;
  });
}

/** With the mail that it holds, where it says that it was sent on. */
export async function withForward(reading: Reading, keeper: AttachmentKeeper): Promise<Reading> {
  const forward = await readForward(reading, async file => {
    const bytes = await bytesOf(file);
    try {
      return await parseMail(bytes, keeper);
    } catch (error) {
      if (isReplydError(error, 'invalid')) return null;
      throw error;
    }
  });
  return forward === null ? reading : { ...reading, forward };
}

async function bytesOf({ content }: MailAttachment): Promise<Uint8Array> {
  return 'bytes' in content ? content.bytes : readFile(content.file);
}

/** The files of a mail, and behind them those of an attached mail that is sent on: their contents in one list. */
function filesOf({ mail, forward }: Reading): readonly MailAttachment[] {
  const isAttached = forward?.kind === 'one' && forward.attached !== null;
  return isAttached ? [...mail.attachments, ...forward.original.mail.attachments] : mail.attachments;
}

/** What comes of a job when it is read like this. */
export async function resultOf(job: Job, facts: RawFacts, read: () => Promise<Reading>): Promise<JobResult> {
  const { id, about } = job;
  try {
    const reading = await read();
    const { headers } = reading.mail;
    const filed = filedReading(reading);
    const agent = about.notified === undefined ? null : await readAgentMail(reading.mail, about.notified, bytesOf);
    const authentication = about.authservIds.length === 0 ? null : authenticationOf(headers, about.authservIds);
    return {
      kind: 'read',
      id,
      facts,
      reading: agent === null ? filed : { ...filed, agent },
      attachments: filesOf(reading),
      authentication,
    };
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
