/**
 * What each part of a mail is to people: text, a report, a file, a container. The headers of all parts decide together,
 * before a content is read.
 *
 * Programs call bodies attachments, and give them names. So a text is the body where its place says so (an alternative,
 * the root of a multipart/related, a mail of one part), and where no other part is text. A text that is called an
 * attachment by name beside a body is a file. Forms of the body that nobody shows (AMP, watch) are left out beside one
 * that is shown. Nothing throws.
 */
import { filenameOf, type Part } from './parts.js';

/**
 * `text file`: it is text, and kept as a file too. `form`: one more form of a body that is read. `report` and `returned
 * header`: of a machine.
 */
export type Role = 'text' | 'text file' | 'form' | 'container' | 'report' | 'returned header' | 'file';

const REPORT_TYPES = new Set([
  'message/delivery-status',
  'message/global-delivery-status',
  'message/disposition-notification',
  'message/global-disposition-notification',
  'message/feedback-report',
]);

/** Texts that are data, also where they have no name. */
const DATA_TYPE = /^text\/(?:calendar|x?-?vcard|directory|csv|xml|css|javascript|rfc822-headers)$/;
/** Texts that a mail of one part may be, read as they stand. */
const READABLE_TYPE = /^text\/(?:enriched|richtext|markdown|x-(?:web-)?markdown|flowed|unknown|x-[a-z]*plain)$/;

/** The roles of parts that stand together in a mail, in their order. `hasText`: an earlier part of the mail is text. */
export function rolesOf(parts: readonly Part[], hasText: boolean): readonly Role[] {
  const texts: Part[] = [];
  const roles = parts.map((part): Role | 'named text' => {
    const role = roleOf(part, texts, hasText);
    if (role === 'text') texts.push(part);
    return role;
  });
  let missing = texts.length === 0 && !hasText;
  return roles.map((role, at) => {
    const part = parts[at]!;
    if (role === 'form') return texts.some(text => isInside(text, part.parent!)) ? 'form' : 'text';
    if (role !== 'named text') return role;
    const isBody = missing && (part.disposition !== 'attachment' || part.parent === null || isMadeUp(part));
    if (!isBody) return 'file';
    missing = false;
    return part.parent !== null && (isMadeUp(part) || isNameOfBody(part)) ? 'text' : 'text file';
  });
}

function roleOf(part: Part, texts: readonly Part[], hasText: boolean): Role | 'named text' {
  const { type, parent } = part;
  if (part.isMultipart) return 'container';
  if (REPORT_TYPES.has(type)) return 'report';
  if (type === 'text/rfc822-headers' || type === 'message/global-headers') {
    return isInReport(part) ? 'returned header' : 'file';
  }
  const isAlternative = parent?.type === 'multipart/alternative';
  if (type !== 'text/plain' && type !== 'text/html' && type !== '') {
    const isNameless = filenameOf(part) === '' && part.disposition !== 'attachment';
    if (isAlternative && isNameless && type.startsWith('text/') && !DATA_TYPE.test(type)) return 'form';
    return parent === null && READABLE_TYPE.test(type) && part.disposition !== 'attachment' ? 'text' : 'file';
  }
  if (type === '' && filenameOf(part) !== '') return isNameOfText(part) ? 'named text' : 'file';
  if (isAlternative && !texts.some(text => text.parent === parent && text.type === type)) return 'text';
  if (parent?.type === 'multipart/related' && part.index === 0 && part.disposition !== 'attachment') return 'text';
  if (part.disposition === 'attachment') return 'named text';
  // Some gateways give the body itself a name, in its Content-Type; a file has it in its disposition too.
  const isNamed = filenameOf(part) !== '' && (part.disposition !== '' || texts.length > 0 || hasText);
  return isNamed ? 'named text' : 'text';
}

/** True within a multipart/report. */
export function isInReport(part: Part): boolean {
  for (let { parent } = part; parent !== null; parent = parent.parent)
    if (parent.type === 'multipart/report') return true;
  return false;
}

function isInside(part: Part, whole: Part): boolean {
  for (let { parent } = part; parent !== null; parent = parent.parent) if (parent === whole) return true;
  return false;
}

function isNameOfText(part: Part): boolean {
  return /\.(?:txt|text|html?|asc|log|md)$/i.test(filenameOf(part));
}

/** No name, or one that programs make up for a body. */
function isMadeUp(part: Part): boolean {
  return /^(?:(?:body|message|mail|text|part|content|untitled|noname|att)[-_ ]?[\d.]{0,8}(?:\.(?:txt|html?))?)?$/i.test(
    filenameOf(part),
  );
}

/** What stands in the mail as text is not needed as a file too. */
function isNameOfBody(part: Part): boolean {
  return part.disposition !== 'attachment' && (isNameOfText(part) || !filenameOf(part).includes('.'));
}
