/**
 * Slow senders, in a process of their own: each is connected from a loopback address of its own and sends one byte every
 * few seconds, half of them of a command that never ends, half of a mail. They leave when they are sent away, and not
 * before.
 *
 * Prints `ready` when all are in their place, and when all connections have ended, or standard input has, what they heard
 * last, counted, as JSON. Dies with an error when one is not let in.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { strangerAddress } from './flood.js';

export interface SlowSenders {
  readonly host: string;
  readonly port: number;
  readonly count: number;
  /** Milliseconds between two bytes of one sender. */
  readonly every: number;
  /** At most so many in each /24. */
  readonly perNetwork: number;
  /** A file with one recipient a line. */
  readonly recipients: string;
}

/** What they heard last, whether in a command or in the data; `still there` where it ended with the test. */
export type SlowEnd = Readonly<Record<`${'command' | 'data'}: ${string}`, number>>;

export interface RunningSlow {
  /** Ends when the daemon has sent all of them away. */
  readonly sentAway: Promise<SlowEnd>;
  /** Takes them away. */
  stop(): Promise<SlowEnd>;
}

/** Starts them; over when all are in their place. */
export async function startSlow(senders: SlowSenders): Promise<RunningSlow> {
  const program = fileURLToPath(import.meta.url);
  const child = spawn(process.execPath, [program, JSON.stringify(senders)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const line = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error('the slow senders have failed');
    return value;
  };
  await line();
  const sentAway = line().then(text => JSON.parse(text) as SlowEnd);
  sentAway.catch(() => {});
  return { sentAway, stop: () => endInput(child, sentAway) };
}

async function endInput(child: ChildProcess, end: Promise<SlowEnd>): Promise<SlowEnd> {
  child.stdin!.end();
  return end;
}

function drive(senders: SlowSenders): void {
  const recipients = readFileSync(senders.recipients, 'utf8').trim().split('\n');
  const heard: Record<string, number> = {};
  let ready = 0;
  let open = senders.count;
  let over = false;
  const finish = () => {
    if (over) return;
    over = true;
    process.stdout.write(`${JSON.stringify(heard)}\n`, () => process.exit(0));
  };
  const left: (() => void)[] = [];
  for (let index = 0; index < senders.count; index += 1) {
    const phase = index % 2 === 0 ? 'command' : 'data';
    const to = recipients[index % recipients.length]!;
    const words = ['EHLO slow.example.net', 'MAIL FROM:<slow@customer.example>', `RCPT TO:<${to}>`, 'DATA'];
    const dialogue = phase === 'command' ? [] : words;
    const drip = phase === 'command' ? 'NOOP ' : 'Subject: slow\r\n\r\n';
    let said = 0;
    let lastLine = '';
    let pending = '';
    let dripping: NodeJS.Timeout | undefined;
    const socket = connect({
      host: senders.host,
      port: senders.port,
      localAddress: strangerAddress(index, senders.perNetwork),
    });
    const begin = () => {
      let at = 0;
      const byte = () => socket.write(drip[at++] ?? 'x');
      // Not all in the same moment.
      setTimeout(
        () => {
          byte();
          dripping = setInterval(byte, senders.every);
        },
        (senders.every * index) / senders.count,
      );
      ready += 1;
      if (ready === senders.count) process.stdout.write('ready\n');
    };
    socket.on('data', chunk => {
      pending += chunk.toString('latin1');
      const lines = pending.split('\r\n');
      pending = lines.pop()!;
      for (const line of lines) {
        lastLine = line;
        if (line[3] === '-' || said > dialogue.length) continue;
        if (!/^[23]/.test(line)) throw new Error(`a slow sender was not let in: ${line}`);
        const next = dialogue[said];
        said += 1;
        if (next === undefined) begin();
        else socket.write(`${next}\r\n`);
      }
    });
    socket.on('error', () => {});
    const gone = (what: string) => {
      clearInterval(dripping);
      heard[`${phase}: ${what}`] = (heard[`${phase}: ${what}`] ?? 0) + 1;
    };
    socket.on('close', () => {
      if (over) return;
      gone(lastLine);
      open -= 1;
      if (open === 0) finish();
    });
    left.push(() => {
      if (!socket.destroyed) gone('still there');
    });
  }
  process.stdin.resume();
  process.stdin.on('end', () => {
    if (!over) for (const count of left) count();
    finish();
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) drive(JSON.parse(process.argv[2]!) as SlowSenders);
