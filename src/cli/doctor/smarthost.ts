/**
 * One dialogue with the smarthost, for `replyd doctor`: connection, TLS, login, and whether it takes our envelope
 * sender. It names no recipient and sends no mail. It does not use the mail library, because that cannot end after MAIL.
 * One time limit bounds the whole; the result names the first step that fails.
 */
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Config } from '../../config/keys.js';

export type Step = 'connection' | 'tls' | 'login' | 'sender';

/** `fault` null: all went well. `tls`: the protocol in force, null without. */
export interface Trial {
  readonly fault: { readonly step: Step; readonly text: string } | null;
  readonly tls: string | null;
}

type Outbound = Pick<Config['outbound'], 'host' | 'port' | 'tls' | 'username' | 'password'>;

interface Reply {
  readonly code: number;
  readonly lines: readonly string[];
}

const MAX_REPLY = 64 * 1024;

export async function trySmarthost(
  outbound: Outbound,
  mailFrom: string,
  options: { hostname: string; timeout: number },
): Promise<Trial> {
  const host = outbound.host!;
  let step: Step = 'connection';
  let tls: string | null = null;
  let socket: Socket | null = null;
  const timer = setTimeout(() => socket?.destroy(new Error('no answer in time')), options.timeout);
  try {
    if (outbound.tls === 'implicit') step = 'tls';
    socket =
      outbound.tls === 'implicit' ? connectTls(secured(host, { port: outbound.port })) : connect(outbound.port, host);
    if (outbound.tls === 'implicit') tls = await handshake(socket);
    step = 'connection';
    let talk = replies(socket);
    want(await talk.next(), 220);
    let offers = want(await talk.say(`EHLO ${options.hostname}`), 250).lines;
    const offered = offers.some(line => /^STARTTLS\b/i.test(line));
    if (tls === null && outbound.tls !== 'none' && (offered || outbound.tls === 'required')) {
      step = 'tls';
      if (!offered) throw new Error('it offers no STARTTLS, and outbound.tls is "required"');
      want(await talk.say('STARTTLS'), 220);
      await talk.stop();
      const opportunistic = outbound.tls === 'opportunistic';
      socket = connectTls(secured(host, { socket, rejectUnauthorized: !opportunistic }));
      tls = await handshake(socket);
      talk = replies(socket);
      offers = want(await talk.say(`EHLO ${options.hostname}`), 250).lines;
    }
    if (outbound.username) {
      step = 'login';
      await logIn(talk, offers, outbound);
    }
    step = 'sender';
    want(await talk.say(`MAIL FROM:<${mailFrom}>`), 250);
    await talk.say('RSET');
    await talk.say('QUIT');
    return { fault: null, tls };
  } catch (error) {
    return { fault: { step, text: faultText(error) }, tls };
  } finally {
    clearTimeout(timer);
    socket?.on('error', () => {}).destroy();
  }
}

/** OpenSSL's own text is a line of source code; its code says the same in words. */
function faultText(error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  if (code.startsWith('ERR_SSL_')) return code.slice('ERR_SSL_'.length).toLowerCase().replaceAll('_', ' ');
  return code === '' || message.includes(code) ? message : `${code}: ${message}`;
}

function secured(host: string, more: object) {
  // A name for SNI; addresses have none.
  const servername = /[a-z]/i.test(host) && !host.includes(':') ? { servername: host } : {};
  return { host, minVersion: 'TLSv1.2' as const, ...servername, ...more };
}

function handshake(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the connection was closed during the handshake')));
    socket.once('secureConnect', () => resolve((socket as ReturnType<typeof connectTls>).getProtocol() ?? 'TLS'));
  });
}

async function logIn(talk: Talk, offers: readonly string[], { username, password }: Outbound): Promise<void> {
  const methods = offers.find(line => /^AUTH[ =]/i.test(line))?.toUpperCase() ?? '';
  const encoded = (text: string) => Buffer.from(text).toString('base64');
  if (methods.includes('PLAIN')) {
    want(await talk.say(`AUTH PLAIN ${encoded(`\0${username}\0${password ?? ''}`)}`), 235);
  } else if (methods.includes('LOGIN')) {
    want(await talk.say('AUTH LOGIN'), 334);
    want(await talk.say(encoded(username!)), 334);
    want(await talk.say(encoded(password ?? '')), 235);
  } else {
    throw new Error('it offers no login by PLAIN or LOGIN here');
  }
}

function want(reply: Reply, code: number): Reply {
  if (reply.code !== code) throw new Error(`it says ${reply.code} ${reply.lines.join(' ').slice(0, 300)}`);
  return reply;
}

interface Talk {
  next(): Promise<Reply>;
  say(line: string): Promise<Reply>;
  /** Leaves the socket alone. */
  stop(): Promise<void>;
}

function replies(socket: Socket): Talk {
  const chunks: AsyncIterator<Buffer> = socket.iterator({ destroyOnReturn: false });
  let text = '';
  const next = async (): Promise<Reply> => {
    for (;;) {
      const found = /^(?:\d{3}-[^\n]*\n)*(\d{3})(?: [^\n]*)?\r?\n/.exec(text);
      if (found) {
        text = text.slice(found[0].length);
        const lines = found[0].trim().split('\n');
        return { code: Number(found[1]), lines: lines.map(line => line.slice(4).trim()) };
      }
      const chunk = await chunks.next();
      if (chunk.done) throw new Error('it closed the connection');
      text += chunk.value.toString('latin1');
      if (text.length > MAX_REPLY) throw new Error('it answers without end');
    }
  };
  return {
    next,
    say(line) {
      socket.write(`${line}\r\n`);
      return next();
    },
    async stop() {
      await chunks.return?.();
    },
  };
}
