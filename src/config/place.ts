/**
 * The kinds of configuration value that name a place: where to listen, hosts, networks, e-mail and web addresses, the
 * word of a reply address. Domains come out in lower-case ASCII (A-labels), whatever was typed.
 *
 * As in `values.ts` a bad value is a result with a reason. Nothing is resolved or connected to: the daemon and the doctor
 * find out whether a place exists.
 */
import { isIPv4, SocketAddress } from 'node:net';
import path from 'node:path';
import { domainToASCII } from 'node:url';
import { bad, type Kind, kind, type Parsed } from './values.js';

/** Where to listen: a TCP port (0: any free one) or a unix socket. */
export type Listen =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

export type TcpListen = Extract<Listen, { kind: 'tcp' }>;

/** The longest path a unix socket can have on Linux: sun_path holds 108 bytes with the NUL. */
const MAX_SOCKET_PATH = 107;

/** `host:port`: an IPv4 address, an IPv6 address in brackets or a host name; port 0 takes a free one. */
export function tcpListen(): Kind<TcpListen> {
  return kind(
    'host:port',
    written => {
      const read = readHostPort(String(written).trim());
      if (read) return { value: { kind: 'tcp', ...read } };
      if (/^:?\d{1,5}$/.test(String(written).trim())) {
        const port = String(written).trim().replace(':', '');
        return bad(written, `host:port, such as "127.0.0.1:${port}" or, for all addresses, "[::]:${port}"`);
      }
      return bad(written, 'host:port, such as "127.0.0.1:2525" or "[::1]:2525"');
    },
    printListen,
  );
}

/** `host:port` or `unix:/path`. */
export function anyListen(): Kind<Listen> {
  const tcp = tcpListen();
  return kind(
    'host:port or unix:/path',
    (written, folder): Parsed<Listen> => {
      const address = String(written).trim();
      if (!/^(?:unix:|\/)/.test(address)) {
        const parsed = tcp.parse(written, folder);
        return 'value' in parsed ? parsed : { reason: `${parsed.reason}, or "unix:/path/to/socket"` };
      }
      const file = address.replace(/^unix:/, '');
      if (!file.startsWith('/') || file.includes('\0')) return bad(written, 'unix: with a path that begins with /');
      const length = Buffer.byteLength(file);
      return length <= MAX_SOCKET_PATH
        ? { value: { kind: 'unix', path: path.normalize(file) } }
        : bad(written, `a shorter path: it has ${length} bytes, a unix socket takes ${MAX_SOCKET_PATH}`);
    },
    printListen,
  );
}

/** A network in CIDR form; one address is a network of its own. Host bits are allowed and kept. */
export function network(): Kind<string> {
  return kind('network', written => {
    const match = /^([0-9a-f.:]{2,45})(?:\/(\d{1,3}))?$/i.exec(String(written).trim());
    const version = match ? ipVersion(match[1]!) : 0;
    const bits = version === 4 ? 32 : 128;
    const prefix = Number(match?.[2] ?? bits);
    return version !== 0 && prefix <= bits
      ? { value: `${match![1]!.toLowerCase()}/${prefix}` }
      : bad(written, 'a network such as "10.0.0.0/8", "2001:db8::/32" or one address');
  });
}

/** A host's name in lower-case ASCII (A-labels); one label is enough. */
export function hostName(): Kind<string> {
  return kind('host name', written => {
    const value = readDomain(written);
    return value !== null ? { value } : bad(written, 'a host name such as "mx.example.com"');
  });
}

/** A host to connect to: a name, or an IP address without brackets. */
export function hostOrAddress(): Kind<string> {
  return kind('host', written => {
    const bare = String(written)
      .trim()
      .replace(/^\[(.+)\]$/, '$1');
    const value = ipVersion(bare) ? bare.toLowerCase() : readDomain(written);
    return value !== null ? { value } : bad(written, 'a host name or an IP address, without the port');
  });
}

/** An e-mail address; the domain in lower-case ASCII. */
export function emailAddress(): Kind<string> {
  return kind('e-mail address', written => {
    const value = readAddress(written);
    return value !== null ? { value } : bad(written, 'an e-mail address such as "ops@example.com"');
  });
}

/** One of these words, or an e-mail address. */
export function wordOrAddress<const T extends string>(words: readonly T[]): Kind<string> {
  const list = words.map(word => `"${word}"`).join(', ');
  return kind(`${list} or an e-mail address`, written => {
    const value = words.find(word => word === written) ?? readAddress(written);
    return value !== null ? { value } : bad(written, `${list} or an e-mail address`);
  });
}

/** The address others reach us at: http or https, without query; the trailing slash is dropped. */
export function webAddress(): Kind<string> {
  return kind('http(s) address', written => {
    const wanted = 'an http(s) address such as "https://replyd.example.com"';
    if (typeof written !== 'string' || !URL.canParse(written)) return bad(written, wanted);
    const url = new URL(written);
    const plain = url.search === '' && url.hash === '' && url.username === '' && url.password === '';
    return /^https?:$/.test(url.protocol) && plain
      ? { value: url.href.replace(/\/$/, '') }
      : bad(written, `${wanted}, without user, query or fragment`);
  });
}

/** The word in front of the separator in a reply address; lower case. The reserved ones name other addresses. */
export function replyPrefix(): Kind<string> {
  const reserved = ['bounce', 'inbox', 'postmaster', 'abuse'];
  return kind('word', written => {
    const value = String(written).trim().toLowerCase();
    if (reserved.includes(value)) return { reason: `"${value}" is taken (${reserved.join(', ')} have a meaning)` };
    // 24 leaves room for the separator and a UUID in the 64 octets of a local part (RFC 5321 section 4.5.3.1.1).
    return /^[a-z0-9](?:[a-z0-9._-]{0,22}[a-z0-9])?$/.test(value) && !value.includes('..')
      ? { value }
      : bad(written, 'a word of at most 24 letters, digits, ".", "_" or "-", such as "reply"');
  });
}

/** `127.0.0.1:25`, `[::1]:25` or `unix:/path`. */
export function printListen(listen: Listen): string {
  if (listen.kind === 'unix') return `unix:${listen.path}`;
  return `${ipVersion(listen.host) === 6 ? `[${listen.host}]` : listen.host}:${listen.port}`;
}

/** A host name in lower-case ASCII, or null when it is none. */
export function readDomain(written: unknown): string | null {
  if (typeof written !== 'string' || written.length > 253) return null;
  const ascii = domainToASCII(written.trim().replace(/\.$/, '')).toLowerCase();
  const labels = ascii.split('.');
  const named = labels.every(label => /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label));
  return named && ascii.length <= 253 && ipVersion(ascii) === 0 ? ascii : null;
}

function readAddress(written: unknown): string | null {
  if (typeof written !== 'string') return null;
  const at = written.trim().lastIndexOf('@');
  const local = written.trim().slice(0, Math.max(at, 0));
  const domain = readDomain(written.trim().slice(at + 1));
  return domain !== null && /^[^\s"(),:;<>@[\\\]]{1,64}$/.test(local) ? `${local}@${domain}` : null;
}

function readHostPort(written: string): { host: string; port: number } | null {
  const match = /^(?:\[([0-9a-f:.]{2,45})\]|([^\s:[\]]{1,253})):(\d{1,5})$/i.exec(written);
  if (!match) return null;
  const port = Number(match[3]);
  const host =
    match[1] !== undefined ? (ipVersion(match[1]) === 6 ? match[1].toLowerCase() : null) : readHost(match[2]!);
  return host !== null && port <= 65_535 ? { host, port } : null;
}

function readHost(written: string): string | null {
  if (ipVersion(written) === 4) return written;
  // "300.1.1.1" is no host name but a mistyped address.
  return /^[\d.]+$/.test(written) ? null : readDomain(written);
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
