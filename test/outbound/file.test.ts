import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import type { MailParcel } from '#replyd/conversation/ports.js';
import { createFileCourier } from '#replyd/outbound/file.js';

const root = mkdtempSync(path.join(os.tmpdir(), 'replyd-file-'));
after(() => rmSync(root, { recursive: true }));

function parcel(changes: Partial<MailParcel> = {}): MailParcel {
  return {
    kind: 'mail',
    deliveryId: 'dl_1',
    lease: 1,
    attempt: 1,
    mailFrom: 'bounce+ab@reply.example.com',
    rcptTo: 'anna@customer.example',
    head: 'Reply-To: <reply+aa@reply.example.com>\r\n',
    content: { bytes: Buffer.from('Subject: x\r\n\r\nbody\r\n') },
    messageId: '<m@reply.example.com>',
    signature: null,
    ...changes,
  };
}

test('writes the mail as it would be sent, and its envelope beside it', async () => {
  const folder = path.join(root, 'a', 'sent');
  const courier = createFileCourier({ folder });
  const outcome = await courier.deliver(parcel());
  assert.deepEqual(outcome, { kind: 'sent', response: `written to ${folder}/dl_1.eml` });
  assert.equal(
    readFileSync(path.join(folder, 'dl_1.eml'), 'latin1'),
    'Reply-To: <reply+aa@reply.example.com>\r\nSubject: x\r\n\r\nbody\r\n',
  );
  assert.deepEqual(JSON.parse(readFileSync(path.join(folder, 'dl_1.json'), 'utf8')), {
    delivery_id: 'dl_1',
    attempt: 1,
    mail_from: 'bounce+ab@reply.example.com',
    rcpt_to: 'anna@customer.example',
    message_id: '<m@reply.example.com>',
  });
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  assert.equal(statSync(path.join(folder, 'dl_1.eml')).mode & 0o777, 0o600);
  await courier.close();
});

test('a second try replaces the first, a stored file is copied and stays', async () => {
  const folder = path.join(root, 'b');
  const file = path.join(root, 'stored.eml');
  writeFileSync(file, 'Subject: y\r\n\r\nstored\r\n');
  const courier = createFileCourier({ folder });
  await courier.deliver(parcel());
  await courier.deliver(parcel({ attempt: 2, head: '', content: { file } }));
  assert.deepEqual(readdirSync(folder).sort(), ['dl_1.eml', 'dl_1.json']);
  assert.equal(readFileSync(path.join(folder, 'dl_1.eml'), 'latin1'), 'Subject: y\r\n\r\nstored\r\n');
  assert.equal(statSync(file).isFile(), true);
});

test('a mail that can’t be read is retried and leaves nothing half written', async () => {
  const folder = path.join(root, 'c');
  const courier = createFileCourier({ folder });
  const outcome = await courier.deliver(parcel({ content: { file: path.join(root, 'gone.eml') } }));
  assert.equal(outcome.kind, 'retry');
  assert.match(outcome.response, /ENOENT/);
  assert.deepEqual(readdirSync(folder), ['dl_1.json']);
});

test('a delivery id is never a path', async () => {
  const courier = createFileCourier({ folder: path.join(root, 'd') });
  for (const deliveryId of ['../x', 'a/b', '', '.', 'a.b']) {
    assert.equal((await courier.deliver(parcel({ deliveryId }))).kind, 'retry');
  }
});

test('a folder that can’t be written is trouble of the destination', async () => {
  const blocked = path.join(root, 'blocked');
  writeFileSync(blocked, 'a file stands where the folder should be');
  assert.equal((await createFileCourier({ folder: blocked }).deliver(parcel())).kind, 'trouble');
  const taken = path.join(root, 'taken');
  mkdirSync(path.join(taken, 'dl_1.json'), { recursive: true });
  assert.equal((await createFileCourier({ folder: taken }).deliver(parcel())).kind, 'trouble');
});

test('what is no mail is handed back', async () => {
  const courier = createFileCourier({ folder: path.join(root, 'e') });
  const hook = {
    kind: 'webhook',
    deliveryId: 'dl_1',
    lease: 1,
    attempt: 1,
    url: 'x',
    eventId: 'ev_1',
    body: '',
    secrets: [],
  } as const;
  assert.equal((await courier.deliver(hook)).kind, 'retry');
});
