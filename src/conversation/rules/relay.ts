/**
 * The operator's copy of a mail for postmaster or abuse: is one sent to `operator.address`, and for whom was the mail?
 * Pure. The mail itself is kept whatever becomes of its copy, and says in its reason why none was sent.
 */
import { sameAddress } from '../../mail/address.js';
import type { Mail, Reading } from '../../mail/mail.js';
import { isPersonal } from './hold.js';
import { carriesAnyLoopMark } from './loop.js';

export const COPIES_PER_HOUR = 20;

/** What `leadsBack` asks of a mail. */
type Returned = Pick<Reading, 'kind' | 'report'> & {
  readonly mail: Pick<Mail, 'from' | 'headers' | 'returnedHeaders'>;
};

/** Why no copy is sent, null when one is. `reading`: null when the mail cannot be read. */
export function reasonNotToRelay(copy: {
  readonly reading: Returned | null;
  readonly operator: string;
  readonly sentInLastHour: number;
}): string | null {
  if (copy.reading !== null && leadsBack(copy.reading, copy.operator)) return 'not sent on: it would lead back to us';
  if (copy.sentInLastHour >= COPIES_PER_HOUR) return `not sent on: ${COPIES_PER_HOUR} copies in the last hour`;
  return null;
}

/**
 * True when sending this mail on might bring it back: it is a copy of ours, a report about one, or what a machine at the
 * operator's address says.
 */
export function leadsBack({ mail, kind, report }: Returned, operator: string): boolean {
  if (carriesAnyLoopMark(mail.headers) || carriesAnyLoopMark(mail.returnedHeaders ?? [])) return true;
  if (isPersonal(kind)) return false;
  return (
    (mail.from !== null && sameAddress(mail.from.email, operator)) ||
    report.some(entry => sameAddress(entry.recipient, operator))
  );
}

/** Which of the envelope's recipients it was kept for; a bare `postmaster` has no domain. */
export function keptFor(recipients: readonly string[]): string {
  return recipients.find(each => /^(?:postmaster|abuse)(?:@|$)/i.test(each)) ?? 'postmaster';
}
