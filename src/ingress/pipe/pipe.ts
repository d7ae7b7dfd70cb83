/**
 * The pure part of the pipe door: who a mail on standard input is from and for, in the way of each MTA, and its bytes as
 * they go over LMTP. It imports one small file, because an MTA starts it for every mail.
 *
 * Postfix pipe(8) says both in arguments; Exim's pipe transport in RECIPIENT and SENDER; qmail-command(8) in RECIPIENT,
 * where a virtual domain has put its user in front (`replyd-reply+…@`). Nothing here throws.
 */
import { STATUS } from '../../mail/status.js';

export type PipeDoor = 'postfix' | 'exim' | 'qmail';
export const PIPE_DOORS: readonly PipeDoor[] = ['postfix', 'exim', 'qmail'];

type Environment = Readonly<Record<string, string | undefined>>;

/** The exit codes an MTA understands: sysexits(3), for qmail those of qmail-command(8). */
const SYSEXITS = { done: 0, later: 75, unknownRecipient: 67, refused: 69 } as const;
const QMAIL_EXITS = { done: 0, later: 111, unknownRecipient: 100, refused: 100 } as const;

export function exitCodes(door: PipeDoor | null) {
  return door === 'qmail' ? QMAIL_EXITS : SYSEXITS;
}

/** What became of the mail for its recipient: the daemon's reply, or why there is none. */
export interface Ending {
  /** Begins with an enhanced code (RFC 3463), one line. */
  readonly line: string;
  readonly exitCode: number;
}

/**
 * From a reply of the daemon. Only a 5xx with an enhanced code is permanent: such a reply is about this recipient.
 */
export function endingOf(reply: { readonly code: number; readonly text: string }, door: PipeDoor): Ending {
  const codes = exitCodes(door);
  const line = reply.text.replaceAll(/[^\x20-\x7e]+/g, ' ').trim();
  const enhanced = /^([245])\.\d{1,3}\.\d{1,3}(?= |$)/.exec(line);
  const kind = Math.floor(reply.code / 100);
  if (kind === 2) return { line: enhanced ? line : `${STATUS.stored.enhanced} ${line}`, exitCode: codes.done };
  if (kind === 5 && enhanced?.[1] === '5') {
    const unknown = /^5\.1\./.test(line);
    return { line, exitCode: unknown ? codes.unknownRecipient : codes.refused };
  }
  if (kind === 4 && enhanced?.[1] === '4') return { line, exitCode: codes.later };
  return later(`unexpected answer: ${reply.code} ${line}`, door);
}

/** For everything that is no reply of the daemon about this recipient. */
export function later(reason: string, door: PipeDoor | null): Ending {
  const text = reason.replaceAll(/[^\x20-\x7e]+/g, ' ').trim();
  return { line: `${STATUS.tryLater.enhanced} ${text}`, exitCode: exitCodes(door).later };
}

/** '' for the null reverse-path, in all the ways in which MTAs write it. */
export function senderOf(door: PipeDoor, option: string | undefined, env: Environment): string {
  const written = (option ?? (door === 'postfix' ? '' : (env.SENDER ?? ''))).trim();
  const bare = written.replace(/^<(.*)>$/, '$1');
  return /^(?:mailer-daemon|#@\[\])?$/i.test(bare) ? '' : bare;
}

/**
 * The recipient, most likely first. Only qmail leaves a doubt: the daemon knows which of them is an address of its own,
 * so they are tried in turn. Empty: nobody said who it is.
 */
export function recipientsOf(door: PipeDoor, argument: string | undefined, env: Environment): readonly string[] {
  const bare = (text: string) => text.trim().replace(/^<(.*)>$/, '$1');
  if (argument !== undefined) return argument.trim() === '' ? [] : [bare(argument)];
  const whole = bare(door === 'postfix' ? '' : (env.RECIPIENT ?? ''));
  if (whole === '') return door === 'qmail' && env.LOCAL && env.HOST ? candidates(env.LOCAL, env.HOST, env) : [];
  if (door !== 'qmail') return [whole];
  const at = whole.lastIndexOf('@');
  return at < 1 ? [whole] : candidates(whole.slice(0, at), whole.slice(at + 1), env);
}

/** The words in front of a dash may be the virtual domain's user; no more than three of them. */
const MAX_PREPENDED = 3;

function candidates(local: string, host: string, { USER: user, DEFAULT: rest }: Environment): readonly string[] {
  const found: string[] = [];
  // What `.qmail-…-default` matched. Without a separator in it, it may be a token alone.
  if (rest && local.endsWith(rest) && /[+=-]/.test(rest)) found.push(rest);
  if (user && user !== 'alias' && local.startsWith(`${user}-`)) found.push(local.slice(user.length + 1));
  const end = local.search(/[+=]/);
  const stripped: string[] = [];
  for (let at = local.indexOf('-'), count = 0; at !== -1 && count < MAX_PREPENDED; count++) {
    if (end !== -1 && at > end) break;
    stripped.push(local.slice(at + 1));
    at = local.indexOf('-', at + 1);
  }
  // A dash before the separator is the user's; without such a separator the whole is as likely.
  found.push(...(end === -1 ? [local, ...stripped] : [...stripped, local]));
  return [...new Set(found)].filter(one => one !== '').map(one => `${one}@${host}`);
}

/** The name by which `deliver` greets, so that a message says by which pipe it came. */
export function greetingName(door: PipeDoor): string {
  return `${door}.pipe.replyd.invalid`;
}

/** The other way round; null for every other name. */
export function doorOfGreeting(name: string): PipeDoor | null {
  return PIPE_DOORS.find(door => greetingName(door) === name.toLowerCase()) ?? null;
}

const LF = 0x0a;
const CR = 0x0d;
const DOT = 0x2e;

/**
 * A mail as MTAs pipe it (LF or CRLF) in the form of RFC 5321 section 4.5.2: CRLF, dots doubled at the start of a
 * line. The mbox line `From …` in front, which Exim writes by default, is taken away (RFC 4155).
 */
export function createWire() {
  const FROM = Buffer.from('From ');
  let head: Buffer | null = Buffer.alloc(0);
  let skipping = false;
  let previous = LF;
  const encode = (bytes: Buffer): Buffer => {
    const out = Buffer.allocUnsafe(bytes.length * 2);
    let length = 0;
    for (const byte of bytes) {
      if (byte === LF && previous !== CR) out[length++] = CR;
      if (byte === DOT && previous === LF) out[length++] = DOT;
      out[length++] = byte;
      previous = byte;
    }
    return out.subarray(0, length);
  };
  const skip = (bytes: Buffer): Buffer => {
    if (!skipping) return bytes;
    const end = bytes.indexOf(LF);
    if (end === -1) return Buffer.alloc(0);
    skipping = false;
    return bytes.subarray(end + 1);
  };
  return {
    /** The next bytes, as they go over LMTP. */
    push(chunk: Buffer): Buffer {
      if (head === null) return encode(skip(chunk));
      head = Buffer.concat([head, chunk]);
      if (head.length < FROM.length && FROM.subarray(0, head.length).equals(head)) return Buffer.alloc(0);
      const first = head;
      head = null;
      skipping = first.subarray(0, FROM.length).equals(FROM);
      return encode(skip(first));
    },
    /** The rest, with the line that ends the mail. */
    end(): Buffer {
      const rest = head === null ? Buffer.alloc(0) : encode(head);
      head = null;
      return Buffer.concat([rest, Buffer.from(previous === LF ? '.\r\n' : '\r\n.\r\n')]);
    },
  };
}
