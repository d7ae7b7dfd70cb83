/**
 * The requests of the five providers, as bytes, written from their documentation: for tests that post what a provider
 * would post, or something close to it that is wrong.
 */
import { createHash, createHmac } from 'node:crypto';
import type { ProviderName } from '#replyd/ingress/providers/list.js';

export interface ProviderPost {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface PostOptions {
  readonly rcptTo?: readonly string[];
  readonly mailFrom?: string;
  readonly mail: Buffer;
  readonly secret?: string;
  readonly proof?: 'right' | 'wrong' | 'none';
  /** Seconds since 1970; Mailgun's stamp. */
  readonly timestamp?: number;
  /** Mailgun's; it has another one for each post, so by default there is one for each mail and its recipients. */
  readonly token?: string;
  /** Without it the raw mail is left out, as when the switch for it is off. */
  readonly withRaw?: boolean;
  readonly urlencoded?: boolean;
}

export const SECRET = 'a very long password';
export const PUBLIC_URL = 'https://mail.example.com/replyd';
export const RECIPIENT = 'reply+0123456789abcdef0123456789abcdef@in.example';
export const SENDER = 'customer@customer.example';

export function basicAuth(password: string, user = 'actionmailbox'): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

/** `multipart/form-data`; a value is a part without a charset, unless it says its own headers. */
export function multipart(
  parts: readonly (readonly [name: string, value: string | Buffer, headers?: string])[],
  boundary = 'xYzZY',
): { readonly type: string; readonly body: Buffer } {
  const chunks = parts.flatMap(([name, value, headers = '']) => [
    Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n${headers}\r\n`),
    Buffer.from(value),
    Buffer.from('\r\n'),
  ]);
  return {
    type: `multipart/form-data; boundary=${boundary}`,
    body: Buffer.concat([...chunks, Buffer.from(`--${boundary}--\r\n`)]),
  };
}

/** Bytes outside of the unreserved ones as `%XX`. */
export function urlencoded(fields: readonly (readonly [string, string | Buffer])[]): Buffer {
  return Buffer.from(
    fields.map(([name, value]) => `${percent(Buffer.from(name))}=${percent(Buffer.from(value))}`).join('&'),
  );
}

/** The escape of each byte that needs one. */
const PERCENT: readonly (string | null)[] = Array.from({ length: 256 }, (_, byte) => {
  if (/[A-Za-z0-9._~*-]/.test(String.fromCharCode(byte))) return null;
  return byte === 0x20 ? '+' : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
});

function percent(bytes: Buffer): string {
  const out = Buffer.allocUnsafe(bytes.length * 3);
  let length = 0;
  for (const byte of bytes) {
    const coded = PERCENT[byte]!;
    if (coded === null) out[length++] = byte;
    else length += out.write(coded, length, 'latin1');
  }
  return out.toString('latin1', 0, length);
}

const NOW = Math.floor(Date.UTC(2026, 0, 2, 3, 4, 5) / 1000);
export const POST_TIME = NOW * 1000;

/** What that provider posts for one mail. */
export function providerPost(provider: ProviderName, options: PostOptions): ProviderPost {
  const { rcptTo = [RECIPIENT], mailFrom = SENDER, mail, proof = 'right', withRaw = true } = options;
  const secret = proof === 'wrong' ? 'not the password' : (options.secret ?? SECRET);
  const authorization: Record<string, string> = proof === 'none' ? {} : { authorization: basicAuth(secret) };
  switch (provider) {
    case 'relay': {
      const query = new URLSearchParams({ sender: mailFrom });
      for (const to of rcptTo) query.append('recipient', to);
      return {
        path: `/ingress/relay?${query}`,
        headers: { ...authorization, 'content-type': withRaw ? 'message/rfc822' : 'text/plain' },
        body: mail,
      };
    }
    case 'mailgun': {
      const timestamp = String(options.timestamp ?? NOW);
      const about = createHash('sha256').update(JSON.stringify(rcptTo)).update(mail).digest('hex');
      const { token = `c0ffee${about.slice(0, 44)}` } = options;
      const signature = createHmac('sha256', secret)
        .update(timestamp + token)
        .digest('hex');
      const fields: [string, string | Buffer][] = [
        ['recipient', rcptTo.join(', ')],
        ['sender', mailFrom],
        ['subject', 'Grüße'],
        ...(withRaw ? [['body-mime', mail] as [string, Buffer]] : [['body-plain', 'Hello'] as [string, string]]),
        ...(proof === 'none'
          ? []
          : ([
              ['timestamp', timestamp],
              ['token', token],
              ['signature', signature],
            ] as [string, string][])),
      ];
      const form = options.urlencoded
        ? { type: 'application/x-www-form-urlencoded', body: urlencoded(fields) }
        : multipart(fields);
      return { path: '/ingress/mailgun/mime', headers: { 'content-type': form.type }, body: form.body };
    }
    case 'mandrill': {
      const events = JSON.stringify(
        rcptTo.map(email => ({
          event: 'inbound',
          ts: NOW,
          msg: { email, from_email: mailFrom, text: 'Hello', ...(withRaw ? { raw_msg: mail.toString('utf8') } : {}) },
        })),
      );
      return mandrillPost(events, { secret, proof });
    }
    case 'postmark':
      return {
        path: '/ingress/postmark',
        headers: { ...authorization, 'content-type': 'application/json; charset=utf-8' },
        body: Buffer.from(
          JSON.stringify({
            From: mailFrom,
            To: 'somebody else <else@elsewhere.example>',
            OriginalRecipient: rcptTo[0],
            TextBody: 'Hello',
            ...(withRaw ? { RawEmail: mail.toString('utf8') } : {}),
          }),
        ),
      };
    case 'sendgrid': {
      const form = multipart([
        ['headers', 'Received: by mx.example'],
        ['dkim', '{@customer.example : pass}'],
        ['envelope', JSON.stringify({ to: rcptTo, from: mailFrom })],
        ...(withRaw
          ? ([['email', mail, 'Content-Type: text/plain; charset=utf-8\r\n']] as const)
          : ([['text', 'Hello']] as const)),
      ]);
      return { path: '/ingress/sendgrid', headers: { ...authorization, 'content-type': form.type }, body: form.body };
    }
  }
}

/** A post of Mandrill with these events, which need not be JSON. */
export function mandrillPost(
  events: string | Buffer,
  options: { secret?: string; proof?: 'right' | 'wrong' | 'none'; path?: string } = {},
): ProviderPost {
  const address = options.path ?? '/ingress/mandrill';
  const mac = createHmac('sha1', options.secret ?? SECRET)
    .update(`${PUBLIC_URL}${address}mandrill_events`)
    .update(events);
  return {
    path: address,
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      ...(options.proof === 'none' ? {} : { 'x-mandrill-signature': mac.digest('base64') }),
    },
    body: urlencoded([['mandrill_events', events]]),
  };
}
