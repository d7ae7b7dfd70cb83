/**
 * All that is in flight shares one budget of space: fifteen clients in the middle of DATA cannot take what
 * `limits.min_free` keeps, each gets an honest answer, and a customer's mail is taken as soon as there is room again.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { addAccount, type DaemonProcess, hostPort, makeDaemon, startConversation } from '../daemon-process.js';
import { providerPost, SECRET } from '../ingress/provider-posts.js';
import { connectTalk, sendMail } from '../interop/smtp-talk.js';
import { eventually } from '../run.js';
import { mailBytes } from './load.js';
import { mountSmallDisk, unmount, watchFree } from './small-disk.js';

const MIB = 1024 * 1024;
const DISK = 160 * MIB;
const MIN_FREE = 64 * MIB;
const CLIENTS = 15;
/** More than fits, of all clients together, twice over. */
const MAIL = 14 * MIB;
/** What a client may have between asking and writing, and what the store writes meanwhile. */
const SLACK = CLIENTS * 512 * 1024 + 4 * MIB;

async function onSmallDisk(context: { after(work: () => unknown): void; skip(why: string): void }) {
  const daemon = await makeDaemon({
    settings: {
      'limits.min_free': MIN_FREE,
      'limits.loop_messages': 10_000,
      'ingress.relay.password': [SECRET],
      'log.level': 'warn',
    },
  });
  if (!mountSmallDisk(daemon.dataFolder, DISK)) {
    await daemon.close();
    context.skip('mounting a tmpfs needs root');
    return null;
  }
  context.after(async () => {
    await daemon.kill();
    unmount(daemon.dataFolder);
    await daemon.close();
  });
  await daemon.start();
  await addAccount(daemon);
  const { reply_to } = await startConversation(daemon, {});
  return { daemon, reply_to };
}

async function smallMail(daemon: DaemonProcess, to: string, word: string): Promise<number> {
  try {
    const data = mailBytes(word, to, 2_000);
    const sent = await sendMail(daemon.smtp, { from: 'c@customer.example', to: [to], data });
    return sent.data[0]!.code;
  } catch (error) {
    // At MAIL.
    assert.match(String(error), /452 4\.3\.1/);
    return 452;
  }
}

test('fifteen clients in DATA leave limits.min_free free', async context => {
  const made = await onSmallDisk(context);
  if (made === null) return;
  const { daemon, reply_to } = made;
  const watch = watchFree(daemon.dataFolder);
  const talks = await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      const talk = await connectTalk(daemon.smtp, { timeout: 60_000 });
      await talk.expect(220);
      await talk.command('EHLO client.example.net', 250);
      await talk.command('MAIL FROM:<carla@customer.example>', 250);
      await talk.command(`RCPT TO:<${reply_to}>`, 250);
      await talk.command('DATA', 354);
      return talk;
    }),
  );
  // All but the end: what fits is in files, the rest was refused and is read and dropped.
  const body = mailBytes('flood', reply_to, MAIL).toString('latin1').replaceAll('\n', '\r\n');
  for (const talk of talks) talk.sendBytes(body);
  const files = () => readdirSync(path.join(daemon.dataFolder, 'incoming')).length;
  await eventually('the disk is as full as it may be', () => files() > 0 && files() < CLIENTS);
  for (const talk of talks) talk.sendBytes('\r\n.\r\n');
  const codes = await Promise.all(talks.map(async talk => (await talk.reply()).raw.slice(0, 9)));
  for (const talk of talks) talk.close();
  assert.ok(watch.stop() > MIN_FREE - SLACK, 'free space stayed');
  assert.deepEqual(
    codes.filter(code => code !== '250 2.0.0' && code !== '452 4.3.1'),
    [],
  );
  assert.ok(codes.includes('452 4.3.1'), 'some were put off');
  // The rest of the files goes with the answers.
  await eventually('no file is left', () => files() === 0);
  await eventually("a customer's mail is taken", async () => (await smallMail(daemon, reply_to, 'after')) === 250);
});

test('clients that go away in the middle of DATA give back what they held', async context => {
  const made = await onSmallDisk(context);
  if (made === null) return;
  const { daemon, reply_to } = made;
  const { host, port } = hostPort(daemon.listening.smtp[0]);
  for (let round = 0; round < 3; round += 1) {
    const talks = await Promise.all(
      Array.from({ length: CLIENTS }, async () => {
        const talk = await connectTalk({ host, port }, { timeout: 60_000 });
        await talk.expect(220);
        await talk.command('EHLO client.example.net', 250);
        return talk;
      }),
    );
    const open = [];
    for (const talk of talks) {
      const { code } = await talk.command('MAIL FROM:<carla@customer.example>', [250, 452]);
      if (code !== 250) continue;
      await talk.command(`RCPT TO:<${reply_to}>`, 250);
      await talk.command('DATA', 354);
      talk.sendBytes('x'.repeat(76).concat('\r\n').repeat(100_000));
      open.push(talk);
    }
    assert.ok(open.length > 0);
    for (const talk of talks) talk.reset();
    await eventually('no file is left', () => readdirSync(path.join(daemon.dataFolder, 'incoming')).length === 0);
    await eventually(
      "a customer's mail is taken",
      async () => (await smallMail(daemon, reply_to, `r${round}`)) === 250,
    );
  }
});

test('large posts to a door and to the API are put off, and taken when there is room', async context => {
  const made = await onSmallDisk(context);
  if (made === null) return;
  const { daemon, reply_to } = made;
  const url = `http://${daemon.listening.http}`;
  const { key } = await daemon.json<{ key: string }>(['key', 'add', 'acme']);
  const post = providerPost('relay', { rcptTo: [reply_to], mail: mailBytes('relay', reply_to, 20 * MIB) });
  const relay = () => fetch(`${url}${post.path}`, { method: 'POST', headers: post.headers, body: post.body });
  const upload = () =>
    fetch(`${url}/v1/conversations/1/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify({
        direction: 'note',
        text: 'see there',
        attachments: [
          {
            filename: 'x.bin',
            content_type: 'application/octet-stream',
            content: Buffer.alloc(8 * MIB).toString('base64'),
          },
        ],
      }),
    });
  const watch = watchFree(daemon.dataFolder);
  const answers = await Promise.all([...Array.from({ length: 6 }, relay), ...Array.from({ length: 8 }, upload)]);
  const statuses = answers.map(({ status }) => status);
  for (const answer of answers) await answer.arrayBuffer();
  assert.ok(watch.stop() > MIN_FREE - SLACK, 'free space stayed');
  assert.ok(statuses.includes(503), statuses.join());
  assert.deepEqual(
    statuses.filter(status => ![201, 204, 503].includes(status)),
    [],
  );
  await eventually('no file is left', () => readdirSync(path.join(daemon.dataFolder, 'incoming')).length === 0);
});

test('a large mail that is turned away, or comes again, leaves no file in blobs', async context => {
  const daemon = await makeDaemon({ settings: { 'log.level': 'warn' } });
  context.after(() => daemon.close());
  await daemon.start();
  await addAccount(daemon);
  const { reply_to } = await startConversation(daemon, {});
  await daemon.json(['account', 'set', 'acme', 'blocked=carla@customer.example']);
  const files = () =>
    readdirSync(path.join(daemon.dataFolder, 'blobs'), { recursive: true, withFileTypes: true }).filter(entry =>
      entry.isFile(),
    ).length;
  const send = async (head: string, word: string) => {
    const data = Buffer.concat([Buffer.from(head), mailBytes(word, reply_to, MIB)]);
    return (await sendMail(daemon.smtp, { from: 'c@customer.example', to: [reply_to], data })).data[0]!.code;
  };
  assert.equal(await send('', 'blocked'), 550);
  assert.equal(files(), 0);
  await daemon.json(['account', 'set', 'acme', 'blocked=']);
  assert.equal(await send('', 'first'), 250);
  assert.equal(files(), 1);
  assert.equal(await send('Received: from another\n by here\n', 'first'), 250);
  assert.equal(files(), 1);
});
