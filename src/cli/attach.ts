/**
 * Files that go along with an answer. What would make the mail larger than `outbound.max_size` is refused here, when
 * the message is added, never when it is sent; nothing is read before the sizes are known to be right.
 */
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import type { NewMessage, Store } from '../conversation/store.js';
import { ReplydError } from '../errors.js';
import { systemText, usageError } from './errors.js';
import { sizeText } from './render.js';

export interface LocalFile {
  readonly filename: string;
  readonly bytes: Uint8Array;
}

// Base 64 in lines of 76 (RFC 2045 section 6.8), and the header and part headers generously.
const ENCODED = (4 / 3) * (78 / 76);
const OVERHEAD = 16 * 1024;

/** Reads the files. Throws a usage error for what is no file, too_large when they make the mail too large. */
export function readFiles(files: readonly string[], options: { text: string; maxSize: number }): readonly LocalFile[] {
  const sizes = files.map(fileSize);
  const mail = sizes.reduce((sum, size) => sum + size * ENCODED, Buffer.byteLength(options.text) * 4 + OVERHEAD);
  if (files.length > 0 && mail > options.maxSize) {
    throw new ReplydError(
      'too_large',
      `the mail would have about ${sizeText(mail)}, outbound.max_size is ${sizeText(options.maxSize)}: ` +
        'leave attachments out, or send a link',
    );
  }
  return files.map(file => ({ filename: path.basename(file), bytes: readFileSync(file) }));
}

/** Puts the files into the store's keeping, ready to go with a message. */
export async function placeFiles(
  store: Store,
  files: readonly LocalFile[],
): Promise<NonNullable<NewMessage['attachments']>> {
  return Promise.all(
    files.map(async ({ filename, bytes }) => ({
      filename,
      content_type: contentTypeOf(filename),
      content: await store.place(
        { bytes },
        { sha256: createHash('sha256').update(bytes).digest('hex'), size: bytes.length },
      ),
    })),
  );
}

function fileSize(file: string): number {
  try {
    const found = statSync(file);
    if (found.isFile()) return found.size;
  } catch (error) {
    throw usageError(`can't attach ${systemText(error) ?? file}`);
  }
  throw usageError(`can't attach ${file}: it is no file`);
}

/** The media type by the file's extension; what is not known is bytes. */
export function contentTypeOf(filename: string): string {
  return TYPES[path.extname(filename).slice(1).toLowerCase()] ?? 'application/octet-stream';
}

const OFFICE = 'application/vnd.openxmlformats-officedocument';

const TYPES: Readonly<Record<string, string>> = {
  txt: 'text/plain',
  log: 'text/plain',
  md: 'text/markdown',
  csv: 'text/csv',
  html: 'text/html',
  ics: 'text/calendar',
  vcf: 'text/vcard',
  json: 'application/json',
  xml: 'application/xml',
  pdf: 'application/pdf',
  rtf: 'application/rtf',
  zip: 'application/zip',
  gz: 'application/gzip',
  eml: 'message/rfc822',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  png: 'image/png',
  gif: 'image/gif',
  webp: 'image/webp',
  svg: 'image/svg+xml',
  heic: 'image/heic',
  mp3: 'audio/mpeg',
  m4a: 'audio/mp4',
  ogg: 'audio/ogg',
  wav: 'audio/wav',
  mp4: 'video/mp4',
  mov: 'video/quicktime',
  webm: 'video/webm',
  doc: 'application/msword',
  docx: `${OFFICE}.wordprocessingml.document`,
  xls: 'application/vnd.ms-excel',
  xlsx: `${OFFICE}.spreadsheetml.sheet`,
  ppt: 'application/vnd.ms-powerpoint',
  pptx: `${OFFICE}.presentationml.presentation`,
  odt: 'application/vnd.oasis.opendocument.text',
  ods: 'application/vnd.oasis.opendocument.spreadsheet',
};
