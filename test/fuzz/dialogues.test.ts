import assert from 'node:assert/strict';
import { test } from 'node:test';
import { replyLine, STATUS, type StatusName } from '#replyd/mail/status.js';
import { runDialogues } from './dialogues.js';

test('broken dialogues: one right reply for each command, every 250 is a stored mail, nothing stands twice', async () => {
  const { faults, acknowledged, replies } = await runDialogues({ count: 240, seed: 20260601 });
  assert.deepEqual(faults, []);
  assert.ok(acknowledged > 80, `${acknowledged} mails acknowledged`);
  // The dialogues reach what they are there for.
  const wanted: StatusName[] = [
    'senderOk',
    'recipientOk',
    'protocolError',
    'notOurs',
    'unknownRecipient',
    'blockedSender',
    'switchedOff',
  ];
  for (const name of wanted) assert.ok(replies.has(replyLine(STATUS[name])), `nobody was told ${name}`);
});
