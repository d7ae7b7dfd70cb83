/**
 * The one table of SMTP answers (docs/contract.md section 4): basic reply code (RFC 5321), enhanced code (RFC 3463, RFC
 * 5248) and the text that a stranger may read. No other file holds such a code. The texts are generic on purpose: all
 * unknown addresses get the same one, so that nobody learns from an answer which part was wrong.
 */

export interface Status {
  readonly code: number;
  readonly enhanced: string;
  readonly text: string;
}

export const STATUS = {
  stored: { code: 250, enhanced: '2.0.0', text: 'Stored' },
  senderOk: { code: 250, enhanced: '2.1.0', text: 'Sender ok' },
  recipientOk: { code: 250, enhanced: '2.1.5', text: 'Recipient ok' },
  tooManyConnections: { code: 421, enhanced: '4.7.0', text: 'Too many connections, try again later' },
  shuttingDown: { code: 421, enhanced: '4.3.2', text: 'Service is restarting, try again in a moment' },
  timeout: { code: 421, enhanced: '4.4.2', text: 'Time limit exceeded, closing connection' },
  tooManyMails: { code: 421, enhanced: '4.7.0', text: 'Too many mails, try again later' },
  tooManyCommands: { code: 421, enhanced: '4.7.0', text: 'Too many commands, closing connection' },
  tooManyRefused: { code: 421, enhanced: '4.7.0', text: 'Too many unknown recipients, closing connection' },
  protocolError: { code: 421, enhanced: '4.7.0', text: 'Protocol error, closing connection' },
  tooManyRecipients: { code: 452, enhanced: '4.5.3', text: 'Too many recipients, send the rest separately' },
  tooLarge: { code: 552, enhanced: '5.3.4', text: 'Message is larger than this system accepts' },
  farTooLarge: { code: 421, enhanced: '4.3.4', text: 'Message is far too large, closing connection' },
  noSpace: { code: 452, enhanced: '4.3.1', text: 'No space to store the message, try again later' },
  notOurs: { code: 550, enhanced: '5.7.1', text: 'Relaying denied' },
  unknownRecipient: { code: 550, enhanced: '5.1.1', text: 'No such address here' },
  blockedSender: { code: 550, enhanced: '5.7.1', text: 'Mail of this sender is not taken' },
  proofUsed: { code: 550, enhanced: '5.7.1', text: 'This proof came before, with another mail' },
  switchedOff: { code: 550, enhanced: '5.2.1', text: 'This address does not take mail at the moment' },
  tryLater: { code: 451, enhanced: '4.3.0', text: 'Temporary trouble here, try again later' },
  tooManyHops: { code: 554, enhanced: '5.4.6', text: 'Too many hops, this looks like a mail loop' },
} as const satisfies Record<string, Status>;

export type StatusName = keyof typeof STATUS;

/** `250 2.0.0 text`, as it goes over the wire without the line end. */
export function replyLine(status: Status): string {
  return `${status.code} ${status.enhanced} ${status.text}`;
}

/** Enhanced codes that say the address itself is dead, so that mailing to it stops. Everything else may pass. */
const DEAD_ADDRESS: ReadonlySet<string> = new Set(['5.1.1', '5.1.2', '5.1.3', '5.1.6', '5.1.10', '5.2.1']);

export function isHardBounce(enhanced: string | null): boolean {
  return enhanced !== null && DEAD_ADDRESS.has(enhanced);
}
