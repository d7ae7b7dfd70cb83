/**
 * Repairs line ends that hide the end of the header from the MIME parser: CR alone (old files through a pipe) and
 * CR CR LF (converted twice). The first 4 KiB decide; a mail in order passes through untouched, piece by piece.
 */

const DECIDING = 4096;

type Repair = (piece: Buffer, isLast: boolean) => Buffer;

/** The pieces, repaired where the first one shows that it is needed. */
export async function* withSoundLineEnds(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let repair: Repair | null | undefined;
  for await (const piece of pieces) {
    if (repair === undefined) repair = repairFor(piece);
    yield repair === null ? piece : repair(asBuffer(piece), false);
  }
  if (repair) yield repair(Buffer.alloc(0), true);
}

/** The same for a whole mail in memory. */
export function soundLineEnds(bytes: Uint8Array): Uint8Array {
  const repair = repairFor(bytes);
  return repair === null ? bytes : repair(asBuffer(bytes), true);
}

function repairFor(first: Uint8Array): Repair | null {
  const head = asBuffer(first).subarray(0, DECIDING);
  if (head.includes('\r\r\n')) return doubledReturns();
  const isMac = !head.includes('\n') && head.subarray(0, -1).includes('\r');
  return isMac ? piece => Buffer.from(piece.toString('latin1').replaceAll('\r', '\n'), 'latin1') : null;
}

/** CR CR LF as CR LF. What may be half of one waits for the next piece. */
function doubledReturns(): Repair {
  let open = '';
  return (piece, isLast) => {
    const text = open + piece.toString('latin1');
    const kept = isLast ? '' : text.endsWith('\r\r') ? '\r\r' : text.endsWith('\r') ? '\r' : '';
    open = kept;
    return Buffer.from(text.slice(0, text.length - kept.length).replaceAll('\r\r\n', '\r\n'), 'latin1');
  };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
