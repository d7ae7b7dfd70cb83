/**
 * winmail.dat as what a mail shows of it: its body, its files, and what stands in messages inside of it, three deep. A
 * message inside gives its body as a file of its own. Nothing throws: what is no winmail.dat is null.
 */
import { isMediaType } from './filename.js';
import { isTnef, readTnef, type Tnef, type TnefFile } from './tnef.js';

const MAX_DEPTH = 3;
const MAX_FILES = 200;

export interface OpenedFile {
  readonly filename: string;
  readonly contentType: string;
  readonly contentId: string | null;
  readonly bytes: Uint8Array;
}

export interface Winmail {
  readonly messageClass: string;
  readonly body: Tnef['body'];
  readonly files: readonly OpenedFile[];
  /** It shows all that is in it: a note, and no appointment, contact or form of Outlook's. */
  readonly isAll: boolean;
}

export function openedWinmail(bytes: Buffer): Winmail | null {
  const tnef = readTnef(bytes);
  if (tnef === null) return null;
  const files: OpenedFile[] = [];
  let isAll = tnef.isWhole;
  const open = (each: TnefFile, depth: number) => {
    const inner = depth < MAX_DEPTH && (each.isMessage || isTnef(each.bytes)) ? readTnef(each.bytes) : null;
    if (files.length >= MAX_FILES) isAll = false;
    else if (inner === null) files.push(fileOf(each));
    else {
      isAll &&= inner.isWhole;
      if (inner.body !== null) files.push(bodyFile(inner, each.name));
      for (const file of inner.files) open(file, depth + 1);
    }
  };
  for (const file of tnef.files) open(file, 1);
  return { messageClass: tnef.messageClass, body: tnef.body, files, isAll: isAll && isNote(tnef.messageClass) };
}

function isNote(messageClass: string): boolean {
  return /^$|^IPM\.(?:Note$|Microsoft Mail\.)|^REPORT\./i.test(messageClass);
}

function fileOf({ name, contentType, contentId, bytes, isMessage }: TnefFile): OpenedFile {
  if (isMessage) return { filename: `${name || 'message'}.dat`, contentType: 'application/ms-tnef', contentId, bytes };
  const type = isMediaType(contentType) ? contentType : 'application/octet-stream';
  return { filename: name, contentType: type, contentId, bytes };
}

/** The words of a message inside. */
function bodyFile({ subject, body }: Tnef, name: string): OpenedFile {
  const title = (subject || name || 'message').replaceAll(/[/\\]+/g, ' ').slice(0, 150);
  const [extension, contentType] = body!.isHtml ? ['html', 'text/html'] : ['txt', 'text/plain'];
  return { filename: `${title}.${extension}`, contentType, contentId: null, bytes: Buffer.from(body!.text) };
}
