/** What the parser's worker thread and child process do with one mail, and the messages they exchange with the parser. */

import type { ReadingContext } from '../conversation/ports.js';
import { errorText, isReplydError } from '../errors.js';
import type { Content, RawFacts, Reading } from '../mail/mail.js';
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
  | { readonly id: number; readonly outcome: 'read'; readonly facts: RawFacts; readonly reading: Reading }
  | { readonly id: number; readonly outcome: 'broken'; readonly facts: RawFacts; readonly reason: string }
  | { readonly id: number; readonly outcome: 'trouble'; readonly reason: string };

/** Reads one mail whose facts are known; anything thrown by the reading of it is the mail's fault, disk trouble is ours. */
export async function readJob(
  job: Job,
  facts: RawFacts,
  source: Uint8Array | AsyncIterable<Uint8Array>,
  keeper: AttachmentKeeper,
): Promise<JobResult> {
  try {
    const mail = await parseMail(source, keeper);
    const reading = readMail(mail, job.about.traces, { mailFrom: job.about.mailFrom });
    // The bodies are in the reading by now; whoever wants them whole has the raw mail. They would only be copied.
    return { id: job.id, outcome: 'read', facts, reading: { ...reading, mail: { ...mail, plain: null, html: null } } };
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
