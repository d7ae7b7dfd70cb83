/**
 * Paths of MAIL and RCPT that smtp-server refuses and real senders write: quoted local parts (RFC 5321 4.1.2), and
 * senders without a domain (`MAIL FROM:<root>`: MTAs of cron jobs and scripts; Postfix takes them). The library gets
 * the command with a local part that it takes, and the address gets the real one back. Linear; nothing throws.
 */

// MAIL FROM:<"a b"@example.com>: head, local part, rest. The alternatives exclude each other: linear.
const QUOTED_PATH = /^([^:]*:\s*<(?:@[^\s,:@<>]+(?:,@[^\s,:@<>]+)*:)?)("(?:[^"\\]|\\.)*")(@[^<>\s]*>.*)$/s;
// MAIL FROM:<root>: head, name, rest.
const BARE_SENDER = /^(mail from\s*:\s*<)([^\s@:,<>"]+)(>.*)$/is;
const UNSAFE = /[\x00-\x1f\x7f-\x9f\u200b\u2060\ufeff]/;

export interface OddPath {
  /** The command for the library. */
  readonly command: string;
  /** The real address, from the one that the library read. */
  address(read: string): string;
}

/** Null: the library reads it. `malformed`: a quote without its end, or characters that have no place in an address. */
export function oddPath(text: string): OddPath | 'malformed' | null {
  const bare = BARE_SENDER.exec(text);
  if (bare !== null) {
    const [, head, name = '', rest] = bare;
    return UNSAFE.test(name) ? 'malformed' : { command: `${head}x@x${rest}`, address: () => name };
  }
  if (!text.includes('"')) return null;
  const quoted = QUOTED_PATH.exec(text);
  if (quoted === null) return text.includes('<"') ? 'malformed' : null;
  const [, head, local = '', rest] = quoted;
  return UNSAFE.test(local) ? 'malformed' : { command: `${head}x${rest}`, address: read => local + read.slice(1) };
}
