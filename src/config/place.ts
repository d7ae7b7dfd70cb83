/**
 * The kinds of configuration value that name a place: where to listen (`base/place.ts` has the grammar), hosts, networks,
 * e-mail and web addresses, the word of a reply address. Domains come out in lower-case ASCII (A-labels).
 *
 * As in `values.ts` a bad value is a result with a reason. Nothing is resolved or connected to.
 */
import {
  ipVersion,
  type Listen,
  parseListen,
  printListen,
  readDomain,
  readNetwork,
  type TcpListen,
} from '../base/place.js';
import { readUrl } from '../store/postgres/address.js';
import { type Bad, bad, type Kind, kind, trimmed } from './values.js';

/** `host:port`: an IPv4 address, an IPv6 address in brackets or a host name; port 0 takes a free one. */
export function tcpListen(): Kind<TcpListen> {
  const wanted = 'host:port, such as "127.0.0.1:2525" or "[::1]:2525"';
  const read = (written: unknown) => {
    const listen = parseListen(String(written));
    if (listen.kind === 'none' && listen.meant === 'tcp') return bad(written, listen.wanted);
    return listen.kind === 'tcp' ? listen : null;
  };
  return kind('host:port', wanted, read, printListen);
}

/** `host:port` or `unix:/path`. */
export function anyListen(): Kind<Listen> {
  const name = 'host:port or unix:/path';
  const read = (written: unknown) => {
    const listen = parseListen(String(written));
    if (listen.kind !== 'none') return listen;
    return bad(written, listen.meant === 'unix' ? listen.wanted : `${listen.wanted}, or "unix:/path/to/socket"`);
  };
  return kind(name, name, read, printListen);
}

/** A network in CIDR form; one address is a network of its own. Host bits are allowed and kept. */
export function network(): Kind<string> {
  return kind('network', 'a network such as "10.0.0.0/8", "2001:db8::/32" or one address', written => {
    const found = readNetwork(String(written));
    return found && `${found.address}/${found.prefix}`;
  });
}

/** A host's name in lower-case ASCII (A-labels); one label is enough. */
export function hostName(): Kind<string> {
  return kind('host name', 'a host name such as "mx.example.com"', readDomain);
}

/** A host to connect to: a name, or an IP address without brackets. */
export function hostOrAddress(): Kind<string> {
  return kind('host', 'a host name or an IP address, without the port', written => {
    const bare = String(written)
      .trim()
      .replace(/^\[(.+)\]$/, '$1');
    return ipVersion(bare) ? bare.toLowerCase() : readDomain(written);
  });
}

/** An e-mail address; the domain in lower-case ASCII. */
export function emailAddress(): Kind<string> {
  return kind('e-mail address', 'an e-mail address such as "ops@example.com"', readAddress);
}

/** One of these words, or an e-mail address. */
export function wordOrAddress<const T extends string>(words: readonly T[]): Kind<string> {
  const name = `${words.map(word => `"${word}"`).join(', ')} or an e-mail address`;
  return kind(name, name, written => words.find(word => word === written) ?? readAddress(written));
}

/** The address others reach us at: http or https, without query; the trailing slash is dropped. */
export function webAddress(): Kind<string> {
  const wanted = 'an http(s) address such as "https://replyd.example.com"';
  return kind('http(s) address', wanted, written => {
    if (typeof written !== 'string' || !URL.canParse(written)) return null;
    const url = new URL(written);
    const plain = url.search === '' && url.hash === '' && url.username === '' && url.password === '';
    return /^https?:$/.test(url.protocol) && plain
      ? url.href.replace(/\/$/, '')
      : bad(written, `${wanted}, without user, query or fragment`);
  });
}

/** The URL of a PostgreSQL database. It may hold a password: no reason quotes it. */
export function databaseUrl(): Kind<string> {
  return kind('postgres:// URL', '', (written): string | Bad => {
    const url = trimmed(written);
    const read = readUrl(url);
    return read.kind === 'good' ? url : read;
  });
}

/** The word in front of the separator in a reply address; lower case. The reserved ones name other addresses. */
export function replyPrefix(): Kind<string> {
  const reserved = ['bounce', 'inbox', 'postmaster', 'abuse'];
  return kind(
    'word',
    'a word of at most 24 letters, digits, ".", "_" or "-", such as "reply"',
    (written): string | Bad | null => {
      const value = String(written).trim().toLowerCase();
      if (reserved.includes(value)) {
        return { kind: 'bad', reason: `"${value}" is taken (${reserved.join(', ')} have a meaning)` };
      }
      // 24 leaves room for the separator and a UUID in the 64 octets of a local part (RFC 5321 section 4.5.3.1.1).
      return /^[a-z0-9](?:[a-z0-9._-]{0,22}[a-z0-9])?$/.test(value) && !value.includes('..') ? value : null;
    },
  );
}

function readAddress(written: unknown): string | null {
  const [, local, host] = /^([^\s"(),:;<>@[\\\]]{1,64})@([^@]*)$/.exec(trimmed(written)) ?? [];
  const domain = readDomain(host);
  return domain === null ? null : `${local}@${domain}`;
}
