import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAnswerable, namedWriters, openerOf } from '#replyd/conversation/rules/opener.js';
import type { MailKind } from '#replyd/mail/mail.js';
import { keepInMemory, parseMail } from '#replyd/mail/message.js';

const isOurs = (address: string) => /@(?:reply\.example\.com|[^@]*acme\.example)$/.test(address);

async function opener(header: string, kind: MailKind = 'reply'): Promise<string> {
  const mail = await parseMail(Buffer.from(`${header}\n\nwords\n`), keepInMemory);
  const { person, evidence } = openerOf({ kind, ...mail }, isOurs);
  assert.equal(evidence.length > 0, person !== mail.from, header);
  return person === null ? '' : [person.name, person.email].filter(part => part !== '').join(' ');
}

const LIST = 'List-Id: <help.lists.shop.example>\nList-Post: <mailto:help@lists.shop.example>';

test('who opens a conversation', async () => {
  const table: readonly (readonly [header: string, opener: string])[] = [
    // Web forms. zammad/zammad#678 and #2551, BadChoice/handesk#295.
    ['From: Shop <noreply@shop.example>\nReply-To: Jane Doe <jane@client.example>', 'Jane Doe jane@client.example'],
    ['From: do-not-reply@forms.example\nReply-To: jane@client.example', 'jane@client.example'],
    ['From: shop-no-reply@shop.example\nReply-To: <jane@client.example>', 'jane@client.example'],
    ['From: Acme <support@acme.example>\nReply-To: Jane <jane@client.example>', 'Jane jane@client.example'],
    ['From: inbox+0123456789abcdef@reply.example.com\nReply-To: jane@client.example', 'jane@client.example'],
    ['From: WordPress <wordpress@shop.example>\nReply-To: jane@client.example', 'jane@client.example'],
    ['From: Jane Doe <forms@shop.example>\nReply-To: jane.doe@client.example', 'Jane Doe jane.doe@client.example'],
    ['Reply-To: jane@client.example', 'jane@client.example'],
    ['From: www-data@client.example\nReply-To: jane@client.example', 'jane@client.example'],
    // Lists. getpatchwork/patchwork#64, fiedl/wingolfsplattform#135.
    [
      `From: Jane Doe via Help <help@lists.shop.example>\nReply-To: Jane Doe <jane@client.example>\n${LIST}`,
      'Jane Doe jane@client.example',
    ],
    [
      `From: Jane Doe via Help <help@lists.shop.example>\nReply-To: help@lists.shop.example, jane@client.example\n${LIST}`,
      'Jane Doe jane@client.example',
    ],
    [
      `From: Jane Doe via Help <help@lists.shop.example>\nReply-To: help@lists.shop.example\nCc: Jane Doe <jane@client.example>\n${LIST}`,
      'Jane Doe jane@client.example',
    ],
    [
      'From: "\'Jane Doe\' via Support" <support@acme.example>\nReply-To: support@acme.example\nX-Original-From: Jane Doe <jane@client.example>',
      'Jane Doe jane@client.example',
    ],
    [
      'From: "\'Jane Doe\' via Support" <support@acme.example>\nX-Original-Sender: jane@client.example\nList-Id: <support.acme.example>',
      'Jane Doe jane@client.example',
    ],
    ['From: "jane@client.example via Help" <help@lists.shop.example>', 'jane@client.example'],
    ['From: "Jane Doe (jane@client.example via help)" <help@lists.shop.example>', 'Jane Doe jane@client.example'],
    ['From: Jane Doe <jane=40client.example@dmarc.lists.example>', 'Jane Doe jane@client.example'],
    // People, as they are.
    ['From: Jane Doe <jane@client.example>', 'Jane Doe jane@client.example'],
    ['From: Jane Doe <jane@client.example>\nReply-To: Jane <jane@client.example>', 'Jane Doe jane@client.example'],
    ['From: Jane Doe <jane@client.example>\nReply-To: desk@client.example', 'Jane Doe jane@client.example'],
    [
      `From: Jane Doe <jane@client.example>\nTo: help@lists.shop.example\nReply-To: help@lists.shop.example\n${LIST}`,
      'Jane Doe jane@client.example',
    ],
    [
      'From: Jane Doe <jane@client.example>\nTo: team@groups.example\nReply-To: team@groups.example\nList-Id: <team.groups.example>',
      'Jane Doe jane@client.example',
    ],
    ['From: Jane <jane@client.example>\nReply-To: jane@client.example, jane@home.example', 'Jane jane@client.example'],
    // Never ourselves, never where nobody reads.
    ['From: Jane <jane@client.example>\nReply-To: support@acme.example', 'Jane jane@client.example'],
    [
      'From: Jane <jane@client.example>\nReply-To: reply+0123456789abcdef@reply.example.com',
      'Jane jane@client.example',
    ],
    ['From: Jane <jane@client.example>\nReply-To: noreply@forms.example', 'Jane jane@client.example'],
    ['From: noreply@shop.example\nReply-To: support@acme.example, jane@client.example', 'jane@client.example'],
    ['From: Shop <noreply@shop.example>', 'Shop noreply@shop.example'],
    ['From: Agency via Roma <agency@roma.example>', 'Agency via Roma agency@roma.example'],
    ['Subject: x', ''],
  ];
  for (const [header, expected] of table) assert.equal(await opener(header), expected, header);
});

test('the Reply-To of a robot is not its owner', async () => {
  const header = 'From: Jane <jane@client.example>\nReply-To: jane.answers@robots.example';
  assert.equal(await opener(header, 'auto_reply'), 'Jane jane@client.example');
  assert.equal(await opener(header, 'list'), 'Jane jane.answers@robots.example');
});

test('of a long list a bounded part is looked at', async () => {
  const many = Array.from({ length: 400 }, (_, index) => `a${index}@client.example`).join(', ');
  const mail = await parseMail(Buffer.from(`From: noreply@x.example\nReply-To: ${many}\n\nx`), keepInMemory);
  assert.equal(namedWriters({ kind: 'reply', ...mail }).length, 21);
});

test('whom an answer reaches', () => {
  assert.equal(isAnswerable('jane@client.example', false), true);
  assert.equal(isAnswerable('jane@client.example', true), false);
  assert.equal(isAnswerable('noreply@shop.example', false), false);
  assert.equal(isAnswerable('mailer-daemon@shop.example', false), false);
});
