/**
 * Names of attachments: the real one, made safe to show and to save, or one made up from the type. A name is never a
 * path and never empty. It has no controls, no characters that turn the direction of text (`exe.gpj` tricks), and at
 * most 200 characters with the extension kept.
 */

import { cutText } from '../cut.js';

const MAX_NAME = 200;

/** Extensions for the types that people send without a name; everything else is `.bin`. */
const EXTENSIONS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    'application/gzip': 'gz',
    'application/json': 'json',
    'application/msword': 'doc',
    'application/ms-tnef': 'dat',
    'application/pdf': 'pdf',
    'application/pgp-encrypted': 'asc',
    'application/pgp-keys': 'asc',
    'application/pgp-signature': 'asc',
    'application/pkcs7-mime': 'p7m',
    'application/pkcs7-signature': 'p7s',
    'application/rtf': 'rtf',
    'application/vnd.ms-excel': 'xls',
    'application/vnd.ms-powerpoint': 'ppt',
    'application/vnd.oasis.opendocument.spreadsheet': 'ods',
    'application/vnd.oasis.opendocument.text': 'odt',
    'application/vnd.openxmlformats-officedocument.presentationml.presentation': 'pptx',
    'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': 'xlsx',
    'application/vnd.openxmlformats-officedocument.wordprocessingml.document': 'docx',
    'application/x-pkcs7-mime': 'p7m',
    'application/x-pkcs7-signature': 'p7s',
    'application/xml': 'xml',
    'application/zip': 'zip',
    'audio/aac': 'aac',
    'audio/amr': 'amr',
    'audio/mp4': 'm4a',
    'audio/mpeg': 'mp3',
    'audio/ogg': 'ogg',
    'audio/wav': 'wav',
    'audio/x-wav': 'wav',
    'image/bmp': 'bmp',
    'image/gif': 'gif',
    'image/heic': 'heic',
    'image/jpeg': 'jpg',
    'image/jpg': 'jpg',
    'image/png': 'png',
    'image/svg+xml': 'svg',
    'image/tiff': 'tif',
    'image/webp': 'webp',
    'message/delivery-status': 'txt',
    'message/disposition-notification': 'txt',
    'message/feedback-report': 'txt',
    'message/global': 'eml',
    'message/rfc822': 'eml',
    'text/calendar': 'ics',
    'text/css': 'css',
    'text/csv': 'csv',
    'text/enriched': 'txt',
    'text/html': 'html',
    'text/markdown': 'md',
    'text/plain': 'txt',
    'text/richtext': 'rtx',
    'text/rtf': 'rtf',
    'text/vcard': 'vcf',
    'text/x-amp-html': 'html',
    'text/x-vcard': 'vcf',
    'text/xml': 'xml',
    'video/3gpp': '3gp',
    'video/mp4': 'mp4',
    'video/quicktime': 'mov',
  }),
);

/** `given` is the decoded name of the part or ''; `number` counts the mail's attachments from 1. */
export function attachmentName(given: string, contentType: string, number: number): string {
  const safe = safeName(given);
  if (safe === '') return madeUp(contentType, number);
  return isMessage(contentType) && !/\.eml$/i.test(safe) ? shortened(`${safe}.eml`) : safe;
}

/** True for a type of the form a/b, whatever a and b are. */
export function isMediaType(contentType: string): boolean {
  return /^[!-~][!-.0-~]*\/[!-~]+$/.test(contentType);
}

/** True for a mail inside a mail. */
export function isMessage(contentType: string): boolean {
  return contentType === 'message/rfc822' || contentType === 'message/global';
}

function madeUp(contentType: string, number: number): string {
  if (contentType === 'application/ms-tnef') return 'winmail.dat';
  const word = isMessage(contentType) ? 'message' : contentType.startsWith('image/') ? 'image' : 'attachment';
  return `${word}-${number}.${EXTENSIONS.get(contentType) ?? 'bin'}`;
}

function safeName(given: string): string {
  const clean = given
    .replaceAll(/[\x00-\x1f\x7f-\x9f]+/g, ' ')
    .replaceAll(/[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '')
    .toWellFormed();
  const last = clean.slice(Math.max(clean.lastIndexOf('/'), clean.lastIndexOf('\\')) + 1);
  const name = shortened(last.replace(/^[a-z]:/i, '').trim());
  return /^\.*$/.test(name) ? '' : name;
}

function shortened(name: string): string {
  if (name.length <= MAX_NAME) return name;
  const extension = /\.[^.]{1,16}$/.exec(name)?.[0] ?? '';
  return cutText(name, MAX_NAME - extension.length) + extension;
}
