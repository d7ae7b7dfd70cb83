/**
 * Nobody may read the reply address of another account: whoever knows one can write into its conversation. Everything
 * that goes to an account, as JSON or as bytes, passes here on its way out, whatever field it stands in.
 *
 * A token is found by its form wherever it stands (32 hex digits or a UUID, also where the signs around it are
 * percent-encoded), a token that another system made in another form by the reply address around it. Whether it is
 * one of another account's, alive or not, is the store's to say, in one query for all of a text. What is base64 or
 * compressed is not opened. Linear: hostile text costs what it is long.
 */
import { normalizeToken, SEPARATORS } from '../../mail/address.js';
import type { StoreTx, Verb } from '../tx.js';
import { accountBySlug, knownPrefixes } from './accounts.js';

/** Stands where the token of another account stood. */
const MASK = '\u2026';
const HEX = /[0-9a-fA-F]{32,}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}/g;
const IN_HEX_FORM = /^(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;
/** Prefix, separator and token are not longer. */
const MAX_LOCAL_PART = 130;
const MIN_IMPORTED = 16;
/** Each count of tokens is a statement of its own: not too many. */
const TOKENS_AT_ONCE = 16;

/** Whether an account has anybody to keep secrets from. */
export const singleTenant: Verb<'singleTenant'> = async (tx, account) =>
  isOnlyAccount(tx, (await accountBySlug(tx, account)).key);

/** The text as this account may read it; `sameLength`: with an x for each character that it may not. */
export const redacted: Verb<'redacted'> = async (tx, text, { account, sameLength = false }) =>
  redactText(tx, text, { accountKey: (await accountBySlug(tx, account)).key, sameLength });

/** A JSON value as this account may see it. */
export async function redactedValue<Value>(tx: StoreTx, value: Value, accountKey: number): Promise<Value> {
  if (await isOnlyAccount(tx, accountKey)) return value;
  const text = JSON.stringify(value);
  const shown = await redactText(tx, text, { accountKey, sameLength: false });
  return shown === text ? value : (JSON.parse(shown) as Value);
}

async function isOnlyAccount(tx: StoreTx, accountKey: number): Promise<boolean> {
  return (await tx.get('select 1 from account where key <> $1 limit 1', accountKey)) === undefined;
}

async function redactText(
  tx: StoreTx,
  text: string,
  { accountKey, sameLength }: { readonly accountKey: number; readonly sameLength: boolean },
): Promise<string> {
  if (await isOnlyAccount(tx, accountKey)) return text;
  const found = [...hexTokens(text), ...(await otherTokens(tx, text))];
  if (found.length === 0) return text;
  const others = await tokensOfOthers(tx, new Set(found.map(each => each.token)), accountKey);
  if (others.size === 0) return text;
  let shown = '';
  let after = 0;
  for (const { at, end, token } of found.sort((a, b) => a.at - b.at)) {
    if (at < after || !others.has(token)) continue;
    shown += text.slice(after, at) + (sameLength ? 'x'.repeat(end - at) : MASK);
    after = end;
  }
  return shown + text.slice(after);
}

interface Found {
  readonly at: number;
  readonly end: number;
  /** As it is looked up. */
  readonly token: string;
}

function* hexTokens(text: string): Iterable<Found> {
  for (const match of text.matchAll(HEX)) {
    const end = match.index + match[0].length;
    // Of a longer run of digits the last: before a token may stand the hex of an encoded sign.
    const written = match[0].includes('-') ? match[0] : match[0].slice(-32);
    yield { at: end - written.length, end, token: written.toLowerCase().replaceAll('-', '') };
  }
}

async function otherTokens(tx: StoreTx, text: string): Promise<readonly Found[]> {
  const found: Found[] = [];
  let prefixes: readonly string[] | null = null;
  for (let end = text.indexOf('@'); end !== -1; end = text.indexOf('@', end + 1)) {
    let start = end;
    while (start > 0 && end - start < MAX_LOCAL_PART && isLocal(text.charCodeAt(start - 1))) start -= 1;
    const local = text.slice(start, end).toLowerCase();
    for (let i = 1; i < local.length - MIN_IMPORTED; i += 1) {
      if (!(SEPARATORS as readonly string[]).includes(local[i]!)) continue;
      const written = local.slice(i + 1);
      if (IN_HEX_FORM.test(written)) break;
      prefixes ??= (await knownPrefixes(tx)).map(prefix => prefix.toLowerCase());
      if (!prefixes.some(prefix => local.endsWith(prefix, i))) continue;
      const token = normalizeToken(written);
      if (token !== null) found.push({ at: start + i + 1, end, token });
    }
  }
  return found;
}

/** A letter, a digit or one of `+-.=_`: what an address of ours is made of. */
function isLocal(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) ||
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x30 && code <= 0x39) ||
    [0x2b, 0x2d, 0x2e, 0x3d, 0x5f].includes(code)
  );
}

/** Those that belong to somebody else: reply, bounce or inbox. */
async function tokensOfOthers(
  tx: StoreTx,
  tokens: ReadonlySet<string>,
  accountKey: number,
): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  const all = [...tokens];
  for (let from = 0; from < all.length; from += TOKENS_AT_ONCE) {
    const some = all.slice(from, from + TOKENS_AT_ONCE);
    const list = some.map((_, index) => `$${index + 2}`).join(', ');
    const rows = await tx.all<{ token: string }>(
      `select t.token from token t join conversation c on c.key = t.conversation_key
       where t.token in (${list}) and c.account_key <> $1
       union select bounce_token from delivery where bounce_token in (${list}) and account_key is distinct from $1
       union select inbox_token from account where inbox_token in (${list}) and key <> $1`,
      accountKey,
      ...some,
    );
    for (const { token } of rows) found.add(token);
  }
  return found;
}
