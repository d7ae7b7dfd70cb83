/** Accounts, their domains and switches, and the query of an address at RCPT. */

import { ReplydError } from '../../base/errors.js';
import type { AddressLookup, Destination } from '../../conversation/filing.js';
import { addressRefusal, inboundAfter } from '../../conversation/rules/filing.js';
import { forwardersOf } from '../../conversation/rules/forward.js';
import { newToken } from '../../conversation/token.js';
import {
  normalizeAddress,
  normalizeDomain,
  type OurAddress,
  parseOurAddress,
  reasonNotMailable,
} from '../../mail/address.js';
import { byKey } from '../by-key.js';
import { encodeId } from '../ids.js';
import type { AccountRow } from '../rows.js';
import { fromJson, type StoreTx, toJson, type Verb } from '../tx.js';
import { accountView, accountViews } from '../views/accounts.js';

const SLUG = /^[a-z0-9][a-z0-9-]{0,62}$/;

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
    support_email: mailableAddress(account.support_email),
    inbound_emails: inboundAfter({ inbound: false, had: false, has: domains.length > 0 }) ? 1 : 0,
    inbox_token: newToken(tx.random),
    created_at: tx.now(),
  });
  await writeDomains(tx, key, domains);
  return accountView(tx, (await byKey(tx, 'account', key))!);
};

export const accounts: Verb<'accounts'> = async tx =>
  await accountViews(tx, await tx.all<AccountRow>('select * from account order by slug'));

export const account: Verb<'account'> = async (tx, slug) => accountView(tx, await accountBySlug(tx, slug));

export const setAccount: Verb<'setAccount'> = async (tx, slug, change) => {
  const row = await accountBySlug(tx, slug);
  const { name, support_email, settings } = change;
  await tx.update('account', row.key, {
    name,
    support_email: support_email === undefined ? undefined : mailableAddress(support_email),
    settings: settings && toJson({ ...fromJson(row.settings), ...settings }),
  });
  if (change.domains !== undefined) {
    const domains = change.domains.map(checkedDomain);
    const had = (await tx.get('select 1 from domain where account_key = $1', row.key)) !== undefined;
    await writeDomains(tx, row.key, domains);
    const inbound = inboundAfter({ inbound: row.inbound_emails === 1, had, has: domains.length > 0 });
    await tx.update('account', row.key, { inbound_emails: inbound ? 1 : 0 });
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
  await tx.update('account', row.key, { [feature]: on ? 1 : 0 });
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

/** An address that mail is to go to. */
export function mailableAddress(text: string): string {
  const address = checkedAddress(text);
  const reason = reasonNotMailable(address);
  if (reason !== null) throw new ReplydError('invalid_address', `${JSON.stringify(text)} cannot be mailed: ${reason}`);
  return address;
}

async function writeDomains(tx: StoreTx, accountKey: number, domains: readonly string[]): Promise<void> {
  await tx.run('delete from domain where account_key = $1', accountKey);
  for (const [position, name] of [...new Set(domains)].entries()) {
    await tx.insert('domain', { name, account_key: accountKey, position });
  }
}

/** What stands behind a token: which of the columns its kind has, `OF_TOKEN` says. */
interface TokenRow {
  readonly account_key: number;
  readonly conversation_key: number;
  readonly participant_key: number;
  readonly delivery_key: number;
  readonly inbound_emails: number;
  readonly hold_strangers: number;
  /** Of a forwarding address. */
  readonly forwarded_mail: number;
  readonly support_email: string;
  readonly settings: AccountRow['settings'];
  /** Null: not ours. */
  readonly domain: string | null;
}

/** What lives behind a token, and whether the domain in its address is ours. */
const OF_TOKEN = {
  reply: `select t.conversation_key, t.participant_key, c.account_key, a.inbound_emails, a.hold_strangers, d.name as domain
    from token t join conversation c on c.key = t.conversation_key join account a on a.key = c.account_key
      left join domain d on d.name = $2
    where t.token = $1 and t.revoked_at is null`,
  bounce: `select b.key as delivery_key, b.account_key, b.conversation_key, 0 as hold_strangers, d.name as domain
    from delivery b left join domain d on d.name = $2 where b.bounce_token = $1`,
  inbox: `select a.key as account_key, a.inbound_emails, a.hold_strangers, a.forwarded_mail, a.support_email, a.settings,
      d.name as domain
    from account a left join domain d on d.name = $2 where a.inbox_token = $1`,
} as const;

/** One query for what is taken; what is not costs a second one, that says why. Prefixes are a list of a few. */
export const resolve: Verb<'resolve'> = async (tx, address) => {
  const parsed = await parseAddress(tx, address);
  const { domain } = parsed;
  const row = 'token' in parsed ? await tx.get<TokenRow>(OF_TOKEN[parsed.kind], parsed.token, domain) : undefined;
  const ours =
    domain === '' ||
    (row === undefined
      ? (await tx.get('select 1 from domain where name = $1 limit 1', domain)) !== undefined
      : row.domain !== null);
  if (!ours) return { kind: 'not_ours', detail: `domain ${domain} is not ours` };
  if (parsed.kind === 'unknown') {
    // A bare local part other than postmaster, or no address at all, belongs to nobody here.
    return { kind: domain === '' ? 'not_ours' : 'unknown', detail: 'no address of ours' };
  }
  if (parsed.kind === 'operator') {
    return { kind: 'destination', destination: { kind: 'operator', address, localPart: parsed.localPart } };
  }
  if (parsed.kind === 'reply' && row === undefined) {
    const agent = await resolveAgent(tx, { address, token: parsed.token });
    if (agent !== null) return agent;
  }
  const { kind, token } = parsed;
  const refusal = addressRefusal(kind, row === undefined ? null : { inbound: row.inbound_emails === 1 });
  if (refusal === 'switched_off') return { kind: refusal, detail: 'inbound_emails is off' };
  if (row === undefined || refusal !== null) return { kind: 'unknown', detail: 'unknown or revoked token' };
  const accountId = encodeId('account', row.account_key);
  const named = { address, token, accountId, holdsStrangers: row.hold_strangers === 1 };
  if (kind === 'inbox') {
    return { kind: 'destination', destination: { kind, ...named, forwarders: accountForwarders(row) } };
  }
  const conversationId = encodeId('conversation', row.conversation_key);
  const destination: Destination =
    kind === 'reply'
      ? { kind, ...named, conversationId, participantId: encodeId('participant', row.participant_key) }
      : { kind, ...named, conversationId, deliveryId: encodeId('delivery', row.delivery_key) };
  return { kind: 'destination', destination };
};

/** An agent's own reply address. Null: it is none. */
async function resolveAgent(
  tx: StoreTx,
  { address, token }: { readonly address: string; readonly token: string },
): Promise<AddressLookup | null> {
  const row = await tx.get<
    Pick<TokenRow, 'account_key' | 'conversation_key' | 'inbound_emails' | 'hold_strangers'> & { agent_key: number }
  >(
    `select t.conversation_key, t.agent_key, c.account_key, a.inbound_emails, a.hold_strangers
     from agent_token t join conversation c on c.key = t.conversation_key join account a on a.key = c.account_key
     where t.token = $1 and c.removing_at is null`,
    token,
  );
  if (row === undefined) return null;
  if (addressRefusal('agent', { inbound: row.inbound_emails === 1 }) !== null)
    return { kind: 'switched_off', detail: 'inbound_emails is off' };
  return {
    kind: 'destination',
    destination: {
      kind: 'agent',
      address,
      token,
      accountId: encodeId('account', row.account_key),
      holdsStrangers: row.hold_strangers === 1,
      conversationId: encodeId('conversation', row.conversation_key),
      agentId: encodeId('agent', row.agent_key),
    },
  };
}

/** Whose forwards the account takes for others' mail; null: nobody's. */
export function accountForwarders({
  forwarded_mail,
  support_email,
  settings,
}: Pick<AccountRow, 'forwarded_mail' | 'support_email' | 'settings'>): readonly string[] | null {
  if (forwarded_mail !== 1) return null;
  return forwardersOf({ on: true, supportEmail: support_email, forwarders: fromJson(settings).forwarders });
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
