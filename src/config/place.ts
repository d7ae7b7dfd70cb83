/**
 * The kinds of configuration value that name a place: where to listen (`base/place.ts` has the grammar), hosts, networks,
 * e-mail and web addresses, the word of a reply address. Domains come out in lower-case ASCII (A-labels).
 *
 * As in `values.ts` a bad value is a result with a reason. Nothing is resolved or connected to.
 */
import { ipVersion, type Listen, parseListen, printListen, readDomain, type TcpListen } from '../base/place.js';
import { bad, type Kind, kind, type Parsed } from './values.js';

const TCP = 'host:port, such as "127.0.0.1:2525" or "[::1]:2525"';

/** `host:port`: an IPv4 address, an IPv6 address in brackets or a host name; port 0 takes a free one. */
export function tcpListen(): Kind<TcpListen> {
  return kind(
    'host:port',
    written => {
      const listen = parseListen(String(written));
      if (listen.kind === 'tcp') return { value: listen };
      return bad(written, listen.kind === 'none' && listen.meant === 'tcp' ? listen.wanted : TCP);
    },
    printListen,
  );
}

/** `host:port` or `unix:/path`. */
export function anyListen(): Kind<Listen> {
  return kind(
    'host:port or unix:/path',
    (written): Parsed<Listen> => {
      const listen = parseListen(String(written));
      if (listen.kind !== 'none') return { value: listen };
      return bad(written, listen.meant === 'unix' ? listen.wanted : `${listen.wanted}, or "unix:/path/to/socket"`);
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

function readAddress(written: unknown): string | null {
  if (typeof written !== 'string') return null;
  const at = written.trim().lastIndexOf('@');
  const local = written.trim().slice(0, Math.max(at, 0));
  const domain = readDomain(written.trim().slice(at + 1));
  return domain !== null && /^[^\s"(),:;<>@[\\\]]{1,64}$/.test(local) ? `${local}@${domain}` : null;
}
