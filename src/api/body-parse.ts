/**
 * A JSON body → its value. The base64 of attachments is decoded and taken out: `content` becomes a place in `parts`.
 * Synchronous and linear in the size. Small bodies are parsed in place, large ones in a thread of their own
 * (body-worker.ts), and beside its base64 a body has at most MAX_JSON bytes: a value of millions of parts is never made.
 *
 * Throws too_large, invalid_json or invalid (no base64), and says where.
 */
import { hash } from 'node:crypto';
import type { BodyContent } from '../base/body.js';
import { errorText, ReplydError } from '../base/errors.js';

export interface RequestBody {
  readonly value: unknown;
  /** SHA-256 of the bytes, hex. */
  readonly sha256: string;
  /** Contents of attachments, in the order of the body. */
  readonly parts: readonly { readonly content: BodyContent; readonly size: number; readonly sha256: string }[];
  /** The value is as its schema says. */
  readonly checked?: boolean;
}

/** Bytes of JSON beside attachments: the longest text fits in every spelling (`MAX_TEXT` times six). */
export const MAX_JSON = 2 * 1024 * 1024;
/** A text of base64 that is as long may be an attachment. */
const ATTACHMENT = 1024;

/** `keep`: puts a decoded attachment where it is to stay. `check`: throws when the value is not as it should be. */
export function parseBody(
  bytes: Uint8Array,
  keep: (bytes: Uint8Array) => BodyContent,
  check: (value: unknown) => void = () => undefined,
): RequestBody {
  refuseMuchJson(bytes);
  const contents: Uint8Array[] = [];
  const value = bytes.length === 0 ? {} : parseJson(bytes);
  for (const message of [value, ...listAt(value, 'messages')]) {
    for (const attachment of listAt(message, 'attachments')) {
      if (!isObject(attachment) || typeof attachment.content !== 'string') continue;
      contents.push(decode(attachment.content, contents.length));
      attachment.content = String(contents.length - 1);
    }
  }
  check(value);
  const parts = contents.map(each => ({ content: keep(each), size: each.length, sha256: hash('sha256', each) }));
  return { value, sha256: hash('sha256', bytes), parts };
}

/** Goes from text to text, no further than it has to. */
function refuseMuchJson(bytes: Uint8Array): void {
  if (bytes.length <= MAX_JSON) return;
  const json = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  let left = MAX_JSON;
  for (let at = 0; at < json.length; ) {
    const open = json.indexOf(QUOTE, at);
    const close = open === -1 ? -1 : endOfText(json, open + 1);
    const end = close === -1 ? json.length : close + 1;
    const isLong = close - open > ATTACHMENT && BASE64.test(json.toString('latin1', open + 1, close));
    left -= isLong ? open - at : end - at;
    if (left < 0) {
      throw new ReplydError('too_large', `The body has more than ${MAX_JSON} bytes of JSON beside its attachments.`);
    }
    at = end;
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** As JSON may write it. */
const BASE64 = /^[\w+/=\\-]*$/;

/** Where the quote is that ends the text; -1: nowhere. */
function endOfText(json: Buffer, from: number): number {
  for (let at = json.indexOf(QUOTE, from); at !== -1; at = json.indexOf(QUOTE, at + 1)) {
    let slashes = 0;
    while (json[at - 1 - slashes] === BACKSLASH) slashes += 1;
    if (slashes % 2 === 0) return at;
  }
  return -1;
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new ReplydError('invalid_json', `The body is no JSON: ${errorText(error).slice(0, 200)}`, {
      details: { reason: 'no_json' },
    });
  }
}

function decode(text: string, index: number): Uint8Array {
  const bytes = Buffer.from(text, 'base64');
  // The decoder skips what it does not know: then there are fewer bytes than there should be.
  const digits = text.replaceAll(/[\r\n=]/g, '').length;
  if (bytes.length !== Math.floor((digits * 3) / 4) || digits % 4 === 1) {
    throw new ReplydError('invalid', `The content of attachment ${index + 1} is no base64 (RFC 4648).`);
  }
  return bytes;
}

function listAt(value: unknown, name: string): readonly unknown[] {
  const list = isObject(value) ? value[name] : undefined;
  return Array.isArray(list) ? list : [];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
