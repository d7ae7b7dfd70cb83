import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isReplydError } from '#replyd/base/errors.js';
import { type ComposeInput, compose, copyHead } from '#replyd/conversation/compose.js';
import type { ComposeMessage } from '#replyd/conversation/composing.js';
import { HISTORY_BYTES } from '#replyd/conversation/rules/continuity.js';
import { carriesLoopMark, LOOP_HEADER } from '#replyd/conversation/rules/loop.js';
import { WRAPPER_CLASS } from '#replyd/mail/reply-text/marker.js';

const AT = Date.UTC(2026, 10, 22, 9, 5);
const AT_ISO = new Date(AT).toISOString();

function said(text: string, name = 'Nora', role: 'agent' | 'contact' = 'agent'): ComposeMessage {
  return {
    author: { name, role },
    text,
    format: role === 'agent' ? 'markdown' : 'plain',
    date: null,
    received_at: AT_ISO,
  };
}

function input(changes: Partial<ComposeInput> = {}): ComposeInput {
  return {
    account: {
      id: 'acct_1',
      name: 'Acme',
      support_email: 'support@example.com',
      domains: ['reply.example.com'],
      features: { inbound_emails: true },
      settings: {},
    },
    conversation: { id: 'cv_1', number: 7, subject: null },
    mailId: 'mail_9',
    date: AT,
    unmailed: [said('Your parcel is on its way.')],
    context: [],
    copies: [
      { email: 'anna@customer.example', name: 'Anna', role: 'to', replyTo: 'reply+aa@reply.example.com' },
      { email: 'bert@customer.example', name: '', role: 'cc', replyTo: 'reply+bb@reply.example.com' },
    ],
    chain: [],
    firstSubject: null,
    answered: false,
    attachments: [],
    ...changes,
  };
}

function withAccount(changes: Partial<ComposeInput['account']>): ComposeInput {
  return input({ account: { ...input().account, ...changes } });
}

test('the header names the agent, the real people and our ids', () => {
  const { mail } = compose(input());
  assert.deepEqual(mail.from, { name: 'Nora (Acme)', email: 'support@example.com' });
  assert.deepEqual(mail.to, [{ name: 'Anna', email: 'anna@customer.example' }]);
  assert.deepEqual(mail.cc, [{ name: '', email: 'bert@customer.example' }]);
  assert.equal(mail.messageId, 'mail_9@reply.example.com');
  assert.deepEqual(mail.references, ['cv_1@reply.example.com']);
  assert.equal(mail.inReplyTo, null);
  assert.equal(mail.date, AT);
});

test('nothing marks an agent’s words as automatic or as a list', () => {
  const { mail } = compose(input());
  assert.deepEqual(mail.headers, [{ name: LOOP_HEADER, value: 'acct_1' }]);
});

test('each copy has its own Reply-To, and no token stands in the mail itself', () => {
  const { mail, copies } = compose(input());
  assert.deepEqual(copies, [
    { email: 'anna@customer.example', head: 'Reply-To: "Nora (Acme)"\r\n <reply+aa@reply.example.com>\r\n' },
    { email: 'bert@customer.example', head: 'Reply-To: "Nora (Acme)"\r\n <reply+bb@reply.example.com>\r\n' },
  ]);
  assert.equal(JSON.stringify(mail).includes('reply+'), false);
});

test('answers go to the support address where there is no reply address', () => {
  const off = compose(withAccount({ features: { inbound_emails: false } }));
  assert.match(off.copies[0]!.head, /<support@example\.com>\r\n$/);
  const none = compose({ ...withAccount({ domains: [] }), copies: [{ ...input().copies[0]!, replyTo: null }] });
  assert.match(none.copies[0]!.head, /<support@example\.com>\r\n$/);
  assert.equal(none.mail.messageId, 'mail_9@example.com');
});

test('who speaks in From', () => {
  const cases: [string, string, string][] = [
    ['Nora', 'Acme', 'Nora (Acme)'],
    ['', 'Acme', 'Acme'],
    ['Acme', 'Acme', 'Acme'],
    ['Nora', '', 'Nora'],
    ['No\r\nBcc: x@evil.example', 'Acme', 'No Bcc: x@evil.example (Acme)'],
    ['n'.repeat(300), 'Acme', `${'n'.repeat(100)} (Acme)`],
  ];
  for (const [agent, account, expected] of cases) {
    const { mail } = compose({ ...withAccount({ name: account }), unmailed: [said('x', agent)] });
    assert.equal(mail.from.name, expected);
  }
  const two = compose(input({ unmailed: [said('a', 'Nora'), said('b', 'Omar')] }));
  assert.equal(two.mail.from.name, 'Omar (Acme)');
});

test('the subject', () => {
  type Case = [{ subject: string | null; firstSubject?: string }, boolean, string, string | undefined];
  const cases: Case[] = [
    [{ subject: null }, false, '[#7] Your conversation with us', undefined],
    [{ subject: '' }, true, 'Re: [#7] Your conversation with us', undefined],
    [{ subject: 'Order 12' }, false, 'Order 12', undefined],
    [{ subject: 'Order 12' }, true, 'Re: Order 12', undefined],
    [{ subject: 'AW: Re: Order 12' }, true, 'Re: Order 12', undefined],
    [{ subject: 'Re: Order 12' }, false, 'Order 12', undefined],
    [{ subject: 'Re:' }, false, '[#7] Your conversation with us', undefined],
    [{ subject: 'Renamed', firstSubject: 'Order 12' }, true, 'Re: Order 12', undefined],
    [{ subject: 'Order\r\nBcc: x@evil.example' }, false, 'Order Bcc: x@evil.example', undefined],
    [{ subject: null }, false, 'Acme ticket 7', '{account} ticket {number}'],
    [{ subject: 'Order 12' }, false, 'Order 12', '{account} ticket {number}'],
    [{ subject: 'Order 12' }, false, 'Order 12 (Acme 7)', '{subject} ({account} {number})'],
    [{ subject: 'a {number} b' }, false, 'a {number} b', undefined],
    [{ subject: 'a {number} b' }, false, '7: a {number} b', '{number}: {subject}'],
  ];
  for (const [{ subject, firstSubject = null }, answered, expected, template] of cases) {
    const settings = template === undefined ? {} : { subject_template: template };
    const from = withAccount({ settings });
    const { mail } = compose({ ...from, answered, firstSubject, conversation: { ...from.conversation, subject } });
    assert.equal(mail.subject, expected);
  }
});

test('references keep the root, the first 20 and the last 20, in-reply-to the latest', () => {
  const ids = Array.from({ length: 50 }, (_, index) => `m${index}@customer.example`);
  const { mail } = compose(input({ chain: ids, answered: true }));
  assert.deepEqual(mail.references, ['cv_1@reply.example.com', ...ids.slice(0, 20), ...ids.slice(30)]);
  assert.equal(mail.inReplyTo, 'm49@customer.example');
});

test('ids from outside that would break the header are left out', () => {
  const bad = [
    'a b@x',
    'a\r\nBcc: x@evil.example',
    '<a@x>',
    'ä@x',
    '',
    `${'a'.repeat(300)}@x`,
    'cv_1@reply.example.com',
  ];
  const { mail } = compose(input({ chain: ['good@x', ...bad] }));
  assert.deepEqual(mail.references, ['cv_1@reply.example.com', 'good@x']);
});

test('addresses that are none are refused', () => {
  for (const email of ['', 'anna', 'a@b@', 'a b@customer.example', 'a@customer.example>\r\nBcc: x@evil.example']) {
    const copies = [{ email, name: '', role: 'to', replyTo: null } as const];
    assert.throws(
      () => compose(input({ copies })),
      error => isReplydError(error, 'invalid'),
      email,
    );
    assert.throws(() => copyHead({ name: '', email }), email);
  }
});

test('the head of a copy is folded and encoded', () => {
  assert.equal(copyHead({ name: '', email: 'r@x.example' }), 'Reply-To: <r@x.example>\r\n');
  assert.equal(
    copyHead({ name: 'a "b" \\', email: 'r@x.example' }),
    'Reply-To: "a \\"b\\" \\\\"\r\n <r@x.example>\r\n',
  );
  assert.equal(
    copyHead({ name: 'Nora\r\nBcc: x@evil.example', email: 'r@x.example' }),
    'Reply-To: "Nora Bcc: x@evil.example"\r\n <r@x.example>\r\n',
  );
  const long = copyHead({ name: 'サポート窓口 '.repeat(9), email: 'r@x.example' });
  const lines = long.split('\r\n');
  assert.ok(lines.length > 4);
  for (const line of lines) assert.ok(/^[\x20-\x7e]*$/.test(line) && line.length <= 90, line);
  const decoded = [...long.matchAll(/=\?UTF-8\?B\?([^?]+)\?=/g)].map(word =>
    Buffer.from(word[1]!, 'base64').toString(),
  );
  assert.equal(decoded.join(''), 'サポート窓口 '.repeat(9).trim());
});

test('the first mail carries what was said before, readable as plain text', () => {
  const context = [
    said('Where is my parcel?\n\nIt is late.', '', 'contact'),
    said('Let me **look**.', 'Omar'),
    said('ok', 'Anna', 'contact'),
  ];
  const { mail } = compose({
    ...withAccount({ settings: { intro: 'Hi there', footer: 'Acme Ltd\nLondon' } }),
    context,
  });
  assert.equal(
    mail.text,
    [
      'Hi there',
      '',
      'Your parcel is on its way.',
      '',
      'Earlier in this conversation:',
      '',
      'Customer · 22 Nov 2026, 09:05 UTC',
      '> Where is my parcel?',
      '>',
      '> It is late.',
      '',
      'Omar (Acme) · 22 Nov 2026, 09:05 UTC',
      '> Let me **look**.',
      '',
      'Anna · 22 Nov 2026, 09:05 UTC',
      '> ok',
      '',
      '-- ',
      'Acme Ltd',
      'London',
      '',
    ].join('\n'),
  );
  assert.match(mail.html, /Let me <strong>look<\/strong>\./);
  assert.match(mail.html, /<p>Where is my parcel\?<\/p>\n<p>It is late\.<\/p>/);
});

test('our wrapper stands around all of the HTML', () => {
  const { mail } = compose(input({ context: [said('ok', 'Anna', 'contact')] }));
  assert.match(mail.html, /<body>\n<div class="replyd-mail">.*<\/div><\/div>\n<\/body>/s);
  assert.equal(mail.html.split(WRAPPER_CLASS).length, 2);
});

test('later mails are what is new alone', () => {
  assert.equal(compose(input({ answered: true })).mail.text, 'Your parcel is on its way.\n');
});

test('a later mail quotes earlier messages as a mail program does, the latest first, below a line', () => {
  const history = [said('Where is my parcel?\n\nIt is <late>.', '', 'contact'), said('Let me **look**.', 'Omar')];
  const { mail, quotes } = compose({
    ...withAccount({ settings: { intro: 'Hi there', footer: 'Acme Ltd\nLondon' } }),
    history,
    answered: true,
  });
  assert.equal(quotes, true);
  assert.equal(
    mail.text,
    [
      'Hi there',
      '',
      'Your parcel is on its way.',
      '',
      '--- Please reply above this line ---',
      '',
      'On 22 Nov 2026, 09:05 UTC, Omar (Acme) wrote:',
      '> Let me **look**.',
      '',
      'On 22 Nov 2026, 09:05 UTC, Customer wrote:',
      '> Where is my parcel?',
      '>',
      '> It is <late>.',
      '',
      '-- ',
      'Acme Ltd',
      'London',
      '',
    ].join('\n'),
  );
  const style = 'margin:0 0 16px;padding-left:12px;border-left:2px solid #d0d7de';
  assert.equal(
    mail.html.slice(mail.html.indexOf('<div style="margin-top:24px'), mail.html.indexOf('</body>')),
    [
      '<div style="margin-top:24px;color:#59636e;font-size:13px">',
      '<p>--- Please reply above this line ---</p>',
      '<p>On 22 Nov 2026, 09:05 UTC, Omar (Acme) wrote:</p>',
      `<blockquote type="cite" style="${style}">`,
      '<div dir="auto">',
      '<p>Let me <strong>look</strong>.</p>',
      '</div>',
      '</blockquote>',
      '<p>On 22 Nov 2026, 09:05 UTC, Customer wrote:</p>',
      `<blockquote type="cite" style="${style}">`,
      '<div dir="auto">',
      '<p>Where is my parcel?</p>',
      '<p>It is &lt;late&gt;.</p>',
      '</div>',
      '</blockquote>',
      '</div>',
      '</div></div>',
      '',
    ].join('\n'),
  );
});

test('the line and the attributions follow the locale', () => {
  const history = [said('Hallo', 'Jana', 'contact')];
  const { mail } = compose({ ...withAccount({ settings: { locale: 'de' } }), history, answered: true });
  const quoted = '--- Bitte antworten Sie über dieser Zeile ---\n\nAm 22.11.2026, 09:05 UTC, schrieb Jana:\n> Hallo\n';
  assert.ok(mail.text.endsWith(`\n\n${quoted}`), mail.text);
  assert.match(mail.html, /<p>--- Bitte antworten Sie über dieser Zeile ---<\/p>\n<p>Am 22\.11\.2026/);
});

test('what is quoted has at most 20 KB, in the text and in the HTML part', () => {
  const texts = {
    short: 'ok',
    long: 'word '.repeat(3_100),
    signs: '<&"'.repeat(5_000),
    wide: '漢字かな'.repeat(3_900),
    astral: '😀'.repeat(7_900),
    lines: '\n\nx'.repeat(5_000),
    marked: '**x** '.repeat(2_600),
    nested: '> '.repeat(7_000),
  };
  const all = Object.entries(texts);
  for (const [name, text] of all) {
    for (const role of ['agent', 'contact'] as const) {
      const history = [said('first of all', 'Eve', 'contact'), said(text, 'Ann', role), said(text, 'Ben', role)];
      for (const room of [HISTORY_BYTES, 1_500, 1_000]) {
        const { mail } = compose(input({ history, historyRoom: room, answered: true }));
        const quoted = mail.text.slice(mail.text.indexOf('--- Please reply'), -1);
        const html = /<div style="margin-top:24px[\s\S]*<\/div>(?=\n<\/div><\/div>\n<\/body>)/.exec(mail.html)![0];
        assert.ok(Buffer.byteLength(quoted) <= room, `${name}: ${Buffer.byteLength(quoted)} in the text`);
        assert.ok(Buffer.byteLength(html) <= room, `${name}: ${Buffer.byteLength(html)} in the HTML`);
        assert.ok(
          quoted.includes('Ben (Acme) wrote:') || quoted.includes('Ben wrote:'),
          `${name}: the latest is there`,
        );
        assert.ok(quoted.isWellFormed() && mail.html.isWellFormed());
        const shown = quoted.replaceAll(/^> ?/gm, '');
        assert.ok(shown.includes(text.trim()) || shown.includes('[shortened]'), `${name}: whole, or shortened`);
        if (name === 'short') assert.ok(shown.includes('first of all'), 'all three');
      }
    }
  }
});

test('a mail without room for earlier messages quotes none', () => {
  const history = [said('Where is my parcel?', 'Anna', 'contact')];
  for (const historyRoom of [0, 40, 100]) {
    const { mail, quotes } = compose(input({ history, historyRoom, answered: true }));
    assert.deepEqual([mail.text, quotes], ['Your parcel is on its way.\n', false]);
  }
});

test('no reply address is quoted: whoever reads one can write as its owner', () => {
  const token = '0123456789abcdef0123456789abcdef';
  const text = `On Monday <reply+${token}@in.example.com> and reply=01234567-89ab-cdef-0123-456789abcdef@in.example.com`;
  const earlier = [said(text, 'Anna', 'contact')];
  for (const more of [{ history: earlier, answered: true }, { context: earlier }]) {
    const { mail } = compose(input(more));
    assert.match(mail.text, /<reply\+…@in\.example\.com> and reply=…@in\.example\.com/);
    assert.doesNotMatch(mail.text + mail.html, /89ab-?cdef/);
  }
});

test('several agents are told apart, one is not named', () => {
  const one = compose(input({ unmailed: [said('a'), said('b')] })).mail;
  assert.equal(one.text, 'a\n\nb\n');
  const two = compose(input({ unmailed: [said('a'), said('b'), said('c', 'Omar')] })).mail;
  assert.equal(two.text, 'Nora:\n\na\n\nb\n\nOmar:\n\nc\n');
  assert.match(two.html, /<b>Omar<\/b>/);
});

test('an agent’s words are never cut, an earlier message is', () => {
  const long = 'word '.repeat(30_000);
  const { mail } = compose(input({ unmailed: [said(long)], context: [said(long, 'Anna', 'contact')] }));
  const [fresh, history] = mail.text.split('Earlier in this conversation:');
  assert.ok(fresh!.startsWith(long.trimEnd()));
  assert.ok(history!.length < 4200 && history!.includes('[shortened]'));
});

test('the fixed words follow the locale, English where it is unknown', () => {
  const context = [said('Hallo', '', 'contact')];
  for (const locale of ['de', 'de-AT', 'DE_ch']) {
    const { mail } = compose({ ...withAccount({ settings: { locale } }), context });
    assert.equal(mail.subject, '[#7] Ihr Gespräch mit uns');
    assert.match(mail.text, /Bisher in diesem Gespräch:\n\nKunde · 22\.11\.2026, 09:05 UTC\n> Hallo/);
    assert.match(mail.html, /<html lang="de">/);
  }
  for (const locale of ['fr', '', 'constructor']) {
    assert.match(compose(withAccount({ settings: { locale } })).mail.subject, /Your conversation/);
  }
});

test('a customer’s markup in the history stays text', () => {
  const context = [said('<img src=x onerror=alert(1)> **not bold** & <b>', 'A <i>', 'contact')];
  const { mail } = compose(input({ context }));
  assert.match(mail.html, /&lt;img src=x onerror=alert\(1\)&gt; \*\*not bold\*\* &amp; &lt;b&gt;/);
  assert.match(mail.html, /<b>A &lt;i&gt;<\/b>/);
});

test('controls and lone surrogates never reach a part', () => {
  const { mail } = compose(input({ unmailed: [said('a\0b\x1b[31m\ud800c\r\nd\re\tf')] }));
  assert.equal(mail.text, 'ab[31m\ufffdc\nd\ne\tf\n');
});

test('attachments have a plain name and a media type', () => {
  const cases: [string, string, string, string][] = [
    ['a.pdf', 'application/pdf', 'a.pdf', 'application/pdf'],
    ['../../etc/passwd', 'text/plain; charset=x', 'passwd', 'text/plain'],
    ['C:\\x\\b.txt', 'TEXT/Plain', 'b.txt', 'text/plain'],
    ['', '', 'attachment', 'application/octet-stream'],
    ['a\r\nX: y', 'text/plain\r\nX: y', 'a X: y', 'application/octet-stream'],
  ];
  for (const [filename, contentType, name, type] of cases) {
    const content = { bytes: Buffer.from('x') };
    const { mail } = compose(input({ attachments: [{ filename, contentType, size: 1, content }] }));
    assert.deepEqual([mail.attachments[0]!.filename, mail.attachments[0]!.contentType], [name, type]);
  }
});

test('the loop mark is recognised for its own account only', () => {
  const headers = compose(input()).mail.headers.map(field => ({ ...field, name: field.name.toLowerCase() }));
  assert.equal(carriesLoopMark(headers, 'acct_1'), true);
  assert.equal(carriesLoopMark(headers, 'acct_2'), false);
  assert.equal(carriesLoopMark([], 'acct_1'), false);
});
