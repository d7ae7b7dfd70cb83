/**
 * Makes a Mail out of its MIME parts: decides which part is text for people, which is a report, which is a file.
 *
 * A part is text when it is text/plain or text/html and nothing calls it an attachment. Everything else is kept as a
 * file with its real name, whatever its type. No words are dropped: a multipart whose boundary never comes is split by
 * the one that does, or read as text; body lines in a header without blank line are read as text; a text above 4 MiB is
 * cut, and kept whole as a file. It throws what `splitMail` and the keeper throw.
 */
import { createHash } from 'node:crypto';
import libmime from 'libmime';
import { parseDate } from '../date.js';
import type { AttachmentKeeper, HeaderField, Mail, MailAttachment } from '../mail.js';
import { parseMailboxes } from '../mailboxes.js';
import { parseMessageId, parseMessageIds } from '../message-id.js';
import { cleanSubject } from '../subject.js';
import { type BodyPart, joinBodies, referencedContentIds } from './body.js';
import { cleanText } from './charset.js';
import { attachmentName, isMessage } from './filename.js';
import { decodeWords, firstValue, parseHeaderBlock, valuesByName } from './headers.js';
import type { Part } from './parts.js';
import { splitMail } from './split.js';
import { decodeTextPart, withFoundBoundary } from './text-part.js';
import { transferDecode, transferDecoder } from './transfer.js';

const MAX_TEXT = 4 * 1024 * 1024;
const MAX_ALL_TEXT = 8 * 1024 * 1024;
const MAX_REPORT = 256 * 1024;
const MAX_RETURNED_HEADER = 64 * 1024;
const PIECE = 64 * 1024;

const REPORT_TYPES = new Set([
  'message/delivery-status',
  'message/global-delivery-status',
  'message/disposition-notification',
  'message/global-disposition-notification',
  'message/feedback-report',
]);

type Draft = Omit<MailAttachment, 'inline'>;

export async function assembleMail(source: Uint8Array, keeper: AttachmentKeeper): Promise<Mail> {
  const bodies: BodyPart[] = [];
  const files: Draft[] = [];
  const reports: { contentType: string; body: string }[] = [];
  let returned: readonly HeaderField[] | null = null;
  let root: Part | undefined;
  let textLeft = MAX_ALL_TEXT;

  const keepFile = async (part: Part, content: Uint8Array) => {
    files.push(await keptFile(part, content, { keeper, number: files.length + 1 }));
    if (!isMessage(part.type) || returned !== null) return;
    const { fields } = parseHeaderBlock(transferDecode(content.subarray(0, MAX_RETURNED_HEADER), part.encoding));
    // Microsoft sends the mails that people complained of without a report around them.
    if (isInReport(part) || fields.some(field => field.name === 'x-hmxmroriginalrecipient')) returned = fields;
  };

  /** Multiparts without parts, with their content under the boundary that it really uses. */
  const lost: { part: Part; repaired: Uint8Array }[] = [];
  let mayRepair = true;

  const readPart = async (part: Part, content: Uint8Array): Promise<void> => {
    root ??= part;
    const role = roleOf(part, bodies);
    if (role === 'file') return keepFile(part, content);
    const limit = Math.min(role === 'text' || role === 'container' ? MAX_TEXT : MAX_REPORT, textLeft);
    const bytes = content.subarray(0, limit);
    const isComplete = bytes.length === content.length;
    textLeft -= bytes.length;
    if (role === 'report') {
      reports.push({ contentType: part.type, body: decodeTextPart(part, bytes) });
      // Outside of a report somebody attached it.
      if (!isInReport(part)) await keepFile(part, content);
      return;
    }
    if (role === 'returned header') {
      returned ??= parseHeaderBlock(transferDecode(bytes, part.encoding)).fields;
      return;
    }
    const repaired = role === 'container' && mayRepair && isComplete ? withFoundBoundary(part, bytes) : null;
    if (repaired !== null) {
      lost.push({ part, repaired });
      return;
    }
    bodies.push({ part, text: decodeTextPart(part, bytes), isHtml: part.type === 'text/html' });
    if (!isComplete) await keepFile(part, content);
  };

  const readParts = async (bytes: Uint8Array) => {
    for (const { part, content } of splitMail(bytes)) await readPart(part, content);
  };

  await readParts(source);
  mayRepair = false;
  for (const { part, repaired } of lost) if (!part.hasChildren) await readParts(repaired);

  const { plain, html } = joinBodies(bodies);
  const shown = referencedContentIds(files.length === 0 ? null : html);
  const attachments = files.map(file => ({ ...file, inline: file.contentId !== null && shown.has(file.contentId) }));
  return mailOf(root!, { plain, html, attachments, reports, returnedHeaders: returned });
}

type Role = 'text' | 'container' | 'report' | 'returned header' | 'file';

function roleOf(part: Part, bodies: readonly BodyPart[]): Role {
  if (part.isMultipart) return 'container';
  if (REPORT_TYPES.has(part.type)) return 'report';
  if (part.type === 'text/rfc822-headers' || part.type === 'message/global-headers') {
    return isInReport(part) ? 'returned header' : 'file';
  }
  if (part.disposition === 'attachment') return 'file';
  // Some gateways give the body itself a name, in its Content-Type; a file has it in its disposition too.
  const named = part.filename !== '' && (part.disposition !== '' || bodies.some(body => !body.part.isMultipart));
  if (part.type === 'text/plain' || part.type === 'text/html' || part.type === '') return named ? 'file' : 'text';
  const odd = /^text\/(?:enriched|richtext|markdown|x-markdown|flowed|unknown|x-[a-z]*plain)$/.test(part.type);
  return odd && part.parent === null ? 'text' : 'file';
}

function isInReport(part: Part): boolean {
  for (let parent = part.parent; parent !== null; parent = parent.parent) {
    if (parent.type === 'multipart/report') return true;
  }
  return false;
}

const FACT_NAMES: ReadonlySet<string> = new Set(
  'from sender reply-to to cc subject date message-id in-reply-to references'.split(' '),
);
const NONE: readonly string[] = [];

type BodyOfMail = Pick<Mail, 'plain' | 'html' | 'attachments' | 'reports' | 'returnedHeaders'>;

/** In one literal: an object that is spread into another and grows there costs a tenth of the parser's time. */
function mailOf(root: Part, { plain, html, attachments, reports, returnedHeaders }: BodyOfMail): Mail {
  const fields = root.header.fields;
  const values = valuesByName(fields, FACT_NAMES);
  const mailboxes = (name: string) => parseMailboxes(values.get(name) ?? NONE);
  // A header that is text in encoded words as a whole hides ids as well.
  const ids = (name: string) => parseMessageIds((values.get(name) ?? NONE).map(decodeWords));
  const first = (name: string) => values.get(name)?.[0] ?? '';
  return {
    from: mailboxes('from')[0] ?? null,
    sender: mailboxes('sender')[0] ?? null,
    replyTo: mailboxes('reply-to'),
    to: mailboxes('to'),
    cc: mailboxes('cc'),
    subject: cleanSubject(decodeWords(first('subject'))),
    date: parseDate(decodeWords(first('date'))),
    messageId: parseMessageId(decodeWords(first('message-id'))),
    inReplyTo: ids('in-reply-to'),
    references: ids('references'),
    headers: fields,
    contentType: { type: root.type || 'text/plain', params: cleanParams(root.params) },
    plain,
    html,
    attachments,
    reports,
    returnedHeaders,
  };
}

function cleanParams(params: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(params).map(([name, value]) => [cleanText(name), cleanText(value)]));
}

interface KeepOptions {
  readonly keeper: AttachmentKeeper;
  readonly number: number;
}

/** Decodes in pieces, so that a large file stands in memory once, as it came. */
async function keptFile(part: Part, content: Uint8Array, { keeper, number }: KeepOptions): Promise<Draft> {
  const decoder = transferDecoder(part.encoding);
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
  const contentType = fileType(part);
  return {
    filename: attachmentName(part.filename, contentType, number),
    contentType,
    size,
    sha256: hash.digest('hex'),
    contentId: contentIdOf(part),
    content: kept,
  };
}

/** The declared type; `application/octet-stream` says nothing, so the name decides there. */
function fileType(part: Part): string {
  if (part.type !== '' && part.type !== 'application/octet-stream') return part.type;
  return part.filename === '' ? 'application/octet-stream' : libmime.detectMimeType(part.filename);
}

function contentIdOf(part: Part): string | null {
  const id = parseMessageId(firstValue(part.header.fields, 'content-id'));
  return id === null ? null : cleanText(id);
}
