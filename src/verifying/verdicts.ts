/** What a verifier found, as the three words that a message keeps (RFC 8601), and one line that says what they stand on. */
import type { authenticate } from 'mailauth';
import { type Authentication, bestOfSignatures } from '../mail/authentication.js';
import { cutText } from '../mail/cut.js';

type Found = Awaited<ReturnType<typeof authenticate>>;

/** Our name where Authentication-Results has the id of who asked. */
const OURS = 'replyd';
const MOST_DETAIL = 100;

/** `asked.spf` false: the client that brought the mail says nothing of who sent it, so SPF was not asked. */
export function verdictsOf(found: Found, asked: { readonly spf: boolean }): Authentication {
  const signatures = found.dkim?.results ?? [];
  const words = signatures.map(wordOf);
  const dkim = bestOfSignatures(words) ?? 'none';
  const spf = asked.spf && found.spf ? found.spf.status.result : null;
  const dmarc = found.dmarc ? found.dmarc.status.result : 'none';
  const unsure = dmarc === 'fail' && (spf === 'temperror' || words.includes('temperror'));
  const best = signatures[words.indexOf(dkim)];
  const from = found.dmarc ? found.dmarc.domain : undefined;
  const about = typeof from === 'string' && from !== '' ? { dmarcFrom: from.toLowerCase() } : {};
  return withEvidence({ spf, dkim, dmarc: unsure ? 'temperror' : dmarc, ...about }, [
    ...(spf === null ? [] : [`spf=${spf}${detail('smtp.mailfrom', asked.spf && found.spf ? found.spf.domain : null)}`]),
    `dkim=${dkim}${detail('header.d', best?.signingDomain)}`,
    `dmarc=${unsure ? 'temperror' : dmarc}${detail('header.from', found.dmarc ? found.dmarc.domain : null)}`,
  ]);
}

/** mailauth calls a signature neutral whose body was changed; a signature that does not hold has failed (RFC 6376 3.9). */
function wordOf({ status }: NonNullable<Found['dkim']>['results'][number]): string {
  return status.result === 'neutral' && /body hash/.test(status.comment ?? '') ? 'fail' : status.result;
}

/** When nobody could be asked, for this reason. */
export function unanswered(reason: string, asked: { readonly spf: boolean }): Authentication {
  const verdict = 'temperror';
  return withEvidence({ spf: asked.spf ? verdict : null, dkim: verdict, dmarc: verdict }, [
    `dmarc=${verdict} (${reason})`,
  ]);
}

function withEvidence(verdicts: Omit<Authentication, 'evidence'>, parts: readonly string[]): Authentication {
  return { ...verdicts, evidence: [[OURS, ...parts].join('; ')] };
}

function detail(property: string, value: unknown): string {
  return typeof value === 'string' && value !== '' ? ` ${property}=${cutText(value, MOST_DETAIL)}` : '';
}
