/** Builders of hostile mails: pieces up to a size, in header fields, bodies, parts and containers. Pure. */

/** The piece over and over, cut at the size. */
export function filled(piece: string, size: number): string {
  return size <= 0 ? '' : piece.repeat(Math.ceil(size / piece.length)).slice(0, size);
}

/** Lines of the piece, each of this width and with this end. */
export function inLines(piece: string, size: number, { width, end }: { width: number; end: string }): string {
  return filled(`${filled(piece, width - end.length)}${end}\n`, size);
}

/** The lines one after the other, from the beginning again when all stand there. */
export function listed(lines: readonly string[], size: number): string {
  return filled(`${lines.join('\n')}\n`, size);
}

/** Pieces with their number in them, up to the size. */
export function numbered(piece: (number: number) => string, size: number): string {
  const out: string[] = [];
  for (let number = 0, length = 0; length < size; number += 1) {
    out.push(piece(number));
    length += out.at(-1)!.length;
  }
  return out.join('');
}

/** A header of fields of this name with the piece in them, and a small body. `most`: of one field, in bytes. */
export function inFields(name: string, piece: string, { size, most }: { size: number; most: number }): string {
  const value = filled(piece, Math.min(most, size) - name.length - 4);
  return `${filled(`${name}: ${value}\r\n`, size - 2_000).replace(/\r\n[^\n]*$/, '\r\n')}From: a@b.example\r\n\r\nx\r\n`;
}

/** A mail of one text. */
export function body(text: string, fields = 'Content-Type: text/plain; charset=utf-8'): string {
  return `From: Ann <ann@customer.example>\r\nSubject: x\r\n${fields}\r\n\r\n${text}`;
}

export const HTML = 'Content-Type: text/html; charset=utf-8';

/** Bytes of a transfer encoding as they are, given in latin1. */
export function encoded(encoding: string, text: string): string {
  return body(text, `Content-Type: text/plain\r\nContent-Transfer-Encoding: ${encoding}`);
}

/** A file of bytes. */
export function attached(type: string, filename: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').replaceAll(/.{76}/g, '$&\r\n');
  const fields = `Content-Type: ${type}; name="${filename}"\r\nContent-Transfer-Encoding: base64`;
  return body(
    `--b\r\n\r\nx\r\n--b\r\n${fields}\r\n\r\n${lines}\r\n--b--\r\n`,
    'Content-Type: multipart/mixed; boundary=b',
  );
}

/** Multiparts in one another, each with a boundary of its own. */
export function nestedParts(levels: number, boundary: (level: number) => string, inside: string): string {
  const heads = Array.from({ length: levels }, (_, level) => {
    const name = boundary(level);
    return `Content-Type: multipart/mixed; boundary="${name}"\r\n\r\n--${name}\r\n`;
  });
  return `From: a@b.example\r\n${heads.join('')}\r\n${inside}`;
}

/** Many parts beside one another. */
export function manyParts(part: (number: number) => string, { size, type }: { size: number; type: string }): string {
  return body(
    `${numbered(number => `--b\r\n${part(number)}\r\n`, size - 200)}--b--\r\n`,
    `Content-Type: ${type}; boundary=b`,
  );
}

/** A delivery report (RFC 3464). */
export function report(words: string, groups: string): string {
  const head = 'Content-Type: multipart/report; report-type=delivery-status; boundary=b';
  return body(
    `--b\r\n\r\n${words}\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; a\r\n\r\n${groups}\r\n--b--\r\n`,
    head,
  ).replace('ann@customer', 'mailer-daemon@customer');
}

/** TNEF (MS-OXTNEF): signature, key, then attributes. */
export function tnef(attributes: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.from([0x78, 0x9f, 0x3e, 0x22, 0x01, 0x00]), ...attributes]);
}

/** One attribute; level 1 is of the message, 2 of a file. */
export function tnefAttribute(level: 1 | 2, id: number, data: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUInt8(level, 0);
  head.writeUInt32LE(id, 1);
  head.writeUInt32LE(data.length, 5);
  return Buffer.concat([head, data, Buffer.alloc(2)]);
}

/** The property of a compressed RTF body (MS-OXRTFCP) in a message's properties. */
export function rtfProperty(compressed: Buffer): Buffer {
  const head = Buffer.alloc(16);
  head.writeUInt32LE(1, 0);
  head.writeUInt32LE(0x10090102, 4);
  head.writeUInt32LE(1, 8);
  head.writeUInt32LE(compressed.length, 12);
  return Buffer.concat([head, compressed]);
}

/** Compressed RTF that unpacks to the piece over and over, eight times its own size. The piece has 2, 4, 8 … characters, `head` stands in front. */
export function packedRtf(piece: string, size: number, head = ''): Buffer {
  const out = Buffer.alloc(size);
  out.writeUInt32LE(size - 4, 0);
  out.writeUInt32LE(0x7fffffff, 4);
  out.write('LZFu', 8, 'latin1');
  // The window begins with 207 bytes of its own; the piece stands behind them, and then everything is a copy.
  const start = 207 + head.length;
  const first = head + piece;
  let at = 16;
  let written = 0;
  while (at + 17 < size) {
    const flags = at;
    at += 1;
    for (let bit = 0; bit < 8 && at + 2 < size; bit += 1) {
      if (written < first.length) {
        out.writeUInt8(first.charCodeAt(written), at);
        written += 1;
        at += 1;
        continue;
      }
      out[flags]! |= 1 << bit;
      const phase = start + ((written - head.length) % piece.length);
      // A reference to the place that is written next would end it.
      const from = phase === (207 + written) % 4096 ? phase + piece.length : phase;
      out.writeUInt16BE((from << 4) | 15, at);
      written += 17;
      at += 2;
    }
  }
  return out;
}

/** One element of DER or, with `length` null, of indefinite length. */
export function ber(tag: number, content: Buffer, length: number | null = content.length): Buffer {
  if (length === null) return Buffer.concat([Buffer.from([tag, 0x80]), content]);
  const head = Buffer.alloc(6);
  head[0] = tag;
  head[1] = 0x84;
  head.writeUInt32BE(length, 2);
  return Buffer.concat([head, content]);
}

/** A `signed-data` (RFC 5652) around these octets. */
export function signedData(algorithms: Buffer, octets: Buffer): Buffer {
  const content = ber(0x30, Buffer.concat([Buffer.from('06092a864886f70d010701', 'hex'), ber(0xa0, octets)]));
  const data = ber(0x30, Buffer.concat([Buffer.from('020101', 'hex'), ber(0x31, algorithms), content]));
  return ber(0x30, Buffer.concat([Buffer.from('06092a864886f70d010702', 'hex'), ber(0xa0, data)]));
}
