/**
 * The second reader: a mail that our own parser could not read is read once more, by mailparser, in a child of its own
 * with limits of its own. Two independent readers must fail before a customer's words wait for a person.
 *
 * mailparser splits the mail and decodes its texts, addresses and attachments. What it gives is made into a `Mail`, so
 * that the kind, the report and the new words are found as for every other mail. As these rules may be what failed,
 * `early` gets the mail first as a person's words with nothing taken off: that counts when nothing better follows.
 *
 * mailparser is loaded here alone: it takes 150 ms and 37 MB. The mail is `broken` when mailparser throws, and when it
 * finds neither words nor files: then somebody has to look. What the keeper throws is trouble, as for the first reader.
 */
import { hash } from 'node:crypto';
import type { AddressObject, Attachment, EmailAddress, ParsedMail, SimpleParserOptions } from 'mailparser';
import { errorText, ReplydError } from '../base/errors.js';
import { normalizeAddress } from '../mail/address.js';
import { parseDate } from '../mail/date.js';
import { namedFiles } from '../mail/html/pictures.js';
import type { AttachmentKeeper, HeaderField, Mail, MailAttachment, Mailbox, Reading } from '../mail/mail.js';
import { parseMessageId, parseMessageIds } from '../mail/message-id.js';
import { cleanText } from '../mail/mime/charset.js';
import { attachmentName } from '../mail/mime/filename.js';
import { allValues, decodeWords, firstValue, parseHeaderBlock } from '../mail/mime/headers.js';
import { readMail } from '../mail/reading.js';
import { cleanSubject } from '../mail/subject.js';
import { type Job, type JobMail, type JobResult, resultOf } from './job.js';

export const SECOND_READER = 'read by the second reader';

/** Nothing is derived that replyd derives itself; its link finders and its text of HTML are slow on hostile mail. */
const OPTIONS: SimpleParserOptions = {
  skipHtmlToText: true,
  skipTextToHtml: true,
  skipTextLinks: true,
  skipImageLinks: true,
  keepCidLinks: true,
  checksumAlgo: false,
  keepDeliveryStatus: true,
  ignoreEmbedded: true,
};

const REPORT_TYPE = /^message\/(?:(?:global-)?(?:delivery-status|disposition-notification)|feedback-report)$/;
const RETURNED_TYPE = /^(?:message\/(?:rfc822|global|global-headers)|text\/rfc822-headers)$/;
const MAX_FIELDS = 500;
const MAX_RETURNED_HEADER = 64 * 1024;

/** Reads one mail by mailparser; `early` is called at most once, before the result is there. */
export async function readJobAgain(
  job: Job,
  mail: JobMail & { readonly early?: (result: JobResult) => void },
): Promise<JobResult> {
  return resultOf(job, mail.facts, async () => {
    const second = await mailOf(await parsedByMailparser(mail.bytes), mail.keeper);
    const whole = wholeReading(second);
    if (whole.text.text === '' && second.attachments.length === 0) {
      throw new ReplydError('invalid', 'The second reader finds no words in it');
    }
    const early = await resultOf(job, mail.facts, async () => whole);
    if (early.kind === 'read') mail.early?.(early);
    const { knownTexts, mailFrom } = job.about;
    try {
      const reading = readMail(second, knownTexts, { mailFrom });
      return { ...reading, evidence: [SECOND_READER, ...reading.evidence] };
    } catch {
      return whole;
    }
  });
}

async function parsedByMailparser(bytes: Uint8Array): Promise<ParsedMail> {
  const { simpleParser } = await import('mailparser');
  try {
    return await simpleParser(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), OPTIONS);
  } catch (error) {
    // Its limits have codes that look like those of the disk.
    throw new ReplydError('invalid', `The second reader cannot read it either: ${errorText(error)}`, { cause: error });
  }
}

async function mailOf(parsed: ParsedMail, keeper: AttachmentKeeper): Promise<Mail> {
  const headers = parsed.headerLines
    .slice(0, MAX_FIELDS)
    .map(({ key, line }) => ({ name: key, value: unfoldedValue(line) }));
  const contentType = (parsed.headers.get('content-type') ?? { value: 'text/plain', params: {} }) as ContentType;
  const isReport = contentType.value.toLowerCase() === 'multipart/report';
  const html = parsed.html ? cleanText(parsed.html) : null;
  const files: Omit<MailAttachment, 'inline'>[] = [];
  const reports: { contentType: string; body: string }[] = [];
  let returnedHeaders: readonly HeaderField[] | null = null;
  for (const file of parsed.attachments) {
    if (isReport && REPORT_TYPE.test(file.contentType)) {
      reports.push({ contentType: file.contentType, body: cleanText(file.content.toString()) });
      continue;
    }
    if (isReport && RETURNED_TYPE.test(file.contentType)) {
      returnedHeaders ??= parseHeaderBlock(file.content.subarray(0, MAX_RETURNED_HEADER)).fields;
      if (file.contentType !== 'message/rfc822') continue;
    }
    files.push(await fileOf(file, { keeper, number: files.length + 1 }));
  }
  const named = namedFiles(html, files);
  return {
    from: mailboxesOf(parsed.from)[0] ?? null,
    sender: mailboxesOf(parsed.headers.get('sender') as AddressObject | undefined)[0] ?? null,
    replyTo: mailboxesOf(parsed.replyTo),
    to: mailboxesOf(parsed.to),
    cc: mailboxesOf(parsed.cc),
    subject: cleanSubject(parsed.subject ?? ''),
    // Its own date is the present time where it can't read the field.
    date: parseDate(firstValue(headers, 'date')),
    messageId: parseMessageId(firstValue(headers, 'message-id')),
    // It takes ids without a space between them for one.
    inReplyTo: parseMessageIds(allValues(headers, 'in-reply-to').map(decodeWords)),
    references: parseMessageIds(allValues(headers, 'references').map(decodeWords)),
    plain: parsed.text ? cleanText(parsed.text) : null,
    html,
    attachments: files.map(file => ({ ...file, inline: named.has(file) })),
    headers,
    contentType: { type: contentType.value.toLowerCase(), params: contentType.params },
    reports,
    returnedHeaders,
    opened: [],
  };
}

interface ContentType {
  readonly value: string;
  readonly params: Readonly<Record<string, string>>;
}

/** The lines are bytes (latin1). */
function unfoldedValue(line: string): string {
  const value = Buffer.from(line.slice(line.indexOf(':') + 1), 'latin1').toString();
  return cleanText(value.replaceAll(/\s+/g, ' ').trim());
}

/** The members of a group count as if they stood in the list. */
function mailboxesOf(lists: AddressObject | readonly AddressObject[] | undefined): Mailbox[] {
  const entries: readonly EmailAddress[] = [lists ?? []].flat().flatMap(({ value }) => value);
  return entries
    .flatMap(entry => entry.group ?? [entry])
    .flatMap(({ name, address }) => {
      const email = normalizeAddress(address ?? '');
      return email === null ? [] : [{ name: cleanSubject(name), email }];
    });
}

async function fileOf(
  file: Attachment,
  at: { readonly keeper: AttachmentKeeper; readonly number: number },
): Promise<Omit<MailAttachment, 'inline'>> {
  return {
    filename: attachmentName(file.filename ?? '', file.contentType, at.number),
    contentType: cleanText(file.contentType),
    size: file.content.length,
    sha256: hash('sha256', file.content),
    contentId: file.cid ? cleanText(file.cid) : null,
    content: await at.keeper.keep([file.content]),
  };
}

/** All words as they stand, from a person. Of a mail that is HTML alone: its words without the elements. */
function wholeReading(mail: Mail): Reading {
  const text = (mail.plain ?? (mail.html ?? '').replaceAll(/<[^<>]*>/g, ' ')).trim();
  return {
    mail,
    kind: 'reply',
    evidence: [SECOND_READER, 'text: whole, nothing taken off'],
    report: [],
    reportedIds: [],
    text: { text, quotedText: '', signature: '', evidence: [] },
    html: null,
  };
}
