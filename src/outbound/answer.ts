/**
 * What an attempt at the smarthost means for the delivery: SMTP answers and lost connections → Outcome. Pure, one table:
 *
 *   where          | 5xx                                  | 4xx    | no answer (lost, timeout, garbage)
 *   before MAIL    | trouble                              | retry  | trouble (also: no connection, DNS)
 *   TLS, login     | trouble, whatever the answer         |        | trouble
 *   MAIL           | trouble; failed when it is too large | retry  | retry
 *   RCPT           | failed                               | retry  | retry
 *   DATA, the mail | failed                               | retry  | retry: it may have arrived, same bytes again
 *
 * 503 (bad sequence of commands) does not judge the mail and is retried. `refusedByPolicy`: 5.7.x at RCPT, or a refusal
 * without enhanced code that mentions relaying (Exim's "relay not permitted"), because a smarthost that does not relay
 * for us looks like a bad recipient. `suspend`: only codes that say the mailbox does not exist.
 */
import type { Outcome } from '../conversation/ports.js';
import { isHardBounce, STATUS } from '../mail/status.js';

/** One attempt that was not accepted, in the words of the mail library. */
export interface Failure {
  /** The library's code, such as EAUTH, ETLS, EENVELOPE, EMESSAGE, ECONNECTION; '' when unknown. */
  readonly code: string;
  /** The command that was answered, such as `MAIL FROM`, `RCPT TO`, `DATA`; '' when none was. */
  readonly command: string;
  /** The smarthost's answer, or null where there was none. */
  readonly answer: string | null;
  readonly message: string;
  /** The session was ready and this mail's own transaction had started. */
  readonly started: boolean;
}

const ABOUT_US: ReadonlySet<string> = new Set([
  'EAUTH',
  'ENOAUTH',
  'EOAUTH2',
  'ETLS',
  'EREQUIRETLS',
  'EDNS',
  'ECONFIG',
]);
const MAX_RESPONSE = 500;

export function outcomeOf({ code, command, answer, message, started }: Failure): Outcome {
  const response = responseText(answer ?? message);
  const failed = { kind: 'failed', response, suspend: false, refusedByPolicy: false } as const;
  const unclear = { kind: started ? 'retry' : 'trouble', response } as const;
  if (ABOUT_US.has(code)) return { kind: 'trouble', response };
  const reply = answer === null ? null : readReply(answer);
  if (reply === null) {
    // The smarthost announced a limit and the mail is larger: the library does not even ask.
    return code === 'EMESSAGE' && command === 'MAIL FROM' ? failed : unclear;
  }
  if (reply.code < 500 || reply.code === 503) return { kind: 'retry', response };
  const suspend = isHardBounce(reply.enhanced);
  switch (command) {
    case 'MAIL FROM': {
      const isTooLarge = reply.enhanced === STATUS.tooLarge.enhanced || reply.code === STATUS.tooLarge.code;
      return isTooLarge ? failed : { kind: 'trouble', response };
    }
    case 'RCPT TO':
      return { ...failed, suspend, refusedByPolicy: isPolicy(reply) };
    case 'DATA':
      return { ...failed, suspend };
    default:
      return unclear;
  }
}

/** One line of at most 500 characters, fit for logs, rows and terminals. */
export function responseText(text: string): string {
  const line = text
    .slice(0, 4 * MAX_RESPONSE)
    .replaceAll(/[\s\x00-\x1f\x7f-\x9f]+/g, ' ')
    .trim();
  return line.length <= MAX_RESPONSE ? line : `${line.slice(0, MAX_RESPONSE - 1)}…`;
}

interface Reply {
  readonly code: number;
  readonly enhanced: string | null;
  readonly text: string;
}

/** Null for what is no SMTP reply at all. */
function readReply(answer: string): Reply | null {
  const match = /^([2-5]\d\d)(?:[ -](?:([245]\.\d{1,3}\.\d{1,3})(?![\d.]))?|$)/.exec(answer);
  if (match === null) return null;
  return { code: Number(match[1]), enhanced: match[2] ?? null, text: answer.slice(0, MAX_RESPONSE) };
}

function isPolicy(reply: Reply): boolean {
  if (reply.enhanced !== null) return reply.enhanced.startsWith('5.7.');
  return /\brelay/i.test(reply.text);
}
