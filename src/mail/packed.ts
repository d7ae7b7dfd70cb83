/**
 * A reading on its way between threads: one text, written where the mail was read and opened only where it is filed. As
 * an object it would be taken apart and put together again at each of two borders, which cost a tenth of all that is
 * done for a mail. The contents of attachments are bytes and go beside it.
 */
import type { Reading } from './mail.js';

/** JSON of a Reading whose attachments have no content. */
export type PackedReading = string & { readonly packed: 'reading' };

/** Whoever wants the bodies whole has the raw mail; what is new in them stands in the reading. */
export function packReading(reading: Reading): PackedReading {
  const attachments = reading.mail.attachments.map(attachment => ({ ...attachment, content: undefined }));
  return JSON.stringify({
    ...reading,
    mail: { ...reading.mail, plain: null, html: null, attachments },
  }) as PackedReading;
}

/** The attachments' contents are empty. */
export function unpackReading(packed: PackedReading): Reading {
  const reading = JSON.parse(packed) as Reading;
  const attachments = reading.mail.attachments.map(attachment => ({ ...attachment, content: { bytes: NOTHING } }));
  return attachments.length === 0 ? reading : { ...reading, mail: { ...reading.mail, attachments } };
}

const NOTHING = new Uint8Array(0);
