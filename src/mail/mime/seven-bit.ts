/**
 * Charsets of seven bits that shift between ASCII and a set of two bytes: ISO-2022-KR (RFC 1557), ISO-2022-CN (RFC 1922)
 * and HZ (RFC 1843). Their characters are those of EUC-KR and GB2312 with the eighth bit off; with it on, the decoders
 * of those read them. ISO-2022-JP is not among them: libmime reads it. It is linear and never throws.
 */
import iconv from 'iconv-lite';

const SHIFT_OUT = 14;
const SHIFT_IN = 15;
const ESCAPE = 27;
const LF = 10;
const TILDE = 126;

export type SevenBit = 'iso-2022-kr' | 'iso-2022-cn' | 'hz';

export function decodeSevenBit(bytes: Buffer, charset: SevenBit): string {
  const shifted = charset === 'hz' ? withoutTildes(bytes) : withoutShifts(bytes);
  return iconv.decode(shifted, charset === 'iso-2022-kr' ? 'cp949' : 'gb18030');
}

/** SO and SI shift, `ESC $ ) C` and its like only say to what. Each line begins in ASCII. */
function withoutShifts(bytes: Buffer): Buffer {
  const out = Buffer.allocUnsafe(bytes.length);
  let length = 0;
  let high = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at]!;
    if (byte === SHIFT_OUT) high = 0x80;
    else if (byte === SHIFT_IN) high = 0;
    else if (byte === ESCAPE && bytes[at + 1] === 36) at += 3;
    else {
      if (byte === LF) high = 0;
      out[length] = byte > 32 && byte < 127 ? byte | high : byte;
      length += 1;
    }
  }
  return out.subarray(0, length);
}

/** `~{` and `~}` shift, `~~` is a tilde, a tilde at a line's end joins it with the next. */
function withoutTildes(bytes: Buffer): Buffer {
  const out = Buffer.allocUnsafe(bytes.length);
  let length = 0;
  let high = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at]!;
    const next = byte === TILDE ? bytes[at + 1] : undefined;
    if (next === 123 || next === 125) high = next === 123 ? 0x80 : 0;
    else if (next !== LF || byte !== TILDE) {
      if (byte === LF) high = 0;
      out[length] = byte > 32 && byte < 127 ? byte | high : byte;
      length += 1;
      if (next !== TILDE) continue;
    }
    at += 1;
  }
  return out.subarray(0, length);
}
