/**
 * Outlook's container, winmail.dat (MS-OXTNEF): the files in it, the body, the class of the message (MS-OXCMSG). It is a
 * reader of our own because the packages for it are not kept any more, and it takes only what a mail shows.
 *
 * It is lenient as to checksums and takes what stands before a fault. At most 20,000 attributes, 2,000 properties of each
 * message or file and 200 files are read; `isWhole` is false when something was left out. Nothing is copied, and it is
 * linear and never throws: what is no TNEF is null. What is nested is given as it stands: the caller bounds the depth.
 */
import { decodeText } from './charset.js';
import { decompressedRtf, wordsOfRtf } from './rtf.js';

const MAX_ATTRIBUTES = 20_000;
const MAX_PROPERTIES = 2_000;
const MAX_FILES = 200;

export interface TnefFile {
  /** As given; '' without one. */
  readonly name: string;
  readonly contentType: string;
  readonly contentId: string | null;
  readonly bytes: Buffer;
  /** The bytes are a TNEF: a message inside of the message. */
  readonly isMessage: boolean;
}

export interface Tnef {
  /** `IPM.Note`, `REPORT.IPM.Note.IPNRN` …; '' when it says nothing. */
  readonly messageClass: string;
  readonly subject: string;
  readonly body: { readonly text: string; readonly isHtml: boolean } | null;
  readonly files: readonly TnefFile[];
  readonly isWhole: boolean;
}

const SIGNATURE = 0x223e9f78;

/** Attributes (MS-OXTNEF section 2.1.3.2), without their types. */
const A = {
  subject: 0x8004,
  messageClass: 0x8008,
  body: 0x800c,
  properties: 0x9003,
  codePage: 0x9007,
  fileBegins: 0x9002,
  fileTitle: 0x8010,
  fileData: 0x800f,
  fileProperties: 0x9005,
} as const;

/** Properties (MS-OXPROPS). */
const P = {
  messageClass: 0x001a,
  subject: 0x0037,
  body: 0x1000,
  rtf: 0x1009,
  html: 0x1013,
  displayName: 0x3001,
  data: 0x3701,
  filename: 0x3704,
  longFilename: 0x3707,
  mimeTag: 0x370e,
  contentId: 0x3712,
  internetCodePage: 0x3fde,
} as const;

const UNICODE = 0x1f;
const OBJECT = 0x0d;

interface Value {
  readonly type: number;
  readonly bytes: Buffer;
}
type Properties = Map<number, Value>;

interface FileDraft {
  title: Buffer | null;
  data: Buffer | null;
  properties: Properties;
}

/** True when the bytes begin like a TNEF. */
export function isTnef(bytes: Uint8Array): boolean {
  return bytes.length >= 6 && Buffer.from(bytes.buffer, bytes.byteOffset, 4).readUInt32LE(0) === SIGNATURE;
}

export function readTnef(bytes: Buffer): Tnef | null {
  if (!isTnef(bytes)) return null;
  const message = new Map<number, Buffer>();
  const drafts: FileDraft[] = [];
  let properties: Properties = new Map();
  let isWhole = true;
  let at = 6;
  for (let count = 0; at + 9 <= bytes.length; count += 1) {
    const id = bytes.readUInt16LE(at + 1);
    const from = at + 9;
    const to = from + bytes.readUInt32LE(at + 5);
    const value = bytes.subarray(from, to);
    if (to > bytes.length || count === MAX_ATTRIBUTES) isWhole = false;
    if (count === MAX_ATTRIBUTES) break;
    at = to + 2;
    const file = drafts.at(-1);
    if (bytes[from - 9] === 1) {
      if (id === A.properties) properties = propertiesOf(value);
      else if (!message.has(id)) message.set(id, value);
    } else if (id === A.fileBegins) {
      if (drafts.length < MAX_FILES) drafts.push({ title: null, data: null, properties: new Map() });
      else isWhole = false;
    } else if (file !== undefined) {
      if (id === A.fileTitle) file.title = value;
      else if (id === A.fileData) file.data = value;
      else if (id === A.fileProperties) file.properties = propertiesOf(value);
    }
  }
  const page = message.get(A.codePage);
  const codePage = `cp${page !== undefined && page.length >= 4 ? page.readUInt32LE(0) : 1252}`;
  const text = (attribute: number, property: number) =>
    textOf(properties.get(property), codePage) || plainText(message.get(attribute), codePage);
  return {
    messageClass: text(A.messageClass, P.messageClass).slice(0, 200),
    subject: text(A.subject, P.subject).slice(0, 1_000),
    body: bodyOf(properties, codePage, plainText(message.get(A.body), codePage)),
    files: drafts.map(draft => fileOf(draft, codePage)).filter(file => file !== null),
    isWhole,
  };
}

function bodyOf(properties: Properties, codePage: string, attribute: string): Tnef['body'] {
  const html = properties.get(P.html);
  const internet = properties.get(P.internetCodePage)?.bytes;
  const charset = internet !== undefined && internet.length >= 4 ? `cp${internet.readUInt32LE(0)}` : codePage;
  const htmlText = textOf(html, charset);
  if (htmlText.trim() !== '') return { text: htmlText, isHtml: true };
  const rtf = properties.get(P.rtf);
  const words = rtf === undefined ? null : wordsOfRtf(decompressedRtf(rtf.bytes));
  if (words?.isHtml === true && words.text.trim() !== '') return words;
  const plain = textOf(properties.get(P.body), codePage) || attribute;
  if (plain.trim() !== '') return { text: plain, isHtml: false };
  return words !== null && words.text.trim() !== '' ? words : null;
}

function fileOf({ title, data, properties }: FileDraft, codePage: string): TnefFile | null {
  const text = (property: number) => textOf(properties.get(property), codePage).trim();
  const own = properties.get(P.data);
  // In front of an object stands the id of its interface.
  const object = own?.type === OBJECT ? own.bytes.subarray(16) : null;
  const isMessage = object !== null && isTnef(object);
  const bytes = isMessage ? object : (data ?? object ?? own?.bytes ?? null);
  if (bytes === null) return null;
  return {
    name: text(P.longFilename) || text(P.filename) || plainText(title, codePage).trim() || text(P.displayName),
    contentType: text(P.mimeTag).toLowerCase(),
    contentId: text(P.contentId).replaceAll(/^<|>$/g, '') || null,
    bytes,
    isMessage,
  };
}

function textOf(value: Value | undefined, charset: string): string {
  if (value === undefined) return '';
  return plainText(value.bytes, value.type === UNICODE ? 'utf-16le' : charset, value.type === UNICODE ? 2 : 1);
}

/** Strings end with NUL. */
function plainText(bytes: Buffer | null | undefined, charset: string, width = 1): string {
  if (bytes === null || bytes === undefined) return '';
  if (width === 2) return decodeWide(bytes);
  const end = bytes.indexOf(0);
  return decodeText(end < 0 ? bytes : bytes.subarray(0, end), charset).replaceAll('\r\n', '\n');
}

function decodeWide(bytes: Buffer): string {
  const text = bytes.toString('utf16le').replace(/\0.*$/s, '');
  return text.toWellFormed().replaceAll('\r\n', '\n');
}

/** How many bytes a value of a fixed type takes; 0: it has a length in front. */
function widthOf(type: number): number {
  if ([0x02, 0x03, 0x04, 0x0a, 0x0b].includes(type)) return 4;
  if ([0x05, 0x06, 0x07, 0x14, 0x40].includes(type)) return 8;
  return type === 0x48 ? 16 : 0;
}

/** The first value of each property (MS-OXTNEF section 2.1.3.4), as far as they can be read. */
function propertiesOf(bytes: Buffer): Properties {
  const found: Properties = new Map();
  if (bytes.length < 4) return found;
  const count = Math.min(bytes.readUInt32LE(0), MAX_PROPERTIES);
  let at = 4;
  for (let index = 0; index < count && at + 4 <= bytes.length; index += 1) {
    const type = bytes.readUInt16LE(at);
    const id = bytes.readUInt16LE(at + 2);
    at += 4;
    if (id >= 0x8000) {
      at += 16;
      if (at + 8 > bytes.length) break;
      const isNamed = bytes.readUInt32LE(at) === 1;
      at += isNamed ? 8 + padded(bytes.readUInt32LE(at + 4)) : 8;
    }
    const isMultiple = (type & 0x1000) !== 0;
    const single = type & 0xfff;
    const width = widthOf(single);
    let values = 1;
    if (isMultiple || width === 0) {
      if (at + 4 > bytes.length) break;
      values = bytes.readUInt32LE(at);
      at += 4;
    }
    if (width > 0) {
      if (!isMultiple && at + width <= bytes.length)
        found.set(id, { type: single, bytes: bytes.subarray(at, at + width) });
      at += values * width;
      continue;
    }
    for (let value = 0; value < values && at + 4 <= bytes.length; value += 1) {
      const length = bytes.readUInt32LE(at);
      at += 4;
      if (value === 0 && !found.has(id)) found.set(id, { type: single, bytes: bytes.subarray(at, at + length) });
      at += padded(length);
    }
  }
  return found;
}

function padded(length: number): number {
  return Math.ceil(length / 4) * 4;
}
