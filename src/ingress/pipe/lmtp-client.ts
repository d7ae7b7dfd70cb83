/**
 * Delivers one mail to one recipient over the daemon's own LMTP socket (RFC 2033), for the pipe door. It loads nothing but
 * node:net, because an MTA starts it for every mail.
 *
 * `deliverMail` ends with the daemon's last reply, or throws an Error that names the step in which no proper reply came;
 * the caller takes that as "later". It reads the mail's stream only when the recipient is accepted, holds at most one
 * chunk of it, and closes the connection whatever happens.
 */
import { connect, type Socket } from 'node:net';
import { faultText } from '../../base/errors.js';
import { createWire, greetingName, type PipeDoor } from './pipe.js';

export interface MailDelivery {
  readonly place: { readonly path: string } | { readonly host: string; readonly port: number };
  readonly door: PipeDoor;
  readonly sender: string;
  /** Tried in turn until one is accepted; at least one. */
  readonly recipients: readonly string[];
  readonly mail: AsyncIterable<Buffer>;
  /** Milliseconds of silence in one step, and after the data, for which the daemon may take five minutes. */
  readonly timeout: { readonly step: number; readonly stored: number };
}

export interface Reply {
  readonly code: number;
  /** Without the code; of several lines the last. */
  readonly text: string;
}

const MAX_REPLY = 64 * 1024;

export async function deliverMail(options: MailDelivery): Promise<Reply> {
  const talk = openTalk(options.place, options.timeout.step);
  try {
    await talk.expect('the greeting', 220);
    const { lines } = await talk.ask(`LHLO ${greetingName(options.door)}`, 250);
    const utf8 = lines.some(line => /^SMTPUTF8\b/i.test(line)) ? ' SMTPUTF8' : '';
    const parameters = (address: string) => (/[^\x20-\x7e]/.test(address) ? utf8 : '');
    const from = await talk.command(`MAIL FROM:<${oneWord(options.sender)}>${parameters(options.sender)}`);
    if (from.code >= 500) {
      // A refusal of the sender is not about this recipient: the mail is sent without a sender.
      await talk.ask('MAIL FROM:<>', 250);
    } else if (from.code !== 250) return from;
    let refused: Reply | null = null;
    for (const recipient of options.recipients) {
      const reply = await talk.command(`RCPT TO:<${oneWord(recipient)}>`);
      if (reply.code >= 200 && reply.code < 300) {
        refused = null;
        break;
      }
      if (reply.code < 500) return reply;
      // A refusal for an address that exists says more than "no such address".
      if (refused === null || /^5\.1\.1 /.test(refused.text)) refused = reply;
    }
    if (refused !== null) return refused;
    await talk.ask('DATA', 354);
    const wire = createWire();
    for await (const chunk of options.mail) await talk.write(wire.push(chunk));
    talk.setTimeout(options.timeout.stored);
    await talk.write(wire.end());
    return await talk.read('the answer to the mail');
  } finally {
    talk.close();
  }
}

/** An address can't end its command. */
function oneWord(address: string): string {
  return address.replaceAll(/[\x00-\x1f\x7f<>]/g, '');
}

function openTalk(place: MailDelivery['place'], timeout: number) {
  const socket: Socket = connect(place);
  let buffer = '';
  let fault: Error | null = null;
  let wake: () => void = () => {};
  const fail = (reason: string) => {
    fault ??= new Error(reason);
    wake();
  };
  socket.setTimeout(timeout, () => fail('no answer in time'));
  socket.on('data', chunk => {
    buffer += chunk.toString('latin1');
    if (buffer.length > MAX_REPLY) fail('an endless answer');
    const lines = buffer.split('\n').slice(0, -1);
    if (lines.some(line => !/^\d{3}(?:[ -]|\r?$)/.test(line))) fail(`no LMTP: ${buffer.slice(0, 60)}`);
    wake();
  });
  socket.on('error', error => fail(faultText(error)));
  socket.on('close', () => fail('the daemon closed the connection'));
  socket.on('drain', () => wake());

  const until = async <T>(found: () => T | null): Promise<T> => {
    for (;;) {
      const value = found();
      if (value !== null) return value;
      if (fault !== null) throw fault;
      await new Promise<void>(resolve => {
        wake = resolve;
      });
    }
  };
  const nextReply = () => {
    const end = /^\d{3}(?: [^\n]*)?\r?\n/m.exec(buffer);
    if (end === null) return null;
    const text = buffer.slice(0, end.index + end[0].length);
    buffer = buffer.slice(text.length);
    const lines = text
      .trimEnd()
      .split(/\r?\n/)
      .map(line => line.slice(4));
    return { code: Number(end[0].slice(0, 3)), text: lines.at(-1) ?? '', lines };
  };
  const read = async (step: string) => {
    try {
      return await until(nextReply);
    } catch (error) {
      throw new Error(`waiting for ${step}: ${(error as Error).message}`);
    }
  };
  const expect = async (step: string, code: number) => {
    const reply = await read(step);
    if (reply.code !== code) throw new Error(`${step}: ${reply.code} ${reply.text}`);
    return reply;
  };
  const write = async (bytes: Buffer) => {
    if (bytes.length === 0 || socket.write(bytes)) return;
    // The daemon answers before the end of the data only when it closes the connection.
    await until(() => (socket.writableNeedDrain ? null : true));
  };
  const send = async (line: string) => {
    await write(Buffer.from(`${line}\r\n`));
    return line.slice(0, 9);
  };
  return {
    read,
    expect,
    write,
    command: async (line: string) => read(await send(line)),
    ask: async (line: string, code: number) => expect(await send(line), code),
    setTimeout: (ms: number) => socket.setTimeout(ms),
    close() {
      if (fault === null) socket.write('QUIT\r\n');
      socket.destroySoon();
    },
  };
}
