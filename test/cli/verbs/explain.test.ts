import assert from 'node:assert/strict';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { Account, Conversation } from '#replyd/conversation/model.js';
import { makeProgram, makeShop, unfitLines } from '../program.js';

const REPLY = (to: string) =>
  [
    'Authentication-Results: mx.acme.example; dmarc=pass; spf=pass',
    'Return-Path: <maria@example.org>',
    `Delivered-To: ${to}`,
    'From: Maria <maria@example.org>',
    'To: help@acme.example',
    'Subject: Re: My parcel',
    'Message-ID: <m1@example.org>',
    '',
    'It came, thank you!',
    '',
    'On Mon, Jun 1, 2026 at 10:00 AM Acme <help@acme.example> wrote:',
    '> Where are you?',
    '',
    '-- ',
    'Maria',
    '',
  ].join('\r\n');

interface Explained {
  readonly kind: string;
  readonly text: string;
  readonly quoted_text: string;
  readonly signature: string;
  readonly text_evidence: readonly string[];
  readonly authentication: { readonly dmarc: string | null };
  readonly envelope: { readonly mail_from: string; readonly guessed: boolean };
  readonly threading:
    | null
    | readonly {
        goes: string;
        conversation: { number: number } | null;
        by: string;
        writer: { name: string; email: string; evidence: readonly string[] } | null;
        writer_known: boolean;
      }[];
  readonly forward: { readonly writer: { readonly email: string } } | null;
}

test('mail explain tells of a file what it is and where it goes, and stores nothing', async t => {
  const shop = await makeShop(t);
  const [conversation] = await shop.json<Conversation>(['conversation', 'show', 'acme#1']);
  writeFileSync(path.join(shop.folder, 'mail.eml'), REPLY(conversation!.reply_to!));
  const [explained] = await shop.json<Explained>(['mail', 'explain', 'mail.eml']);
  assert.equal(explained!.kind, 'reply');
  assert.equal(explained!.text, 'It came, thank you!');
  assert.match(explained!.quoted_text, /Where are you/);
  assert.match(explained!.text_evidence.join('\n'), /attribution line/);
  assert.deepEqual(explained!.envelope, {
    mail_from: 'maria@example.org',
    rcpt_to: explained!.threading!.map(each => (each as unknown as { recipient: string }).recipient),
    guessed: true,
  });
  const [place] = explained!.threading!;
  assert.deepEqual(
    [place!.goes, place!.conversation?.number, place!.by, place!.writer_known],
    ['conversation', 1, 'reply address', true],
  );
  assert.equal(explained!.authentication.dmarc, null, 'auth.authserv_id is not set');
  const shown = await shop.text(['mail', 'explain', 'mail.eml']);
  assert.deepEqual(unfitLines(shown), []);
  assert.match(shown, /goes to\s+acme#1 \(cv_[0-9a-z]+\), by its reply address/);
  assert.match(shown, /\ntext\n {2}It came, thank you!\n/);
  assert.equal(
    await shop
      .text(['mail', 'explain', '-'], { input: REPLY(conversation!.reply_to!) })
      .then(text => text.includes('standard input')),
    true,
  );
  assert.deepEqual(await shop.json(['mail', 'list']), []);
  assert.equal((await shop.json<Conversation>(['conversation', 'show', 'acme#1']))[0]!.messages!.length, 1);
});

test('mail explain names the entry of the block list', async t => {
  const shop = await makeShop(t);
  const [conversation] = await shop.json<Conversation>(['conversation', 'show', 'acme#1']);
  writeFileSync(path.join(shop.folder, 'mail.eml'), REPLY(conversation!.reply_to!));
  for (const entry of ['example.org', 'maria@example.org']) {
    await shop.text(['account', 'set', 'acme', `blocked=other.example,${entry}`]);
    const [explained] = await shop.json<Explained>(['mail', 'explain', 'mail.eml']);
    const [place] = explained!.threading!;
    assert.deepEqual([place!.goes, place!.conversation, place!.by], ['blocked', null, entry]);
    const shown = await shop.text(['mail', 'explain', 'mail.eml']);
    assert.match(shown.replaceAll(/\s+/g, ' '), new RegExp(`nowhere: ${entry} is on the block list of acme`));
  }
  await shop.text(['account', 'set', 'acme', 'blocked=other.example']);
  const [place] = (await shop.json<Explained>(['mail', 'explain', 'mail.eml']))[0]!.threading!;
  assert.equal(place!.goes, 'conversation');
});

test('mail explain tells who would open a conversation, and why', async t => {
  const shop = await makeShop(t);
  await shop.text(['account', 'enable', 'acme', 'new_conversations']);
  await shop.text(['account', 'enable', 'acme', 'forwarded_mail']);
  await shop.text(['account', 'set', 'acme', 'forwarders=team.example']);
  const [account] = await shop.json<Account>(['account', 'show', 'acme']);
  const mail = (header: readonly string[], body: string) =>
    writeFileSync(
      path.join(shop.folder, 'mail.eml'),
      [`Delivered-To: ${account!.inbox}`, 'Message-ID: <x1@example.org>', ...header, '', body, ''].join('\r\n'),
    );
  mail(['From: Form <noreply@shop.example>', 'Reply-To: Joe <joe@example.org>', 'Subject: Hours'], 'Open on Sunday?');
  const [form] = await shop.json<Explained>(['mail', 'explain', 'mail.eml']);
  assert.deepEqual(form!.threading![0]!.writer, {
    name: 'Joe',
    email: 'joe@example.org',
    evidence: ['writer: joe@example.org, because noreply@shop.example takes no answer'],
  });
  const shown = await shop.text(['mail', 'explain', 'mail.eml']);
  assert.deepEqual(unfitLines(shown), []);
  assert.match(shown, /written by\s+Joe <joe@example\.org>/);
  mail(
    ['From: Ann <ann@team.example>', 'Subject: Fwd: Hours'],
    '---------- Forwarded message ---------\r\nFrom: Joe <joe@example.org>\r\nSubject: Hours\r\n\r\nOpen?',
  );
  const [forward] = await shop.json<Explained>(['mail', 'explain', 'mail.eml']);
  assert.equal(forward!.forward?.writer.email, 'joe@example.org');
  assert.deepEqual(forward!.threading![0]!.writer, {
    name: 'Ann',
    email: 'ann@team.example',
    evidence: ['not taken as a forward: DMARC of ann@team.example is not known, not pass'],
  });
  assert.match(await shop.text(['mail', 'explain', 'mail.eml']), /forwards\s+a mail of Joe <joe@example\.org>/);
});

test('mail explain needs no store, and says what it cannot know', async t => {
  const program = makeProgram(t, 'auth.authserv_id = "mx.acme.example"\n');
  writeFileSync(path.join(program.folder, 'mail.eml'), REPLY(`reply+${'a'.repeat(32)}@in.acme.example`));
  const [explained] = await program.json<Explained>(['mail', 'explain', 'mail.eml']);
  assert.deepEqual(
    [explained!.text, explained!.threading, explained!.authentication.dmarc],
    ['It came, thank you!', null, 'pass'],
  );
  assert.match(await program.text(['mail', 'explain', 'mail.eml']), /goes to\s+unknown: there is no store/);
  assert.equal(existsSync(program.dataDir), false);
});

test('mail explain of what is not there ends with 1', async t => {
  const shop = await makeShop(t);
  for (const what of ['no.eml', 'mail_00000000001']) {
    const result = await shop.run(['mail', 'explain', what]);
    assert.deepEqual([result.code, result.stdout], [1, ''], what);
    assert.match(result.stderr, what === 'no.eml' ? /cannot read no\.eml/ : /there is no mail mail_00000000001/);
  }
  rmSync(shop.dataDir, { recursive: true });
  assert.equal((await shop.run(['mail', 'explain', 'mail_00000000001'])).code, 1);
});
