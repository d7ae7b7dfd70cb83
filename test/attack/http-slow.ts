/**
 * Slow and greedy HTTP clients. A thousand connections with half a header, half a body or nothing hold every place of the
 * listener; others ask with an account's key for large answers again and again in one connection and read none of them.
 * What must hold beside them: an application's request is answered within 2 s, health is told within 2 s, memory stays
 * small, and each such connection ends by itself. The account whose own key is used so is answered within 2 s too; that
 * may be a 429 with Retry-After.
 */
import { connect, type Socket } from 'node:net';
import { descriptors } from '../process-figures.js';
import { eventually } from '../run.js';
import { type AttackKind, newTally, type Tally } from './attack.js';
import { ask } from './http-client.js';
import type { Target } from './target.js';

const ANSWER_TIME = 2_000;
/** In which a connection that asks nothing whole must have ended, with the time for its request. */
const GONE_MS = 75_000;

const OWN = 'an application of the account';

interface Way {
  readonly name: string;
  readonly connections: number;
  readonly begin: string;
  readonly tick?: string;
  /** It uses the key of an account, which may be told to come again. */
  readonly deaf?: true;
}

function ways(key: string): Way[] {
  const ask = `GET /v1/conversations/acme:1 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${key}\r\n\r\n`;
  const head = 'POST /ingress/mailgun/mime HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n';
  return [
    { name: 'silent', connections: 1000, begin: '' },
    { name: 'half a header', connections: 1000, begin: 'GET /healthz HTTP/1.1\r\nHost: a\r\nX-' },
    {
      name: 'a header line at a time',
      connections: 200,
      begin: 'GET /healthz HTTP/1.1\r\nHost: a\r\n',
      tick: 'X-A: b\r\n',
    },
    { name: 'half a body', connections: 200, begin: `${head}Content-Length: 1000000\r\n\r\na=` },
    {
      name: 'a byte of a body at a time',
      connections: 200,
      begin: `${head}Content-Length: 1000000\r\n\r\na=`,
      tick: 'x',
    },
    {
      name: 'a small chunk at a time',
      connections: 200,
      begin: `${head}Transfer-Encoding: chunked\r\n\r\n`,
      tick: '1\r\nx\r\n',
    },
    { name: 'questions and no reading', connections: 200, begin: ask.repeat(200), deaf: true },
    { name: 'a few questions and no reading', connections: 200, begin: ask.repeat(10), deaf: true },
  ];
}

export const httpSlow: AttackKind = {
  name: 'http-slow',
  about: 'HTTP clients with half a header or body, and those that ask and never read',
  async run(target, { short }) {
    const tally = newTally();
    for (let mail = 0; mail < 5; mail += 1)
      await target.store.addMessage(
        { id: target.customer.id },
        { direction: 'note', text: 'long '.repeat(50_000), via: 'cli' },
      );
    const before = descriptors(target.daemon.pid).socket ?? 0;
    for (const way of ways(target.acme.key)) await go(target, { way, tally, short });
    if (!short) {
      const free = await eventually(
        'the places are free',
        () => ((descriptors(target.daemon.pid).socket ?? 0) <= before + 5 ? 'free' : undefined),
        { within: 10_000 },
      ).catch(() => `${descriptors(target.daemon.pid).socket} sockets, ${before} before`);
      tally.count('every place is free again', free === 'free' ? null : free);
    }
    return tally.result();
  },
};

async function go(target: Target, { way, tally, short }: { way: Way; tally: Tally; short: boolean }): Promise<void> {
  const { port } = new URL(target.url);
  const open = new Set<Socket>();
  for (let count = 0; count < way.connections; count += 1) {
    const socket = connect({ host: '127.0.0.1', port: Number(port), localAddress: target.stranger() });
    open.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => open.delete(socket));
    if (way.deaf) socket.pause();
    else socket.resume();
    socket.write(way.begin);
  }
  const from = performance.now();
  const ticking = setInterval(() => {
    if (way.tick !== undefined) for (const socket of open) socket.write(way.tick);
  }, 500);
  const faults: string[] = [];
  const until = from + (short ? 2_000 : GONE_MS);
  while (performance.now() < until && faults.length === 0 && open.size > 0) {
    const place = '/v1/conversations?limit=1';
    const asked = {
      'an application of another account': ask(target.url, { place, key: target.umbra.key, within: 10_000 }),
      [OWN]: ask(target.url, { place, key: target.acme.key, within: 10_000 }),
      health: ask(target.url, { place: '/healthz', within: 10_000 }),
    };
    for (const [name, answer] of Object.entries(asked)) {
      const { status, took, text, head } = await answer;
      const mayWait = way.deaf && name === OWN && status === 429 && /^retry-after: \d+$/im.test(head);
      if (status !== 200 && !mayWait) faults.push(`${name} got ${status} ${text}`);
      else if (took > ANSWER_TIME) faults.push(`${name} waited ${took} ms`);
    }
    await new Promise(resolve => setTimeout(resolve, 250));
  }
  clearInterval(ticking);
  if (!short && faults.length === 0 && open.size > 0 && !way.deaf) faults.push(`${open.size} are still open`);
  for (const socket of open) socket.destroy();
  tally.count(`${way.connections} clients: ${way.name}`, faults.length === 0 ? null : faults.join(', '));
}
