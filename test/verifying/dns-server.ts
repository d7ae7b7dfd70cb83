/**
 * A DNS server on a loopback port (RFC 1035, UDP) that knows what a test tells it. Whatever it does not know does not exist
 * (NXDOMAIN). It counts the questions.
 */
import { createSocket } from 'node:dgram';

/** `fails` is answered SERVFAIL, `silence` with nothing. */
export type Zone = Record<string, readonly string[] | 'fails' | 'silence'>;

export interface DnsServer {
  /** As `auth.resolvers` wants it. */
  readonly address: string;
  /** By `TYPE name`, e.g. `TXT example.com`. May be changed while it runs. */
  readonly zone: Zone;
  readonly questions: string[];
  close(): Promise<void>;
}

const TYPES: Readonly<Record<number, string>> = { 1: 'A', 2: 'NS', 5: 'CNAME', 15: 'MX', 16: 'TXT', 28: 'AAAA' };

export async function startDns(zone: Zone): Promise<DnsServer> {
  const socket = createSocket('udp4');
  const questions: string[] = [];
  socket.on('message', (message, from) => {
    const { name, type, end } = questionOf(message);
    const question = `${type} ${name}`;
    questions.push(question);
    const known = zone[question];
    if (known === 'silence') return;
    const records = Array.isArray(known) ? (known as readonly string[]) : [];
    const exists = Object.keys(zone).some(each => each.endsWith(` ${name}`));
    const code = known === 'fails' ? 2 : exists ? 0 : 3;
    const head = Buffer.alloc(12);
    head.writeUInt16BE(message.readUInt16BE(0), 0);
    head.writeUInt16BE(0x8180 | code, 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(records.length, 6);
    const answers = records.map(record => answerOf(type, record));
    socket.send(Buffer.concat([head, message.subarray(12, end), ...answers]), from.port, from.address);
  });
  await new Promise<void>(resolve => socket.bind(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${socket.address().port}`,
    zone,
    questions,
    close: () => new Promise(resolve => socket.close(() => resolve())),
  };
}

function questionOf(message: Buffer): { name: string; type: string; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = message[at]!; length !== 0; length = message[at]!) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), type: TYPES[message.readUInt16BE(at + 1)] ?? 'other', end: at + 5 };
}

function answerOf(type: string, record: string): Buffer {
  const data =
    type === 'TXT'
      ? Buffer.concat(
          (record.match(/[\s\S]{1,255}/g) ?? ['']).map(text => Buffer.from([text.length, ...Buffer.from(text)])),
        )
      : Buffer.from(record.split('.').map(Number));
  const head = Buffer.alloc(12);
  // The name of the question, by its place.
  head.writeUInt16BE(0xc00c, 0);
  head.writeUInt16BE(type === 'TXT' ? 16 : 1, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(60, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}
