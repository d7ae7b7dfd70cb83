/**
 * `application/x-www-form-urlencoded` (WHATWG URL, section 5.1) as a stream of bytes: `+` is a space, `%XX` a byte,
 * anything else itself. No charset is applied. Between two `&` stands a pair, which may be empty; every pair counts.
 * Linear in the bytes that come, however they are cut.
 */

/** Takes one value, in pieces. */
export interface Sink {
  /** A promise: wait for it before the next piece. */
  write(bytes: Buffer): Promise<unknown> | undefined;
  end(): void;
  /** It has given up: what still comes of it need not be decoded. */
  readonly isDone?: () => boolean;
}

export interface Pairs {
  /** Called for every pair, also an empty one; may throw. */
  count(): void;
  take(name: string): Sink;
}

const MAX_NAME = 1000;
const AND = 0x26;
const EQUALS = 0x3d;
const PERCENT = 0x25;
const PLUS = 0x2b;

/** Throws when a name is too long, and what `pairs` throws. */
export async function readUrlencoded(chunks: AsyncIterable<Buffer>, pairs: Pairs): Promise<void> {
  let name: Buffer = Buffer.alloc(0);
  let value: Sink | null = null;
  let carry: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const bytes = carry.length === 0 ? chunk : Buffer.concat([carry, chunk]);
    // An escape that is cut in two waits for its rest.
    const cut = bytes.indexOf(PERCENT, Math.max(0, bytes.length - 2));
    const whole = cut === -1 ? bytes.length : cut;
    carry = bytes.subarray(whole);
    await split(bytes.subarray(0, whole));
  }
  await split(carry);
  end();

  async function split(bytes: Buffer): Promise<void> {
    for (let at = 0; ; ) {
      const and = bytes.indexOf(AND, at);
      const full = add(bytes.subarray(at, and === -1 ? bytes.length : and));
      if (full) await full;
      if (and === -1) return;
      end();
      at = and + 1;
    }
  }

  /** A part of one pair: of its name, of its value, or of both. */
  function add(bytes: Buffer): ReturnType<Sink['write']> {
    if (bytes.length === 0) return undefined;
    const equals = value === null ? bytes.indexOf(EQUALS) : -1;
    if (value === null) {
      name = Buffer.concat([name, percentDecode(equals === -1 ? bytes : bytes.subarray(0, equals))]);
      if (name.length > MAX_NAME) throw new Error('the name of a field is too long');
      if (equals === -1) return undefined;
      value = pairs.take(name.toString('utf8'));
    }
    return value.isDone?.() ? undefined : value.write(percentDecode(bytes.subarray(equals + 1)));
  }

  function end(): void {
    pairs.count();
    if (value === null && name.length > 0) value = pairs.take(name.toString('utf8'));
    value?.end();
    value = null;
    name = Buffer.alloc(0);
  }
}

function percentDecode(bytes: Buffer): Buffer {
  if (!bytes.includes(PERCENT) && !bytes.includes(PLUS)) return bytes;
  const out = Buffer.allocUnsafe(bytes.length);
  let length = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte === PLUS) out[length++] = 0x20;
    else if (byte === PERCENT) {
      const high = hexDigit(bytes[at + 1]);
      const low = hexDigit(bytes[at + 2]);
      if (high === -1 || low === -1) out[length++] = byte;
      else {
        out[length++] = high * 16 + low;
        at += 2;
      }
    } else out[length++] = byte;
  }
  return out.subarray(0, length);
}

function hexDigit(byte: number | undefined): number {
  if (byte === undefined) return -1;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
