/**
 * Bytes that came from outside, handed on so that no browser acts on them: always a download, never sniffed, and with a
 * policy that lets nothing run. In a raw mail the reply addresses of other accounts are made unreadable: whoever knows
 * one can write into their conversation.
 */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { StoredContentRef } from '../conversation/store.js';
import { ReplydError } from '../errors.js';
import type { Headers } from '../http.js';
import type { Call } from './route.js';

/** The header of any mail is within this much. */
const HEAD = 64 * 1024;

const SAFE: Headers = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

export async function sendAttachment(call: Call<unknown, unknown>, id: string): Promise<undefined> {
  const { attachment, content } = await call.store.attachment(id);
  const type = /^[\w!#$&^.+-]{1,80}\/[\w!#$&^.+-]{1,80}$/.test(attachment.content_type)
    ? attachment.content_type
    : 'application/octet-stream';
  const body = content.file === null ? await call.store.read(content) : createReadStream(content.file);
  await call.exchange.send(200, body, {
    ...SAFE,
    'content-type': type,
    'content-disposition': disposition(attachment.filename),
    'content-length': String(content.size),
  });
}

export async function sendRaw(call: Call<unknown, unknown>, messageId: string): Promise<undefined> {
  const message = await call.store.message(messageId);
  if (message.mail_id === null) {
    throw new ReplydError('not_found', `Message ${messageId} did not come as a mail.`);
  }
  const { raw } = await call.store.mail(message.mail_id);
  const account = await call.store.accountOf(messageId);
  const head = await headOf(call, raw);
  const masked = await maskForeign(head, async token => {
    const owner = await call.store.tokenOwner(token);
    return owner !== null && owner !== account;
  });
  const rest = raw.file === null ? null : createReadStream(raw.file, { start: head.length });
  await call.exchange.send(200, rest === null ? masked : Readable.from(joined(masked, rest)), {
    ...SAFE,
    'content-type': 'message/rfc822',
    'content-disposition': disposition(`${message.mail_id}.eml`),
    'content-length': String(raw.size),
  });
}

async function headOf(call: Call<unknown, unknown>, raw: StoredContentRef): Promise<Buffer> {
  if (raw.file === null) return Buffer.from(await call.store.read(raw));
  const file = await open(raw.file);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD), 0, HEAD, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

async function* joined(head: Buffer, rest: Readable): AsyncGenerator<Buffer> {
  yield head;
  for await (const chunk of rest) yield chunk as Buffer;
}

/** Same length, so that everything else stays where it was. */
async function maskForeign(head: Buffer, isForeign: (token: string) => Promise<boolean>): Promise<Buffer> {
  const text = head.toString('latin1');
  let masked = text;
  for (const token of new Set([...text.matchAll(TOKEN)].map(found => found[1]!))) {
    if (await isForeign(token)) masked = masked.replaceAll(token, 'x'.repeat(token.length));
  }
  return masked === text ? head : Buffer.from(masked, 'latin1');
}

/** The token of an address of ours: 32 hex digits, or a UUID of another system. */
const TOKEN = /[+=-]([0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})@/gi;

/** RFC 6266, with RFC 8187 for what is not ASCII. A browser gets no path and no control character. */
export function disposition(filename: string): string {
  const name =
    filename
      .replaceAll(/[\x00-\x1f\x7f/\\]/g, '_')
      .replaceAll(/[\ud800-\udfff]/gu, '_')
      .slice(0, 200) || 'file';
  const plain = name.replaceAll(/[^\x20-\x7e]/g, '_').replaceAll(/["%;]/g, '_');
  if (plain === name) return `attachment; filename="${name}"`;
  const coded = encodeURIComponent(name).replaceAll(/['()*]/g, c => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  return `attachment; filename="${plain}"; filename*=UTF-8''${coded}`;
}
