/** A webhook receiver on a loopback port that can go wrong in every way, and remembers which events it took. */
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Event } from '#replyd/conversation/model.js';

/** A status to answer with, or what happens instead of an answer. `away`: nobody listens. */
export type Manner = number | 'away' | 'silence' | 'hangup' | 'garbage';

export interface Receiver {
  readonly url: string;
  /** Event ids that were answered 2xx, as often as they were. */
  readonly taken: string[];
  /** First lines of the messages that `message.created` events told of, as often as they were taken. */
  readonly words: string[];
  /** The events themselves, as often as they were taken. */
  readonly events: Told[];
  /** Requests that came since the last change of manner; those to another path than `/hook` are counted in `strays`. */
  requests(): number;
  strays(): number;
  behave(manner: Manner): Promise<void>;
  close(): Promise<void>;
}

type Told = Pick<Event, 'id' | 'seq' | 'type' | 'conversation' | 'message'>;

export async function startReceiver(): Promise<Receiver> {
  const sockets = new Set<Socket>();
  const taken: string[] = [];
  const words: string[] = [];
  const events: Told[] = [];
  let manner: Manner = 200;
  let [requests, strays] = [0, 0];

  const answer = (request: IncomingMessage, response: ServerResponse, body: string) => {
    requests += 1;
    if (request.url !== '/hook') strays += 1;
    if (manner === 'hangup' || manner === 'away') request.socket.destroy();
    else if (manner === 'garbage') request.socket.end('250 2.0.0 this is no HTTP\r\n\r\n');
    else if (typeof manner === 'number') {
      if (manner < 300 && request.url === '/hook') {
        const event = JSON.parse(body) as Told;
        taken.push(event.id);
        events.push(event);
        if (event.type === 'message.created') words.push(event.message?.text.split('\n')[0] ?? '');
      }
      response.writeHead(manner, manner >= 300 && manner < 400 ? { location: '/elsewhere' } : {}).end('so be it');
    }
  };
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => {});
    request.on('end', () => answer(request, response, Buffer.concat(chunks).toString('utf8')));
  });
  server.on('connection', socket => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
  });
  const listen = (port: number) => new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve));
  const stop = async () => {
    const closed = new Promise<void>(resolve => server.close(() => resolve()));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  await listen(0);
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}/hook`,
    taken,
    words,
    events,
    requests: () => requests,
    strays: () => strays,
    async behave(next) {
      const before = manner;
      manner = next;
      requests = 0;
      if (next === 'away' && server.listening) await stop();
      if (next !== 'away' && !server.listening) await listen(port);
      // Whoever was kept waiting hears nothing more.
      if (before === 'silence') for (const socket of sockets) socket.destroy();
    },
    async close() {
      if (server.listening) await stop();
    },
  };
}
