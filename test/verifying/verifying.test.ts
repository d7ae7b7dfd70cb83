import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import Database from 'better-sqlite3';
import { dkimSign } from 'mailauth';
import type { Account, Message } from '#replyd/conversation/model.js';
import { runLoad } from '../bench/smtp-client.js';
import { addAccount, type DaemonProcess, makeDaemon, messagesOf, startConversation } from '../daemon-process.js';
import { providerPost, SECRET } from '../ingress/provider-posts.js';
import { sendMail } from '../interop/smtp-talk.js';
import { eventually } from '../run.js';
import { type DnsServer, startDns, type Zone } from './dns-server.js';

// The whole daemon beside a DNS server of ours: signed mails come, and their messages say what the DNS said.

const { privateKey, publicKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'der' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});
const KEY = `v=DKIM1; k=rsa; p=${publicKey.toString('base64')}`;
const STRANGER = '127.0.0.9';
const WRITER = 'ann@customer.example';

/** Says nothing to any question. */
const NEVER = new Proxy<Zone>({}, { get: () => 'silence' });

let dns: DnsServer;
let daemon: DaemonProcess;
let count = 0;

before(async () => {
  dns = await startDns({
    'TXT s1._domainkey.customer.example': [KEY],
    'TXT s1._domainkey.other.example': [KEY],
    'TXT s1._domainkey.broken.example': 'fails',
    'TXT s1._domainkey.silent.example': 'silence',
    'TXT customer.example': [`v=spf1 ip4:${STRANGER} -all`],
    'TXT _dmarc.customer.example': ['v=DMARC1; p=reject'],
    'TXT _dmarc.broken.example': ['v=DMARC1; p=reject'],
    'TXT _dmarc.silent.example': ['v=DMARC1; p=reject'],
  });
  daemon = await makeDaemon({
    settings: {
      'auth.verify': 'when_missing',
      'auth.resolvers': [dns.address],
      'auth.authserv_id': ['mx.example.com'],
      'smtp.trusted_networks': ['127.0.0.1'],
      'ingress.relay.password': SECRET,
    },
  });
  await daemon.start();
  await addAccount(daemon);
});

after(async () => {
  await daemon?.close();
  await dns?.close();
});

interface Sent {
  readonly from?: string;
  readonly mailFrom?: string;
  /** The domain that signs; absent: nobody. */
  readonly signs?: string;
  /** Behind the signature. */
  readonly changed?: boolean;
  readonly above?: string;
  readonly localAddress?: string;
  /** By a provider over HTTP. */
  readonly posted?: boolean;
}

async function send(sent: Sent): Promise<{ read: () => Promise<Message> }> {
  const { id, reply_to: to } = await startConversation(daemon, { contact: WRITER });
  const mail = [
    `From: Ann <${sent.from ?? WRITER}>`,
    `To: ${to}`,
    'Subject: Re: hello',
    'Date: Sun, 29 Nov 2026 10:00:00 +0000',
    `Message-ID: <${++count}@customer.example>`,
    '',
    `It came. ${count}`,
    '',
  ].join('\r\n');
  const { signatures } =
    sent.signs === undefined
      ? { signatures: '' }
      : await dkimSign(mail, {
          signatureData: [{ signingDomain: sent.signs, selector: 's1', privateKey, algorithm: 'rsa-sha256' }],
        } as never);
  const data = `${sent.above ?? ''}${signatures}${sent.changed === true ? mail.replace('It came.', 'Pay now.') : mail}`;
  const mailFrom = sent.mailFrom ?? sent.from ?? WRITER;
  if (sent.posted === true) {
    const { path, headers, body } = providerPost('relay', { rcptTo: [to], mailFrom, mail: Buffer.from(data) });
    const answer = await fetch(`http://${daemon.listening.http}${path}`, {
      method: 'POST',
      headers,
      body: new Uint8Array(body),
    });
    assert.ok(answer.ok, `${answer.status} ${await answer.text()}`);
  } else {
    const options = { localAddress: sent.localAddress ?? STRANGER };
    const { data: replies } = await sendMail(daemon.smtp, { from: mailFrom, to: [to], data }, options);
    assert.equal(replies[0]?.code, 250, replies[0]?.raw);
  }
  return { read: async () => (await messagesOf(daemon, id)).find(each => each.mail_id !== null)! };
}

function verdicts({ sender }: Message) {
  return { spf: sender?.spf, dkim: sender?.dkim, dmarc: sender?.dmarc };
}

const CASES: readonly (readonly [string, Sent, ReturnType<typeof verdicts>])[] = [
  ['signed by its own domain', { signs: 'customer.example' }, { spf: 'pass', dkim: 'pass', dmarc: 'pass' }],
  [
    'signed by its own domain, from elsewhere',
    { signs: 'customer.example', mailFrom: 'bounce@list.example' },
    { spf: 'none', dkim: 'pass', dmarc: 'pass' },
  ],
  [
    'signed by another domain only',
    { signs: 'other.example', mailFrom: 'bounce@list.example' },
    { spf: 'none', dkim: 'pass', dmarc: 'fail' },
  ],
  [
    'changed behind its signature',
    { signs: 'customer.example', changed: true, mailFrom: 'bounce@list.example' },
    { spf: 'none', dkim: 'fail', dmarc: 'fail' },
  ],
  ['not signed', {}, { spf: 'pass', dkim: 'none', dmarc: 'pass' }],
  ['of a domain without any record', { from: 'bob@plain.example' }, { spf: 'none', dkim: 'none', dmarc: 'none' }],
  [
    'whose key the DNS fails to give',
    { from: 'bob@broken.example', signs: 'broken.example' },
    { spf: 'none', dkim: 'temperror', dmarc: 'temperror' },
  ],
  [
    'through a trusted MTA that says nothing: SPF is not asked',
    { signs: 'customer.example', localAddress: '127.0.0.1' },
    { spf: null, dkim: 'pass', dmarc: 'pass' },
  ],
  [
    'that a provider posts: its signature alone counts',
    { signs: 'customer.example', posted: true },
    { spf: null, dkim: 'pass', dmarc: 'pass' },
  ],
  ['that a provider posts, not signed', { posted: true }, { spf: null, dkim: 'none', dmarc: 'fail' }],
  [
    'that a trusted MTA has judged',
    {
      signs: 'customer.example',
      localAddress: '127.0.0.1',
      above: 'Authentication-Results: mx.example.com; spf=softfail; dkim=none; dmarc=none\r\n',
    },
    { spf: 'softfail', dkim: 'none', dmarc: 'none' },
  ],
];

for (const [what, sent, right] of CASES) {
  test(`a mail ${what}`, async () => {
    const { read } = await send(sent);
    const message = await eventually('its verdicts are there', async () => {
      const found = await read();
      return found.sender?.dkim == null ? Promise.reject(new Error('not yet')) : found;
    });
    assert.deepEqual(verdicts(message), right);
    assert.match(message.sender!.evidence.join('\n'), /Authentication-Results: (?:replyd|mx\.example\.com); /);
  });
}

test('mail explain shows the verdicts that were asked of the DNS', async () => {
  const { read } = await send({ signs: 'customer.example', mailFrom: 'bounce@list.example' });
  const { mail_id: id, id: message } = await eventually('its verdicts are there', async () => {
    const found = await read();
    return found.sender?.dkim == null ? Promise.reject(new Error('not yet')) : found;
  });
  const explained = await daemon.json<{ filed: { message_id: string; sender: Message['sender'] }[] }>([
    'mail',
    'explain',
    id!,
  ]);
  assert.equal(explained.filed[0]?.message_id, message);
  assert.deepEqual(verdicts({ sender: explained.filed[0]!.sender } as Message), {
    spf: 'none',
    dkim: 'pass',
    dmarc: 'pass',
  });
  const { stdout } = await daemon.cli(['mail', 'explain', id!]);
  assert.match(stdout, /written by\s+Ann <ann@customer\.example>/);
  assert.match(stdout, /checked sender\s+spf=none dkim=pass dmarc=pass/);
});

test('an account that holds strangers waits for the DNS before it answers', async () => {
  await daemon.json(['account', 'enable', 'acme', 'hold_strangers']);
  try {
    const held = async (sent: Sent) => {
      const { read } = await send(sent);
      const message = await read();
      return { held: message.held, ...verdicts(message) };
    };
    const good = await held({ signs: 'customer.example', mailFrom: 'bounce@list.example' });
    assert.deepEqual(good, { held: false, spf: 'none', dkim: 'pass', dmarc: 'pass' });
    const forged = await held({ signs: 'other.example', mailFrom: 'bounce@list.example' });
    assert.deepEqual(forged, { held: true, spf: 'none', dkim: 'pass', dmarc: 'fail' });
  } finally {
    await daemon.json(['account', 'disable', 'acme', 'hold_strangers']);
  }
});

test('a forward of the team waits for the DNS, and counts when its sender is proven', async () => {
  await daemon.json(['account', 'enable', 'acme', 'new_conversations']);
  await daemon.json(['account', 'enable', 'acme', 'forwarded_mail']);
  const { inbox } = await daemon.json<Account>(['account', 'set', 'acme', 'forwarders=customer.example']);
  const forward = async (id: string, signed: boolean) => {
    const mail = [
      `From: Ann <${WRITER}>`,
      `To: ${inbox}`,
      'Subject: Fwd: Order',
      'Date: Sun, 29 Nov 2026 10:00:00 +0000',
      `Message-ID: <${id}@customer.example>`,
      '',
      '---------- Forwarded message ---------',
      'From: Jane <jane@client.example>',
      'Date: Sat, Nov 28, 2026 at 10:00 AM',
      'Subject: Order',
      `To: <${WRITER}>`,
      '',
      'Where is it?',
      '',
    ].join('\r\n');
    const signatureData = [{ signingDomain: 'customer.example', selector: 's1', privateKey, algorithm: 'rsa-sha256' }];
    const signatures = signed ? (await dkimSign(mail, { signatureData } as never)).signatures : '';
    const data = `${signatures}${mail}`;
    const sent = await sendMail(
      daemon.smtp,
      { from: 'x@list.example', to: [inbox!], data },
      { localAddress: STRANGER },
    );
    const mailId = /mail_[0-9a-z]+/.exec(sent.data[0]!.raw)![0];
    const { results } = await daemon.json<{ results: { message_id: string }[] }>(['mail', 'show', mailId]);
    return daemon.json<Message>(['message', 'show', results[0]!.message_id]);
  };
  const proven = await forward('forward-1', true);
  assert.deepEqual([proven.author.email, proven.sender?.forwarded_by?.email], ['jane@client.example', WRITER]);
  const forged = await forward('forward-2', false);
  assert.deepEqual([forged.author.email, forged.sender?.dmarc], [WRITER, 'fail']);
  assert.match(forged.sender!.evidence.join('\n'), /not taken as a forward: DMARC of ann@customer.example is fail/);
});

test('a DNS that never answers holds, and nobody waits for it longer than two seconds', async () => {
  const silent = await startDns(NEVER);
  try {
    await daemon.configure({ 'auth.resolvers': [silent.address] });
    await daemon.restart();
    await daemon.json(['account', 'enable', 'acme', 'hold_strangers']);
    const { read } = await send({ signs: 'customer.example' });
    const message = await read();
    assert.equal(message.held, true);
    assert.deepEqual(verdicts(message), { spf: 'temperror', dkim: 'temperror', dmarc: 'temperror' });
    assert.match(message.evidence.join('\n'), /held: DMARC could not be asked/);
    await daemon.json(['account', 'disable', 'acme', 'hold_strangers']);
    // Not held, so not waited for: the 250 does not ask for any answer of the DNS. Killed before it gives up, it asks again.
    const { read: later } = await send({ signs: 'customer.example' });
    assert.deepEqual(verdicts(await later()), { spf: null, dkim: null, dmarc: null });
    await daemon.kill();
    await daemon.configure({ 'auth.resolvers': [dns.address] });
    await daemon.start();
    const message2 = await eventually('its verdicts are there', async () => {
      const found = await later();
      return found.sender?.dkim == null ? Promise.reject(new Error('not yet')) : found;
    });
    assert.deepEqual(verdicts(message2), { spf: 'pass', dkim: 'pass', dmarc: 'pass' });
  } finally {
    await silent.close();
  }
});

test('a DNS that never answers keeps no mail waiting beside full load', async () => {
  const silent = await startDns(NEVER);
  try {
    await daemon.configure({ 'auth.resolvers': [silent.address], 'smtp.trusted_networks': ['127.0.0.0/8'] });
    await daemon.restart();
    const recipients = path.join(daemon.folder, 'recipients');
    const made = await Promise.all(
      ['a', 'b', 'c'].map(name => startConversation(daemon, { contact: `${name}@customer.example` })),
    );
    await writeFile(recipients, made.map(({ reply_to }) => `${reply_to}\n`).join(''));
    const before = await stored();
    const { accepted, failures } = await runLoad({
      ...daemon.smtp,
      recipients,
      connections: 10,
      connection: 'kept',
      warmUp: 0.5,
      seconds: 2,
    });
    assert.deepEqual(failures, {});
    assert.equal((await stored()) - before, accepted);
    // Switched off, nobody waits for what was not asked yet.
    await daemon.configure({ 'auth.verify': 'never' });
    await daemon.restart();
    await eventually('nothing waits for the DNS', async () => {
      const database = new Database(path.join(daemon.dataFolder, 'replyd.db'), { readonly: true });
      const left = database.prepare('select count(*) from unverified').pluck().get();
      database.close();
      return left === 0 ? true : Promise.reject(new Error(`${left} left`));
    });
  } finally {
    await silent.close();
  }
});

async function stored(): Promise<number> {
  return (await daemon.json<{ readonly mails: number }>(['stats'])).mails;
}
