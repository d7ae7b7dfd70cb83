/**
 * Repairs line ends that hide the end of a mail's header: CR alone (old files through a pipe) and CR CR LF (converted
 * twice). The first 4 KiB decide. A mail in order is given back as it is, and not copied.
 */

const DECIDING = 4096;

export function normalizeLineEndings(bytes: Buffer): Buffer {
  const head = bytes.toString('latin1', 0, DECIDING);
  if (head.includes('\r\r\n')) return Buffer.from(bytes.toString('latin1').replaceAll('\r\r\n', '\r\n'), 'latin1');
  const isMac = !head.includes('\n') && head.slice(0, -1).includes('\r');
  return isMac ? Buffer.from(bytes.toString('latin1').replaceAll('\r', '\n'), 'latin1') : bytes;
}
