/**
 * OutgoingMail → bytes in RFC 5322 form: CRLF, ASCII only in the bodies (quoted-printable, base64), no line above 998.
 *
 * A mail is rendered once and its bytes are stored: every copy and every attempt sends the same. Reply-To is not in them
 * (see compose.ts). Up to MAX_IN_MEMORY of words and attachments the bytes come back in memory. Above, they are streamed
 * into a new file in `folder` (0600, synced): 30 MiB of base64 in one piece would block every socket, and megabytes of
 * words would stand in memory many times.
 *
 * Throws what reading an attachment or writing the file throws, disk_full when the budget has no room; then no file is left behind. The caller owns the file.
 */

import { randomUUID } from 'node:crypto';
import { open, unlink } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import MailComposer, { type MailComposerAttachment } from 'nodemailer/lib/mail-composer';
import { NO_BUDGET, type SpaceBudget, withRoom } from '../base/space.js';
import { readFileStream } from '../base/text-file.js';
import type { OutgoingAttachment, OutgoingMail } from '../conversation/compose.js';
import type { MailParcel } from '../conversation/ports.js';
import type { Content } from '../mail/mail.js';

/** Bytes of words and attachments before encoding. */
export const MAX_IN_MEMORY = 256 * 1024;
const SLICE = 64 * 1024;
/** How much longer the encoded form is at most: base64, and words as quoted-printable, each with its line ends. */
const ENCODED = 1.4;
const QUOTED = 3.2;

export async function renderMail(
  mail: OutgoingMail,
  options: { readonly folder: string; readonly space?: SpaceBudget },
): Promise<Content> {
  const [text, html] = [Buffer.from(mail.text), Buffer.from(mail.html)];
  const [wordsSize, filesSize] = [text.length + html.length, mail.attachments.reduce((sum, { size }) => sum + size, 0)];
  const streams: Readable[] = [];
  const opened = (content: Readable): Readable => {
    streams.push(content);
    return content;
  };
  const words = (bytes: Buffer, contentType: string) => ({
    content: opened(Readable.from(slices(bytes), { objectMode: false })),
    contentType: `${contentType}; charset=utf-8`,
    contentTransferEncoding: 'quoted-printable' as const,
  });
  const node = new MailComposer({
    from: { name: mail.from.name, address: mail.from.email },
    to: mail.to.map(box => ({ name: box.name, address: box.email })),
    cc: mail.cc.map(box => ({ name: box.name, address: box.email })),
    subject: mail.subject,
    messageId: `<${mail.messageId}>`,
    ...(mail.inReplyTo === null ? {} : { inReplyTo: `<${mail.inReplyTo}>` }),
    references: mail.references.map(id => `<${id}>`),
    date: new Date(mail.date),
    headers: mail.headers.map(field => ({ key: field.name, value: field.value })),
    text: words(text, 'text/plain'),
    html: words(html, 'text/html'),
    attachments: mail.attachments.map(attachment => part(attachment, opened)),
    newline: 'windows',
    disableFileAccess: true,
    disableUrlAccess: true,
  }).compile();
  try {
    if (wordsSize + filesSize <= MAX_IN_MEMORY) return { bytes: await node.build() };
    const file = path.join(options.folder, `outgoing-${randomUUID()}.eml`);
    await withRoom(options.space ?? NO_BUDGET, Math.ceil(wordsSize * QUOTED + filesSize * ENCODED), () =>
      writeSynced(file, node.createReadStream() as AsyncIterable<Buffer>),
    );
    return { file };
  } finally {
    for (const stream of streams) stream.destroy();
  }
}

/**
 * The bytes of one copy as they go out: its head, then the stored mail. Nothing is opened before the first byte is asked
 * for, and leaving the loop early closes the file. Throws what reading throws.
 */
export async function* copyBytes(parcel: MailParcel): AsyncGenerator<Buffer, void, undefined> {
  yield Buffer.from(parcel.head);
  if ('bytes' in parcel.content) {
    yield Buffer.from(parcel.content.bytes);
    return;
  }
  for await (const chunk of readFileStream(parcel.content.file)) yield chunk as Buffer;
}

/** The library may open no files, so they are opened here. */
function part(attachment: OutgoingAttachment, opened: (content: Readable) => Readable): MailComposerAttachment {
  const content = opened(
    'bytes' in attachment.content
      ? Readable.from(slices(attachment.content.bytes), { objectMode: false })
      : readFileStream(attachment.content.file),
  );
  // RFC 2046 5.2.1 forbids to encode a message or multipart part, and as it is it may be no ASCII: send it as a file.
  const composite = /^(?:message|multipart)\//.test(attachment.contentType);
  return {
    content,
    filename: attachment.filename,
    contentType: composite ? 'application/octet-stream' : attachment.contentType,
    contentDisposition: 'attachment',
    contentTransferEncoding: 'base64',
  };
}

/** A large buffer in one piece would be encoded in one piece. */
function* slices(bytes: Uint8Array): Generator<Buffer> {
  for (let start = 0; start < bytes.length; start += SLICE) yield Buffer.from(bytes.subarray(start, start + SLICE));
}

/** A file (0600) with all of it, synced; none when that fails. */
export async function writeSynced(file: string, chunks: Iterable<Buffer> | AsyncIterable<Buffer>): Promise<void> {
  const handle = await open(file, 'w', 0o600);
  try {
    for await (const chunk of chunks) await handle.writeFile(chunk);
    await handle.sync();
    await handle.close();
  } catch (error) {
    await handle.close().catch(() => {});
    await unlink(file).catch(() => {});
    throw error;
  }
}
