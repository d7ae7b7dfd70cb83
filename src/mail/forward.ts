/**
 * What a mail holds that somebody sent on by hand: one other mail, attached (message/rfc822) or written into the body
 * below a header block, and the forwarder's own words above it.
 *
 * The subject has to begin as a forward's does, and there must be exactly one mail in it, with one address in its From.
 * Several mails, a header block that names two people or goes on behind its end, a mail of a machine: that is in doubt,
 * and the doubt is told. Below an Outlook header block further blocks are the history of that one mail. Whether the
 * forward counts is decided elsewhere (`conversation/rules/forward.ts`): here nobody is proven.
 *
 * Linear, like the rest of the reader. It throws what `open` throws.
 */
import { foldAddress, normalizeAddress } from './address.js';
import { parseDate } from './date.js';
import { htmlLines } from './html/lines.js';
import type { Forward, Mail, MailAttachment, Mailbox, Reading, ReplyText } from './mail.js';
import { parseMailboxes } from './mailboxes.js';
import { firstValue } from './mime/headers.js';
import { readMail } from './reading.js';
import { announcedFieldOf, fieldOf, type Heading, headingAt } from './reply-text/header-block.js';
import { HEADER_LABELS, type HeaderKind } from './reply-text/languages.js';
import { isBlank, type Line, lowered } from './reply-text/lines.js';
import { bodyLines, splitReply } from './reply-text/reply-text.js';
import { cleanSubject, isDoubtfulForward, isForwardSubject, stripForwardPrefixes } from './subject.js';

const NOTHING_KNOWN = { texts: [], replyAddresses: [] };

/** Null for a mail that says nothing of a forward. `open`: reads an attached mail; null when it cannot be read. */
export async function readForward(
  reading: Reading,
  open: (file: MailAttachment) => Promise<Mail | null>,
): Promise<Forward | null> {
  const { mail } = reading;
  if (reading.kind !== 'reply' || !isForwardSubject(mail.subject)) return null;
  const attached = mail.attachments.flatMap((file, at) => (isMail(file) ? [at] : []));
  const lines = linesOf(mail);
  const quoted = headingsOf(lines);
  const count = attached.length + quoted.length;
  if (count > 1) return doubt('it holds several mails');
  if (count === 0) return doubt('no mail is found in it');
  if (attached.length === 1) return attachedIn(reading, attached[0]!, await open(mail.attachments[attached[0]!]!));
  if (isDoubtfulForward(mail.subject) && !quoted[0]!.forward) return doubt('its subject may be that of an answer');
  return quotedIn(reading, lines, quoted[0]!);
}

/** Yahoo's plain part has the whole header in one line: its HTML part has it in several. */
function linesOf(mail: Mail): readonly Line[] {
  const { lines, isHtml } = bodyLines(mail);
  if (isHtml || mail.html === null) return lines;
  const [first] = headingsOf(lines);
  return first === undefined || fieldsOf(lines, first.start, first.end).has('from')
    ? lines
    : htmlLines(mail.html).lines;
}

function doubt(reason: string): Forward {
  return { kind: 'doubt', reason };
}

function isMail({ contentType }: MailAttachment): boolean {
  return contentType === 'message/rfc822' || contentType === 'message/global';
}

// ---------------------------------------------------------------- attached

function attachedIn({ text }: Reading, attached: number, mail: Mail | null): Forward {
  if (mail === null) return doubt('the attached mail cannot be read');
  const original = readMail(mail, NOTHING_KNOWN);
  if (original.kind !== 'reply') return doubt(`the attached mail is no person's (${original.kind})`);
  if (mail.from === null) return doubt('the attached mail names no writer');
  const { text: words, quotedText, signature } = text;
  const evidence = [...original.evidence, 'forward: the attached mail'];
  return { kind: 'one', original: { ...original, evidence }, attached, words: { text: words, quotedText, signature } };
}

// ---------------------------------------------------------------- written into the body

/**
 * The lines that begin a mail in the body: the first, and every one that announces a forwarded mail at its depth or
 * above. Apple Mail and Open-Xchange quote all of it, that line too. What else looks like a header block below the
 * first is the history of that mail.
 */
function headingsOf(lines: readonly Line[]): readonly Heading[] {
  const found: Heading[] = [];
  let depth = 1;
  let index = 0;
  while (index < lines.length && found.length < 2) {
    const line = lines[index]!;
    const heading = line.depth > depth || isBlank(line) ? null : headingAt(lines, index);
    index += 1;
    // Fields alone within a quote are its own.
    if (heading === null || (!heading.forward && (found.length > 0 || (line.depth > 0 && isField(line))))) continue;
    index = Math.max(index, heading.end);
    const [first] = found;
    if (first !== undefined && first.end === heading.start && first.what === heading.what) {
      // Zoho writes its line above the header block and below it.
      found[0] = { ...first, end: heading.end };
      continue;
    }
    found.push(heading);
    depth = lines[heading.end - 1]!.depth;
  }
  return found;
}

function isField({ key }: Line): boolean {
  return fieldOf(key) !== null;
}

function quotedIn(reading: Reading, lines: readonly Line[], heading: Heading): Forward {
  const { mail } = reading;
  const end = endOfRecipients(lines, heading);
  const fields = fieldsOf(lines, heading.start, end);
  const next = lines[end];
  // Part of a header that stands behind its end may be the true one: somebody's long subject can look like a From.
  if (next !== undefined && (fieldOf(next.key)?.kind ?? 'other') !== 'other')
    return doubt('its header block is unclear');
  const writer = writerIn(fields.get('from') ?? '');
  if (writer === null) return doubt('its header block names no address, or several');
  const depth = lines[end - 1]!.depth;
  const body = bodyBelow(lines, end, depth);
  const subject = cleanSubject(fields.get('subject') ?? '') || stripForwardPrefixes(mail.subject);
  const text = splitReply({ plain: body.text, html: null }, NOTHING_KNOWN, { subject });
  const above = lines.slice(0, heading.start).map(line => line.raw);
  const words = wordsOf([...above, ...body.below].join('\n'));
  const isBare = words.text === '';
  const original: Reading = {
    ...reading,
    evidence: [
      ...reading.evidence,
      `forward: the mail below line ${heading.start + 1} ("${heading.what}")`,
      ...(isBare || reading.html === null ? [] : ["html: left out, because the forwarder's words stand in it"]),
      ...text.evidence,
    ],
    text,
    html: isBare ? reading.html : null,
    mail: {
      ...mail,
      from: writer,
      sender: null,
      replyTo: [],
      to: parseMailboxes([fields.get('to') ?? '']),
      cc: parseMailboxes([fields.get('cc') ?? '']),
      subject,
      date: dateIn(fields.get('sent') ?? fields.get('date') ?? '', firstValue(mail.headers, 'date')),
      inReplyTo: [],
      references: [],
    },
  };
  return { kind: 'one', original, attached: null, words };
}

function wordsOf(plain: string): Omit<ReplyText, 'evidence'> {
  const { text, quotedText, signature } = splitReply({ plain, html: null }, NOTHING_KNOWN);
  return { text, quotedText, signature };
}

/** One past the header: a list of recipients at its end may go on over several lines. */
function endOfRecipients(lines: readonly Line[], { end, start }: Heading): number {
  let at = end;
  const last = fieldOf(lines[at - 1]!.key)?.kind;
  if (last !== 'to' && last !== 'cc') return at;
  while (at < lines.length && at < start + 100 && /[,;]$/.test(lines[at - 1]!.key) && lines[at]!.key.includes('@'))
    at++;
  return at;
}

/** The value of each field, the first of its kind, with the lines that it goes on over. */
function fieldsOf(lines: readonly Line[], start: number, end: number): ReadonlyMap<HeaderKind, string> {
  const fields = new Map<HeaderKind, string>();
  let last: HeaderKind | null = null;
  for (let index = start; index < end; index++) {
    const { key } = lines[index]!;
    const field = announcedFieldOf(key);
    if (field !== null) {
      last = fields.has(field.kind) ? null : field.kind;
      if (last !== null) fields.set(last, field.value);
    } else if (last !== null && key !== '') fields.set(last, `${fields.get(last)} ${key}`);
  }
  return fields.size > 0 ? fields : bareFieldsOf(lines.slice(start, end));
}

/** eM Client writes its fields without colons. */
function bareFieldsOf(lines: readonly Line[]): ReadonlyMap<HeaderKind, string> {
  const fields = new Map<HeaderKind, string>();
  for (const { key } of lines) {
    const label = /^\S{1,20}(?= \S)/.exec(key)?.[0] ?? '';
    const kind = HEADER_LABELS.get(lowered(label));
    if (kind !== undefined && !fields.has(kind)) fields.set(kind, key.slice(label.length + 1));
  }
  return fields;
}

/** The one person in a From of a header block, in the spellings of mail programs; null: none, or several addresses. */
function writerIn(written: string): Mailbox | null {
  const value = written.slice(0, 1_000);
  const addresses = new Map<string, string>();
  let from = -1;
  let to = 0;
  for (const match of value.matchAll(/[^\s<>()[\]",;:]{1,64}@[^\s<>()[\]",;:]{1,255}/g)) {
    const email = normalizeAddress(match[0].replaceAll(/^['\u2018*]+|['\u2019*.]+$/g, ''));
    if (email === null) return null;
    addresses.set(foldAddress(email), email);
    if (from === -1) from = match.index;
    to = match.index + match[0].length;
  }
  const [email] = addresses.values();
  if (email === undefined || addresses.size > 1) return null;
  // Behind the address stands nothing but its brackets, or a name in its own ("on behalf of" speaks of somebody else).
  const behind = /^[\s>\])"'*.;]*(?:\(([^()@]{0,200})\))?\s*$/.exec(value.slice(to));
  if (behind === null) return null;
  const before = value.slice(0, from).replace(/[<([]?\s*(?:(?:mailto|smtp):)?\s*$/i, '');
  return {
    name: cleanSubject(before.trim() === '' ? (behind[1] ?? '') : before).replaceAll(/^["'\s]+|["'\s]+$/g, ''),
    email,
  };
}

/** Without a zone it is the forwarder's own, because his program wrote it. */
function dateIn(written: string, dateOfForward: string): string | null {
  const zone = /[+-]\d{4}\b/.exec(dateOfForward)?.[0] ?? '';
  const value = written
    .slice(0, 200)
    .replaceAll(/[\s\u00a0\u202f]+/g, ' ')
    .replace(/,? (?:at|um|à|às|a las|alle(?: ore)?|kl\.?|klo|om|o|ob|u|в|о|la)(?= \d{1,2}[:.h]\d{2})/iu, '')
    .replace(/ (?:uhr|h)\b/i, '');
  return parseDate(`${value} ${zone}`.trim());
}

const END_OF_FORWARD = /^-{2,}\s?end (?:of )?forwarded message\s?-{2,}$/i;

/** The mail below its header without the quote signs around all of it, and what the forwarder wrote below that. */
function bodyBelow(lines: readonly Line[], start: number, depth: number): { text: string; below: readonly string[] } {
  let end = lines.length;
  const closing = lines.findIndex((line, index) => index >= start && END_OF_FORWARD.test(line.key));
  if (closing !== -1) end = closing;
  if (depth > 0) while (end > start && lines[end - 1]!.depth < depth) end -= 1;
  const body = lines.slice(start, end);
  const signs = body.reduce((least, line) => (isBlank(line) ? least : Math.min(least, line.depth)), 100);
  const text = body.map(line => unquoted(line, Math.max(depth, signs)));
  const below = lines.slice(closing === end ? end + 1 : end).map(line => line.raw);
  return { text: text.join('\n').trim(), below };
}

function unquoted(line: Line, depth: number): string {
  let { raw } = line;
  for (let sign = 0; sign < Math.min(depth, line.depth); sign++) raw = raw.replace(/^\s{0,3}> ?/, '');
  return raw;
}
