/** A store of an older program is carried over whole: nothing is lost, nothing reads otherwise, old addresses work. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Account, Conversation, Message } from '#replyd/conversation/model.js';
import { type DaemonProcess, makeDaemon } from '../daemon-process.js';
import { sendMail } from '../interop/smtp-talk.js';
import { withLogs } from '../with-logs.js';
import { putOlderStore, shownByOlderProgram } from './older-store.js';

test('a store of commit 2204937 is migrated, is whole, and shows everything that it showed', async () => {
  await withOlderStore(async daemon => {
    await daemon.cli(['migrate']);
    const check = await daemon.cli(['check']);
    assert.equal(check.code, 0, check.stdout + check.stderr);
    const before = shownByOlderProgram();
    for (const [id, conversation] of Object.entries(before.conversations)) {
      assertHolds(await daemon.json(['conversation', 'show', id]), conversation, id);
    }
    const listings = [
      ['contact', before.contacts],
      ['mail', before.mails],
      ['queue', before.queue],
      ['account', before.accounts],
      ['hook', before.hooks],
      ['key', before.keys],
    ] as const;
    for (const [noun, shown] of listings) {
      const now = await daemon.jsonLines<object>([noun, 'list']);
      assert.equal(now.length, shown.length, noun);
      for (const [index, each] of shown.entries()) assertHolds(now[index], each, `${noun} ${index}`);
    }
  });
});

test('the daemon migrates it at its start, and its reply addresses, ids and numbers go on', async () => {
  await withOlderStore(async daemon => {
    await daemon.start();
    const [old] = Object.values(shownByOlderProgram().conversations) as unknown as Conversation[];
    const before = old!.messages as readonly Message[];
    const writer = old!.contact.email ?? 'somebody@else.example';
    const data = `From: <${writer}>\r\nSubject: Re: old\r\nMessage-ID: <later@customer.example>\r\n\r\nStill here!\r\n`;
    for (const code of [250, 250]) {
      const sent = await sendMail(daemon.smtp, { from: writer, to: [old!.reply_to!], data });
      assert.equal(sent.data[0]?.code, code);
    }
    const { messages } = await daemon.json<Required<Conversation>>(['conversation', 'show', old!.id]);
    assert.equal(messages.length, before.length + 1, 'twice the same mail is one message');
    assert.equal(messages.at(-1)!.text, 'Still here!');
    assert.equal(messages.at(-1)!.seq, before.at(-1)!.seq + 1);
    assert.ok(messages.at(-1)!.id > before.at(-1)!.id, 'ids rise');
    const started = await daemon.json<Conversation>([
      ...['conversation', 'start', '--account', old!.account, '--contact', 'new@customer.example'],
      ...['--channel', 'api', '--text', 'Hello'],
    ]);
    const numbers = Object.values(shownByOlderProgram().conversations)
      .filter(each => each.account === old!.account)
      .map(each => each.number as number);
    assert.equal(started.number, Math.max(...numbers) + 1);
    await daemon.stop();
    assert.equal((await daemon.cli(['check'])).code, 0);
  });
});

test('its accounts quote nothing behind the first mail, as before; a new account does', async () => {
  await withOlderStore(async daemon => {
    await daemon.start();
    const accounts = await daemon.jsonLines<Account>(['account', 'list']);
    assert.ok(accounts.length > 0);
    for (const { slug, settings } of accounts)
      assert.deepEqual([settings.history, settings.cc_policy], [0, 'suggest'], slug);
    await daemon.json([
      'account',
      'add',
      'later',
      '--domain',
      'in.later.example',
      '--support-email',
      'a@later.example',
    ]);
    for (const [slug, quotes] of [[accounts[0]!.slug, false] as const, ['later', true] as const]) {
      const { id } = await daemon.json<Conversation>([
        ...['conversation', 'start', '--account', slug, '--contact', 'new@customer.example'],
        ...['--channel', 'api', '--text', 'Hello, is there anybody?'],
      ]);
      await mailed(daemon, id, 'Yes.');
      const { history, raw } = await mailed(daemon, id, 'What is it about?');
      assert.equal(history, quotes, slug);
      assert.equal(/^> Yes\.\r?$/m.test(raw), quotes, raw);
      assert.equal(raw.includes('Please reply above this line'), quotes, raw);
    }
  });
});

/** Mails an answer. */
async function mailed(daemon: DaemonProcess, id: string, text: string) {
  const { id: message } = await daemon.json<Message>(['conversation', 'reply', id, '--text', text]);
  for (;;) {
    const { history, deliveries } = await daemon.json<Message>(['message', 'show', message]);
    if (deliveries[0]?.state === 'sent') {
      const file = path.join(daemon.dataFolder, 'sent', `${deliveries[0].id}.eml`);
      return { history, raw: readFileSync(file, 'utf8') };
    }
    await sleep(20);
  }
}

async function withOlderStore(work: (daemon: DaemonProcess) => Promise<void>): Promise<void> {
  const daemon = await makeDaemon();
  try {
    await putOlderStore('store', daemon.dataFolder);
    await withLogs({ replyd: () => daemon.log() }, () => work(daemon));
  } finally {
    await daemon.close();
  }
}

/** Fields may be added; each that was there says the same. */
function assertHolds(now: unknown, before: unknown, where: string): void {
  if (before === null || typeof before !== 'object') {
    assert.deepEqual(now, before, where);
    return;
  }
  if (Array.isArray(before)) assert.equal((now as unknown[] | null)?.length, before.length, where);
  for (const [key, value] of Object.entries(before)) {
    assertHolds((now as Record<string, unknown> | null)?.[key], value, `${where}.${key}`);
  }
}
