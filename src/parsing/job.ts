/** What the parser's worker thread and child process do with one mail, and the messages they exchange with the parser. */

import { errorText, isReplydError } from '../base/errors.js';
import { filedReading } from '../conversation/filing.js';
import type { Parsed, ReadingContext } from '../conversation/ports.js';
import { authenticationOf } from '../mail/authentication.js';
import type { Content, RawFacts } from '../mail/mail.js';
import type { AttachmentKeeper } from '../mail/message.js';
import { parseMail } from '../mail/message.js';
import { readMail } from '../mail/reading.js';

export interface Job {
  readonly id: number;
  readonly raw: Content;
  readonly about: ReadingContext;
}

/** `broken`: the mail can't be read. `trouble`: we could not work; nothing is known about the mail. */
export type JobResult =
  | { readonly id: number; readonly outcome: 'read'; readonly parsed: Extract<Parsed, { readable: true }> }
  | { readonly id: number; readonly outcome: 'broken'; readonly facts: RawFacts; readonly reason: string }
  | { readonly id: number; readonly outcome: 'trouble'; readonly reason: string };

/** Reads one mail whose facts are known; anything thrown by the reading of it is the mail's fault, disk trouble is ours. */
export async function readJob(
  job: Job,
  facts: RawFacts,
  bytes: Uint8Array,
  keeper: AttachmentKeeper,
): Promise<JobResult> {
  try {
    const mail = await parseMail(bytes, keeper);
    const { traces, mailFrom, authservIds } = job.about;
    const reading = filedReading(readMail(mail, traces, { mailFrom }));
    const authentication = authservIds.length === 0 ? null : authenticationOf(mail.headers, authservIds);
    const { attachments } = mail;
    const parsed = { readable: true, facts, reading, attachments, ...(authentication && { authentication }) } as const;
    return { id: job.id, outcome: 'read', parsed };
  } catch (error) {
    if (isDiskTrouble(error)) return { id: job.id, outcome: 'trouble', reason: errorText(error) };
    return {
      id: job.id,
      outcome: 'broken',
      facts,
      reason: isReplydError(error, 'invalid') ? error.message : errorText(error),
    };
  }
}

function isDiskTrouble(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^E[A-Z]+$/.test(code);
}
