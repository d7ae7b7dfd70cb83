/**
 * Client addresses: which networks they are in, and which of them count as one client.
 *
 * Addresses are taken as sockets report them (IPv6 in any form, IPv4 mapped into IPv6, with or without a zone id).
 * A text that is no IP address is in no network and counts as a client of its own. Only `parseNetworks` throws, and
 * quotes the network that the operator wrote wrongly.
 */
import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net';
import { ReplydError } from './errors.js';
import { readNetwork } from './place.js';

/** True when the address is in one of the networks. */
export type NetworkTest = (address: string) => boolean;

/**
 * `10.0.0.0/8`, `2001:db8::/32` or single addresses. Throws ReplydError('invalid') that names the first wrong entry.
 */
export function parseNetworks(entries: readonly string[]): NetworkTest {
  const networks = new BlockList();
  for (const entry of entries) {
    const network = readNetwork(entry);
    if (network === null) {
      throw new ReplydError(
        'invalid',
        `"${entry}" is no network: write it like 10.0.0.0/8, 2001:db8::/32 or as one IP address`,
      );
    }
    networks.addSubnet(network.address, network.prefix, network.family);
  }
  return address => {
    const plain = plainAddress(address);
    const version = isIP(plain);
    return version !== 0 && networks.check(plain, version === 4 ? 'ipv4' : 'ipv6');
  };
}

/**
 * The key under which a client is counted: an IPv4 address, or the /64 of an IPv6 address, because that is what one
 * customer of a provider holds and can draw 2^64 addresses from.
 */
export function clientKey(address: string): string {
  const plain = plainAddress(address);
  if (!isIPv6(plain)) return plain;
  return prefix(plain, 4, '::/64');
}

/** Whom limits count: the address (see `clientKey`), and the network that one customer of a provider can rent. */
export interface Client {
  readonly address: string;
  /** An IPv4 /24 or an IPv6 /48. */
  readonly network: string;
}

export function clientOf(address: string): Client {
  const plain = plainAddress(address);
  const network = isIPv6(plain) ? prefix(plain, 3, '::/48') : plain.replace(/\.\d+$/, '.0/24');
  return { address: clientKey(address), network };
}

/**
 * For whom a proxy speaks: in `X-Forwarded-For` the last address that is no proxy's. What stands before it was said by that
 * client itself. Null: it names nobody.
 */
export function forwardedFor(field: string | undefined, isProxy: NetworkTest): string | null {
  for (const hop of (field ?? '').split(',').reverse()) {
    const address = plainAddress(hop.trim());
    if (isIP(address) === 0) return null;
    if (!isProxy(address)) return address;
  }
  return null;
}

/** As whom a client takes turns with others. */
export function turnOf(address: string): readonly string[] {
  const client = clientOf(address);
  return [client.network, client.address];
}

function prefix(address: string, groups: number, end: string): string {
  const numbers = ipv6Groups(address).slice(0, groups);
  return `${numbers.map(group => Number.parseInt(group, 16).toString(16)).join(':')}${end}`;
}

/** The address without a zone id, and as IPv4 where it is one mapped into IPv6 (RFC 4291 2.5.5.2). */
export function plainAddress(address: string): string {
  const bare = address.split('%', 1)[0]!;
  const mapped = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i.exec(bare)?.[1];
  return mapped !== undefined && isIPv4(mapped) ? mapped : bare;
}

/** The eight groups of a valid IPv6 address. */
function ipv6Groups(address: string): string[] {
  const [left = '', right] = address.split('::');
  const head = groupsOf(left);
  if (right === undefined) return head;
  const tail = groupsOf(right);
  return [...head, ...new Array<string>(Math.max(0, 8 - head.length - tail.length)).fill('0'), ...tail];
}

function groupsOf(text: string): string[] {
  if (text === '') return [];
  // A dotted quad at the end stands for two groups; only their number matters here.
  return text.split(':').flatMap(group => (group.includes('.') ? ['0', '0'] : [group]));
}
