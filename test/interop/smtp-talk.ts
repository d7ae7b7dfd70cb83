/**
 * A raw SMTP or LMTP dialogue for tests: it sends exactly the bytes it is given, in the pieces it is given, and
 * reads whole replies. Nothing is corrected, so it can also say what no honest client says.
 *
 * Every read is bounded (10 s by default). A reply that does not come, a connection that ends instead, or another
 * code than expected throws with the dialogue so far.
 */

import { connect as connectTcp, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';

export interface Reply {
  readonly code: number;
  /** The enhanced status code of the last line (RFC 2034), or null. */
  readonly enhanced: string | null;
  /** Without codes and line ends. */
  readonly texts: readonly string[];
  /** As they came, joined by a newline. */
  readonly raw: string;
}

export type TalkAddress = { readonly host: string; readonly port: number } | { readonly path: string };

/** A reply code, the beginning of the reply (`550 5.1.1`), or several of these. */
export type Expected = number | string | readonly (number | string)[];

export class SmtpTalk {
  #socket: Socket | TLSSocket;
  #received = Buffer.alloc(0);
  #ended = false;
  #fault: Error | null = null;
  #wake: () => void = () => {};
  readonly #timeout: number;
  readonly #transcript: string[] = [];

  constructor(socket: Socket, timeout: number) {
    this.#socket = socket;
    this.#timeout = timeout;
    this.#listen();
  }

  /** What was said so far, `C:` and `S:` lines; long data is cut. */
  get transcript(): string {
    return this.#transcript.join('\n');
  }

  /** Sends a line; the line end is added. */
  send(line: string): void {
    this.sendBytes(Buffer.from(`${line}\r\n`, 'utf8'));
  }

  /** Sends several lines in one segment (RFC 2920). */
  sendTogether(lines: readonly string[]): void {
    this.sendBytes(Buffer.from(lines.map(line => `${line}\r\n`).join(''), 'utf8'));
  }

  /** Sends bytes as they are. */
  sendBytes(bytes: string | Uint8Array): void {
    const buffer = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : Buffer.from(bytes);
    const shown = buffer.subarray(0, 300).toString('latin1').trimEnd().split('\r\n');
    for (const line of shown) this.#transcript.push(`C: ${line}`);
    if (buffer.length > 300) this.#transcript.push(`C: … (${buffer.length} bytes)`);
    this.#socket.write(buffer);
  }

  /** The next reply, all its lines. */
  async reply(): Promise<Reply> {
    const lines: string[] = [];
    for (;;) {
      const line = await this.#line();
      this.#transcript.push(`S: ${line}`);
      lines.push(line);
      if (!/^\d{3}[ -]|^\d{3}$/.test(line)) throw this.#failure(`no SMTP reply: ${JSON.stringify(line)}`);
      if (line[3] !== '-') break;
    }
    const texts = lines.map(line => line.slice(4));
    const enhanced = /^([245]\.\d{1,3}\.\d{1,3})(?: |$)/.exec(texts[texts.length - 1]!)?.[1] ?? null;
    return { code: Number(lines[0]!.slice(0, 3)), enhanced, texts, raw: lines.join('\n') };
  }

  /** The next reply, which must be as expected. */
  async expect(expected: Expected): Promise<Reply> {
    const reply = await this.reply();
    if (!matches(reply, expected)) throw this.#failure(`expected ${String(expected)}`);
    return reply;
  }

  /** Sends a line and gives its reply, which must be as expected where something is expected. */
  async command(line: string, expected?: Expected): Promise<Reply> {
    this.send(line);
    return expected === undefined ? this.reply() : this.expect(expected);
  }

  /** Sends a mail after a 354: dots doubled (RFC 5321 4.5.2), CRLF.CRLF at the end. Its reply is still to be read. */
  sendMail(mail: string | Uint8Array): void {
    const bytes = typeof mail === 'string' ? Buffer.from(mail, 'utf8') : Buffer.from(mail);
    this.sendBytes(dotStuffed(bytes));
  }

  /** Goes over to TLS after a 220 to STARTTLS. Certificates are not checked unless `options` say so. */
  async startTls(options: ConnectionOptions = {}): Promise<void> {
    const plain = this.#socket;
    plain.removeAllListeners('data');
    const secure = connectTls({ socket: plain, rejectUnauthorized: false, ...options });
    await this.#within(
      new Promise<void>((resolve, reject) => {
        secure.once('secureConnect', resolve);
        secure.once('error', reject);
      }),
      'a TLS handshake',
    );
    this.#transcript.push('(TLS)');
    this.#socket = secure;
    this.#listen();
  }

  /** Waits until the other side ends the connection; replies before that are given. */
  async untilEnd(): Promise<Reply[]> {
    const replies: Reply[] = [];
    for (;;) {
      await this.#more(() => this.#ended || this.#received.includes('\n'), 'the end of the connection');
      if (!this.#received.includes('\n')) return replies;
      replies.push(await this.reply());
    }
  }

  /** Says QUIT, if anybody still listens, and closes. */
  async quit(): Promise<void> {
    try {
      if (!this.#ended) await this.command('QUIT', 221);
    } finally {
      this.close();
    }
  }

  /** Closes without a word. */
  close(): void {
    this.#socket.destroy();
  }

  /** Ends the sending half only; over when the end is sent. */
  endWriting(): Promise<void> {
    return new Promise(resolve => this.#socket.end(() => resolve()));
  }

  /** Aborts the connection (TCP RST). */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  #listen(): void {
    this.#socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    this.#socket.on('error', error => {
      this.#fault = error;
    });
    this.#socket.on('close', () => {
      this.#ended = true;
      this.#wake();
    });
    this.#socket.on('end', () => {
      this.#ended = true;
      this.#wake();
    });
  }

  async #line(): Promise<string> {
    await this.#more(() => this.#received.includes('\n') || this.#ended, 'a reply');
    const end = this.#received.indexOf('\n');
    if (end === -1) throw this.#failure('the connection ended instead of a reply');
    const line = this.#received.subarray(0, end).toString('utf8').replace(/\r$/, '');
    this.#received = this.#received.subarray(end + 1);
    return line;
  }

  async #more(done: () => boolean, what: string): Promise<void> {
    while (!done()) {
      await this.#within(
        new Promise<void>(resolve => {
          this.#wake = resolve;
        }),
        what,
      );
    }
  }

  async #within<T>(promise: Promise<T>, what: string): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(this.#failure(`waited ${this.#timeout} ms for ${what}`)), this.#timeout);
    });
    try {
      return await Promise.race([promise, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #failure(why: string): Error {
    return new Error(`${why}\n${this.transcript}`, this.#fault === null ? {} : { cause: this.#fault });
  }
}

/**
 * Connects; the greeting is still to be read. `timeout` (ms) bounds each later read; with `allowHalfOpen` our half stays
 * open when the other side has ended its own.
 */
export function connectTalk(
  address: TalkAddress,
  options: { timeout?: number; localAddress?: string; allowHalfOpen?: boolean } = {},
): Promise<SmtpTalk> {
  return new Promise((resolve, reject) => {
    const local = options.localAddress === undefined ? {} : { localAddress: options.localAddress };
    const socket = connectTcp({ ...address, ...local, allowHalfOpen: options.allowHalfOpen ?? false });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.removeListener('error', reject);
      resolve(new SmtpTalk(socket, options.timeout ?? 10_000));
    });
  });
}

export interface SentMail {
  /** One reply per recipient. */
  readonly recipients: readonly Reply[];
  /** After the data: one in SMTP, one per accepted recipient in LMTP; empty when no recipient was accepted. */
  readonly data: readonly Reply[];
}

/** A whole transaction on a connection of its own. MAIL must be accepted; everything after it is given as it came. */
export async function sendMail(
  address: TalkAddress,
  mail: {
    from: string;
    to: readonly string[];
    data: string | Uint8Array;
    protocol?: 'smtp' | 'lmtp';
  },
  options: Parameters<typeof connectTalk>[1] = {},
): Promise<SentMail> {
  const talk = await connectTalk(address, options);
  try {
    await talk.expect(220);
    await talk.command(`${mail.protocol === 'lmtp' ? 'LHLO' : 'EHLO'} client.example.net`, 250);
    await talk.command(`MAIL FROM:<${mail.from}>`, 250);
    const recipients: Reply[] = [];
    for (const recipient of mail.to) recipients.push(await talk.command(`RCPT TO:<${recipient}>`));
    const accepted = recipients.filter(reply => reply.code === 250).length;
    const data: Reply[] = [];
    if (accepted > 0) {
      await talk.command('DATA', 354);
      talk.sendMail(mail.data);
      const count = mail.protocol === 'lmtp' ? accepted : 1;
      for (let index = 0; index < count; index++) data.push(await talk.reply());
    }
    await talk.quit();
    return { recipients, data };
  } finally {
    talk.close();
  }
}

/** A mail as it goes over the wire after DATA: CRLF line ends, dots doubled, the final dot. Bare CRs stay. */
export function dotStuffed(mail: Uint8Array): Buffer {
  const text = Buffer.from(mail).toString('latin1').replaceAll(/\r?\n/g, '\r\n').replaceAll('\n.', '\n..');
  const end = text.endsWith('\r\n') || text === '' ? '.\r\n' : '\r\n.\r\n';
  return Buffer.from(`${text.startsWith('.') ? '.' : ''}${text}${end}`, 'latin1');
}

function matches(reply: Reply, expected: Expected): boolean {
  if (typeof expected === 'number') return reply.code === expected;
  if (typeof expected === 'string') return reply.raw.startsWith(expected);
  return expected.some(one => matches(reply, one));
}
