/** The customer's provider in the demo: a small SMTP server on loopback that takes every mail. */
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

export interface Sink {
  readonly port: number;
  /** The first mail that comes. When none ever comes, the time limit of the demo reports it. */
  readonly first: Promise<Buffer>;
  close(): Promise<void>;
}

export async function openSink(): Promise<Sink> {
  const { SMTPServer } = await import('smtp-server');
  let take: (mail: Buffer) => void = () => {};
  const first = new Promise<Buffer>(resolve => {
    take = resolve;
  });
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    onData(stream, _session, done) {
      buffer(stream)
        .then(take)
        .then(() => done(), done);
    },
  });
  server.on('error', () => {
    // A client hung up.
  });
  await new Promise<void>((resolve, reject) => {
    server.server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve());
  });
  return {
    port: (server.server.address() as AddressInfo).port,
    first,
    close: () => new Promise(resolve => server.close(() => resolve())),
  };
}
