/**
 * The courier that sends nothing: each mail becomes `<delivery id>.eml` in a folder, byte for byte what a smarthost
 * would get, and `<delivery id>.json` holds its envelope. It is the default, so that nothing leaves a machine by accident.
 *
 * `sent` means that both files are synced and renamed into place, the .eml last: a reader of the folder never sees half a
 * mail or one without its envelope. A second attempt replaces the files. A folder that can't be written (no permission,
 * disk full, gone) is trouble of the destination; a mail that can't be read is retried.
 */
import { mkdir, open, rename } from 'node:fs/promises';
import path from 'node:path';
import { errorText } from '../base/errors.js';
import type { Courier, MailParcel, Outcome, Parcel } from '../conversation/ports.js';
import { copyBytes, writeSynced } from './render.js';

/** A courier that writes into `folder`, which is made (0700) when it is not there. */
export function createFileCourier(options: { readonly folder: string }): Courier {
  return { deliver: parcel => deliver(parcel, options.folder), close: async () => {} };
}

async function deliver(parcel: Parcel, folder: string): Promise<Outcome> {
  if (parcel.kind === 'webhook') return { kind: 'retry', response: 'no mail: it does not belong in this queue' };
  if (!/^[A-Za-z0-9_-]{1,100}$/.test(parcel.deliveryId)) {
    return { kind: 'retry', response: `the delivery id ${JSON.stringify(parcel.deliveryId)} makes no file name` };
  }
  const target = path.join(folder, parcel.deliveryId);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await write(`${target}.json`, [envelope(parcel)]);
    await write(`${target}.eml`, copyBytes(parcel));
    await syncFolder(folder);
  } catch (error) {
    return { kind: isTrouble(error, folder) ? 'trouble' : 'retry', response: errorText(error) };
  }
  return { kind: 'sent', response: `written to ${target}.eml` };
}

function envelope(parcel: MailParcel): Buffer {
  const { deliveryId, attempt, mailFrom, rcptTo, messageId } = parcel;
  const fields = { delivery_id: deliveryId, attempt, mail_from: mailFrom, rcpt_to: rcptTo, message_id: messageId };
  return Buffer.from(`${JSON.stringify(fields, null, 2)}\n`);
}

/** A reader of the folder sees all of it or nothing. */
async function write(file: string, chunks: Iterable<Buffer> | AsyncIterable<Buffer>): Promise<void> {
  await writeSynced(`${file}.tmp`, chunks);
  await rename(`${file}.tmp`, file);
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A fault that names the folder, or that any write would meet. The mail's own file is somewhere else. */
function isTrouble(error: unknown, folder: string): boolean {
  const { code, path: place } = error as { code?: unknown; path?: unknown };
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EROFS' || code === 'EIO') return true;
  return typeof place === 'string' && (place === folder || path.dirname(place) === path.normalize(folder));
}
