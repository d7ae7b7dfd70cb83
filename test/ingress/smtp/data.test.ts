/** Our reading of the data beside the library's: the same bytes, the same commands behind them, however they are cut. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SMTPStream } from 'smtp-server/lib/smtp-stream.js';
import { DataParser, MailStream } from '#replyd/ingress/smtp/data.js';

interface Heard {
  readonly mails: string[];
  readonly commands: string[];
}

/** What a parser makes of the pieces, the first mail beginning at once and another with each DATA. */
async function hear(parser: SMTPStream, pieces: readonly string[]): Promise<Heard> {
  const heard: Heard = { mails: [], commands: [] };
  const receive = () => {
    const stream = parser.startDataMode();
    let text = '';
    stream.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1');
    });
    stream.on('end', () => {
      assert.equal(stream.byteLength, text.length);
      heard.mails.push(text);
      parser.continue();
    });
  };
  parser.oncommand = (command, next) => {
    heard.commands.push(command.toString('latin1'));
    if (command.toString() === 'DATA') receive();
    // As in the door, where RCPT is never answered at once: the library loses count when a mail ends within `continue`.
    if (next) setImmediate(next);
  };
  receive();
  for (const piece of pieces) {
    await new Promise<void>(resolve => parser.write(Buffer.from(piece, 'latin1'), () => resolve()));
  }
  await new Promise(resolve => setImmediate(resolve));
  return heard;
}

async function both(pieces: readonly string[]): Promise<Heard> {
  const ours = await hear(new DataParser(), pieces);
  assert.deepEqual(ours, await hear(new SMTPStream(), pieces), JSON.stringify(pieces));
  return ours;
}

const NEVER_ENDING = [
  'one\n.\nNOOP\r\n',
  'one\r.\rNOOP\r\n',
  'one\n.\r\nNOOP\r\n',
  'one\r\n.\nNOOP\r\n',
  'one\r\n..\r\nNOOP\r\n',
  '..\r\nNOOP\r\n',
  'one\r\n.\r\r\nNOOP\r\n',
];

// biome-ignore format: a list of cases
const ENDING: readonly (readonly [sent: string, mail: string])[] = [
  ['.\r\n', ''],
  ['\r\n.\r\n', '\r\n'],
  ['one\r\n.\r\n', 'one\r\n'],
  ['..one\r\n.\r\n', '.one\r\n'],
  ['.one\r\n.\r\n', '.one\r\n'],
  ['one\r\n..\r\n...two\r\n..\r\n.\r\n', 'one\r\n.\r\n..two\r\n.\r\n'],
  ['one\n.\ntwo\r\n.\r\n', 'one\n.\ntwo\r\n'],
  ['one\n..two\r.\r\n.\r\n', 'one\n.two\r.\r\n'],
  [`${'x'.repeat(5_000)}\r\n.y\r\n.\r\n`, `${'x'.repeat(5_000)}\r\n.y\r\n`],
];

test('the data ends at CRLF.CRLF, whole or byte by byte', async () => {
  for (const [sent, mail] of ENDING) {
    for (const pieces of [[`${sent}NOOP\r\n`], [...`${sent}NOOP\r\n`]]) {
      assert.deepEqual(await both(pieces), { mails: [mail], commands: ['NOOP'] }, JSON.stringify(sent));
    }
  }
});

test('nothing else ends the data', async () => {
  for (const sent of NEVER_ENDING) {
    for (const pieces of [[sent], [...sent]]) assert.deepEqual(await both(pieces), { mails: [], commands: [] }, sent);
  }
});

test('any bytes in any pieces come out as the library lets them out', async () => {
  const words = ['.', '.', '\r', '\n', '\r\n', '\r\n', '\r\n.', '\r\n.\r\n', 'x', 'yz', 'DATA\r\n'];
  let mails = 0;
  for (let seed = 1; seed <= 1_500; seed++) {
    let state = seed;
    const random = (below: number) => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
      return (state >>> 12) % below;
    };
    const pieces = Array.from({ length: 1 + random(8) }, () =>
      Array.from({ length: 1 + random(6) }, () => words[random(words.length)]!).join(''),
    );
    mails += (await both(pieces)).mails.length;
  }
  assert.ok(mails > 500, `${mails} mails came to their end`);
});

test('a reader that pauses holds the client up and loses nothing', async () => {
  const parser = new DataParser();
  const stream = parser.startDataMode();
  const got: string[] = [];
  stream.on('data', (bytes: Buffer) => {
    got.push(bytes.toString());
    stream.pause();
  });
  const ended = new Promise(resolve => stream.on('end', resolve));
  let taken = false;
  parser.write('one\r\n..two\r\n..three', () => {
    taken = true;
  });
  await new Promise(resolve => setImmediate(resolve));
  assert.deepEqual([got.join(''), taken], ['one\r\n', false]);
  stream.resume();
  assert.deepEqual([got.join(''), taken], ['one\r\n.two\r\n', false]);
  stream.resume();
  stream.resume();
  await new Promise(resolve => setImmediate(resolve));
  assert.equal(taken, true);
  parser.write('\r\n.\r\n');
  for (let turn = 0; turn < 3; turn++) {
    stream.resume();
    await new Promise(resolve => setImmediate(resolve));
  }
  await ended;
  assert.equal(got.join(''), 'one\r\n.two\r\n.three\r\n');
});

test('what comes before somebody reads waits for him; a destroyed stream closes, with its error, and takes no more', async () => {
  const stream = new MailStream();
  assert.equal(stream.write(Buffer.from('one')), false);
  stream.end(Buffer.from('two'));
  let text = '';
  stream.on('data', (bytes: Buffer) => {
    text += bytes.toString();
  });
  await new Promise<void>(resolve => stream.on('end', () => resolve()));
  assert.equal(text, 'onetwo');
  assert.deepEqual([stream.readable, stream.writable], [false, false]);

  const gone = new MailStream();
  const events: string[] = [];
  gone.on('error', (error: Error) => events.push(error.message));
  gone.on('close', () => events.push('close'));
  gone.on('end', () => events.push('end'));
  gone.destroy(new Error('away'));
  gone.destroy();
  assert.deepEqual([gone.readable, gone.writable, events], [false, false, []]);
  await new Promise(resolve => setImmediate(resolve));
  assert.deepEqual(events, ['away', 'close']);
});
