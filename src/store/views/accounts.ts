/** Accounts as they are shown: their domains and the address that opens conversations are read along. */
import type { Account } from '../../conversation/model.js';
import { groupedBy } from '../by-key.js';
import { encodeId } from '../ids.js';
import type { AccountRow } from '../rows.js';
import { fromJson, type StoreTx, toIso } from '../tx.js';
import { inboxAddress } from './addresses.js';

export async function accountView(tx: StoreTx, row: AccountRow): Promise<Account> {
  return (await accountViews(tx, [row]))[0]!;
}

/** One statement: their domains. */
export async function accountViews(tx: StoreTx, rows: readonly AccountRow[]): Promise<readonly Account[]> {
  const found = await tx.all<{ account_key: number; name: string }>(
    'select account_key, name from domain where account_key = any($1) order by account_key, position',
    rows.map(row => row.key),
  );
  const domainsOf = groupedBy(found, each => each.account_key);
  return rows.map(row =>
    accountShape(
      tx,
      row,
      domainsOf(row.key).map(each => each.name),
    ),
  );
}

function accountShape(tx: StoreTx, row: AccountRow, domains: readonly string[]): Account {
  const [first] = domains;
  return {
    id: encodeId('account', row.key),
    slug: row.slug,
    name: row.name,
    support_email: row.support_email,
    domains,
    features: {
      inbound_emails: row.inbound_emails === 1,
      new_conversations: row.new_conversations === 1,
      hold_strangers: row.hold_strangers === 1,
      forwarded_mail: row.forwarded_mail === 1,
      agent_mail: row.agent_mail === 1,
    },
    inbox: first ? inboxAddress(tx, row.inbox_token, first) : null,
    settings: fromJson(row.settings),
    created_at: toIso(row.created_at),
  };
}

/** The account's address domain, null without one. */
export async function firstDomain(tx: StoreTx, accountKey: number): Promise<string | null> {
  return (
    (await tx.value<string>('select name from domain where account_key = $1 order by position limit 1', accountKey)) ??
    null
  );
}

export async function slugOf(tx: StoreTx, accountKey: number): Promise<string> {
  return (await tx.value<string>('select slug from account where key = $1', accountKey)) ?? '';
}

/** One statement, none for no account: the slug of each. */
export async function slugsOf(tx: StoreTx, keys: readonly number[]): Promise<(key: number) => string> {
  const found =
    keys.length === 0
      ? []
      : await tx.all<{ key: number; slug: string }>('select key, slug from account where key = any($1)', [
          ...new Set(keys),
        ]);
  const slugs = new Map(found.map(({ key, slug }) => [key, slug]));
  return key => slugs.get(key) ?? '';
}
