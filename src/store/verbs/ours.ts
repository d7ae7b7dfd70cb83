/** Which addresses are our own: nobody to talk to. */
import { foldAddress, parseOurAddress, splitAddress } from '../../mail/address.js';
import type { StoreTx } from '../tx.js';
import { knownPrefixes } from './accounts.js';

/** Of these addresses all at domains of ours, and the account's support address. */
export async function oursAmong(
  tx: StoreTx,
  accountKey: number,
  addresses: readonly string[],
): Promise<ReadonlySet<string>> {
  const support = await supportAddress(tx, accountKey);
  const ours = new Set<string>();
  for (const address of addresses) {
    if (foldAddress(address) === support || (await isOurDomain(tx, address))) ours.add(address);
  }
  return ours;
}

/**
 * True when mail to it comes back to us: an address with a token, or the account's support address. Others at a domain
 * of ours may be people's: an MTA in front of replyd may share the domain.
 */
export async function comesBack(tx: StoreTx, accountKey: number, address: string): Promise<boolean> {
  if (foldAddress(address) === (await supportAddress(tx, accountKey))) return true;
  if (!(await isOurDomain(tx, address))) return false;
  return parseOurAddress(address, await knownPrefixes(tx)).kind !== 'unknown';
}

async function supportAddress(tx: StoreTx, accountKey: number): Promise<string> {
  return foldAddress((await tx.value<string>('select support_email from account where key = $1', accountKey)) ?? '');
}

async function isOurDomain(tx: StoreTx, address: string): Promise<boolean> {
  const domain = splitAddress(address)?.domain.toLowerCase() ?? '';
  return (await tx.get('select 1 from domain where name = $1 limit 1', domain)) !== undefined;
}
