/**
 * Places to listen, the one grammar for them: `host:port`, `[IPv6]:port`, `unix:/path`. Configuration, doors, `deliver`,
 * doctor and units read and print them here. Host names come out in lower-case ASCII (A-labels), whatever was typed.
 *
 * A text that is no place is a value that says what is wanted; nothing throws. Nothing is resolved or connected to:
 * whether a place exists is for the daemon and the doctor to find out.
 */
import { type AddressInfo, isIPv4, SocketAddress } from 'node:net';
import path from 'node:path';
import { domainToASCII } from 'node:url';

/** A TCP port (0: any free one) or a unix socket. */
export type Listen =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

export type TcpListen = Extract<Listen, { kind: 'tcp' }>;

/** `meant`: what it was probably to be. `wanted` completes "must be". */
export interface NoPlace {
  readonly kind: 'none';
  readonly meant: Listen['kind'];
  readonly wanted: string;
}

/** The longest path a unix socket can have on Linux: sun_path holds 108 bytes with the NUL. */
const MAX_SOCKET_PATH = 107;

/** `host:port` with a host name, an IPv4 address or an IPv6 address in brackets; `unix:/path` or the path alone. */
export function parseListen(written: string): Listen | NoPlace {
  const text = written.trim();
  if (/^(?:unix:|\/)/.test(text)) return parseSocketPath(text.replace(/^unix:/, ''));
  const tcp = parseHostPort(text);
  if (tcp !== null) return { kind: 'tcp', ...tcp };
  const port = /^:?(\d{1,5})$/.exec(text)?.[1];
  const wanted =
    port === undefined
      ? 'host:port, such as "127.0.0.1:2525" or "[::1]:2525"'
      : `host:port, such as "127.0.0.1:${port}" or, for all addresses, "[::]:${port}"`;
  return { kind: 'none', meant: 'tcp', wanted };
}

/** As `parseListen` reads it. */
export function printListen(listen: Listen): string {
  if (listen.kind === 'unix') return `unix:${listen.path}`;
  return `${printHost(listen.host)}:${listen.port}`;
}

/** An IPv6 address in brackets, whatever else as it is. */
export function printHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/** A place that is bound, as `server.address()` of Node gives it; null for a unix socket that was inherited. */
export function printBound(address: AddressInfo | string | null): string | null {
  if (address === null || address === '') return null;
  if (typeof address === 'string') return printListen({ kind: 'unix', path: address });
  return printListen({ kind: 'tcp', host: address.address, port: address.port });
}

/** For `connect` of node:net. */
export function connectOptions(listen: Listen): { path: string } | { host: string; port: number } {
  return listen.kind === 'unix' ? { path: listen.path } : { host: listen.host, port: listen.port };
}

/** Why two TCP listeners cannot both be bound, or null. Port 0 is always another port. */
export function listenConflict(one: TcpListen, other: TcpListen): string | null {
  if (one.port !== other.port || one.port === 0) return null;
  const [first, second] = [printListen(one), printListen(other)];
  if (first === second) return `"${second}" is taken`;
  if (isAny(one.host) && isAny(other.host))
    return `"${second}" overlaps "${first}": [::] takes IPv4 too, leave 0.0.0.0 out`;
  const [any, single] = isAny(one.host) ? [one.host, other.host] : [other.host, one.host];
  // 0.0.0.0 takes no IPv6 address, [::] takes both. A host name is not resolved here, so it passes.
  const overlaps = isAny(any) && ipVersion(single) !== 0 && (any === '::' || ipVersion(single) === 4);
  return overlaps ? `"${second}" overlaps "${first}": one of them takes all addresses` : null;
}

/** A host name in lower-case ASCII, or null when it is none. */
export function readDomain(written: unknown): string | null {
  if (typeof written !== 'string' || written.length > 253) return null;
  const ascii = domainToASCII(written.trim().replace(/\.$/, '')).toLowerCase();
  const labels = ascii.split('.');
  const named = labels.every(label => /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label));
  return named && ascii.length <= 253 && ipVersion(ascii) === 0 ? ascii : null;
}

export interface Network {
  /** Lower case; an IPv4 address that is mapped into IPv6 comes out as IPv4. */
  readonly address: string;
  /** Bits. */
  readonly prefix: number;
  readonly family: 'ipv4' | 'ipv6';
}

/** `10.0.0.0/8`, `2001:db8::/32`, or one address, which is a network of its own; null when it is none. */
export function readNetwork(written: string): Network | null {
  const [, text = '', bits] = /^(?:::ffff:(?=\d+\.))?([0-9a-f.:]{2,45})(?:\/(\d{1,3}))?$/i.exec(written.trim()) ?? [];
  const version = ipVersion(text);
  const most = version === 4 ? 32 : 128;
  const prefix = Number(bits ?? most);
  return version === 0 || prefix > most ? null : { address: text.toLowerCase(), prefix, family: `ipv${version}` };
}

/** 4, 6, or 0 when it is no IP address. Node's `isIP` takes 5 ms for its first IPv6 text, a third of a short verb. */
export function ipVersion(text: string): 0 | 4 | 6 {
  if (!text.includes(':')) return isIPv4(text) ? 4 : 0;
  try {
    return new SocketAddress({ address: text, family: 'ipv6' }).family === 'ipv6' ? 6 : 0;
  } catch {
    return 0;
  }
}

function parseSocketPath(file: string): Listen | NoPlace {
  const none = (wanted: string): NoPlace => ({ kind: 'none', meant: 'unix', wanted });
  if (!file.startsWith('/') || file.includes('\0')) return none('unix: with a path that begins with /');
  const length = Buffer.byteLength(file);
  return length <= MAX_SOCKET_PATH
    ? { kind: 'unix', path: path.normalize(file) }
    : none(`a shorter path: it has ${length} bytes, a unix socket takes ${MAX_SOCKET_PATH}`);
}

function parseHostPort(text: string): { host: string; port: number } | null {
  const match = /^(?:\[([0-9a-f:.]{2,45})\]|([^\s:[\]]{1,253})):(\d{1,5})$/i.exec(text);
  if (!match) return null;
  const port = Number(match[3]);
  const host =
    match[1] !== undefined ? (ipVersion(match[1]) === 6 ? match[1].toLowerCase() : null) : readHost(match[2]!);
  return host !== null && port <= 65_535 ? { host, port } : null;
}

function readHost(text: string): string | null {
  if (ipVersion(text) === 4) return text;
  // "300.1.1.1" is no host name but a mistyped address.
  return /^[\d.]+$/.test(text) ? null : readDomain(text);
}

function isAny(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}
