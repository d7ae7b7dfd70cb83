/**
 * The operator's copy of a mail to postmaster or abuse: a few words and the mail itself as message/rfc822, or its header
 * alone when it is too large to be sent on.
 *
 * It must never loop: it goes from `<>`, says that a machine sent it, and carries our loop mark, so that it is not sent
 * on again when the operator's address leads back to us (`rules/relay.ts`). A mail that would not survive the way as
 * message/rfc822 (NULs, bare carriage returns, lines above 998 bytes) goes in base64 as a file. Pure, throws nothing.
 */
import { isAscii } from 'node:buffer';
import { LOOP_HEADER } from './rules/loop.js';

/** The value of the loop mark in these copies; accounts have their id there. */
const MARK = 'operator';
const MAX_HEADER = 64 * 1024;
/** Bytes of a mail that is sent on whole: it is put together on the thread that has the sockets. */
const MAX_WHOLE = 5 * 1024 * 1024;
/** RFC 5321 section 4.5.3.1.6, without the line end. */
const MAX_LINE = 998;

export interface OperatorCopy {
  /** postmaster@ or abuse@ of one of our domains, as it was written to. */
  readonly addressee: string;
  readonly operator: string;
  /** Of the mail as it is kept. */
  readonly mailId: string;
  readonly mailFrom: string;
  /** Without brackets. */
  readonly messageId: string;
  /** Milliseconds. */
  readonly date: number;
  /** Hex that cannot be guessed, for the boundary. */
  readonly boundary: string;
  readonly raw: Uint8Array;
  /** Bytes that a mail may have; the header alone is sent on of a larger one. */
  readonly maxSize: number;
}

/** The copy in RFC 5322 form with CRLF line ends. */
export function operatorCopy(copy: OperatorCopy): Buffer {
  const whole = copy.raw.length <= MAX_WHOLE && copy.raw.length * 1.4 + 4_096 <= copy.maxSize;
  const notes = [
    `A mail for ${copy.addressee} came in${whole ? ' and is attached' : '. It is too large to be sent on; its header is attached'}.`,
    '',
    `Envelope sender: ${copy.mailFrom === '' ? '<>' : copy.mailFrom}`,
    `Size: ${copy.raw.length} bytes`,
    `Kept as: ${copy.mailId} (replyd mail show ${copy.mailId})`,
    '',
    'At most 20 of these are sent in an hour; all mails are kept: replyd mail list --state kept',
  ];
  const head = [
    `From: "replyd" <${copy.addressee}>`,
    `To: <${copy.operator}>`,
    `Subject: Mail for ${copy.addressee}`,
    `Date: ${new Date(copy.date).toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <${copy.messageId}>`,
    'Auto-Submitted: auto-generated',
    `${LOOP_HEADER}: ${MARK}`,
    'MIME-Version: 1.0',
    `Content-Type: multipart/mixed; boundary="${copy.boundary}"`,
  ];
  const text = ['Content-Type: text/plain; charset=utf-8', 'Content-Transfer-Encoding: 8bit', '', ...notes];
  return Buffer.concat([
    Buffer.from([...head, '', `--${copy.boundary}`, ...text, '', `--${copy.boundary}`, ''].join('\r\n')),
    whole ? attachedMail(copy.raw) : attachedHeader(copy.raw),
    Buffer.from(`\r\n--${copy.boundary}--\r\n`),
  ]);
}

function attachedMail(raw: Uint8Array): Buffer {
  // Bare line feeds get their carriage return; everything else stays.
  const text = Buffer.from(raw).toString('latin1').replaceAll(/\r?\n/g, '\r\n');
  if (!survives(text)) {
    const head = 'Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n';
    const name = 'Content-Disposition: attachment; filename="original.eml"\r\n\r\n';
    const lines = Buffer.from(raw)
      .toString('base64')
      .replaceAll(/.{76}(?=.)/g, '$&\r\n');
    return Buffer.from(head + name + lines);
  }
  // RFC 2046 section 5.2.1: message/rfc822 is never encoded.
  const encoding = isAscii(raw) ? '7bit' : '8bit';
  const head = `Content-Type: message/rfc822\r\nContent-Transfer-Encoding: ${encoding}\r\n`;
  return Buffer.from(`${head}Content-Disposition: attachment; filename="original.eml"\r\n\r\n${text}`, 'latin1');
}

function attachedHeader(raw: Uint8Array): Buffer {
  const text = Buffer.from(raw.subarray(0, MAX_HEADER)).toString('latin1').replaceAll(/\r\n?/g, '\n');
  const end = text.indexOf('\n\n');
  const lines = (end < 0 ? text : text.slice(0, end)).replaceAll('\0', '').split('\n');
  const cut = lines.map(line => line.slice(0, MAX_LINE)).join('\r\n');
  const head = 'Content-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: 8bit\r\n\r\n';
  return Buffer.concat([Buffer.from(head), Buffer.from(cut, 'latin1')]);
}

/** What goes through every MTA as it stands: no NUL, no bare carriage return, no line that is too long. */
function survives(text: string): boolean {
  return text.split('\r\n').every(line => line.length <= MAX_LINE && !/[\0\r]/.test(line));
}
