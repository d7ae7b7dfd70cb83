/**
 * Proofs that say nothing of the mail they came with (Mailgun signs a time and a token): whoever sees one could post any
 * mail with it. So each is good for one mail to its recipients. It is remembered in the transaction that files or refuses
 * that mail, so our own trouble remembers nothing, and a retry of the same mail is taken as often as it comes.
 *
 * A row is kept until the door itself refuses the proof as too old, and an hour more; of more than MAX_PROOFS rows the
 * oldest go first. Nobody makes one without the provider's key.
 */
import { createHash } from 'node:crypto';
import { ReplydError } from '../../base/errors.js';
import type { Filing, Proof } from '../../conversation/filing.js';
import type { StoreTx, Verb } from '../tx.js';

const HOUR = 3_600_000;
const MAX_PROOFS = 1_000_000;
/** Of hashes: as hard to meet by chance as a token is to guess. */
const KEPT_BYTES = 16;

export const proofUse: Verb<'proofUse'> = async (tx, proof, sha256) => {
  const content = await tx.value<Uint8Array>('select content from proof where key = $1', keyOf(proof));
  if (content === undefined) return 'first';
  return contentOf(proof, sha256).equals(content) ? 'again' : 'other';
};

/** From now on the proof is this mail's. It must be `first` or `again`. */
export async function rememberProof(tx: StoreTx, { proof, facts }: Pick<Filing, 'proof' | 'facts'>): Promise<void> {
  if (proof === undefined) return;
  const added = await tx.run(
    'insert into proof (key, content, expires_at) values ($1, $2, $3) on conflict (key) do nothing',
    keyOf(proof),
    contentOf(proof, facts.sha256),
    proof.expiresAt,
  );
  if (added === 0 && (await proofUse(tx, proof, facts.sha256)) === 'other')
    throw new ReplydError('unavailable', 'another mail with this proof was taken at the same moment');
}

/** Clears away up to `limit` of those that are of no more use. Returns how many. */
export async function clearProofs(tx: StoreTx, limit: number): Promise<number> {
  const tooMany = await tx.value<number>(
    'select expires_at from proof order by expires_at desc limit 1 offset $1',
    MAX_PROOFS,
  );
  return tx.run(
    'delete from proof where key in (select key from proof where expires_at < $1 order by expires_at limit $2)',
    Math.max(tx.now() - HOUR, tooMany ?? 0),
    limit,
  );
}

function keyOf({ key }: Proof): Buffer {
  return Buffer.from(key, 'hex').subarray(0, KEPT_BYTES);
}

function contentOf({ recipients }: Proof, sha256: string): Buffer {
  return createHash('sha256').update(`${recipients} ${sha256}`).digest().subarray(0, KEPT_BYTES);
}
