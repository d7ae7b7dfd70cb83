/**
 * Repairs line ends that hide the end of a mail's header: CR alone (old files through a pipe) and CR CR LF (converted
 * twice). The first 4 KiB decide. A mail in order is given back as it is, and not copied.
 */

const DECIDING = 4096;
const LF = 10;
const CR = 13;

export function normalizeLineEndings(bytes: Buffer): Buffer {
  const head = bytes.toString('latin1', 0, DECIDING);
  if (head.includes('\r\r\n')) return withoutDoubledReturns(bytes);
  return !head.includes('\n') && head.slice(0, -1).includes('\r') ? withLineFeeds(bytes) : bytes;
}

function withoutDoubledReturns(bytes: Buffer): Buffer {
  const out = Buffer.allocUnsafe(bytes.length);
  let length = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    if (bytes[at] === CR && bytes[at + 1] === CR && bytes[at + 2] === LF) continue;
    out[length] = bytes[at]!;
    length += 1;
  }
  return out.subarray(0, length);
}

function withLineFeeds(bytes: Buffer): Buffer {
  return Buffer.from(bytes).map(byte => (byte === CR ? LF : byte)) as Buffer;
}
