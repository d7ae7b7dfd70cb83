/**
 * One mail that a provider posted, for all its recipients: it asks the reception for each recipient, hands the mail over,
 * and records a refusal for those who are refused.
 *
 * When one recipient is deferred, the answer is `trouble`: the provider sends the whole mail again, and the reception
 * finds it stored for the others. No refusal is recorded before that. Otherwise the mail is `stored` when at least one
 * recipient has it, and `refused` when none has; `unproven` when its proof was another mail's. Afterwards the bytes and files of the post are gone or the store's.
 */
import { randomUUID } from 'node:crypto';
import { copyFile, link, stat } from 'node:fs/promises';
import path from 'node:path';
import { errorText } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { type SpaceBudget, withRoom } from '../../base/space.js';
import type { Destination } from '../../conversation/filing.js';
import type { Reception } from '../../conversation/ports.js';
import { envelopeAddress } from '../../mail/address.js';
import type { Content } from '../../mail/mail.js';
import { STATUS, type Status } from '../../mail/status.js';
import { maskRecipient } from '../smtp/transaction.js';
import { discard, type Post, type Provider, type Result } from './provider.js';

export const TROUBLE: Result = { kind: 'trouble', detail: 'Temporary trouble here, try again later.' };

const PROOF_USED: Result = {
  kind: 'unproven',
  detail: 'This proof came before, with another mail or for other recipients: each is good for one.',
};

/** A provider posts a mail for one of them, or for a few. */
const MAX_RECIPIENTS = 1000;

export interface TakeOptions {
  readonly reception: Reception;
  readonly log: Log;
  /** An existing folder on the store's file system. */
  readonly spoolFolder: string;
  readonly space: SpaceBudget;
}

/** One mail, for all its recipients. Never throws. */
export async function takePost(
  { reception, log, spoolFolder, space }: TakeOptions,
  { provider, client }: { provider: Provider; client: string | null },
  post: Post,
): Promise<Result> {
  const { raw } = post;
  if (raw === 'too_large') return { kind: 'too_large', detail: 'The mail is larger than smtp.max_size.' };
  if (raw === 'missing') return { kind: 'malformed', detail: 'A part of the post has no raw mail or no recipient.' };
  let copy: Content | null = null;
  try {
    if (post.rcptTo.length > MAX_RECIPIENTS) {
      return { kind: 'malformed', detail: `A part of the post has more than ${MAX_RECIPIENTS} recipients.` };
    }
    const { destinations, refused, deferred } = await askFor(reception, post.rcptTo);
    if (deferred) return TROUBLE;
    // The reception takes the file away; the link keeps its bytes for the record of a refusal.
    copy = await again(raw, spoolFolder, link);
    const mailFrom = isNullSender(post.mailFrom) ? '' : envelopeAddress(post.mailFrom);
    const verdicts =
      destinations.length === 0
        ? []
        : await reception.accept(
            {
              mailFrom,
              destinations,
              raw,
              via: provider.name,
              client,
              turn: [provider.name],
              trusted: provider.trusted ?? false,
              ...(post.evidence === undefined ? {} : { evidence: post.evidence }),
              ...(post.proof === undefined ? {} : { proof: post.proof }),
            },
            { together: false },
          );
    if (verdicts.length < destinations.length || verdicts.some(verdict => verdict.kind === 'deferred')) return TROUBLE;
    if (verdicts.some(verdict => verdict.status === STATUS.proofUsed)) return PROOF_USED;
    for (const [at, verdict] of verdicts.entries()) {
      if (verdict.kind === 'rejected') refused.push({ address: destinations[at]!.address, status: verdict.status });
    }
    const [first] = refused;
    const stored = verdicts.some(verdict => verdict.kind === 'accepted');
    if (!stored || (refused.length > 0 && !post.guessed)) {
      const reason = first ? `${first.status.enhanced} ${first.status.text}` : 'no recipient';
      const isRecorded = await reception.refuse({
        envelope: { mailFrom, rcptTo: refused.map(one => one.address) },
        // The link may be to a file that the store has put in place.
        raw: await withRoom(space, await sizeOf(copy), () => again(copy!, spoolFolder, copyFile)),
        via: provider.name,
        client,
        reason,
        // With a stored mail it is remembered already.
        ...(stored || post.proof === undefined ? {} : { proof: post.proof }),
      });
      if (!isRecorded) return PROOF_USED;
      const to = refused.map(one => maskRecipient(one.address));
      log.warn('rejected', { door: provider.name, client, to, reason });
    }
    if (stored) return { kind: 'stored', detail: '' };
    return { kind: 'refused', detail: first?.status.text ?? 'No recipient of this mail is here.' };
  } catch (error) {
    log.error('deferred', { door: provider.name, client, error: errorText(error) });
    return TROUBLE;
  } finally {
    post.release();
    await discard(raw);
    if (copy !== null) await discard(copy);
  }
}

/** The destinations of the recipients, and those who are refused. */
async function askFor(reception: Reception, recipients: readonly string[]) {
  const destinations = new Map<string, Destination>();
  const refused: { readonly address: string; readonly status: Status }[] = [];
  let deferred = false;
  for (const address of new Set(recipients.map(envelopeAddress))) {
    const resolution = await reception.resolve(address);
    if (resolution.kind === 'accepted') {
      const { destination } = resolution;
      destinations.set(`${destination.kind} ${destination.address.toLowerCase()}`, destination);
    } else if (resolution.kind === 'deferred') deferred = true;
    else refused.push({ address, status: resolution.status });
  }
  return { destinations: [...destinations.values()], refused, deferred };
}

/** Another name for the file (`link`), or another file (`copyFile`). */
async function again(raw: Content, folder: string, make: typeof link): Promise<Content> {
  if ('bytes' in raw) return raw;
  const file = path.join(folder, `http-${randomUUID()}.eml`);
  await make(raw.file, file);
  return { file };
}

async function sizeOf(raw: Content): Promise<number> {
  return 'bytes' in raw ? raw.bytes.length : (await stat(raw.file)).size;
}

function isNullSender(text: string): boolean {
  return /^(?:<>|mailer-daemon|#@\[\])?$/i.test(text.trim());
}
