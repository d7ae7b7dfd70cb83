/**
 * Makes a Mail out of its MIME parts: decides which part is text for people, which is a report, which is a file.
 *
 * `roles.ts` says which part is what. All that is no text is kept as a file with its real name, whatever its type. No
 * words are dropped: a multipart whose boundary never comes is split by the one that does, or read as text; body lines in
 * a header without blank line are read as text; a text above 4 MiB is cut, and kept whole as a file. It throws what
 * `splitMail` and the keeper throw.
 */
import { hash } from 'node:crypto';
import { cutText, type Replacement, replaced } from '../cut.js';
import { parseDate } from '../date.js';
import { type DataPicture, dataPictures, namedFiles, namedPicture } from '../html/pictures.js';
import type { AttachmentKeeper, HeaderField, Mail, OpenedContainer } from '../mail.js';
import { parseMailboxes } from '../mailboxes.js';
import { parseMessageId, parseMessageIds } from '../message-id.js';
import { cleanSubject } from '../subject.js';
import { type BodyPart, joinBodies } from './body.js';
import { cleanText } from './charset.js';
import { isMessage } from './filename.js';
import { type Draft, factsOfPart, keptFile } from './files.js';
import { decodeWords, parseHeaderBlock, valuesByName } from './headers.js';
import { filenameOf, type Part } from './parts.js';
import { isInReport, type Role, rolesOf } from './roles.js';
import { signedContent } from './signed-data.js';
import { type PartWithContent, splitMail } from './split.js';
import { decodeTextPart, withFoundBoundary } from './text-part.js';
import { transferDecode } from './transfer.js';
import { openedWinmail } from './winmail.js';

const MAX_TEXT = 4 * 1024 * 1024;
/** Of an HTML part with the pictures in it, which do not count as text. */
const MAX_HTML = 16 * 1024 * 1024;
const MAX_ALL_TEXT = 8 * 1024 * 1024;
const MAX_REPORT = 256 * 1024;
const MAX_RETURNED_HEADER = 64 * 1024;
/** Containers that are opened, one in another or beside it. */
const MAX_OPENED = 8;

export async function assembleMail(source: Uint8Array, keeper: AttachmentKeeper): Promise<Mail> {
  const bodies: BodyPart[] = [];
  const files: Draft[] = [];
  const reports: { contentType: string; body: string }[] = [];
  let returned: readonly HeaderField[] | null = null;
  const opened: OpenedContainer[] = [];
  /** Of winmail.dat; it counts where there is no other. */
  let outlookBody: BodyPart | undefined;
  let root: Part | undefined;
  let textLeft = MAX_ALL_TEXT;

  const keepFile = async (part: Part, content: Uint8Array) => {
    files.push(await keptFile(factsOfPart(part), content, { keeper, number: files.length + 1 }));
    if (!isMessage(part.type) || returned !== null) return;
    const { fields } = parseHeaderBlock(transferDecode(content.subarray(0, MAX_RETURNED_HEADER), part.encoding));
    // Microsoft sends the mails that people complained of without a report around them.
    if (isInReport(part) || fields.some(field => field.name === 'x-hmxmroriginalrecipient')) returned = fields;
  };

  /** HTML with these pictures of it as files. */
  const withFiles = async (html: string, found: readonly DataPicture[]): Promise<string> => {
    const pictures = new Map<string, Replacement[]>();
    for (const picture of found) {
      const contentId = `${hash('sha256', picture.bytes).slice(0, 32)}@data`;
      const before = pictures.get(contentId);
      if (before !== undefined) before.push(namedPicture(picture, contentId));
      else {
        pictures.set(contentId, [namedPicture(picture, contentId)]);
        const { name: filename, contentType, bytes } = picture;
        const facts = { filename, contentType, contentId, encoding: '' } as const;
        files.push(await keptFile(facts, bytes, { keeper, number: files.length + 1 }));
      }
    }
    return replaced(
      html,
      [...pictures.values()].flat().sort((a, b) => a.from - b.from),
    );
  };

  /** Multiparts without parts, with their content under the boundary that it really uses. */
  const lost: { part: Part; repaired: Uint8Array }[] = [];
  let mayRepair = true;

  const readPart = async ({ part, content }: PartWithContent, role: Role): Promise<void> => {
    root ??= part;
    if (role === 'form') return;
    if (role === 'file' || (part.type === '' && isBinary(part, content))) {
      if (!(await openContainer(part, content))) await keepFile(part, content);
      return;
    }
    const isReport = role === 'report' || role === 'returned header';
    const isHtml = part.type.endsWith('html');
    const limit = Math.min(isReport ? MAX_REPORT : MAX_TEXT, textLeft);
    const bytes = content.subarray(0, isHtml && textLeft > 0 ? MAX_HTML : limit);
    let isComplete = bytes.length === content.length;
    if (isHtml) {
      const written = decodeTextPart(part, bytes);
      const pictures = dataPictures(written);
      const text = pictures.length === 0 ? written : await withFiles(written, pictures);
      isComplete &&= text.length <= limit;
      textLeft -= Math.min(text.length, limit);
      bodies.push({ part, text: cutText(text, limit), isHtml });
      if (!isComplete || role === 'text file') await keepFile(part, content);
      return;
    }
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
    bodies.push({ part, text: decodeTextPart(part, bytes), isHtml });
    if (!isComplete || role === 'text file') await keepFile(part, content);
  };

  /** True when all that stands in it was read in its place. */
  const openContainer = async (part: Part, content: Uint8Array): Promise<boolean> => {
    const kind = opened.length < MAX_OPENED ? containerKind(part) : null;
    if (kind === null) return false;
    const decoded = transferDecode(content, part.encoding);
    const bytes = Buffer.from(decoded.buffer, decoded.byteOffset, decoded.byteLength);
    if (kind === 'signed') {
      const inner = signedContent(bytes);
      if (inner === null || inner.length === 0) return false;
      const parts = splitOrNull(inner);
      if (parts === null) return false;
      opened.push({ kind });
      await readParts(parts);
      return true;
    }
    const winmail = openedWinmail(bytes);
    if (winmail === null) return false;
    opened.push({ kind, messageClass: cleanText(winmail.messageClass) });
    if (winmail.body !== null) outlookBody ??= { part, ...winmail.body };
    for (const { bytes: file, ...facts } of winmail.files) {
      files.push(await keptFile({ ...facts, encoding: '' }, file, { keeper, number: files.length + 1 }));
    }
    return winmail.isAll;
  };

  const readParts = async (parts: readonly PartWithContent[]) => {
    const roles = rolesOf(
      parts.map(each => each.part),
      bodies.some(each => !each.part.isMultipart),
    );
    for (const [at, each] of parts.entries()) await readPart(each, roles[at]!);
  };

  await readParts([...splitMail(source)]);
  mayRepair = false;
  for (const { part, repaired } of lost) if (part.children === 0) await readParts([...splitMail(repaired)]);

  if (outlookBody !== undefined && bodies.every(each => each.part.isMultipart || each.text.trim() === '')) {
    bodies.push(outlookBody);
  }
  const { plain, html } = joinBodies(bodies);
  const named = namedFiles(html, files);
  const attachments = files.map(file => ({ ...file, inline: named.has(file) }));
  return mailOf(root!, { plain, html, attachments, reports, returnedHeaders: returned, opened });
}

/** Null for more than may be read: then the container stays what it is. */
function splitOrNull(bytes: Uint8Array): readonly PartWithContent[] | null {
  try {
    return [...splitMail(bytes)];
  } catch {
    return null;
  }
}

function containerKind(part: Part): OpenedContainer['kind'] | null {
  const { type } = part;
  const filename = filenameOf(part);
  const isUnnamed = type === 'application/octet-stream' || type === '';
  if (/^application\/(?:vnd\.)?ms-tnef$/.test(type) || /^(?:winmail|win|noname)\.dat$/i.test(filename))
    return 'winmail';
  const isSigned = /^application\/(?:x-)?pkcs7-mime$/.test(type) || (isUnnamed && /\.p7m$/i.test(filename));
  return isSigned && !/enveloped|compressed|certs/i.test(part.params['smime-type'] ?? '') ? 'signed' : null;
}

/** What has no valid type and begins with bytes that no text has. */
function isBinary(part: Part, content: Uint8Array): boolean {
  const head = transferDecode(content.subarray(0, 1024), part.encoding);
  return part.header.fields.some(field => field.name === 'content-type') && head.includes(0) && head[0]! < 0xfe;
}

const FACT_NAMES: ReadonlySet<string> = new Set(
  'from sender reply-to to cc subject date message-id in-reply-to references'.split(' '),
);
const NONE: readonly string[] = [];

type BodyOfMail = Pick<Mail, 'plain' | 'html' | 'attachments' | 'reports' | 'returnedHeaders' | 'opened'>;

/** In one literal: an object that is spread into another and grows there costs a tenth of the parser's time. */
function mailOf(root: Part, { plain, html, attachments, reports, returnedHeaders, opened }: BodyOfMail): Mail {
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
    opened,
  };
}

function cleanParams(params: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(params).map(([name, value]) => [cleanText(name), cleanText(value)]));
}
