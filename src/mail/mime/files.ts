/**
 * Keeps contents as files, decoded in pieces, so that a large one stands in memory once, as it came. It throws what the
 * keeper throws.
 */
import { createHash } from 'node:crypto';
import libmime from 'libmime';
import { withoutEnd } from '../cut.js';
import type { AttachmentKeeper, MailAttachment } from '../mail.js';
import { parseMessageId } from '../message-id.js';
import { cleanText } from './charset.js';
import { attachmentName } from './filename.js';
import { decodeWords, firstValue } from './headers.js';
import { filenameOf, type Part } from './parts.js';
import { type TransferEncoding, transferDecoder } from './transfer.js';

const PIECE = 64 * 1024;

/** A file whose place in the HTML is not known yet. */
export type Draft = Omit<MailAttachment, 'inline'>;

/** What is said of a content, and how it is encoded. */
export interface FileFacts {
  /** As given; not yet safe. */
  readonly filename: string;
  readonly contentType: string;
  readonly contentId: string | null;
  readonly location?: string;
  readonly encoding: TransferEncoding;
}

interface KeepOptions {
  readonly keeper: AttachmentKeeper;
  /** Counts the mail's attachments from 1. */
  readonly number: number;
}

/** Keeps a content as it came. */
export async function keptFile(facts: FileFacts, content: Uint8Array, { keeper, number }: KeepOptions): Promise<Draft> {
  const decoder = transferDecoder(facts.encoding);
  const hash = createHash('sha256');
  let size = 0;
  const seen = (bytes: Uint8Array) => {
    hash.update(bytes);
    size += bytes.length;
    return bytes;
  };
  const decoded = (function* () {
    for (let at = 0; at < content.length; at += PIECE) yield seen(decoder.push(content.subarray(at, at + PIECE)));
    yield seen(decoder.end());
  })();
  const kept = await keeper.keep(decoded);
  // A keeper that stopped early changes nothing of the facts.
  for (const _ of decoded);
  const contentType = fileType(facts);
  return {
    filename: attachmentName(facts.filename, contentType, number),
    contentType,
    size,
    sha256: hash.digest('hex'),
    contentId: facts.contentId,
    ...(facts.location === undefined ? {} : { location: facts.location }),
    content: kept,
  };
}

export function factsOfPart(part: Part): FileFacts {
  const given = firstValue(part.header.fields, 'content-id');
  const id =
    parseMessageId(given) ??
    (withoutEnd(given, '> ')
      .replace(/^[< ]+/, '')
      .slice(0, 998) ||
      null);
  const location = decodeWords(firstValue(part.header.fields, 'content-location')).replaceAll(/[\s"<>]+/g, '');
  return {
    filename: filenameOf(part),
    contentType: part.type,
    contentId: id === null ? null : cleanText(id),
    encoding: part.encoding,
    ...(location === '' ? {} : { location: location.slice(0, 2_000) }),
  };
}

/** The declared type; `application/octet-stream` says nothing, so the name decides there. */
function fileType({ contentType, filename }: FileFacts): string {
  if (contentType !== '' && contentType !== 'application/octet-stream') return contentType;
  return filename === '' ? 'application/octet-stream' : libmime.detectMimeType(filename);
}
