/**
 * `npm run test:upgrade [-- --conversations N]`: a large store of an older program (a million conversations) under the
 * present one. It is made from the store `one` of commit 2204937, whose rows are copied.
 *
 * Clients try to deliver from the first second on, as an MTA with a full queue does. The daemon is killed at random
 * moments of its start, three times, then left alone; the time until it is ready is the migration's. Ten seconds of full
 * load follow. Every mail with a 250 must be in its place, and `replyd check` must find the store in order. Ends with 1
 * otherwise.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { addOlderConversations } from '../bench/seed.js';
import { runLoad } from '../bench/smtp-client.js';
import { makeDaemon } from '../daemon-process.js';
import { sendMail } from '../interop/smtp-talk.js';
import { putOlderStore } from './older-store.js';

const { values } = parseArgs({ options: { conversations: { type: 'string', default: '1000000' } } });
const count = Number(values.conversations);
const KILLS = 3;
const minutes = (since: number) => ((performance.now() - since) / 60_000).toFixed(2);
const say = (text: string) => process.stdout.write(`${text}\n`);

const port = await freePort();
const daemon = await makeDaemon({ settings: { 'smtp.listen': [`127.0.0.1:${port}`] } });
const clients = { accepted: 0, stopped: false };
try {
  let begun = performance.now();
  await putOlderStore('one', daemon.dataFolder);
  const addresses = addOlderConversations(daemon.dataFolder, count - 1);
  const recipients = path.join(daemon.folder, 'recipients');
  await writeFile(recipients, `${addresses.join('\n')}\n`);
  say(`${count.toLocaleString('en')} conversations of schema 7 made in ${minutes(begun)} minutes`);

  const trying = Promise.all([0, 1, 2, 3].map(() => deliver(addresses)));
  for (let kill = 0; kill < KILLS; kill++) {
    const starting = daemon.start();
    const wait = Math.random() * 2000;
    await Promise.race([starting.catch(() => undefined), sleep(wait)]);
    await daemon.kill();
    await starting.catch(() => undefined);
    say(`killed ${Math.round(wait)} ms after its start`);
  }

  begun = performance.now();
  await daemon.start();
  say(`started, and the store migrated, in ${minutes(begun)} minutes`);
  clients.stopped = true;
  await trying;
  say(`${clients.accepted} mails were taken by then from clients that tried all the time`);
  const load = await runLoad({
    ...daemon.smtp,
    connections: 10,
    connection: 'kept',
    recipients,
    warmUp: 1,
    seconds: 10,
  });
  assert.deepEqual(load.failures, {});
  const { mails } = await daemon.json<{ readonly mails: number }>(['stats']);
  // A kill may come between a commit and its 250.
  const sure = load.accepted + clients.accepted;
  assert.ok(mails >= sure && mails <= sure + 4 * KILLS, `${mails} mails, ${sure} with a 250`);
  say(`${Math.round(load.perSecond)} mails/s into it; all ${sure} with a 250 are in their place`);
  await daemon.stop();
  begun = performance.now();
  const check = await daemon.cli(['check'], { timeout: 1_800_000 });
  assert.equal(check.code, 0, check.stdout + check.stderr);
  say(`replyd check: in order (${minutes(begun)} minutes)`);
} finally {
  await daemon.close();
}

/** Tries again after 20 ms when nobody listens or the connection ends. */
async function deliver(addresses: readonly string[]): Promise<void> {
  while (!clients.stopped) {
    const to = addresses[Math.floor(Math.random() * addresses.length)]!;
    const data = `From: customer@customer.example\r\nMessage-ID: <${randomUUID()}@customer.example>\r\n\r\nHello?\r\n`;
    try {
      const sent = await sendMail({ host: '127.0.0.1', port }, { from: 'customer@customer.example', to: [to], data });
      if (sent.data[0]?.code === 250) clients.accepted += 1;
    } catch {
      await sleep(20);
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
