/** Who is signed in, and which of his accounts is shown. */
import { computed, signal } from '@preact/signals';
import type { AgentProfile } from '../../../conversation/model.js';
import { ask, isFault, whenSignedOut } from '../api.js';
import { leave } from '../sign-in/door.js';
import { dropAllDrafts, setDraftOwner } from './drafts.js';
import { go } from './route.js';
import { readStored, store } from './storage.js';

/** Bytes of files that a message can carry. */
interface Limits {
  readonly answer_attachments: number;
  readonly note_attachments: number;
}

type SignedIn = AgentProfile & { readonly limits: Limits };

/** A person's place in an account. */
export type Membership = AgentProfile['accounts'][number];

export type Session =
  | { readonly kind: 'unknown' }
  /** The server cannot be reached. */
  | { readonly kind: 'away' }
  | { readonly kind: 'signed_out' }
  | { readonly kind: 'signed_in'; readonly me: SignedIn };

export const session = signal<Session>({ kind: 'unknown' });
const chosen = signal(readStored('account'));

export const me = computed(() => (session.value.kind === 'signed_in' ? session.value.me : null));
/** Where the signed-in person is now; null: nobody is. */
export const membership = computed<Membership | null>(() => {
  const accounts = me.value?.accounts ?? [];
  return accounts.find(each => each.account === chosen.value) ?? accounts[0] ?? null;
});
export const account = computed(() => membership.value?.account ?? null);
export const isAdmin = computed(() => membership.value?.role === 'admin');

export function chooseAccount(slug: string): void {
  chosen.value = slug;
  store('account', slug);
  go({ kind: 'list' });
}

export async function lookWhoIsSignedIn(): Promise<void> {
  try {
    const person = await ask<SignedIn>('GET', '/v1/me');
    setDraftOwner(person.id);
    session.value = { kind: 'signed_in', me: person };
  } catch (error) {
    if (!isFault(error)) throw error;
    if (error.kind !== 'signed_out') session.value = { kind: 'away' };
  }
}

/** Of this browser; what is left of other people's words goes too. */
export async function signOut({ everywhere } = { everywhere: false }): Promise<void> {
  await leave({ everywhere }).catch(error => {
    if (!isFault(error) || error.kind !== 'signed_out') throw error;
  });
  dropAllDrafts();
  endSession();
}

function endSession(): void {
  session.value = { kind: 'signed_out' };
}

whenSignedOut(endSession);
