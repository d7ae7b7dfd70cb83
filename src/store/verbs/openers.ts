/** With whom a mail would open a conversation of an account: `rules/forward.ts`, then `rules/opener.ts`. Reading only. */
import type { FiledReading } from '../../conversation/filing.js';
import type { ForwardDecision } from '../../conversation/rules/forward.js';
import { namedWriters, openerOf } from '../../conversation/rules/opener.js';
import type { Authentication } from '../../mail/authentication.js';
import type { Mailbox } from '../../mail/mail.js';
import type { FilingAccount } from '../rows.js';
import type { StoreTx } from '../tx.js';
import { oursAmong } from './ours.js';
import { decideTeamForward } from './team-forwards.js';

/** Who opens a conversation of the account with this mail, and why. `forward`: he wrote what one of the team sent on. */
export async function openerIn(
  tx: StoreTx,
  mail: { readonly reading: FiledReading; readonly authentication?: Authentication | null },
  account: FilingAccount,
): Promise<Opener> {
  const forward = await decideTeamForward(tx, mail, account);
  if (forward.kind === 'original') return { person: forward.writer, evidence: [forward.evidence], forward };
  const opening = { kind: mail.reading.kind, ...mail.reading.mail };
  const addresses = namedWriters(opening).map(box => box.email);
  const ours = await oursAmong(tx, account, addresses);
  const { person, evidence } = openerOf(opening, address => ours.has(address));
  return { person, evidence: [...evidence, ...(forward.evidence === null ? [] : [forward.evidence])], forward: null };
}

export interface Opener {
  readonly person: Mailbox | null;
  readonly evidence: readonly string[];
  readonly forward: Extract<ForwardDecision, { kind: 'original' }> | null;
}
