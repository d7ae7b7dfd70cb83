/**
 * One connection of a client that plays dialogues: it writes exact bytes, hands every reply to the model of the
 * dialogue, starts TLS where it is told to, and keeps a transcript. It owns its socket: `left` comes when it is gone.
 */
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { createModel, type DialogueModel, type ModelOptions } from './dialogue-model.js';

export interface ClientOptions {
  readonly host: string;
  readonly port: number;
  readonly localAddress: string;
  readonly model: Omit<ModelOptions, 'fault'>;
  /** With the transcript of the connection. */
  readonly fault: (what: string, transcript: readonly string[]) => void;
  /** Each reply's last line. */
  readonly heard: (line: string) => void;
  /** What to do after a 220 to STARTTLS. */
  readonly tls: () => 'handshake' | 'garbage';
}

/** Node (20.20) now and then neither ends nor says the end of a socket whose TLS was destroyed. */
const LATE_MS = 2_000;
const SHOWN = 600;
const KEPT_LINES = 200;

export class Client {
  readonly model: DialogueModel;
  readonly left: Promise<void>;
  readonly #options: ClientOptions;
  readonly #transcript: string[] = [];
  #socket: Socket;
  /** Under TLS as well. */
  readonly #raw: Socket;
  #secure: Socket | null = null;
  #received = '';
  #lines: string[] = [];
  /** Waits for the handshake. */
  #held: Buffer[] | null = null;
  #wake: (() => void) | null = null;
  #gone: () => void = () => {};
  #movedAt = performance.now();
  #abandoned = false;
  #halfEnded = false;
  #late: NodeJS.Timeout | undefined;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.model = createModel({ ...options.model, fault: what => options.fault(what, this.#transcript) });
    this.left = new Promise(resolve => {
      this.#gone = resolve;
    });
    const { host, port, localAddress } = options;
    this.#raw = connectTcp({ host, port, localAddress });
    this.#raw.setNoDelay(true);
    this.#socket = this.#raw;
    this.#raw.on('close', () => this.#ended());
    this.#listen(this.#raw);
  }

  write(bytes: Buffer): void {
    if (this.#held !== null) {
      this.#held.push(bytes);
      return;
    }
    this.#movedAt = performance.now();
    this.#note(`C| ${escaped(bytes)}`);
    this.model.sent(bytes);
    if (this.#socket.writable) this.#socket.write(bytes);
  }

  /** When the client has all it is owed, or the connection is over. */
  async settled(): Promise<void> {
    while (!this.model.settled()) {
      await new Promise<void>(resolve => {
        this.#wake = resolve;
      });
    }
  }

  /** Ends the sending half. Commands behind it are not sent any more. */
  endHalf(): void {
    this.#note('C: (ends its half)');
    this.#halfEnded = true;
    this.#socket.end();
    this.model.endedHalf();
  }

  /** Goes away at once, by RST or FIN. */
  leave(manner: 'reset' | 'close'): void {
    this.#note(`C: (${manner})`);
    this.#abandoned = true;
    this.model.abandoned();
    // A reset of the socket under TLS crashes Node (20.20) now and then: its handle reads on when TLS is gone.
    if (this.#secure !== null) this.#secure.destroy();
    else if (manner === 'reset') this.#raw.resetAndDestroy();
    else this.#raw.destroy();
    this.#raw.unref();
    this.#late = setTimeout(() => this.#ended(), LATE_MS);
  }

  /** Milliseconds for which nothing has moved though a reply, or the end of the connection, is owed. */
  waitingFor(now: number): number {
    const over = this.#halfEnded || this.model.state() === 'closed';
    return !this.model.settled() || (over && !this.#raw.closed) ? now - this.#movedAt : 0;
  }

  /** It has waited too long: the fault is told and the connection given up. */
  giveUp(what: string): void {
    this.#options.fault(what, this.#transcript);
    this.leave('reset');
  }

  #listen(socket: Socket): void {
    socket.on('data', (chunk: Buffer) => this.#take(chunk.toString('latin1')));
    // 'close' follows; what it means is judged there.
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#note(`(${error.message})`);
      // What the server said before it closed is not read any more when writing fails.
      if (error.code !== 'EPIPE' && error.code !== 'ECONNRESET') return;
      this.#abandoned = true;
      this.model.abandoned();
    });
  }

  #take(text: string): void {
    this.#movedAt = performance.now();
    this.#received += text;
    for (let end = this.#received.indexOf('\r\n'); end !== -1; end = this.#received.indexOf('\r\n')) {
      const line = this.#received.slice(0, end);
      this.#received = this.#received.slice(end + 2);
      this.#note(`S: ${line}`);
      this.#lines.push(line);
      if (line[3] === '-') continue;
      const lines = this.#lines;
      this.#lines = [];
      if (this.#abandoned) continue;
      this.#options.heard(line);
      this.model.said(lines);
      if (this.model.state() === 'handshake') this.#startTls();
    }
    this.#stir();
  }

  #startTls(): void {
    if (this.#options.tls() === 'garbage') {
      this.#note('C: (no TLS)');
      this.model.abandoned();
      this.#raw.end('\x16\x03\x01\x00\x05hello, this is no handshake\r\n', 'latin1');
      return;
    }
    this.#held = [];
    this.#raw.removeAllListeners('data');
    const secure = connectTls({ socket: this.#raw, rejectUnauthorized: false });
    this.#secure = secure;
    secure.once('secureConnect', () => {
      this.#note('(TLS)');
      this.#socket = secure;
      this.model.secured();
      const held = this.#held ?? [];
      this.#held = null;
      for (const bytes of held) this.write(bytes);
      this.#stir();
    });
    secure.on('close', () => this.#raw.destroy());
    this.#listen(secure);
  }

  #ended(): void {
    clearTimeout(this.#late);
    this.#held = null;
    if (!this.#abandoned) this.model.ended();
    this.#stir();
    this.#gone();
  }

  #stir(): void {
    this.#wake?.();
    this.#wake = null;
  }

  #note(line: string): void {
    this.#transcript.push(line);
    if (this.#transcript.length > KEPT_LINES) this.#transcript.shift();
  }
}

/** As the dialogues of `test/dialogs` are written. */
function escaped(bytes: Buffer): string {
  const text = bytes.subarray(0, SHOWN).toString('latin1');
  const shown = text.replaceAll(/[\\\r\n\t\x00-\x1f\x7f-\xff]/g, character => {
    const known: Readonly<Record<string, string>> = { '\r': '\\r', '\n': '\\n', '\t': '\\t', '\\': '\\\\' };
    return known[character] ?? `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
  return bytes.length > SHOWN ? `${shown} … (${bytes.length} bytes)` : shown;
}
