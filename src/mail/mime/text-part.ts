/**
 * A text part's bytes as text for people: transfer encoding, charset, line ends (LF), soft wrapping.
 *
 * It doubts what a part says about itself where the bytes say otherwise: base64 that is none or has plain lines around it, a charset that stands
 * only in the HTML, a missing blank line that made the text part of the header, a boundary that never comes. It is
 * linear and never throws.
 */
import { base64Pieces } from './base64-text.js';
import { paragraph } from './body.js';
import { decodeText } from './charset.js';
import { unflow } from './flowed.js';
import type { Part } from './parts.js';
import { transferDecode } from './transfer.js';

/** `raw`: the part's encoded bytes. */
export function decodeTextPart(part: Part, raw: Uint8Array): string {
  const content =
    part.header.malformedAt >= 0 && isBlank(raw) ? part.headerBytes.subarray(part.header.malformedAt) : raw;
  const text =
    part.encoding === 'base64' ? decodeBase64Part(part, content) : textOf(part, transferDecode(content, part.encoding));
  return part.flowed && part.type === 'text/plain' ? unflow(text, part.delSp) : text;
}

/** Plain lines around the base64 stay as they are, apart from it. */
function decodeBase64Part(part: Part, content: Uint8Array): string {
  const pieces = base64Pieces(content);
  const texts = pieces.map(({ from, to, isBase64 }) => {
    const bytes = content.subarray(from, to);
    if (isBase64) return textOf(part, transferDecode(bytes, 'base64'));
    const text = textOf(part, bytes);
    return pieces.length > 1 && part.type === 'text/html' && !/<[a-z!/]/i.test(text) ? paragraph(text) : text;
  });
  return texts.length === 1 ? texts[0]! : texts.map(text => text.replace(/^\n+/, '').trimEnd()).join('\n\n');
}

function textOf(part: Part, bytes: Uint8Array): string {
  const charset = part.charset ?? (part.type === 'text/html' ? charsetOfHtml(bytes) : null);
  return withLineFeeds(decodeText(bytes, charset));
}

/** CRLF and CR as LF; a pattern for both at once takes twice the time. */
function withLineFeeds(text: string): string {
  const unix = text.includes('\r') ? text.replaceAll('\r\n', '\n') : text;
  return unix.includes('\r') ? unix.replaceAll('\r', '\n') : unix;
}

function isBlank(bytes: Uint8Array): boolean {
  return bytes.every(byte => byte <= 32);
}

/** The charset that a page names in its first KiB, or null. */
function charsetOfHtml(bytes: Uint8Array): string | null {
  const head = Buffer.from(bytes.subarray(0, 1024)).toString('latin1');
  return /<meta[^>]{0,200}charset\s{0,9}=\s{0,9}["']?([a-z0-9_:.-]{1,40})/i.exec(head)?.[1] ?? null;
}

/**
 * A multipart in which its boundary was not found, with the one that its content really uses: a line of `--x` directly
 * above a MIME field. null when there is none.
 */
export function withFoundBoundary(part: Part, content: Uint8Array): Uint8Array | null {
  const head = Buffer.from(content.subarray(0, 64 * 1024)).toString('latin1');
  const found = /(?:^|\n)--([!-~]{1,70})[ \t]{0,9}\r?\ncontent-[a-z-]{2,30}:/i.exec(head)?.[1];
  if (found === undefined || found.includes('"') || found.includes('\\')) return null;
  return Buffer.concat([Buffer.from(`Content-Type: ${part.type}; boundary="${found}"\r\n\r\n`), content]);
}
