/**
 * What a client can know of an SMTP or LMTP dialogue from the bytes it sent and the replies it got, and so what must
 * come next: one reply for each command, its kind by the command and what went before, the data up to CRLF.CRLF and
 * nowhere else, one answer for a mail (LMTP: one for each accepted recipient). Anything else is a fault.
 *
 * It is the reference the door is held against and shares no code with it. Where RFC 5321 leaves a choice it says
 * what is chosen: a bare LF ends a command and begins a line whose doubled dot is undone, but never ends the data.
 * Mails whose fate the client cannot know (no answer came) are handed out as `unsure`.
 */
import { faultOfReply, malformed, PLACES, type Place, STORED } from './replies.js';

export interface SentMail {
  /** With the dots undone, as it must be stored. */
  readonly bytes: Buffer;
  readonly recipients: readonly string[];
}

export interface ModelOptions {
  readonly kind: 'smtp' | 'lmtp';
  readonly hostname: string;
  readonly maxSize: number;
  /** Recipients that are alive, in lower case; no other may be accepted. */
  readonly alive: ReadonlySet<string>;
  readonly fault: (what: string) => void;
  /** A 250 after the data: this mail must stand in the store under this id. */
  readonly stored: (mailId: string, mail: SentMail) => void;
  /** May be stored or not. */
  readonly unsure: (bytes: Buffer) => void;
}

interface Awaited {
  readonly place: Place;
  readonly line: string;
  /** Replies still to come. */
  count: number;
  /** A line that the client cut off by its end may be answered. */
  readonly optional: boolean;
}

export interface DialogueModel {
  /** The client sent this. */
  sent(bytes: Buffer): void;
  /** The server said this, all lines of one reply. */
  said(lines: readonly string[]): void;
  /** The client has ended its half. */
  endedHalf(): void;
  /** The client goes away without waiting, or the connection is lost by its doing. */
  abandoned(): void;
  /** The server has ended the connection. */
  ended(): void;
  /** The TLS handshake is done. */
  secured(): void;
  /** Nothing is owed to the client. */
  settled(): boolean;
  /** What is owed, for a report. */
  owed(): string;
  /** command: between two; line: in the middle of a command; data: in the middle of a mail; closed: over. */
  state(): 'greeting' | 'command' | 'line' | 'data' | 'handshake' | 'closed';
}

const END = Buffer.from('\r\n.\r\n');
const NOTHING = Buffer.alloc(0);
const FEATURES = ['PIPELINING', '8BITMIME', 'SMTPUTF8', 'ENHANCEDSTATUSCODES'];
const XCLIENT = 'XCLIENT NAME ADDR PORT PROTO HELO LOGIN';

export function createModel(options: ModelOptions): DialogueModel {
  const { kind, fault } = options;
  let mode: 'greeting' | 'command' | 'data' | 'handshake' | 'closed' = 'greeting';
  /** Sent and not looked at yet. */
  let pending: Buffer = NOTHING;
  let awaited: Awaited | null = { place: 'connection', line: '(connect)', count: 1, optional: false };
  let last: Place = 'connection';
  let halfEnded = false;
  let secure = false;
  let transaction: { readonly recipients: string[] } | null = null;
  let mail: SentMail | null = null;

  const owes = (place: Place, line: string, more: { count?: number; optional?: boolean } = {}) => {
    awaited = { place, line, count: more.count ?? 1, optional: more.optional ?? false };
  };
  const close = () => {
    if (mode === 'closed') return;
    mode = 'closed';
    awaited = null;
    if (mail !== null) options.unsure(mail.bytes);
    mail = null;
  };

  const look = () => {
    while (awaited === null) {
      if (mode === 'data') {
        const end = endOfData(pending);
        if (end === null) return;
        mail = { bytes: withoutDots(pending.subarray(0, end.content)), recipients: transaction?.recipients ?? [] };
        pending = pending.subarray(end.behind);
        mode = 'command';
        owes('content', '(data)', { count: kind === 'lmtp' ? mail.recipients.length : 1 });
      } else if (mode === 'command') {
        const lineEnd = pending.indexOf(0x0a);
        if (lineEnd === -1 && (!halfEnded || pending.length === 0)) return;
        const line = pending.subarray(0, lineEnd === -1 ? pending.length : lineEnd).toString();
        pending = lineEnd === -1 ? NOTHING : pending.subarray(lineEnd + 1);
        const bare = line.endsWith('\r') && lineEnd !== -1 ? line.slice(0, -1) : line;
        owes(placeOf(bare), bare, { optional: lineEnd === -1 });
      } else return;
    }
  };

  const answered = (lines: readonly string[]) => {
    const { place, line } = awaited!;
    last = place;
    awaited!.count -= 1;
    if (awaited!.count === 0) awaited = null;
    const [first] = lines as [string];
    if (place === 'connection' || (place === 'XCLIENT' && first.startsWith('220'))) {
      if (first !== `220 ${options.hostname} ${kind === 'lmtp' ? 'LMTP' : 'ESMTP'}`) fault(`a greeting: ${first}`);
      mode = 'command';
      transaction = null;
      return;
    }
    if (first.startsWith('250') && ['EHLO', 'HELO', 'LHLO'].includes(place)) {
      const wrong = faultOfGreeting(lines, place);
      if (wrong !== null) fault(wrong);
      transaction = null;
      return;
    }
    if (place === 'content') {
      const { bytes, recipients } = mail!;
      const mailId = STORED.exec(first)?.[1];
      if (mailId !== undefined) options.stored(mailId, { bytes, recipients });
      else {
        const wrong = faultOfReply(lines, place);
        if (wrong !== null) fault(wrong);
      }
      if (awaited === null) {
        mail = null;
        transaction = null;
      }
      return;
    }
    const wrong = faultOfReply(lines, place);
    if (wrong !== null) fault(`${wrong} (to ${JSON.stringify(line.slice(0, 200))})`);
    switch (`${place} ${first.slice(0, 3)}`) {
      case 'MAIL 250':
        if (transaction !== null) fault('MAIL accepted within a transaction');
        transaction = { recipients: [] };
        break;
      case 'RCPT 250':
        takeRecipient(line);
        break;
      case 'RCPT 550':
        if (options.alive.has(addressIn(line))) fault(`a living address was refused: ${line} ${first}`);
        break;
      case 'DATA 354':
        if (!transaction?.recipients.length) fault('DATA accepted without a recipient');
        mode = 'data';
        break;
      case 'RSET 250':
        transaction = null;
        break;
      case 'QUIT 221':
        close();
        break;
      case 'STARTTLS 220':
        // What was sent behind it in plain text must never be run (RFC 3207 section 5).
        pending = NOTHING;
        transaction = null;
        mode = 'handshake';
        break;
    }
  };

  const takeRecipient = (line: string) => {
    const address = addressIn(line);
    if (!options.alive.has(address)) fault(`a recipient that is not alive was accepted: ${line}`);
    if (transaction === null) fault('RCPT accepted without MAIL');
    else transaction.recipients.push(address);
  };

  const faultOfGreeting = (lines: readonly string[], place: Place): string | null => {
    const texts = lines.map(line => line.slice(4));
    if (place === (kind === 'lmtp' ? 'EHLO' : 'LHLO')) return `${place} was understood`;
    if (texts[0] !== options.hostname) return `a greeting of another: ${texts[0]}`;
    const wanted = place === 'HELO' ? [] : [...FEATURES, ...(secure ? [] : ['STARTTLS']), `SIZE ${options.maxSize}`];
    const offered = texts.slice(1).filter(text => text !== XCLIENT);
    return offered.join() === wanted.join() ? null : `${place} offers ${offered.join()}`;
  };

  return {
    sent(bytes) {
      if (mode === 'closed') return;
      pending = pending.length === 0 ? bytes : Buffer.concat([pending, bytes]);
      look();
    },
    said(lines) {
      if (malformed(lines)) fault(`a malformed reply: ${JSON.stringify(lines).slice(0, 600)}`);
      if (mode === 'closed' || mode === 'handshake') return fault(`a reply after the end: ${lines[0]}`);
      if (lines[0]!.startsWith('421')) {
        const place = awaited?.place ?? (mode === 'data' ? 'content' : 'connection');
        const wrong = faultOfReply(lines, place);
        if (wrong !== null && faultOfReply(lines, last) !== null) fault(wrong);
        return close();
      }
      if (awaited === null) return fault(`a reply nobody asked for: ${lines[0]}`);
      answered(lines);
      look();
    },
    endedHalf() {
      halfEnded = true;
      look();
    },
    abandoned() {
      if (mode === 'closed') return;
      // Whatever was sent may have been read, and each DATA among it answered.
      if (awaited?.place === 'DATA') unsureFrom(pending, options.unsure);
      for (const { index } of pending.toString('latin1').matchAll(/data[^\n]*\n/gi)) {
        unsureFrom(pending.subarray(pending.indexOf(0x0a, index) + 1), options.unsure);
      }
      close();
    },
    ended() {
      if (mode === 'closed' || mode === 'handshake') return close();
      // Who leaves before the greeting has said all he had to say.
      if (mode === 'greeting' && halfEnded) return close();
      if (awaited !== null && !awaited.optional) fault(`the connection ended instead of a reply to ${awaited.line}`);
      else if (!halfEnded) fault('the connection ended without a word');
      close();
    },
    secured() {
      if (mode !== 'handshake') return;
      secure = true;
      mode = 'command';
    },
    settled: () => mode === 'closed' || (mode !== 'handshake' && (awaited === null || awaited.optional)),
    owed: () =>
      mode === 'handshake' ? 'a TLS handshake' : `a reply to ${JSON.stringify(awaited?.line.slice(0, 200))}`,
    state: () => (mode === 'command' && pending.length > 0 ? 'line' : mode),
  };
}

/** The verb as the door reads it: up to the first space, in any case. */
function placeOf(line: string): Place {
  const verb = line.split(' ', 1)[0]!.toUpperCase();
  return PLACES.find(each => each === verb) ?? 'unknown';
}

/** The address of a RCPT in lower case, without a source route; '' where there is none. */
/** In the form in which it is kept: no source route, no quotes that say nothing (RFC 5321 4.1.2), no dot at the end. */
function addressIn(line: string): string {
  const path = /<([^<>]*)>/.exec(line)?.[1] ?? '';
  const address = (path.startsWith('@') ? path.slice(path.indexOf(':') + 1) : path).toLowerCase().replace(/\.$/, '');
  return address.replace(/^"(.*)"@/, (_, local: string) => `${local.replaceAll(/\\(.)/g, '$1')}@`);
}

function endOfData(bytes: Buffer): { readonly content: number; readonly behind: number } | null {
  if (bytes.subarray(0, 3).equals(END.subarray(2))) return { content: 0, behind: 3 };
  const at = bytes.indexOf(END);
  return at === -1 ? null : { content: at + 2, behind: at + END.length };
}

/** RFC 5321 section 4.5.2. */
function withoutDots(content: Buffer): Buffer {
  const text = content.toString('latin1');
  if (!text.includes('..')) return content;
  // A line that begins the data with a bare LF is the one place where the door leaves both dots.
  const first = text.startsWith('..') ? text.slice(1) : text;
  const kept = first.startsWith('\n.') ? 2 : 0;
  return Buffer.from(first.slice(0, kept) + first.slice(kept).replaceAll('\n..', '\n.'), 'latin1');
}

function unsureFrom(bytes: Buffer, unsure: (bytes: Buffer) => void): void {
  const end = endOfData(bytes);
  if (end !== null) unsure(withoutDots(bytes.subarray(0, end.content)));
}
