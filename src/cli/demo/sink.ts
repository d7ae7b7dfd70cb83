/** The customer's provider in the demo: a small SMTP server on loopback that keeps every mail it gets. */
import type { AddressInfo } from 'node:net';

export interface Sink {
  readonly port: number;
  /** The next mail that comes, as text; mails that came before are given first. */
  next(): Promise<string>;
  close(): Promise<void>;
}

export async function openSink(): Promise<Sink> {
  const { SMTPServer } = await import('smtp-server');
  const waiting: ((mail: string) => void)[] = [];
  const mails: string[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    onData(stream, _session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const mail = Buffer.concat(chunks).toString('utf8');
        const taker = waiting.shift();
        if (taker) taker(mail);
        else mails.push(mail);
        done();
      });
    },
  });
  server.on('error', () => {
    // A client hung up. When a mail never comes, the time limit of the demo reports it.
  });
  await new Promise<void>((resolve, reject) => {
    server.server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve());
  });
  return {
    port: (server.server.address() as AddressInfo).port,
    next() {
      const mail = mails.shift();
      return mail === undefined ? new Promise(resolve => waiting.push(resolve)) : Promise.resolve(mail);
    },
    close: () => new Promise(resolve => server.close(() => resolve())),
  };
}
