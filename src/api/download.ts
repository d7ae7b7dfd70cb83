/**
 * Raw mails and attachments as downloads. No browser acts on them: never shown in place, never sniffed, and with a policy
 * that lets nothing run. The bytes are as they came, except for the reply addresses of other accounts: their tokens are
 * overwritten, so that size and structure stay.
 */

import { Readable } from 'node:stream';
import { ReplydError } from '../base/errors.js';
import type { Headers } from '../base/http.js';
import { readFileStream } from '../base/text-file.js';
import { exportContact } from '../conversation/export.js';
import type { StoredContentRef } from '../conversation/filing.js';
import type { Call } from './route.js';

/** An address of ours is not longer: so much is held back until what follows is known. */
const OVERLAP = 256;

const SAFE: Headers = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

export async function sendAttachment(call: Call<unknown, unknown>): Promise<void> {
  const { attachment, content } = await call.store.attachment(call.params.id!);
  const shown = async (text: string) => call.redact?.(text) ?? text;
  const type = await shown(attachment.content_type);
  await call.exchange.send(200, await readable(call, content), {
    ...SAFE,
    'content-type': /^[\w!#$&^.+-]{1,80}\/[\w!#$&^.+-]{1,80}$/.test(type) ? type : 'application/octet-stream',
    'content-disposition': disposition(await shown(attachment.filename)),
    'content-length': String(content.size),
  });
}

export async function sendRaw(call: Call<unknown, unknown>): Promise<void> {
  const found = await call.store.mailOf(call.params.id!);
  if (found === null) throw new ReplydError('mail_not_found', `Message ${call.params.id} did not come as a mail.`);
  await call.exchange.send(200, await readable(call, found.raw), {
    ...SAFE,
    'content-type': 'message/rfc822',
    'content-disposition': disposition(`${found.mail.id}.eml`),
    'content-length': String(found.raw.size),
  });
}

/** All that is a person's, made while it goes out: what is found missing on the way cuts it. */
export async function sendExport(call: Call<unknown, unknown>): Promise<void> {
  const { store, redact } = call;
  const contact = await store.contact(call.params.id!);
  const archive = exportContact(
    {
      ...store,
      rawOf: async message => (await store.mailOf(message.id))?.raw ?? null,
      bytes: async ref => {
        const bytes = await readable(call, ref);
        return bytes instanceof Uint8Array ? [bytes] : bytes;
      },
      shown: async json => redact?.(json) ?? json,
    },
    { contact, now: Date.now() },
  );
  // What can't be had at all is a problem, not half an archive.
  const first = await archive.next();
  await call.exchange.send(200, behind(first.value ?? new Uint8Array(0), archive), {
    ...SAFE,
    'content-type': 'application/x-tar',
    'content-disposition': disposition(`${contact.id}.tar`),
  });
}

async function* behind(first: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  yield* rest;
}

/** The bytes as the caller may read them. */
async function readable(
  { store, redact }: Call<unknown, unknown>,
  ref: StoredContentRef,
): Promise<Uint8Array | Readable> {
  const content = await store.content(ref);
  const raw = 'bytes' in content ? content.bytes : readFileStream(content.file);
  if (redact === null) return raw;
  const redacted = async (bytes: Buffer) =>
    Buffer.from(await redact(bytes.toString('latin1'), { sameLength: true }), 'latin1');
  return raw instanceof Uint8Array ? redacted(Buffer.from(raw)) : Readable.from(redactedInPieces(raw, redacted));
}

/** Each piece is looked at together with the end of the one before. */
async function* redactedInPieces(bytes: Readable, redact: (bytes: Buffer) => Promise<Buffer>): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of bytes) {
    const piece = await redact(Buffer.concat([rest, chunk as Buffer]));
    const whole = Math.max(0, piece.length - OVERLAP);
    if (whole > 0) yield piece.subarray(0, whole);
    rest = piece.subarray(whole);
  }
  yield rest;
}

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
