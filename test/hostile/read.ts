/** Reads a hostile mail as the parser's worker and child do, and as the second reader where the first gives up. */
import type { ReadingContext } from '#replyd/conversation/ports.js';
import { factsOf } from '#replyd/mail/fingerprint.js';
import { keepInMemory } from '#replyd/mail/message.js';
import { type JobResult, readJob } from '#replyd/parsing/job.js';
import { readJobAgain } from '#replyd/parsing/second-reader.js';
import { type HostileMail, OUR_TEXTS } from './mails.js';

export async function readHostile(mail: HostileMail, bytes: Buffer): Promise<JobResult> {
  const job = { id: 1, raw: { bytes }, about: contextOf(mail) };
  const facts = factsOf(bytes);
  const read = await readJob(job, { bytes, facts, keeper: keepInMemory });
  if (read.kind === 'read') return read;
  return readJobAgain({ ...job, again: { facts } }, { bytes, facts, keeper: keepInMemory });
}

/** It came to a conversation that we have written into. */
function contextOf({ isBounce, texts = OUR_TEXTS }: HostileMail): ReadingContext {
  const address = `${isBounce ? 'bounce' : 'reply'}+${'5f'.repeat(16)}@reply.example.com`;
  return {
    knownTexts: { texts, replyAddresses: [address] },
    mailFrom: isBounce ? '' : 'ann@customer.example',
    authservIds: ['mx.example.com'],
  };
}
