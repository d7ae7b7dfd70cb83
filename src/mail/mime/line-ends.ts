/**
 * Repairs line ends that hide the end of the header from the MIME parser: CR alone (old files through a pipe) and
 * CR CR LF (converted twice). The first 4 KiB decide; a mail in order passes through untouched, piece by piece.
 */

const DECIDING = 4096;

/** From bytes to bytes, one a character. */
type Repair = (piece: string, isLast: boolean) => string;

/** The pieces, repaired where the first one shows that it is needed. */
export async function* withSoundLineEnds(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let repair: Repair | null | undefined;
  for await (const piece of pieces) {
    if (repair === undefined) repair = repairFor(latin1(piece.subarray(0, DECIDING)));
    yield repair === null ? piece : Buffer.from(repair(latin1(piece), false), 'latin1');
  }
  if (repair) yield Buffer.from(repair('', true), 'latin1');
}

/** The same for the bytes of a whole mail as text (latin1). */
export function soundLineEnds(text: string): string {
  const repair = repairFor(text.slice(0, DECIDING));
  return repair === null ? text : repair(text, true);
}

function repairFor(head: string): Repair | null {
  if (head.includes('\r\r\n')) return doubledReturns();
  const isMac = !head.includes('\n') && head.slice(0, -1).includes('\r');
  return isMac ? piece => piece.replaceAll('\r', '\n') : null;
}

/** CR CR LF as CR LF. What may be half of one waits for the next piece. */
function doubledReturns(): Repair {
  let open = '';
  return (piece, isLast) => {
    const text = open + piece;
    const kept = isLast ? '' : text.endsWith('\r\r') ? '\r\r' : text.endsWith('\r') ? '\r' : '';
    open = kept;
    return text.slice(0, text.length - kept.length).replaceAll('\r\r\n', '\r\n');
  };
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
