import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { Destination } from '#replyd/conversation/filing.js';
import type { Contact, Conversation, MailRecord, Message, QueuedDelivery } from '#replyd/conversation/model.js';
import type { Store } from '#replyd/conversation/store.js';
import { factsOf } from '#replyd/mail/fingerprint.js';
import { keepInMemory, parseMail } from '#replyd/mail/message.js';
import { readMail } from '#replyd/mail/reading.js';
import { openStore } from '#replyd/store/sqlite/open.js';
import { makeShop, type Program, unfitLines as unfit } from '../program.js';

const QUOTED = Array.from({ length: 12 }, (_, line) => `> line ${line + 1} of what was said before`).join('\r\n');

function replyMail(body: string, head = 'Subject: Re: My parcel'): Buffer {
  return Buffer.from(
    `From: Maria <maria@example.org>\r\nTo: help@acme.example\r\n${head}\r\nMessage-ID: <${body.length}@example.org>\r\nDate: Mon, 01 Jun 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n${body}\r\n`,
  );
}

async function withStore<T>(program: Program, work: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore({
    dataDir: program.dataDir,
    writer: 'direct',
    rules: { prefixes: ['reply'], separator: '+', delay: 0, maxSize: 1e6, responseBytes: 8_388_608 },
    migrate: false,
  });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

/** Files a mail into acme#1 as the pipeline does; `reason` makes it one that could not be read. */
async function fileMail(
  program: Program,
  raw: Buffer,
  reason: string | null = null,
): Promise<{ mailId: string; messageId: string }> {
  const [conversation] = await program.json<Conversation>(['conversation', 'show', 'acme#1']);
  return withStore(program, async store => {
    const found = await store.resolve(conversation!.reply_to!);
    assert.equal(found.kind, 'destination');
    const facts = factsOf(raw);
    const envelope = { mailFrom: 'maria@example.org', rcptTo: [conversation!.reply_to!] };
    const knownTexts = { texts: await store.quotable([conversation!.id]), replyAddresses: [] };
    const reading = reason === null ? readMail(await parseMail(raw, keepInMemory), knownTexts, envelope) : null;
    const attachments = [];
    for (const each of reading?.mail.attachments ?? []) attachments.push(await store.place(each.content, each));
    const [result] = await store.file({
      envelope,
      destinations: [(found as { destination: Destination }).destination],
      facts,
      raw: await store.place({ bytes: raw }, facts),
      reading,
      reason,
      attachments,
      via: 'smtp',
      client: '192.0.2.7',
      trusted: false,
      evidence: [],
      limits: { loopMessages: 20, loopWindow: 600_000 },
      together: true,
    });
    assert.equal(result?.kind, 'filed');
    const { mailId, messageId } = result as { mailId: string; messageId: string };
    return { mailId, messageId };
  });
}

test('a reply is shown without its quote, whole on request, and raw', async t => {
  const program = await makeShop(t);
  const raw = replyMail(`Thank you!\r\n\r\nOn Monday Anna wrote:\r\n${QUOTED}`);
  const { mailId, messageId } = await fileMail(program, raw);

  const thread = await program.text(['conversation', 'show', 'acme#1']);
  assert.match(
    thread,
    new RegExp(`\n {2}Thank you!\n {2}… 13 quoted lines, \`message show ${messageId}\` shows them\n`),
  );
  assert.ok(!thread.includes('line 7'));
  const whole = await program.text(['message', 'show', messageId]);
  assert.match(whole, /\n {2}── quoted\n {2}On Monday Anna wrote:\n {2}> line 1 of/);
  assert.match(whole, /^message-id +\d+@example\.org$/m);
  const [message] = await program.json<Message>(['message', 'show', messageId]);
  assert.equal(message?.text, 'Thank you!');
  assert.equal(message?.mail_id, mailId);
  assert.equal(await program.text(['message', 'show', messageId, '--raw']), raw.toString());

  const mails = await program.json<MailRecord>(['mail', 'list', '--state=filed', '--account=acme']);
  assert.deepEqual(
    mails.map(mail => mail.id),
    [mailId],
  );
  assert.deepEqual(await program.json(['mail', 'show', mailId]), mails);
  assert.match(await program.text(['mail', 'list']), new RegExp(`^${mailId} {2}filed {2}`, 'm'));
  assert.match(await program.text(['mail', 'show', mailId]), /^door +smtp, from 192\.0\.2\.7$/m);
  for (const verb of [
    ['mail', 'list'],
    ['mail', 'show', mailId],
    ['message', 'show', messageId],
  ]) {
    assert.deepEqual(unfit(await program.text(verb)), [], verb.join(' '));
  }
  assert.match(
    (await program.run(['mail', 'reprocess', mailId])).stderr,
    /is filed, not quarantined: there is nothing to reprocess/,
  );
});

test('a mail that is all quote is shown whole', async t => {
  const program = await makeShop(t);
  await fileMail(program, replyMail(`On Monday Anna wrote:\r\n${QUOTED}`));
  const thread = await program.text(['conversation', 'show', 'acme#1']);
  assert.match(thread, /line 1 of[\s\S]*line 12 of/);
});

test('a quarantined mail says so and is read again', async t => {
  const program = await makeShop(t);
  const { mailId, messageId } = await fileMail(program, replyMail('Can you read me now?'), 'took longer than 30s');
  assert.match(
    await program.text(['mail', 'list', '--state=quarantined']),
    new RegExp(`^${mailId} {2}quarantined[^\n]*\n {4}from: maria@example.org\n {4}took longer than 30s$`, 'm'),
  );
  assert.match(
    await program.text(['conversation', 'show', 'acme#1']),
    /\n {2}\(no text\)\n {2}\+ original\.eml {2}message\/rfc822, /,
  );
  const shown = await program.text(['mail', 'reprocess', mailId]);
  assert.match(shown, /\n {2}Can you read me now\?\n/);
  const [message] = await program.json<Message>(['message', 'show', messageId]);
  assert.equal(message?.text, 'Can you read me now?');
  assert.deepEqual(await program.json(['mail', 'list', '--state=quarantined']), []);
  const again = await program.run(['mail', 'reprocess', mailId]);
  assert.equal(again.code, 1);
});

test('mails outside conversations are cleared by state and age, asked for with --yes', async t => {
  const program = await makeShop(t);
  const { mailId } = await fileMail(program, replyMail('Thank you!'));
  const refuse = (text: string) =>
    withStore(program, store => {
      const { sha256, size, contentKey, hops } = factsOf(replyMail(text));
      return store.refuse({
        envelope: { mailFrom: 'spam@example.net', rcptTo: ['reply+0@in.acme.example'] },
        facts: { sha256, size, contentKey, hops },
        raw: null,
        via: 'relay',
        client: null,
        reason: 'unknown',
      });
    });
  await refuse('one');
  await refuse('more');
  const clear = ['mail', 'clear', '--state=refused'];
  const unasked = await program.run(clear);
  assert.equal(unasked.code, 2);
  assert.match(unasked.stderr, /nobody can be asked here whether to remove all refused mails: give --yes/);
  assert.deepEqual(await program.json([...clear, '--older=365d', '--yes']), [{ state: 'refused', removed: 0 }]);
  assert.equal(await program.text(['mail', 'clear', '--state=kept', '--yes']), 'removed 0 kept mails\n');
  assert.equal(await program.text([...clear, '--yes']), 'removed 2 refused mails\n');
  const left = await program.json<MailRecord>(['mail', 'list']);
  assert.deepEqual(
    left.map(mail => mail.id),
    [mailId],
  );
  assert.equal((await program.run(['mail', 'clear', '--state=filed', '--yes'])).code, 2);
});

test('a table ends at limits.response_bytes, JSON lines do not', async t => {
  const program = await makeShop(t, 'limits.response_bytes = "1MiB"\n');
  const metadata = { note: 'x'.repeat(15_000) };
  await withStore(program, async store => {
    for (let number = 0; number < 120; number += 1) {
      const contact = { email: `c${number}@example.org` };
      await store.startConversation({ account: 'acme', channel: 'api', contact, metadata, via: 'cli' });
    }
  });
  const list = ['conversation', 'list', '--limit=1000'];
  const { stdout, stderr } = await program.run(list);
  const lines = stdout.trim().split('\n').length - 1;
  assert.ok(lines > 40 && lines < 80, `${lines} rows`);
  assert.equal(stderr, `replyd: the newest ${lines} are shown, no more fit into one table; --json lists all\n`);
  assert.equal((await program.json(list)).length, 121);
});

test('attachments with hostile names fit the line and keep their ids', async t => {
  const program = await makeShop(t);
  const name = `${'長い名前'.repeat(20)}\u202efdp.exe`;
  const raw = Buffer.from(
    `From: Maria <maria@example.org>\r\nSubject: =?utf-8?B?${Buffer.from('\x1b[2Jclear 日本').toString('base64')}?=\r\nMessage-ID: <a@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nSee there \x1b]0;owned\x07\r\n--b\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename*=utf-8''${encodeURIComponent(name)}\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n--b--\r\n`,
  );
  const { messageId } = await fileMail(program, raw);
  const [message] = await program.json<Message>(['message', 'show', messageId]);
  for (const verb of [
    ['conversation', 'show', 'acme#1'],
    ['message', 'show', messageId],
  ]) {
    const view = await program.text(verb);
    assert.deepEqual(unfit(view), [], verb.join(' '));
    assert.ok(view.includes(message!.attachments[0]!.id));
  }
  assert.equal(await program.text(['attachment', 'get', message!.attachments[0]!.id, '-o', '-']), 'hello');
});

test('contacts are listed, changed, removed', async t => {
  const program = await makeShop(t);
  const [contact] = await program.json<Contact>(['contact', 'list', '--email=maria@example.org']);
  assert.equal(contact?.name, 'Maria');
  assert.deepEqual(await program.json(['contact', 'show', contact!.id]), [contact]);
  assert.deepEqual(await program.json(['contact', 'show', 'Maria@EXAMPLE.org']), [contact], 'or by his address');
  const nobody = await program.run(['contact', 'show', 'nobody@example.org']);
  assert.equal(nobody.code, 1);
  assert.equal(nobody.stderr, 'replyd: there is no contact with the address nobody@example.org\n');
  const [changed] = await program.json<Contact>([
    'contact',
    'set',
    contact!.id,
    'email=maria@example.net',
    'name=',
    'source_id=crm-7',
  ]);
  assert.deepEqual([changed?.email, changed?.name, changed?.source_id], ['maria@example.net', '', 'crm-7']);
  await program.text(['conversation', 'start', '--account=acme', '--contact=bo@example.org']);
  const taken = await program.run(['contact', 'set', contact!.id, 'email=bo@example.org']);
  assert.equal(taken.code, 1);
  assert.match(taken.stderr, /^replyd: .*bo@example\.org/);
  assert.match(await program.text(['contact', 'show', contact!.id]), /^mailing +allowed$/m);
  await program.text(['contact', 'clear', contact!.id]);
  const archive = await program.text(['contact', 'export', contact!.id]);
  const listed = execFileSync('tar', ['-t'], { input: Buffer.from(archive), encoding: 'utf8' });
  const first = 'contact.json\nconversations/1/conversation.json\nconversations/1/messages-0001.jsonl\n';
  assert.equal(listed, `${first}contents.json\n`);
  assert.equal((await program.run(['contact', 'export', 'ct_00000000000'])).code, 1);
  assert.equal(await program.text(['contact', 'remove', contact!.id, '--yes']), `removed contact ${contact!.id}\n`);
  assert.equal((await program.run(['conversation', 'show', 'acme#1'])).code, 1);
});

test('the queue is listed, paused, resumed; deliveries are retried and cancelled', async t => {
  const program = await makeShop(t);
  await program.text(['conversation', 'reply', 'acme#1', '--text=On its way']);
  const [delivery] = await program.json<QueuedDelivery>(['queue', 'list', '--state=waiting']);
  assert.equal(delivery?.recipient, 'maria@example.org');
  assert.deepEqual(await program.json(['queue', 'show', delivery!.id]), [delivery]);
  assert.match(await program.text(['queue', 'show', delivery!.id]), /^recipient +maria@example\.org$/m);

  const [paused] = await program.json<{ paused: string }>(['queue', 'pause', '--reason=moving']);
  assert.equal(paused?.paused, 'operator');
  const listed = await program.run(['queue', 'list']);
  assert.equal(listed.stderr, 'replyd: the queue is paused: moving; `queue resume` goes on\n');
  assert.match(listed.stdout, new RegExp(`^${delivery!.id} {2}waiting`, 'm'));
  assert.equal(await program.text(['queue', 'resume']), 'mails may leave\n');

  assert.equal((await program.json<QueuedDelivery>(['queue', 'retry', '--state=waiting'])).length, 1);
  assert.equal((await program.json<QueuedDelivery>(['queue', 'retry', delivery!.id]))[0]?.id, delivery!.id);
  const [cancelled] = await program.json<QueuedDelivery>(['queue', 'cancel', delivery!.id]);
  assert.equal(cancelled?.state, 'cancelled');
  assert.match(await program.text(['conversation', 'show', 'acme#1']), /→ maria@example\.org: cancelled/);

  const MISTAKES: readonly [args: string[], code: number, stderr: string][] = [
    [['queue', 'retry'], 2, 'replyd: give a delivery or --state, one of both\n'],
    [['queue', 'retry', delivery!.id, '--state=failed'], 2, 'replyd: give a delivery or --state, one of both\n'],
    [
      ['queue', 'retry', '--state=sent'],
      2,
      'replyd: there is no state that can be retried "sent": use waiting, deferred or failed\n',
    ],
    [
      ['queue', 'list', '--state=lost'],
      2,
      'replyd: there is no state "lost": use waiting, leased, sent, deferred, failed or cancelled\n',
    ],
    [['queue', 'show', 'dlv_00000000000'], 1, 'replyd: there is no delivery dlv_00000000000\n'],
    [
      ['message', 'show', 'nonsense'],
      1,
      'replyd: there is no message "nonsense": the id of a message begins with msg_\n',
    ],
    [['message', 'release', delivery!.message_ids[0]!], 1, `replyd: message ${delivery!.message_ids[0]} is not held\n`],
    [
      ['message', 'show', delivery!.message_ids[0]!, '--raw'],
      1,
      `replyd: message ${delivery!.message_ids[0]} did not come in a mail\n`,
    ],
    [
      ['attachment', 'get', 'att_00000000000', '-o', '/nonexistent/x'],
      1,
      'replyd: there is no attachment att_00000000000\n',
    ],
  ];
  for (const [args, code, stderr] of MISTAKES) {
    const result = await program.run(args);
    assert.deepEqual(
      { code: result.code, stdout: result.stdout, stderr: result.stderr },
      { code, stdout: '', stderr },
      args.join(' '),
    );
  }
});

test('stats count', async t => {
  const program = await makeShop(t);
  const [stats] = await program.json<Record<string, number>>(['stats']);
  assert.equal(stats?.conversations, 1);
  assert.match(await program.text(['stats']), /^conversations +1$/m);
});

test('a file that cannot be written is said, exit 1', async t => {
  const program = await makeShop(t);
  const file = path.join(program.folder, 'note.txt');
  writeFileSync(file, 'hello');
  const [answer] = await program.json<Message>(['conversation', 'reply', 'acme#1', '--text=x', '--attach', file]);
  const result = await program.run(['attachment', 'get', answer!.attachments[0]!.id, '-o', '/nonexistent/x']);
  assert.equal(result.code, 1);
  assert.equal(result.stderr, 'replyd: /nonexistent/x: no such file or directory\n');
});
