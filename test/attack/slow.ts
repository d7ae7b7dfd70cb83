/**
 * Slow and half-open clients. The attacker has many connections and no hurry: he says nothing, one byte a second, never
 * reads, or stops within a handshake or the data. He wants every place, descriptor and byte of memory. What must hold: his
 * addresses have only so many places, each connection ends at the latest with its time-out, nothing of it stays, and
 * others are served meanwhile.
 */
import { connect, type Socket } from 'node:net';
import { descriptors } from '../process-figures.js';
import { eventually } from '../run.js';
import { type AttackKind, newTally, type Tally } from './attack.js';
import type { Target } from './target.js';

const PER_ADDRESS = 50;
/** Seconds. */
const TIMES = { idle: 3, data: 6, session: 9 };
/** Time-outs are checked once a second. */
const LATE = 3;

interface Way {
  readonly name: string;
  readonly connections: number;
  /** How many of them come from one address; those beyond PER_ADDRESS are turned away. */
  readonly perAddress: number;
  /** Seconds after which the last must be gone. */
  readonly gone: number;
  /** At the beginning, and at each tick of 250 ms. */
  readonly begin?: string;
  readonly tick?: (tick: number) => string | null;
  /** Does not read what comes. */
  readonly deaf?: true;
  readonly halfClosed?: true;
}

function ways(recipient: string): Way[] {
  const envelope = `EHLO slow.example\r\nMAIL FROM:<slow@slow.example>\r\nRCPT TO:<${recipient}>\r\nDATA\r\n`;
  const all = { connections: 40, perAddress: 10 };
  return [
    { name: 'silent', connections: 1000, perAddress: 200, gone: TIMES.idle },
    { name: 'silent behind EHLO', ...all, begin: 'EHLO slow.example\r\n', gone: TIMES.idle },
    { name: 'half a command', ...all, begin: 'EHLO slow', gone: TIMES.idle },
    { name: 'a byte of a command at a time', ...all, tick: () => 'E', gone: TIMES.session },
    {
      name: 'a command at a time',
      ...all,
      begin: 'EHLO slow.example\r\n',
      tick: () => 'NOOP\r\n',
      gone: TIMES.session,
    },
    { name: 'silent in the data', ...all, begin: envelope, gone: TIMES.data },
    { name: 'a byte of data at a time', ...all, begin: envelope, tick: () => 'x', gone: TIMES.data },
    { name: 'a header line at a time', ...all, begin: envelope, tick: tick => `X-A${tick}: b\r\n`, gone: TIMES.data },
    { name: 'half the end of the data', ...all, begin: `${envelope}Subject: x\r\n\r\nx\r\n.`, gone: TIMES.data },
    { name: 'STARTTLS and no handshake', ...all, begin: 'EHLO slow.example\r\nSTARTTLS\r\n', gone: TIMES.session },
    {
      name: 'half a handshake',
      ...all,
      begin: 'EHLO slow.example\r\nSTARTTLS\r\n',
      tick: tick => (tick === 4 ? '\x16\x03\x01\x02\x00\x01' : null),
      gone: TIMES.session,
    },
    { name: 'half closed', ...all, halfClosed: true, gone: TIMES.idle },
    { name: 'half closed in the data', ...all, begin: envelope, halfClosed: true, gone: TIMES.data },
    {
      name: 'deaf',
      ...all,
      begin: `EHLO slow.example\r\n${'EHLO slow.example\r\n'.repeat(90)}`,
      deaf: true,
      gone: TIMES.session,
    },
    {
      name: 'deaf and talking',
      ...all,
      begin: 'EHLO slow.example\r\n',
      tick: () => 'NOOP\r\n'.repeat(2000),
      deaf: true,
      gone: TIMES.session,
    },
    {
      name: 'a line without end',
      connections: 20,
      perAddress: 10,
      tick: () => 'A'.repeat(256 * 1024),
      gone: TIMES.session,
    },
    {
      name: 'data in one line without end',
      connections: 20,
      perAddress: 10,
      begin: envelope,
      tick: () => 'x'.repeat(256 * 1024),
      gone: TIMES.data,
    },
  ];
}

export const slow: AttackKind = {
  name: 'slow',
  about: 'SMTP clients that are silent, slow, deaf or half open, by the hundred',
  settings: () => ({
    'smtp.max_connections_per_ip': PER_ADDRESS,
    'smtp.idle_timeout': `${TIMES.idle}s`,
    'smtp.data_timeout': `${TIMES.data}s`,
    'smtp.session_timeout': `${TIMES.session}s`,
  }),
  async run(target, { short }) {
    const tally = newTally();
    const { reply_to } = await target.converse();
    const before = socketsOf(target);
    const all = ways(reply_to);
    // Together they take most of the 1000 places.
    const chosen = short ? all.filter((_, index) => index % 3 !== 1) : all;
    await Promise.all(chosen.map(way => go(target, way, tally)));
    const left = await eventually(
      'its places are free again',
      () => (socketsOf(target) <= before + 5 ? 'free' : undefined),
      { within: 10_000 },
    ).catch(() => `${socketsOf(target)} sockets, ${before} before`);
    tally.count('every place is free again', left === 'free' ? null : left);
    return tally.result();
  },
};

function socketsOf(target: Target): number {
  return descriptors(target.daemon.pid).socket ?? 0;
}

async function go(target: Target, way: Way, tally: Tally): Promise<void> {
  const { port } = target.at('smtp');
  const open = new Set<Socket>();
  const greeted = new Set<Socket>();
  const admitted = new Map<string, number>();
  let from = '';
  for (let count = 0; count < way.connections; count += 1) {
    if (count % way.perAddress === 0) {
      from = target.stranger();
      // No more at a time than the system lets wait.
      await new Promise(resolve => setTimeout(resolve, 50));
    }
    const address = from;
    const socket = connect({ host: '127.0.0.1', port, localAddress: address, allowHalfOpen: true });
    open.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => open.delete(socket));
    // The daemon has ended its half: it is over with us.
    socket.once('end', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      if (chunk.toString('latin1').startsWith('220 replyd')) {
        admitted.set(address, (admitted.get(address) ?? 0) + 1);
        greeted.add(socket);
        if (way.begin !== undefined) socket.write(way.begin);
        if (way.halfClosed) socket.end();
        if (way.deaf) socket.pause();
      }
    });
  }
  const began = performance.now();
  let tick = 0;
  const ticking = setInterval(() => {
    tick += 1;
    const words = way.tick?.(tick) ?? null;
    if (words === null) return;
    // No more of its own memory than the daemon takes.
    for (const socket of open)
      if (greeted.has(socket) && socket.writable && socket.writableLength < 4_000_000) socket.write(words, 'latin1');
  }, 250);
  const limit = (way.gone + LATE) * 1000;
  while (open.size > 0 && performance.now() - began < limit) await new Promise(resolve => setTimeout(resolve, 100));
  // Whoever does not read does not hear that it is over, either: what counts is the daemon's side, at the end.
  if (way.deaf) await new Promise(resolve => setTimeout(resolve, 500));
  clearInterval(ticking);
  const most = Math.max(0, ...admitted.values());
  const faults = [
    ...(open.size > 0 && !way.deaf ? [`${open.size} connections are still open after ${way.gone + LATE} s`] : []),
    ...(most > PER_ADDRESS ? [`${most} places for one address`] : []),
    ...(admitted.size === 0 ? ['nobody was let in'] : []),
  ];
  for (const socket of open) socket.destroy();
  tally.count(`${way.connections} clients: ${way.name}`, faults.length === 0 ? null : faults.join(', '));
}
