/**
 * What applications feel: messages added over HTTP, webhooks delivered, events given out to 200 readers, and the time
 * from the end of a mail's DATA to its webhook. The daemon is a process of its own; client, receiver and readers share
 * this one, so the rates are those of both on one machine.
 */
import { Agent, createServer, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import path from 'node:path';
import type { ApiKey } from '#replyd/conversation/model.js';
import { type DaemonProcess, makeDaemon } from '../daemon-process.js';
import { connectTalk } from '../interop/smtp-talk.js';
import { eventually } from '../run.js';
import { seedConversations } from './seed.js';

const CONVERSATIONS = 1000;
const READERS = 200;

export async function run(quick = false): Promise<void> {
  const daemon = await makeDaemon({
    settings: { 'log.level': 'warn', 'hooks.allow_private': true, 'limits.api_requests': 10_000_000 },
  });
  try {
    const recipients = path.join(daemon.folder, 'recipients');
    await seedConversations(daemon.dataFolder, CONVERSATIONS, recipients);
    await daemon.start();
    const { key } = await daemon.json<ApiKey & { key: string }>(['key', 'add', 'acme']);
    await adding(daemon, key, quick ? 500 : 5000);
    await fanOut(daemon, key, quick ? 50 : 300);
    await webhooks(daemon, key, quick ? 500 : 3000);
    await fromMailToHook(daemon, recipients, quick ? 30 : 300);
  } finally {
    await daemon.close();
  }
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Posts `count` messages to conversations in turn, `connections` at a time. Returns how long each took, ms. */
export async function post(daemon: DaemonProcess, key: string, count: number, connections: number): Promise<number[]> {
  const [host, port] = daemon.listening.http!.split(':');
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const body = JSON.stringify({ direction: 'incoming', text: 'Where is my parcel? It was to come on Monday.' });
  const headers = {
    authorization: `Bearer ${key}`,
    'content-type': 'application/json',
    'content-length': body.length,
  };
  const times: number[] = [];
  let next = 0;
  const one = (number: number) =>
    new Promise<void>((resolve, reject) => {
      const begun = performance.now();
      const place = `/v1/conversations/${(number % CONVERSATIONS) + 1}/messages`;
      const asked = request({ host, port, agent, method: 'POST', path: place, headers }, response => {
        response.resume();
        response.on('end', () => {
          times.push(performance.now() - begun);
          if (response.statusCode === 201) resolve();
          else reject(new Error(`${place}: ${response.statusCode}`));
        });
      });
      asked.on('error', reject);
      asked.end(body);
    });
  await Promise.all(
    Array.from({ length: connections }, async () => {
      while (next < count) await one(next++);
    }),
  );
  agent.destroy();
  return times;
}

async function adding(daemon: DaemonProcess, key: string, count: number): Promise<void> {
  await post(daemon, key, count / 2, 10);
  for (const connections of [1, 10, 50]) {
    const begun = performance.now();
    const times = await post(daemon, key, connections === 1 ? count / 4 : count, connections);
    const rate = (times.length / (performance.now() - begun)) * 1000;
    print(`messages added, ${connections} connections: ${rate.toFixed(0)}/s, ${spread(times)}`);
  }
}

/** Webhooks a second: a receiver that was down comes back to find `count` waiting. */
async function webhooks(daemon: DaemonProcess, key: string, count: number): Promise<void> {
  let heard = 0;
  let taking = false;
  const server = createServer((asked, response) => {
    asked.resume();
    asked.on('end', () => {
      if (taking) heard += 1;
      response.writeHead(taking ? 204 : 503).end();
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const { id } = await daemon.json<{ id: string }>(['hook', 'add', 'acme', `http://127.0.0.1:${port}/`]);
  await post(daemon, key, count, 20);
  taking = true;
  // Ends the trouble, so that no probe is waited for.
  await daemon.json(['hook', 'test', id]);
  heard = 0;
  const begun = performance.now();
  await eventually('all webhooks are delivered', () => heard >= count, { within: 120_000, every: 5 });
  print(
    `webhooks, ${count} waiting in ${CONVERSATIONS} conversations: ${((heard / (performance.now() - begun)) * 1000).toFixed(0)}/s`,
  );
  await daemon.cli(['hook', 'remove', id, '--yes']);
  server.closeAllConnections();
  server.close();
}

async function fanOut(daemon: DaemonProcess, key: string, count: number): Promise<void> {
  const [host, port] = daemon.listening.http!.split(':');
  const counts = new Array<number>(READERS).fill(0);
  let bytes = 0;
  const sockets = await Promise.all(
    counts.map(
      (_, index) =>
        new Promise<ReturnType<typeof connect>>((resolve, reject) => {
          const socket = connect(Number(port), host, () => {
            socket.write(`GET /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\n\r\n`);
          });
          socket.on('error', reject);
          socket.once('data', () => resolve(socket));
          socket.on('data', chunk => {
            bytes += chunk.length;
            for (let at = chunk.indexOf('\nevent: '); at !== -1; at = chunk.indexOf('\nevent: ', at + 1)) {
              counts[index] = counts[index]! + 1;
            }
          });
        }),
    ),
  );
  const before = bytes;
  const begun = performance.now();
  await post(daemon, key, count, 10);
  await eventually('every reader has every event', () => counts.every(each => each >= count), {
    every: 2,
    within: 60_000,
  });
  const seconds = (performance.now() - begun) / 1000;
  print(
    `event stream, ${READERS} readers: ${count} events to each in ${seconds.toFixed(2)} s: ${((count * READERS) / seconds).toFixed(0)} events/s, ${((bytes - before) / seconds / 1e6).toFixed(0)} MB/s`,
  );
  for (const socket of sockets) socket.destroy();
}

/** From the last byte of DATA written to the webhook's request come in. */
async function fromMailToHook(daemon: DaemonProcess, recipientsFile: string, count: number): Promise<void> {
  const { readFile } = await import('node:fs/promises');
  const recipients = (await readFile(recipientsFile, 'utf8')).split('\n').filter(Boolean);
  const arrived = new Map<string, number>();
  const server = createServer(async (asked, response) => {
    const now = performance.now();
    let body = '';
    for await (const chunk of asked) body += chunk;
    const { type, message } = JSON.parse(body) as { type: string; message: { text: string } | null };
    if (type === 'message.created') arrived.set(message!.text, now);
    response.end();
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await daemon.json(['hook', 'add', 'acme', `http://127.0.0.1:${port}/`]);
  const talk = await connectTalk(daemon.smtp);
  await talk.expect(220);
  await talk.command('EHLO client.example.net', 250);
  const times: number[] = [];
  for (let i = 0; i < count; i += 1) {
    const text = `mail ${i} of this run`;
    await talk.command('MAIL FROM:<carla@customer.example>', 250);
    await talk.command(`RCPT TO:<${recipients[i % recipients.length]}>`, 250);
    await talk.command('DATA', 354);
    const head = `From: Carla <carla@customer.example>\r\nSubject: Re: parcel\r\nMessage-ID: <${i}@customer.example>`;
    const begun = performance.now();
    talk.sendMail(`${head}\r\nContent-Type: text/plain\r\n\r\n${text}\r\n`);
    await talk.reply();
    const at = await eventually('the webhook came', () => arrived.get(text), { every: 1 });
    // The first ones find everything cold.
    if (i >= count / 10) times.push(at - begun);
  }
  await talk.quit();
  talk.close();
  print(`end of DATA to webhook: ${spread(times)}`);
  server.closeAllConnections();
  server.close();
}

function spread(times: readonly number[]): string {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!.toFixed(1);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`;
}
