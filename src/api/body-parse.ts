/**
 * A JSON body → its value. The base64 of attachments is decoded and taken out: `content` becomes a place in `parts`.
 * Synchronous and linear in the size. Small bodies are parsed in place, large ones in a thread of their own
 * (body-worker.ts).
 *
 * Throws invalid_json or invalid (no base64), and says where.
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
}

/** `keep`: puts a decoded attachment where it is to stay. */
export function parseBody(bytes: Uint8Array, keep: (bytes: Uint8Array) => BodyContent): RequestBody {
  const contents: Uint8Array[] = [];
  const value = bytes.length === 0 ? {} : parseJson(bytes);
  for (const message of [value, ...listAt(value, 'messages')]) {
    for (const attachment of listAt(message, 'attachments')) {
      if (!isObject(attachment) || typeof attachment.content !== 'string') continue;
      contents.push(decode(attachment.content, contents.length));
      attachment.content = String(contents.length - 1);
    }
  }
  const parts = contents.map(each => ({ content: keep(each), size: each.length, sha256: hash('sha256', each) }));
  return { value, sha256: hash('sha256', bytes), parts };
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
