/**
 * Signing in by address and password, slowed down for whoever guesses (`base/attempts.ts`). What is answered says nothing
 * about who is an agent: an unknown address and a wrong password take as long, are slowed down alike and look the same.
 */
import type { Attempts } from '../base/attempts.js';
import { isReplydError } from '../base/errors.js';
import { foldAddress, normalizeAddress } from '../mail/address.js';
import type { AgentStore, SignedIn } from './agent-store.js';

export type SignInOutcome =
  | ({ readonly kind: 'signed_in' } & SignedIn)
  | { readonly kind: 'wrong' }
  /** 429 with Retry-After. */
  | { readonly kind: 'wait'; readonly seconds: number };

const MAX_NAME = 320;

/** `client`: his address, or what counts as one client. Throws what the store throws when it can't be asked. */
export async function signInByPassword(
  { store, attempts }: { readonly store: Pick<AgentStore, 'openSession'>; readonly attempts: Attempts },
  { email, password, client }: Readonly<Record<'email' | 'password' | 'client', string>>,
): Promise<SignInOutcome> {
  const person = foldAddress(normalizeAddress(email) ?? email.slice(0, MAX_NAME));
  const attempt = attempts.begin({ person, client });
  if (attempt.kind === 'wait') return attempt;
  try {
    const signedIn = await store.openSession({ email, password });
    if (signedIn === null) return { kind: 'wrong' };
    attempt.succeeded();
    return { kind: 'signed_in', ...signedIn };
  } catch (error) {
    attempt.takenBack();
    if (!isReplydError(error, 'too_many_requests')) throw error;
    return { kind: 'wait', seconds: Number(error.details.retry_after ?? 1) };
  }
}
