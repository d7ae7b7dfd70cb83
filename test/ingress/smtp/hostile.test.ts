import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sendMail } from '../../interop/smtp-talk.js';
import { openDoor } from '../open-door.js';

/** A small generator of our own (mulberry32), so that a failure can be repeated from its seed. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return below => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

// biome-ignore format: a list of fragments
const WORDS = [
  'EHLO c.example\r\n', 'HELO c.example\r\n', 'LHLO c\r\n', 'MAIL FROM:<>\r\n', 'MAIL FROM:<a@c.example> SIZE=5\r\n',
  'RCPT TO:<reply+1@in.example>\r\n', 'RCPT TO:<reply+few@in.example>\r\n', 'RCPT TO:<throws@in.example>\r\n',
  'RCPT TO:<nobody@in.example>\r\n', 'RCPT TO:<"a\\"b"@in.example>\r\n', 'RCPT TO:<"\r\n', 'DATA\r\n', '.\r\n', '\r\n.\r\n',
  '..\r\n', '\n.\n', '\r.\r', 'RSET\r\n', 'NOOP\r\n', 'QUIT\r\n', 'STARTTLS\r\n', 'XCLIENT ADDR=192.0.2.1\r\n',
  'XCLIENT ADDR=IPV6:::1 NAME=x\r\n', 'MAIL\r\n', 'RCPT\r\n', 'MAIL FROM:\r\n', '\x00', '\r', '\n', '\xff\xfe', ' ', 'x'.repeat(300),
  'MAIL FROM:<@a,@b:c@d.example> BODY=8BITMIME SMTPUTF8\r\n', 'VRFY ', 'BDAT 10\r\n', 'AUTH PLAIN\r\n', '\r\n'.repeat(5),
];

for (const kind of ['smtp', 'lmtp'] as const) {
  test(`${kind}: any bytes in any pieces leave the door as it was`, async t => {
    const open = await openDoor(t, { kind, trustedNetworks: ['127.0.0.1'], maxConnections: 200, memoryLimit: 500 });
    for (let seed = 1; seed <= 60; seed++) {
      const random = generator(seed);
      const talk = await open.connect();
      const pieces = random(40) + 1;
      for (let index = 0; index < pieces; index++) {
        let text = '';
        for (let count = random(6); count >= 0; count--) text += WORDS[random(WORDS.length)]!;
        talk.sendBytes(random(4) === 0 ? text.slice(0, random(text.length + 1)) : text);
        if (random(3) === 0) await new Promise(resolve => setImmediate(resolve));
      }
      if (random(2) === 0) talk.reset();
      else talk.close();
    }
    const { data } = await sendMail(open.address, { from: '', to: ['reply+1@in.example'], data: 'x', protocol: kind });
    assert.equal(data[0]!.code, 250);
    await open.door.close({ graceMs: 0 });
    assert.deepEqual(open.spoolFiles(), []);
    assert.deepEqual(
      open.log.filter(line => line.event === 'failed' && !String(line.error).includes('scripted')),
      [],
    );
  });
}

test('thousands of pipelined commands are all answered, in order', async t => {
  const { connect } = await openDoor(t, { trustedNetworks: ['127.0.0.1'] });
  const talk = await connect();
  await talk.expect(220);
  talk.sendBytes('NOOP\r\nHELP\r\n'.repeat(2_500));
  talk.send('QUIT');
  const codes = (await talk.untilEnd()).map(reply => reply.code);
  assert.deepEqual(codes, [...new Array(2_500).fill([250, 214]).flat(), 221]);
});

test('lines cost what they are long, not more', async t => {
  const { greeted, reception } = await openDoor(t, { maxSize: 10_000_000, trustedNetworks: ['127.0.0.1'] });
  const talk = await greeted();
  const took: number[] = [];
  for (const size of [1_000_000, 4_000_000]) {
    await talk.command('MAIL FROM:<>', 250);
    await talk.command('RCPT TO:<reply+1@in.example>', 250);
    await talk.command('DATA', 354);
    const start = process.cpuUsage();
    // One line of dots: nothing to find for the end of the data, at every byte.
    talk.sendBytes(`${'.'.repeat(size)}\r\n.\r\n`);
    await talk.expect(250);
    took.push(process.cpuUsage(start).user);
    assert.equal(reception.mails.at(-1)!.bytes.length, size + 1);
  }
  assert.ok(took[1]! < 100_000 + took[0]! * 16, `user time ${took.join(' and ')} µs`);
});
