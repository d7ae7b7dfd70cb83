/**
 * A load client for SMTP, as lean as it can be made, run as a process of its own so that its work is not the
 * server's. It sends one mail at a time on each connection: MAIL, RCPT and DATA in one segment where PIPELINING is
 * offered (RFC 2920), then a multipart mail of 4 KB with a Message-ID of its own.
 *
 * `runLoad` starts it, gives it time to warm up, and gives back what it counted. Only mails whose 250 came within the
 * measured seconds count for the rate; all that got their 250 are in `accepted`, and in the ledger file where one is
 * named. An answer other than 2xx, and a connection that ends, are failures, counted by their text.
 *
 * Without a `rate` each connection sends its next mail when it has the answer to the last. With one, mails fall due at
 * that rate whatever the server does: one that finds no free connection waits, and its waiting is part of its latency.
 */

import { randomBytes } from 'node:crypto';
import { appendFileSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { runOk } from '../run.js';

export interface Load {
  readonly host: string;
  readonly port: number;
  /** Connections at a time. */
  readonly connections: number;
  /** Keep connections for many mails, or one for each. */
  readonly connection: 'kept' | 'per mail';
  /** A file with one recipient a line, taken in turn from a random place on. */
  readonly recipients: string;
  /** Seconds before counting begins, and of counting. */
  readonly warmUp: number;
  readonly seconds: number;
  /** Mails a second that fall due; default: as many as the server takes. */
  readonly rate?: number;
  /** From: `one` address for all mails (the default), or `each` recipient's own customer, as the seed has named him. */
  readonly senders?: 'one' | 'each';
  /** Gets a line for each 250: Message-ID, recipient and the answer's last word, which is the mail's id. */
  readonly ledger?: string;
}

export interface LoadResult {
  readonly perSecond: number;
  /** That fell due and were not begun before the end. */
  readonly unsent: number;
  /** All that got their 250, in the warm-up and after the time too. */
  readonly accepted: number;
  /** From the first byte of a mail's dialogue (or of its connection) to its 250, milliseconds, in the measured time. */
  readonly latency: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly failures: Readonly<Record<string, number>>;
}

export async function runLoad(load: Load): Promise<LoadResult> {
  const program = fileURLToPath(import.meta.url);
  const timeout = (load.warmUp + load.seconds + 60) * 1000;
  return JSON.parse(await runOk(process.execPath, [program, JSON.stringify(load)], { timeout })) as LoadResult;
}

const SENDER = 'customer@customer.example';
const FIELDS = `Subject: Re: Your order 4711\r
Date: Tue, 03 Mar 2026 10:15:00 +0100\r
In-Reply-To: <first@reply.example.com>\r
References: <root@reply.example.com> <first@reply.example.com>\r
MIME-Version: 1.0\r
Content-Type: multipart/alternative; boundary="=_part"\r
X-Mailer: replyd load client\r
`;
const BODY = Buffer.from(`\r\n${makeBody(4096 - FIELDS.length - 190)}\r\n.\r\n`, 'latin1');

/** Both parts of a reply above a quoted mail, `size` bytes together. */
function makeBody(size: number): string {
  const text = 'Thank you, that helps.\nCould you send it to the office instead?';
  const quote = 'Dear customer, your parcel has left our house and will arrive tomorrow between nine and noon.';
  const make = (count: number, padding: number) => {
    const quotes = Array.from({ length: count }, () => quote);
    const filling = 'x'.repeat(padding).replaceAll(/x{70}/g, match => `${match.slice(2)}\n`);
    return [
      '--=_part',
      'Content-Type: text/plain; charset=utf-8',
      '',
      text,
      '',
      'On Tue, 3 Mar 2026 at 09:00, Acme <support@example.com> wrote:',
      ...quotes.map(line => `> ${line}`),
      '--=_part',
      'Content-Type: text/html; charset=utf-8',
      '',
      `<div dir="ltr">${text.replaceAll('\n', '<br>')}</div><br>`,
      '<div class="gmail_quote"><blockquote class="gmail_quote">',
      ...quotes.map(line => `<p>${line}</p>`),
      `</blockquote></div><!-- ${filling} -->`,
      '--=_part--',
    ]
      .join('\n')
      .replaceAll('\n', '\r\n');
  };
  let count = 1;
  while (make(count + 1, 0).length <= size) count++;
  return make(count, Math.max(0, size - make(count, 0).length - 20));
}

function drive(load: Load): Promise<LoadResult> {
  const recipients = readFileSync(load.recipients, 'utf8').trim().split('\n');
  const run = randomBytes(6).toString('hex');
  let next = Math.floor(Math.random() * recipients.length);
  let accepted = 0;
  let stopping = false;
  const latencies: number[] = [];
  const failures: Record<string, number> = {};
  const begin = performance.now() + load.warmUp * 1000;
  const end = begin + load.seconds * 1000;
  // Of an open loop: mails that wait for a connection, by when they were due, and connections that wait for a mail.
  const due: number[] = [];
  const free: ((from: number) => void)[] = [];
  const ledger = openLedger(load.ledger);

  const fail = (text: string) => {
    failures[text] = (failures[text] ?? 0) + 1;
  };
  const done = (from: number) => {
    const now = performance.now();
    accepted++;
    if (now >= begin && now < end) latencies.push(now - from);
    if (now >= end) stopping = true;
  };

  // One connection from its greeting to its end. `ended` is called once.
  const converse = (ended: () => void, dueAt?: number) => {
    const received = Buffer.alloc(16 * 1024);
    const socket: Socket = connect({
      port: load.port,
      host: load.host,
      noDelay: true,
      // Past the socket's stream, which took a fifth of all that is done for a mail here.
      onread: { buffer: received, callback: length => got(received.toString('latin1', 0, length)) },
    });
    let from = dueAt ?? performance.now();
    let pending = '';
    let state: 'greeting' | 'ehlo' | 'envelope' | 'data' | 'quit' = 'greeting';
    let pipelining = false;
    let queue: string[] = [];
    let refused = false;
    let recipient = '';
    let sender = SENDER;
    let messageId = '';

    const startMail = () => {
      const number = next++ % recipients.length;
      recipient = recipients[number]!;
      if (load.senders === 'each') sender = `customer${number}@customer.example`;
      messageId = `${run}.${accepted}.${next}@customer.example`;
      const commands = [`MAIL FROM:<${sender}>\r\n`, `RCPT TO:<${recipient}>\r\n`, 'DATA\r\n'];
      state = 'envelope';
      refused = false;
      queue = pipelining ? [] : commands.slice(1);
      awaited = pipelining ? 3 : 1;
      socket.write(pipelining ? commands.join('') : commands[0]!);
    };
    let awaited = 0;
    const reply = (code: string, line: string) => {
      if (state === 'greeting') {
        if (code !== '220') return abort(line);
        state = 'ehlo';
        socket.write('EHLO load.example.net\r\n');
      } else if (state === 'ehlo') {
        if (code !== '250') return abort(line);
        if (load.connection === 'per mail') startMail();
        else nextMail();
      } else if (state === 'envelope') {
        if (code[0] !== '2' && code !== '354') {
          if (!refused) fail(line);
          refused = true;
        }
        if (--awaited > 0) return;
        const command = queue.shift();
        if (command !== undefined && !refused) {
          awaited = 1;
          socket.write(command);
        } else if (refused) {
          // Not worth going on with this connection: what counts is that it happened.
          quit();
        } else {
          state = 'data';
          const fields = `From: Some Customer <${sender}>\r\n${FIELDS}To: <${recipient}>\r\nMessage-ID: <${messageId}>\r\n`;
          socket.cork();
          socket.write(fields, 'latin1');
          socket.write(BODY);
          socket.uncork();
        }
      } else if (state === 'data') {
        if (code === '250') {
          done(from);
          ledger.add(`${messageId} ${recipient} ${line.split(' ').at(-1)}\n`);
        } else fail(line);
        if (stopping || load.connection === 'per mail') return quit();
        nextMail();
      } else {
        socket.destroy();
      }
    };
    const got = (text: string) => {
      pending += text;
      for (let lineEnd = pending.indexOf('\n'); lineEnd !== -1; lineEnd = pending.indexOf('\n')) {
        const line = pending.slice(0, lineEnd).trimEnd();
        pending = pending.slice(lineEnd + 1);
        if (state === 'ehlo' && line.slice(4).toUpperCase() === 'PIPELINING') pipelining = true;
        if (line[3] !== '-') reply(line.slice(0, 3), line);
      }
      return true;
    };
    const nextMail = () => {
      const take = (since: number) => {
        if (stopping) return quit();
        from = since;
        startMail();
      };
      if (load.rate === undefined) return take(performance.now());
      const since = due.shift();
      if (since === undefined) free.push(take);
      else take(since);
    };
    const quit = () => {
      state = 'quit';
      socket.write('QUIT\r\n');
    };
    const abort = (line: string) => {
      fail(line);
      socket.destroy();
    };
    socket.on('error', error => fail(error.message));
    socket.on('close', () => {
      if (state !== 'quit' && !stopping) fail('connection ended');
      ended();
    });
  };

  return new Promise(resolve => {
    let open = 0;
    const summary = (): LoadResult => {
      ledger.close();
      latencies.sort((a, b) => a - b);
      const at = (part: number) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * part))] ?? 0;
      return {
        perSecond: latencies.length / load.seconds,
        unsent: due.length,
        accepted,
        latency: { p50: at(0.5), p99: at(0.99), max: at(1) },
        failures,
      };
    };
    const start = (dueAt?: number) => {
      open += 1;
      converse(() => {
        open -= 1;
        if (performance.now() >= end) stopping = true;
        if (stopping) return open === 0 ? resolve(summary()) : undefined;
        if (load.rate === undefined || load.connection === 'kept') return start();
        const since = due.shift();
        if (since !== undefined) start(since);
      }, dueAt);
    };
    if (load.rate === undefined || load.connection === 'kept') {
      for (let index = 0; index < load.connections; index++) start();
    }
    if (load.rate === undefined) return;
    const interval = 1000 / load.rate;
    let dueAt = performance.now() + interval;
    const ticking = setInterval(() => {
      const now = performance.now();
      for (; dueAt <= now && dueAt < end; dueAt += interval) {
        // In turn, so that none is idle for long.
        const taker = free.shift();
        if (taker !== undefined) taker(dueAt);
        else if (load.connection === 'per mail' && open < load.connections) start(dueAt);
        else due.push(dueAt);
      }
      if (now < end) return;
      stopping = true;
      clearInterval(ticking);
      for (const taker of free.splice(0)) taker(now);
      if (open === 0) resolve(summary());
    }, 2);
  });
}

function openLedger(file: string | undefined): { add(line: string): void; close(): void } {
  let lines = '';
  const write = () => {
    if (file !== undefined && lines !== '') appendFileSync(file, lines);
    lines = '';
  };
  return {
    add(line) {
      if (file === undefined) return;
      lines += line;
      if (lines.length > 65_536) write();
    },
    close: write,
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const result = await drive(JSON.parse(process.argv[2]!) as Load);
  process.stdout.write(JSON.stringify(result));
}
