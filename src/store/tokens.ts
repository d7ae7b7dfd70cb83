/** Whose a token is, alive or not: nobody may read the reply address of another account. */
import type { Session } from './session.js';

const TOKEN = /[+=-]([0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})@/i;

/** Key of the account that a token of any kind belongs to, null when it is none of ours. Three look-ups at most. */
export function tokenOwner(session: Session, written: string): number | null {
  const token = written.toLowerCase().replaceAll('-', '');
  return (
    session.db.value<number>(
      `select c.account_key from token t join conversation c on c.key = t.conversation_key where t.token = ?1
       union all select account_key from delivery where bounce_token = ?1
       union all select key from account where inbox_token = ?1 limit 1`,
      token,
    ) ?? null
  );
}

/** The address as readers of this account may see it: a token of another account's is left out. */
export function masked(session: Session, email: string, accountKey: number): string {
  const token = TOKEN.exec(email)?.[1];
  if (token === undefined) return email;
  const owner = tokenOwner(session, token);
  return owner === null || owner === accountKey ? email : email.replace(token, '\u2026');
}

/** True when an address may have to be masked; cheap. */
export function holdsToken(email: string): boolean {
  return email.length > 33 && TOKEN.test(email);
}
