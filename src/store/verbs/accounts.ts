/** Accounts, their domains and switches, and the look-up of an address at RCPT. */

import { ReplydError } from '../../base/errors.js';
import type { AddressLookup } from '../../conversation/filing.js';
import type { Account, AccountSettings, Feature } from '../../conversation/model.js';
import { newToken } from '../../conversation/token.js';
import { normalizeAddress, normalizeDomain, type OurAddress, parseOurAddress } from '../../mail/address.js';
import { encodeId } from '../ids.js';
import type { AccountRow } from '../rows.js';
import { newKey, type Session } from '../session.js';
import { accountView } from '../views/views.js';

export interface AccountOperations {
  resolve(address: string): AddressLookup;
  addAccount(account: { slug: string; name?: string; domains: readonly string[]; support_email: string }): Account;
  accounts(): readonly Account[];
  account(slug: string): Account;
  setAccount(
    slug: string,
    change: { name?: string; support_email?: string; domains?: readonly string[]; settings?: AccountSettings },
  ): Account;
  setFeature(slug: string, feature: Feature, on: boolean): Account;
  rememberPrefixes(prefixes: readonly string[]): void;
}

const SLUG = /^[a-z0-9][a-z0-9-]{0,62}$/;

export function accountOperations(session: Session): AccountOperations {
  const { db } = session;
  return {
    resolve: address => resolveAddress(session, address),

    addAccount(account) {
      if (!SLUG.test(account.slug)) {
        throw new ReplydError(
          'invalid',
          `${JSON.stringify(account.slug)} is no slug: use 1 to 63 lower-case letters, digits and hyphens`,
        );
      }
      if (db.get('select 1 from account where slug = ?', account.slug)) {
        throw new ReplydError('account_exists', `there is an account ${account.slug} already`);
      }
      const domains = account.domains.map(checkedDomain);
      const key = db.insert(
        `insert into account (key, slug, name, support_email, inbound_emails, inbox_token, created_at)
         values (max(?, (select coalesce(max(key), 0) + 1 from account)), ?, ?, ?, ?, ?, ?)`,
        newKey(session),
        account.slug,
        account.name ?? account.slug,
        checkedAddress(account.support_email),
        domains.length > 0 ? 1 : 0,
        newToken(session.random),
        session.clock(),
      );
      writeDomains(session, key, domains);
      return accountView(session, accountByKey(session, key));
    },

    accounts: () => db.all<AccountRow>('select * from account order by slug').map(row => accountView(session, row)),

    account: slug => accountView(session, accountBySlug(session, slug)),

    setAccount(slug, change) {
      const row = accountBySlug(session, slug);
      if (change.name !== undefined) db.run('update account set name = ? where key = ?', change.name, row.key);
      if (change.support_email !== undefined) {
        db.run('update account set support_email = ? where key = ?', checkedAddress(change.support_email), row.key);
      }
      if (change.domains !== undefined) {
        const domains = change.domains.map(checkedDomain);
        const hadNone = db.get('select 1 from domain where account_key = ?', row.key) === undefined;
        writeDomains(session, row.key, domains);
        // An account's inbound mail is on from its first domain on; without a domain nothing can come in.
        if (hadNone !== (domains.length === 0)) {
          db.run('update account set inbound_emails = ? where key = ?', domains.length > 0 ? 1 : 0, row.key);
        }
      }
      if (change.settings !== undefined) {
        const settings = { ...(JSON.parse(row.settings) as AccountSettings), ...change.settings };
        db.run('update account set settings = ? where key = ?', JSON.stringify(settings), row.key);
      }
      return accountView(session, accountByKey(session, row.key));
    },

    setFeature(slug, feature, on) {
      const row = accountBySlug(session, slug);
      if (feature === 'inbound_emails' && on && !db.get('select 1 from domain where account_key = ?', row.key)) {
        throw new ReplydError(
          'invalid',
          `account ${slug} has no inbound domain: set one first (account set ${slug} domains=…)`,
        );
      }
      // The name of a feature is the name of its column; Feature is a closed list.
      db.run(`update account set ${feature} = ? where key = ?`, on ? 1 : 0, row.key);
      return accountView(session, accountByKey(session, row.key));
    },

    rememberPrefixes(prefixes) {
      for (const prefix of prefixes)
        db.run('insert or ignore into reply_prefix (name) values (?)', prefix.toLowerCase());
    },
  };
}

export function accountBySlug(session: Session, slug: string): AccountRow {
  const row = session.db.get<AccountRow>('select * from account where slug = ?', slug);
  if (!row) throw new ReplydError('account_not_found', `there is no account ${JSON.stringify(slug)}`);
  return row;
}

export function accountByKey(session: Session, key: number): AccountRow {
  return session.db.get<AccountRow>('select * from account where key = ?', key)!;
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

function writeDomains(session: Session, accountKey: number, domains: readonly string[]): void {
  session.db.run('delete from domain where account_key = ?', accountKey);
  for (const [position, name] of [...new Set(domains)].entries()) {
    session.db.run('insert into domain (name, account_key, position) values (?, ?, ?)', name, accountKey, position);
  }
}

interface TokenRow {
  conversation_key: number;
  participant_key: number;
  account_key: number;
  inbound_emails: number;
}

/** Two look-ups: is the domain ours, does the token live. Prefixes are a list of a few. */
export function resolveAddress(session: Session, address: string): AddressLookup {
  const { db } = session;
  const parsed = parseAddress(session, address);
  const detail = (reason: string) => ({ detail: reason });
  const ours =
    parsed.domain === '' || db.get('select 1 from domain where name = ? limit 1', parsed.domain) !== undefined;
  if (!ours) return { found: 'not_ours', ...detail(`domain ${parsed.domain} is not ours`) };
  switch (parsed.kind) {
    case 'unknown':
      // A bare local part other than postmaster, or no address at all, belongs to nobody here.
      return { found: parsed.domain === '' ? 'not_ours' : 'unknown', ...detail('no address of ours') };
    case 'operator':
      return { found: 'destination', destination: { kind: 'operator', address, localPart: parsed.localPart } };
    case 'reply': {
      const row = livingToken(session, parsed.token);
      if (!row) return { found: 'unknown', ...detail('unknown or revoked token') };
      if (row.inbound_emails !== 1) return { found: 'switched_off', ...detail('inbound_emails is off') };
      return {
        found: 'destination',
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
      const row = db.get<{ key: number; account_key: number; conversation_key: number }>(
        'select key, account_key, conversation_key from delivery where bounce_token = ?',
        parsed.token,
      );
      if (!row) return { found: 'unknown', ...detail('unknown bounce token') };
      return {
        found: 'destination',
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
      const row = db.get<AccountRow>('select * from account where inbox_token = ?', parsed.token);
      if (!row) return { found: 'unknown', ...detail('unknown inbox token') };
      if (row.inbound_emails !== 1) return { found: 'switched_off', ...detail('inbound_emails is off') };
      return {
        found: 'destination',
        destination: { kind: 'inbox', address, token: parsed.token, accountId: encodeId('account', row.key) },
      };
    }
  }
}

/** The token's conversation, participant and switch; undefined when unknown or revoked. */
export function livingToken(session: Session, token: string): TokenRow | undefined {
  return session.db.get<TokenRow>(
    `select t.conversation_key, t.participant_key, c.account_key, a.inbound_emails
     from token t join conversation c on c.key = t.conversation_key join account a on a.key = c.account_key
     where t.token = ? and t.revoked_at is null`,
    token,
  );
}

/**
 * Prefixes are only ever added, so those known before are good for every address that they explain; only one that they
 * don't explain is a reason to look again.
 */
function parseAddress(session: Session, address: string): OurAddress {
  const parsed = parseOurAddress(address, session.prefixesSeen ?? session.rules.prefixes);
  if (parsed.kind !== 'unknown' || parsed.domain === '') return parsed;
  session.prefixesSeen = knownPrefixes(session);
  return parseOurAddress(address, session.prefixesSeen);
}

/** Configured prefixes and all that were ever in use. */
export function knownPrefixes(session: Session): readonly string[] {
  const stored = session.db.all<{ name: string }>('select name from reply_prefix').map(row => row.name);
  return [...new Set([...session.rules.prefixes, ...stored])];
}
