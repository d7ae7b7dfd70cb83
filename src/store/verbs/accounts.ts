/** Accounts, their domains and switches, and the query of an address at RCPT. */

import { ReplydError } from '../../base/errors.js';
import type { AddressLookup } from '../../conversation/filing.js';
import type { AccountSettings } from '../../conversation/model.js';
import { addressRefusal, inboundAfter } from '../../conversation/rules/filing.js';
import { newToken } from '../../conversation/token.js';
import { normalizeAddress, normalizeDomain, type OurAddress, parseOurAddress } from '../../mail/address.js';
import { byKey } from '../by-key.js';
import { encodeId } from '../ids.js';
import type { AccountRow } from '../rows.js';
import { inTurn, type StoreTx, type Verb } from '../tx.js';
import { accountView } from '../views/views.js';

const SLUG = /^[a-z0-9][a-z0-9-]{0,62}$/;

export const resolve: Verb<'resolve'> = async (tx, address) => resolveAddress(tx, address);

export const addAccount: Verb<'addAccount'> = async (tx, account) => {
  if (!SLUG.test(account.slug)) {
    throw new ReplydError(
      'invalid',
      `${JSON.stringify(account.slug)} is no slug: use 1 to 63 lower-case letters, digits and hyphens`,
    );
  }
  if (await tx.get('select 1 from account where slug = $1', account.slug)) {
    throw new ReplydError('account_exists', `there is an account ${account.slug} already`);
  }
  const domains = account.domains.map(checkedDomain);
  const key = tx.key();
  await tx.insert('account', {
    key,
    slug: account.slug,
    name: account.name ?? account.slug,
    support_email: checkedAddress(account.support_email),
    inbound_emails: inboundAfter({ inbound: false, had: false, has: domains.length > 0 }) ? 1 : 0,
    inbox_token: newToken(tx.random),
    created_at: tx.now(),
  });
  await writeDomains(tx, key, domains);
  return accountView(tx, (await byKey(tx, 'account', key))!);
};

export const accounts: Verb<'accounts'> = async tx =>
  await inTurn(await tx.all<AccountRow>('select * from account order by slug'), row => accountView(tx, row));

export const account: Verb<'account'> = async (tx, slug) => accountView(tx, await accountBySlug(tx, slug));

export const setAccount: Verb<'setAccount'> = async (tx, slug, change) => {
  const row = await accountBySlug(tx, slug);
  if (change.name !== undefined) await tx.run('update account set name = $1 where key = $2', change.name, row.key);
  if (change.support_email !== undefined) {
    await tx.run('update account set support_email = $1 where key = $2', checkedAddress(change.support_email), row.key);
  }
  if (change.domains !== undefined) {
    const domains = change.domains.map(checkedDomain);
    const had = (await tx.get('select 1 from domain where account_key = $1', row.key)) !== undefined;
    await writeDomains(tx, row.key, domains);
    const inbound = inboundAfter({ inbound: row.inbound_emails === 1, had, has: domains.length > 0 });
    await tx.run('update account set inbound_emails = $1 where key = $2', inbound ? 1 : 0, row.key);
  }
  if (change.settings !== undefined) {
    const settings = { ...(JSON.parse(row.settings) as AccountSettings), ...change.settings };
    await tx.run('update account set settings = $1 where key = $2', JSON.stringify(settings), row.key);
  }
  return accountView(tx, (await byKey(tx, 'account', row.key))!);
};

export const setFeature: Verb<'setFeature'> = async (tx, slug, feature, on) => {
  const row = await accountBySlug(tx, slug);
  if (feature === 'inbound_emails' && on && !(await tx.get('select 1 from domain where account_key = $1', row.key))) {
    throw new ReplydError(
      'invalid',
      `account ${slug} has no inbound domain: set one first (account set ${slug} domains=…)`,
    );
  }
  // The name of a feature is the name of its column; Feature is a closed list.
  await tx.run(`update account set ${feature} = $1 where key = $2`, on ? 1 : 0, row.key);
  return accountView(tx, (await byKey(tx, 'account', row.key))!);
};

export const rememberPrefixes: Verb<'rememberPrefixes'> = async (tx, prefixes) => {
  for (const prefix of prefixes) await tx.insert('reply_prefix', { name: prefix.toLowerCase() }, { known: 'kept' });
};

export async function accountBySlug(tx: StoreTx, slug: string): Promise<AccountRow> {
  const row = await tx.get<AccountRow>('select * from account where slug = $1', slug);
  if (!row) throw new ReplydError('account_not_found', `there is no account ${JSON.stringify(slug)}`);
  return row;
}

function checkedDomain(text: string): string {
  const domain = normalizeDomain(text);
  if (domain === null || domain.startsWith('['))
    throw new ReplydError('invalid', `${JSON.stringify(text)} is no domain`);
  return domain;
}

export function checkedAddress(text: string): string {
  const address = normalizeAddress(text);
  if (address === null) throw new ReplydError('invalid_address', `${JSON.stringify(text)} is no e-mail address`);
  return address;
}

async function writeDomains(tx: StoreTx, accountKey: number, domains: readonly string[]): Promise<void> {
  await tx.run('delete from domain where account_key = $1', accountKey);
  for (const [position, name] of [...new Set(domains)].entries()) {
    await tx.insert('domain', { name, account_key: accountKey, position });
  }
}

export interface TokenRow {
  conversation_key: number;
  participant_key: number;
  account_key: number;
  inbound_emails: number;
}

/** Two queries: is the domain ours, does the token live. Prefixes are a list of a few. */
export async function resolveAddress(tx: StoreTx, address: string): Promise<AddressLookup> {
  const parsed = await parseAddress(tx, address);
  const detail = (reason: string) => ({ detail: reason });
  const ours =
    parsed.domain === '' || (await tx.get('select 1 from domain where name = $1 limit 1', parsed.domain)) !== undefined;
  if (!ours) return { kind: 'not_ours', ...detail(`domain ${parsed.domain} is not ours`) };
  switch (parsed.kind) {
    case 'unknown':
      // A bare local part other than postmaster, or no address at all, belongs to nobody here.
      return { kind: parsed.domain === '' ? 'not_ours' : 'unknown', ...detail('no address of ours') };
    case 'operator':
      return { kind: 'destination', destination: { kind: 'operator', address, localPart: parsed.localPart } };
    case 'reply': {
      const row = await livingToken(tx, parsed.token);
      const refusal = addressRefusal(parsed.kind, row === undefined ? null : { inbound: row.inbound_emails === 1 });
      if (row === undefined || refusal !== null) return refused(refusal);
      return {
        kind: 'destination',
        destination: {
          kind: 'reply',
          address,
          token: parsed.token,
          accountId: encodeId('account', row.account_key),
          conversationId: encodeId('conversation', row.conversation_key),
          participantId: encodeId('participant', row.participant_key),
        },
      };
    }
    case 'bounce': {
      const row = await tx.get<{ key: number; account_key: number; conversation_key: number }>(
        'select key, account_key, conversation_key from delivery where bounce_token = $1',
        parsed.token,
      );
      // The account's switch is not asked for: it does not count here.
      const refusal = addressRefusal(parsed.kind, row === undefined ? null : { inbound: false });
      if (row === undefined || refusal !== null) return refused(refusal);
      return {
        kind: 'destination',
        destination: {
          kind: 'bounce',
          address,
          token: parsed.token,
          accountId: encodeId('account', row.account_key),
          conversationId: encodeId('conversation', row.conversation_key),
          deliveryId: encodeId('delivery', row.key),
        },
      };
    }
    case 'inbox': {
      const row = await tx.get<AccountRow>('select * from account where inbox_token = $1', parsed.token);
      const refusal = addressRefusal(parsed.kind, row === undefined ? null : { inbound: row.inbound_emails === 1 });
      if (row === undefined || refusal !== null) return refused(refusal);
      return {
        kind: 'destination',
        destination: { kind: 'inbox', address, token: parsed.token, accountId: encodeId('account', row.key) },
      };
    }
  }
}

function refused(refusal: ReturnType<typeof addressRefusal>): AddressLookup {
  if (refusal === 'switched_off') return { kind: refusal, detail: 'inbound_emails is off' };
  return { kind: 'unknown', detail: 'unknown or revoked token' };
}

/** The token's conversation, participant and switch; undefined when unknown or revoked. */
export async function livingToken(tx: StoreTx, token: string): Promise<TokenRow | undefined> {
  return tx.get<TokenRow>(
    `select t.conversation_key, t.participant_key, c.account_key, a.inbound_emails
     from token t join conversation c on c.key = t.conversation_key join account a on a.key = c.account_key
     where t.token = $1 and t.revoked_at is null`,
    token,
  );
}

/**
 * Prefixes are only ever added, so those known before are good for every address that they explain; only one that they
 * don't explain is a reason to look again.
 */
async function parseAddress(tx: StoreTx, address: string): Promise<OurAddress> {
  const parsed = parseOurAddress(address, tx.prefixesSeen ?? tx.rules.prefixes);
  if (parsed.kind !== 'unknown' || parsed.domain === '') return parsed;
  tx.prefixesSeen = await knownPrefixes(tx);
  return parseOurAddress(address, tx.prefixesSeen);
}

/** Configured prefixes and all that were ever in use. */
export async function knownPrefixes(tx: StoreTx): Promise<readonly string[]> {
  const stored = (await tx.all<{ name: string }>('select name from reply_prefix')).map(row => row.name);
  return [...new Set([...tx.rules.prefixes, ...stored])];
}
