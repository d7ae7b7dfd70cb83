/**
 * Every reply the door may give, and where. The table of `mail/status.ts` is taken over whole, each entry with the
 * places where docs/contract.md section 4 has it; the words of smtp-server that the door lets through stand beside it. A
 * reply that is not here, or that stands elsewhere in the dialogue, is a fault.
 */
import { replyLine, STATUS, type StatusName } from '#replyd/mail/status.js';

/** What a reply answers: a command by its verb, the connection itself, or the data (`content`). */
export const PLACES = [
  'connection', 'EHLO', 'HELO', 'LHLO', 'MAIL', 'RCPT', 'DATA', 'content', 'RSET', 'NOOP', 'HELP', 'VRFY', 'QUIT',
  'STARTTLS', 'XCLIENT', 'unknown',
] as const; // biome-ignore format: a list
export type Place = (typeof PLACES)[number];

/** 421 ends the connection, and may come at any time (RFC 5321 section 3.8). */
const ANYWHERE: readonly Place[] = PLACES;

// Nothing is wrong with store or machine while dialogues are played: `tryLater` and `noSpace` would be a fault.
const OURS: Readonly<Record<StatusName, readonly Place[]>> = {
  stored: [],
  senderOk: ['MAIL'],
  recipientOk: ['RCPT'],
  tooManyConnections: ['connection', 'XCLIENT'],
  shuttingDown: [],
  timeout: [],
  tooManyMails: ['MAIL'],
  tooManyCommands: ANYWHERE,
  tooManyRefused: ['RCPT'],
  protocolError: ANYWHERE,
  tooManyRecipients: ['RCPT'],
  tooLarge: ['MAIL', 'content'],
  farTooLarge: ['content'],
  noSpace: [],
  notOurs: ['RCPT'],
  unknownRecipient: ['RCPT', 'content'],
  blockedSender: ['content'],
  proofUsed: [],
  switchedOff: ['RCPT'],
  tryLater: [],
  tooManyHops: ['content'],
};

/** The library's words for what it alone decides: the order of commands and their syntax. */
const LIBRARY: readonly (readonly [line: string, places: readonly Place[]])[] = [
  ['501 Error: syntax: EHLO hostname', ['EHLO']],
  ['501 Error: syntax: LHLO hostname', ['LHLO']],
  ['501 Error: Syntax: HELO hostname', ['HELO']],
  ['501 Error: Bad hostname syntax', ['EHLO', 'HELO', 'LHLO']],
  ['500 Error: EHLO not allowed in LMTP server', ['EHLO']],
  ['500 Error: HELO not allowed in LMTP server', ['HELO']],
  ['503 5.5.1 Error: send HELO/EHLO first', ['MAIL', 'RCPT', 'DATA']],
  ['503 5.5.1 Error: send LHLO first', ['MAIL', 'RCPT', 'DATA']],
  ['501 5.1.7 Error: Bad sender address syntax', ['MAIL']],
  ['503 5.5.1 Error: nested MAIL command', ['MAIL']],
  ['501 5.5.4 Error: duplicate parameter', ['MAIL', 'RCPT']],
  ['501 5.5.4 Error: BODY parameter requires a value', ['MAIL']],
  ['501 5.5.4 Error: SIZE parameter requires a value', ['MAIL']],
  ['501 5.5.4 Error: RET parameter requires a value', ['MAIL']],
  ['501 5.5.4 Error: ENVID parameter requires a value', ['MAIL']],
  ['501 5.5.4 Error: Bad message size syntax', ['MAIL']],
  ['501 5.5.4 Invalid BODY parameter value. Must be 7BIT or 8BITMIME', ['MAIL']],
  ['501 5.5.4 Invalid SMTPUTF8 parameter. This flag does not accept a value', ['MAIL']],
  ['530 5.7.0 REQUIRETLS not permitted on non-TLS connections', ['MAIL']],
  ['501 5.5.4 Invalid REQUIRETLS parameter. This flag does not accept a value', ['MAIL']],
  ['501 5.1.3 Error: Bad recipient address syntax', ['RCPT']],
  ['501 5.5.4 Error: NOTIFY parameter requires a value', ['RCPT']],
  ['501 5.5.4 Error: ORCPT parameter requires a value', ['RCPT']],
  ['503 5.5.1 Error: need MAIL command', ['RCPT']],
  ['503 5.5.1 Error: need RCPT command', ['DATA']],
  ['354 End data with <CR><LF>.<CR><LF>', ['DATA']],
  ['250 2.0.0 Flushed', ['RSET']],
  ['250 2.0.0 OK', ['NOOP']],
  ['214 2.0.0 See https://tools.ietf.org/html/rfc5321 for details', ['HELP']],
  ['252 2.1.5 Try to send something. No promises though', ['VRFY']],
  ['501 5.5.4 Error: Syntax: VRFY address', ['VRFY']],
  ['221 2.0.0 Bye', ['QUIT']],
  ['220 2.0.0 Ready to start TLS', ['STARTTLS']],
  ['501 5.5.4 Error: syntax: STARTTLS', ['STARTTLS']],
  ['503 5.5.1 Error: TLS already active', ['STARTTLS']],
  ['503 5.5.1 Error: Mail transaction in progress', ['XCLIENT']],
  ['501 5.5.4 Error: Bad command parameter syntax', ['XCLIENT']],
  ['501 5.5.4 Error: Bad command parameter syntax. Invalid address', ['XCLIENT']],
  ['501 5.5.4 Error: Bad command parameter syntax. Invalid hostname', ['XCLIENT']],
  ['550 5.7.0 Error: Not allowed', ['XCLIENT']],
  // What belongs to the other protocol or is not offered is as unknown as what no RFC names.
  ['500 5.5.2 Error: command not recognized', ['unknown', 'LHLO', 'STARTTLS', 'XCLIENT']],
];

/** `250 2.0.0 <mail id>`, after the data only. */
export const STORED = /^250 2\.0\.0 (mail_[0-9a-z]{11})$/;

const TABLE: ReadonlyMap<string, readonly Place[]> = new Map([
  ...(Object.keys(OURS) as StatusName[]).map(name => [replyLine(STATUS[name]), OURS[name]] as const),
  ...LIBRARY,
]);

/**
 * Null when the reply may stand there, else what is wrong with it. `lines`: with codes, without line ends. Greetings,
 * the answers to EHLO, HELO and LHLO and stored mails depend on more than the place: they are the dialogue's to judge.
 */
export function faultOfReply(lines: readonly string[], place: Place): string | null {
  if (lines.length !== 1) return `a reply of ${lines.length} lines at ${place}`;
  const places = TABLE.get(lines[0]!);
  if (places === undefined) return `a reply that is not in the table, at ${place}: ${lines[0]}`;
  return places.includes(place) ? null : `a reply at the wrong place, ${place}: ${lines[0]}`;
}

/** RFC 5321 section 4.2: one code in all lines, printable ASCII, 512 octets with the line end. */
export function malformed(lines: readonly string[]): boolean {
  const code = lines[0]!.slice(0, 3);
  return lines.some(
    (line, index) =>
      line.length > 510 ||
      !/^[2-5]\d\d[ -][\x20-\x7e]*$/.test(line) ||
      line.slice(0, 3) !== code ||
      (line[3] === '-') !== index < lines.length - 1,
  );
}
