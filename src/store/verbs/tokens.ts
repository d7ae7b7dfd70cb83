/**
 * Nobody may read the reply address of another account, and no agent any: whoever knows one can write into its conversation. Everything
 * that goes to an account, as JSON or as bytes, passes here on its way out, whatever field it stands in.
 *
 * A token is found by its form wherever it stands (32 hex digits or a UUID, also where the signs around it are
 * percent-encoded), a token that another system made in another form by the reply address around it. Whether it is
 * one of another account's, alive or not, is the store's to say, in one query for all of a text. What is base64 or
 * compressed is not opened. Linear: hostile text costs what it is long.
 */
import { normalizeToken, SEPARATORS } from '../../mail/address.js';
import { inTurn, type StoreTx, type Verb } from '../tx.js';
import { accountBySlug, knownPrefixes } from './accounts.js';

/** Stands where the token of another account stood. */
const MASK = '\u2026';
const HEX = /[0-9a-fA-F]{8}(?:[0-9a-fA-F]{24,}|(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})/g;
const IN_HEX_FORM = /^(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;
/** Prefix, separator and token are not longer. */
const MAX_LOCAL_PART = 130;
const MIN_IMPORTED = 16;
/** Looked up at once. */
const TOKENS_AT_ONCE = 1000;

/** Whether an account has anybody to keep secrets from. */
export const singleTenant: Verb<'singleTenant'> = async (tx, account) => {
  const { key } = await accountBySlug(tx, account);
  return (await tx.get('select 1 from account where key <> $1 limit 1', key)) === undefined;
};

/** The text as this account may read it; `sameLength`: with an x for each character that it may not. */
export const redacted: Verb<'redacted'> = async (tx, text, { account, sameLength = false }) => {
  const accountKey = account === null ? null : (await accountBySlug(tx, account)).key;
  if (accountKey !== null && !(await areSeveralAccounts(tx))) return text;
  const [shown] = await redactTexts(tx, [{ text, accountKey }], { sameLength });
  return shown!;
};

/** JSON values, each as its account may see it. */
export async function redactedValues<Value>(
  tx: StoreTx,
  values: readonly { readonly value: Value; readonly accountKey: number }[],
): Promise<readonly Value[]> {
  if (!(await areSeveralAccounts(tx))) return values.map(({ value }) => value);
  const texts = values.map(({ value, accountKey }) => ({ text: JSON.stringify(value), accountKey }));
  const shown = await redactTexts(tx, texts, { sameLength: false });
  return values.map(({ value }, index) =>
    shown[index] === texts[index]!.text ? value : (JSON.parse(shown[index]!) as Value),
  );
}

async function areSeveralAccounts(tx: StoreTx): Promise<boolean> {
  return (await tx.all('select key from account limit 2')).length > 1;
}

/** In two statements at most, for as many as there are. */
async function redactTexts(
  tx: StoreTx,
  texts: readonly { readonly text: string; readonly accountKey: number | null }[],
  { sameLength }: { readonly sameLength: boolean },
): Promise<readonly string[]> {
  let prefixes: Promise<readonly string[]> | null = null;
  const prefixesInUse = () => {
    prefixes ??= knownPrefixes(tx).then(known => known.map(prefix => prefix.toLowerCase()));
    return prefixes;
  };
  const found = await inTurn(texts, async ({ text }) => [
    ...hexTokens(text),
    ...(await otherTokens(prefixesInUse, text)),
  ]);
  const owners = await ownersOf(tx, new Set(found.flatMap(each => each.map(({ token }) => token))));
  return texts.map(({ text, accountKey }, index) => {
    const isOthers = (token: string) =>
      owners.get(token)?.some(owner => accountKey === null || owner !== accountKey) === true;
    let shown = '';
    let after = 0;
    for (const { at, end, token } of found[index]!.sort((a, b) => a.at - b.at)) {
      if (at < after || !isOthers(token)) continue;
      shown += text.slice(after, at) + (sameLength ? 'x'.repeat(end - at) : MASK);
      after = end;
    }
    return shown + text.slice(after);
  });
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

async function otherTokens(prefixesInUse: () => Promise<readonly string[]>, text: string): Promise<readonly Found[]> {
  const found: Found[] = [];
  for (let end = text.indexOf('@'); end !== -1; end = text.indexOf('@', end + 1)) {
    let start = end;
    while (start > 0 && end - start < MAX_LOCAL_PART && isLocal(text.charCodeAt(start - 1))) start -= 1;
    const local = text.slice(start, end).toLowerCase();
    for (let i = 1; i < local.length - MIN_IMPORTED; i += 1) {
      if (!(SEPARATORS as readonly string[]).includes(local[i]!)) continue;
      const written = local.slice(i + 1);
      if (IN_HEX_FORM.test(written)) break;
      const prefixes = await prefixesInUse();
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

/** Whose they are, of those that are anybody's: reply (an agent's too), bounce or inbox. Null: of no account. */
async function ownersOf(
  tx: StoreTx,
  tokens: ReadonlySet<string>,
): Promise<ReadonlyMap<string, readonly (number | null)[]>> {
  const owners = new Map<string, (number | null)[]>();
  const all = [...tokens];
  for (let from = 0; from < all.length; from += TOKENS_AT_ONCE) {
    const rows = await tx.all<{ token: string; account_key: number | null }>(
      `select t.token, c.account_key from token t join conversation c on c.key = t.conversation_key where t.token = any($1)
       union all select t.token, c.account_key from agent_token t join conversation c on c.key = t.conversation_key
         where t.token = any($1)
       union all select bounce_token, account_key from delivery where bounce_token = any($1)
       union all select inbox_token, key from account where inbox_token = any($1)`,
      all.slice(from, from + TOKENS_AT_ONCE),
    );
    for (const { token, account_key } of rows) {
      const known = owners.get(token);
      if (known === undefined) owners.set(token, [account_key]);
      else known.push(account_key);
    }
  }
  return owners;
}
