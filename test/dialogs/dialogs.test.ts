import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { OpenDoor } from '../ingress/open-door.js';
import { playDialog } from './runner.js';

const folder = path.resolve('test/dialogs');

// What must stand behind the door after the dialogue, where the words on the wire do not show it.
const BEHIND: Readonly<Record<string, (open: OpenDoor) => void>> = {
  'smtp/happy.txt': ({ reception }) => {
    assert.equal(reception.mails[0]!.bytes.toString(), 'Subject: hello\r\n\r\n.leading dot\r\n');
    assert.deepEqual(facts(reception.mails), [
      { mailFrom: 'anna@customer.example', via: 'smtp', client: '127.0.0.1', trusted: false },
    ]);
  },
  'smtp/addresses.txt': ({ reception }) => {
    assert.deepEqual(
      reception.mails.map(mail => mail.mailFrom),
      ['dörte@xn--bcher-kva.example', ''],
    );
    assert.deepEqual(reception.asked.slice(0, 4), [
      'reply+1@in.example',
      'reply+2@in.example',
      '"reply+3"@in.example',
      'REPLY+4@IN.example',
    ]);
  },
  'smtp/smuggling.txt': ({ reception }) => {
    assert.equal(reception.mails.length, 1);
    assert.match(reception.mails[0]!.bytes.toString('latin1'), /six \r\n\n\.\r\n\r\r\n\.\r\r\nend\r\n$/);
  },
  'smtp/pipelining.txt': ({ reception }) => {
    assert.deepEqual(
      reception.mails.map(mail => mail.bytes.toString()),
      ['x\r\nRSET\r\n', 'y\r\n'],
    );
    assert.deepEqual(
      reception.mails.map(mail => mail.destinations.map(destination => destination.address)),
      [['reply+1@in.example'], ['reply+2@in.example']],
    );
  },
  'smtp/xclient.txt': ({ reception }) => {
    assert.deepEqual(facts(reception.mails), [
      { mailFrom: 'a@c.example', via: 'smtp', client: '192.0.2.77', trusted: false },
    ]);
  },
  'lmtp/happy.txt': ({ reception }) => {
    assert.deepEqual(
      reception.mails[0]!.destinations.map(destination => destination.address),
      ['reply+1@in.example', 'reply+2@in.example'],
    );
    assert.equal(reception.mails[0]!.via, 'lmtp');
  },
};

const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter(file => file.endsWith('.txt'))
  .sort();

for (const file of files) {
  test(file, async t => {
    const open = await playDialog(t, path.join(folder, file));
    BEHIND[file]?.(open);
    assert.deepEqual(open.spoolFiles(), []);
  });
}

test('every look behind belongs to a dialogue', () => {
  assert.deepEqual(
    Object.keys(BEHIND).filter(file => !files.includes(file)),
    [],
  );
});

function facts(mails: OpenDoor['reception']['mails']): unknown[] {
  return mails.map(({ mailFrom, via, client, trusted }) => ({ mailFrom, via, client, trusted }));
}
