/** Which addresses are our own: nobody to talk to. */
import { foldAddress, parseOurAddress, splitAddress } from '../../mail/address.js';
import type { AccountRow } from '../rows.js';
import type { StoreTx } from '../tx.js';
import { knownPrefixes } from './accounts.js';

/** Of these addresses all at domains of ours, and the account's support address. One statement. */
export async function oursAmong(
  tx: StoreTx,
  { support_email }: Pick<AccountRow, 'support_email'>,
  addresses: readonly string[],
): Promise<ReadonlySet<string>> {
  if (addresses.length === 0) return new Set();
  const found = await tx.all<{ name: string }>('select name from domain where name = any($1)', [
    ...new Set(addresses.map(domainOf)),
  ]);
  const domains = new Set(found.map(row => row.name));
  const support = foldAddress(support_email);
  return new Set(addresses.filter(address => foldAddress(address) === support || domains.has(domainOf(address))));
}

/**
 * True when mail to it comes back to us: an address with a token, or the account's support address. Others at a domain
 * of ours may be people's: an MTA in front of replyd may share the domain.
 */
export async function comesBack(
  tx: StoreTx,
  { support_email }: Pick<AccountRow, 'support_email'>,
  address: string,
): Promise<boolean> {
  if (foldAddress(address) === foldAddress(support_email)) return true;
  if ((await tx.get('select 1 from domain where name = $1 limit 1', domainOf(address))) === undefined) return false;
  return parseOurAddress(address, await knownPrefixes(tx)).kind !== 'unknown';
}

function domainOf(address: string): string {
  return splitAddress(address)?.domain.toLowerCase() ?? '';
}
