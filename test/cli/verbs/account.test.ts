import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressWarnings } from '#replyd/cli/verbs/account.js';
import type { Account } from '#replyd/conversation/model.js';
import { makeProgram, unfitLines } from '../program.js';

test('an account is added, listed, changed, switched and removed', async t => {
  const program = makeProgram(t);
  const added = await program.run([
    'account',
    'add',
    'acme',
    '--domain=in.acme.example',
    '--support-email=help@ACME.example',
    '--name=Acme Support',
    '--json',
  ]);
  assert.equal(added.code, 0, added.stderr);
  assert.equal(added.stderr, `replyd: made a new store in ${program.dataDir}\n`);
  const account = JSON.parse(added.stdout) as Account;
  assert.equal(account.slug, 'acme');
  assert.equal(account.support_email, 'help@acme.example');
  assert.deepEqual(account.domains, ['in.acme.example']);
  assert.equal(account.features.inbound_emails, true);

  assert.deepEqual(await program.json(['account', 'list']), [account]);
  assert.deepEqual(await program.json(['account', 'show', 'acme']), [account]);
  const listed = await program.text(['account', 'list']);
  assert.match(listed, /^acme {5}Acme Support {2}help@acme\.example {2}in\.acme\.example {2}on$/m);

  const [changed] = await program.json<Account>([
    'account',
    'set',
    'acme',
    'name=Acme = you',
    'domains=in.acme.example,reply.acme.example',
    'delay=10m',
    'context=3',
    'channels_off=whatsapp,line',
    'locale=de',
    'footer=bye',
  ]);
  assert.equal(changed?.name, 'Acme = you');
  assert.deepEqual(changed?.domains, ['in.acme.example', 'reply.acme.example']);
  assert.deepEqual(changed?.settings, {
    delay: 600_000,
    context: 3,
    channels_off: ['whatsapp', 'line'],
    locale: 'de',
    footer: 'bye',
  });
  const [unset] = await program.json<Account>(['account', 'set', 'acme', 'footer=', 'delay=']);
  assert.match(
    await program.text(['account', 'set', 'acme', 'blocked=pest@example.net']),
    /^blocked +pest@example\.net$/m,
  );
  await program.json(['account', 'set', 'acme', 'blocked=']);
  assert.deepEqual(unset?.settings, { context: 3, channels_off: ['whatsapp', 'line'], locale: 'de' });
  const view = await program.text(['account', 'show', 'acme']);
  assert.match(view, /^channels off +whatsapp line$/m);
  assert.deepEqual(unfitLines(view), []);

  const [disabled] = await program.json<Account>(['account', 'disable', 'acme', 'inbound_emails']);
  assert.equal(disabled?.features.inbound_emails, false);
  const [enabled] = await program.json<Account>(['account', 'enable', 'acme', 'hold_strangers']);
  assert.deepEqual(enabled?.features, {
    inbound_emails: false,
    new_conversations: false,
    hold_strangers: true,
    forwarded_mail: false,
    agent_mail: false,
  });

  const refused = await program.run(['account', 'remove', 'acme']);
  assert.equal(refused.code, 2);
  assert.equal(
    refused.stderr,
    'replyd: nobody can be asked here whether to remove account acme with all its conversations: give --yes\n',
  );
  assert.equal(await program.text(['account', 'remove', 'acme', '--yes']), 'removed account acme\n');
  assert.deepEqual(await program.json(['account', 'list']), []);
});

test('mistakes with accounts say what would be right', async t => {
  const program = makeProgram(t);
  await program.text(['account', 'add', 'acme', '--support-email=help@acme.example']);
  const MISTAKES: readonly [args: string[], code: number, stderr: string][] = [
    [['account', 'show', 'nobody'], 1, 'replyd: there is no account "nobody": `replyd account list` shows them\n'],
    [
      ['account', 'add', 'Acme!', '--support-email=help@acme.example'],
      2,
      'replyd: "Acme!" is no slug: use 1 to 63 lower-case letters, digits and hyphens\n',
    ],
    [['account', 'add', 'acme', '--support-email=help@acme.example'], 1, 'replyd: there is an account acme already\n'],
    [
      ['account', 'add', 'b', '--support-email=nonsense'],
      2,
      'replyd: "nonsense" is no e-mail address, such as help@example.com\n',
    ],
    [
      ['account', 'add', 'b'],
      2,
      "replyd: required option '--support-email <address>' not specified\nsee `replyd account add --help`\n",
    ],
    [
      ['account', 'enable', 'acme', 'inbound'],
      2,
      'replyd: there is no feature "inbound": use inbound_emails, new_conversations, hold_strangers, forwarded_mail or agent_mail\n',
    ],
    [
      ['account', 'set', 'acme', 'colour=red'],
      2,
      'replyd: there is no key "colour": use name, support_email, domains, delay, context, history, cc_policy, channels_off, subject_template, intro, footer, locale, blocked or forwarders\n',
    ],
    [
      ['account', 'set', 'acme', 'name'],
      2,
      'replyd: "name" is not KEY=VALUE; keys are name, support_email, domains, delay, context, history, cc_policy, channels_off, subject_template, intro, footer, locale, blocked or forwarders\n',
    ],
    [['account', 'set', 'acme', 'delay=5'], 2, 'replyd: delay: "5" must be a duration with its unit, such as "5s"\n'],
    [
      ['account', 'set', 'acme', 'forwarders=acme.example,gmail.com'],
      2,
      "replyd: anybody can have an address at gmail.com: name the team's addresses there\n",
    ],
    [
      ['account', 'set', 'acme', 'history=101'],
      2,
      'replyd: history is a number of messages from 0 to 100, not "101"\n',
    ],
    [
      ['account', 'set', 'acme', 'cc_policy=always'],
      2,
      'replyd: there is no cc_policy "always": use carry, suggest or never\n',
    ],
    [['account', 'set', 'acme', 'forwarders=acme'], 2, 'replyd: "acme" is no address and no domain\n'],
    [
      ['account', 'set', 'acme', 'channels_off=smoke'],
      2,
      'replyd: there is no channel "smoke": use web_widget, facebook, twitter, whatsapp, twilio_sms, telegram, line, api or email\n',
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

test('addresses that will make trouble are said', () => {
  const account = { slug: 'acme', support_email: 'help@acme.example', domains: ['in.acme.example'] };
  assert.deepEqual(addressWarnings(account), []);
  assert.deepEqual(addressWarnings({ ...account, domains: ['acme.example'] }), []);
  assert.match(
    addressWarnings({ ...account, domains: ['acme-mail.example'] }).join(),
    /acme-mail\.example is not under acme\.example/,
  );
  assert.match(addressWarnings({ ...account, domains: ['notacme.example'] }).join(), /is not under/);
  for (const address of ['me@gmail.com', 'me@gmx.de', 'me@outlook.com', 'me@yahoo.co.uk', 'me@qq.com']) {
    assert.match(addressWarnings({ ...account, support_email: address }).join(), /free-mail address/, address);
  }
});

test('the warnings come on standard error, the account on standard output', async t => {
  const program = makeProgram(t);
  const result = await program.run([
    'account',
    'add',
    'acme',
    '--domain=in.acme.example',
    '--support-email=acme@gmail.com',
    '--json',
  ]);
  assert.equal(result.code, 0);
  assert.equal((JSON.parse(result.stdout) as Account).support_email, 'acme@gmail.com');
  assert.match(
    result.stderr,
    /acme@gmail\.com is a free-mail address: gmail\.com lets nobody else send for it \(DMARC\)/,
  );
});

test('agent_mail says what keeps it from working', async t => {
  const program = makeProgram(t);
  await program.text(['account', 'add', 'acme', '--support-email', 'help@acme.example']);
  const { stderr } = await program.run(['account', 'enable', 'acme', 'agent_mail']);
  assert.match(stderr, /each answer of an agent will be held .* set auth\.verify = "when_missing"/);
  assert.match(stderr, /account enable acme inbound_emails/);
});

test('forwarded_mail says what keeps it from counting', async t => {
  const program = makeProgram(t);
  await program.text(['account', 'add', 'acme', '--domain', 'in.acme.example', '--support-email', 'help@acme.example']);
  const { stderr } = await program.run(['account', 'enable', 'acme', 'forwarded_mail']);
  assert.match(stderr, /set auth\.verify = "when_missing"/);
  assert.match(stderr, /account enable acme new_conversations/);
  assert.match(stderr, /account set acme forwarders=/);
  await program.text(['account', 'enable', 'acme', 'new_conversations']);
  const [account] = await program.json<Account>([
    'account',
    'set',
    'acme',
    'forwarders=Acme.example,Ann@partner.example',
  ]);
  assert.deepEqual(account?.settings.forwarders, ['acme.example', 'ann@partner.example']);
  assert.match(await program.text(['account', 'show', 'acme']), /forwarders\s+acme\.example ann@partner\.example/);
});
