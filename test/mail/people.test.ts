import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { keepInMemory, parseMail } from '#replyd/mail/message.js';
import { readMail } from '#replyd/mail/reading.js';

const REPLY = 'reply+aa11bb22cc33dd44ee55ff6600778899@in.example.com';
const BOUNCE = 'bounce+aa11bb22cc33dd44ee55ff6600778899@in.example.com';
const ANN = 'Ann Lee <ann@example.org>';

const MAILS = readFileSync(path.resolve('test/mail/people.txt'), 'utf8')
  .split('\n')
  .filter(line => line !== '' && !line.startsWith('#'))
  .map(line => line.split(' | ') as [subject: string, words: string]);

interface Form {
  readonly from?: string;
  readonly to?: string;
  readonly headers?: readonly string[];
  readonly subject: string;
  readonly words: string;
}

async function kindOf({ from = ANN, to = REPLY, headers = [], subject, words }: Form): Promise<string> {
  const lines = [`From: ${from}`, `To: ${to}`, `Subject: ${subject}`, 'Content-Type: text/plain; charset=utf-8'];
  const mail = await parseMail(Buffer.from([...lines, ...headers, '', words].join('\n')), keepInMemory);
  return readMail(mail, { replyAddresses: [to], texts: [] }, { mailFrom: mail.from!.email }).kind;
}

test('there are 500 different mails of people', () => {
  assert.ok(MAILS.length >= 500, `${MAILS.length}`);
  assert.equal(new Set(MAILS.map(([, words]) => words)).size, MAILS.length);
});

const FORMS: readonly (readonly [how: string, kind: string, form: (subject: string, words: string) => Form])[] = [
  ['as they are', 'reply', (subject, words) => ({ subject, words })],
  ['from an Exchange that suppresses robots', 'reply', (subject, words) => ({ subject, words, headers: ['X-Auto-Response-Suppress: All'] })],
  ['as bulk', 'reply', (subject, words) => ({ subject, words, headers: ['Precedence: bulk'] })],
  ['through a list', 'list', (subject, words) => ({ subject, words, headers: ['List-Id: <help.example.org>'] })],
  ['from a postmaster', 'reply', (subject, words) => ({ subject, words, from: 'Tom <postmaster@example.org>' })],
  ['from an administrator who quotes us', 'reply', (subject, words) => ({ subject: `Re: ${subject}`, words: `${words}\n\nOn Monday Shop wrote:\n> It was delivered.`, from: 'Admin <admin@example.org>' })],
  ['to the envelope sender', 'reply', (subject, words) => ({ subject: `Re: [#12] ${subject}`, words, to: BOUNCE })],
]; // biome-ignore format: one form a line

for (const [how, kind, form] of FORMS) {
  test(`people are people: ${how}`, async () => {
    const wrong: string[] = [];
    for (const [subject, words] of MAILS) {
      const found = await kindOf(form(subject, words));
      if (found !== kind) wrong.push(`${found}: ${subject} | ${words}`);
    }
    assert.deepEqual(wrong, []);
  });
}
