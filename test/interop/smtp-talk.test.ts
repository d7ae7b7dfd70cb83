import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { connectTalk, dotStuffed } from './smtp-talk.js';

// What the client sends is tested against real servers everywhere else; here is what no good server does.
async function talkTo(serve: (socket: Socket) => void, timeout = 10_000) {
  const server = createServer(socket => {
    socket.on('error', () => {});
    serve(socket);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', () => resolve()));
  const address = server.address();
  assert.ok(address !== null && typeof address !== 'string');
  const talk = await connectTalk({ host: '127.0.0.1', port: address.port }, { timeout });
  const close = async () => {
    talk.close();
    await new Promise(resolve => server.close(resolve));
  };
  return { talk, close };
}

test('a mail goes over the wire with CRLF, doubled dots and one final dot', () => {
  const table: readonly [string, string][] = [
    ['', '.\r\n'],
    ['a', 'a\r\n.\r\n'],
    ['a\n', 'a\r\n.\r\n'],
    ['a\r\n', 'a\r\n.\r\n'],
    ['.', '..\r\n.\r\n'],
    ['a\n.\n..b\n', 'a\r\n..\r\n...b\r\n.\r\n'],
    ['a\r.b\n', 'a\r.b\r\n.\r\n'],
  ];
  for (const [mail, wire] of table) {
    assert.equal(dotStuffed(Buffer.from(mail, 'latin1')).toString('latin1'), wire, JSON.stringify(mail));
  }
});

test('a reply in pieces and of several lines is one reply', async () => {
  const { talk, close } = await talkTo(socket => {
    socket.write('220-mx.exam');
    setImmediate(() => socket.write('ple.com\r\n220 2.0.0 ready\r\n250 n'));
    setImmediate(() => setImmediate(() => socket.end('ext\r\n')));
  });
  const greeting = await talk.expect([421, '220-mx']);
  assert.deepEqual(greeting, {
    code: 220,
    enhanced: '2.0.0',
    texts: ['mx.example.com', '2.0.0 ready'],
    raw: '220-mx.example.com\n220 2.0.0 ready',
  });
  assert.deepEqual(
    (await talk.untilEnd()).map(reply => reply.raw),
    ['250 next'],
  );
  await close();
});

test('what is no answer throws with the dialogue so far', async () => {
  const table: readonly [string, (socket: Socket) => void, RegExp][] = [
    ['another code', socket => socket.write('554 go away\r\n'), /expected 220\nS: 554 go away/],
    ['no reply', socket => socket.write('hello\r\n'), /no SMTP reply: "hello"/],
    ['the end', socket => socket.end('22'), /ended instead of a reply/],
    ['silence', () => {}, /waited 100 ms for a reply/],
  ];
  for (const [name, serve, error] of table) {
    const { talk, close } = await talkTo(serve, 100);
    await assert.rejects(talk.expect(220), error, name);
    await close();
  }
});
