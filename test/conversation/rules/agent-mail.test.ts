/** What becomes of an agent's mail, as a table. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMMANDS, commandsIn, NO_COMMANDS } from '#replyd/conversation/rules/agent-commands.js';
import { type AgentMailCircumstances, decideAgentMail } from '#replyd/conversation/rules/agent-mail.js';
import type { ReadAgentMail } from '#replyd/mail/agent-mail.js';

const READ: ReadAgentMail = {
  from: ['anna@acme.example'],
  answer: { marker: { account: 'acme', number: 12, seq: 5 }, text: 'It is sent.', remains: null },
  files: 0,
  pictures: [],
  suspectFile: null,
};
/** A mail that becomes an answer. */
const GOOD: AgentMailCircumstances = {
  purpose: 'answer',
  kind: 'reply',
  ownMail: false,
  read: READ,
  agent: { email: 'anna@acme.example', isDisabled: false, isMember: true },
  isOn: true,
  dmarc: 'pass',
  dmarcFrom: 'acme.example',
  login: null,
  conversation: { account: 'acme', number: 12, lastSeq: 5 },
  newer: [],
  assignee: null,
  unmailable: null,
};

const saying = (text: string, more: Partial<typeof READ> = {}) => ({
  read: { ...READ, ...more, answer: { ...READ.answer, text } },
});
const remaining = (remains: string) => ({ read: { ...READ, answer: { ...READ.answer, remains } } });
const marked = (marker: (typeof READ)['answer']['marker'] | null) => ({
  read: { ...READ, answer: { ...READ.answer, marker } },
});

const CASES: readonly (readonly [name: string, change: Partial<AgentMailCircumstances>, becomes: string])[] = [
  ['his answer', {}, 'answer: It is sent.'],
  ['a checker that does not say for which domain', { dmarcFrom: null }, 'answer: It is sent.'],
  ['DMARC passed for the domain above his', { dmarcFrom: 'example' }, 'answer: It is sent.'],
  [
    'DMARC passed for whom the checker read in From',
    { dmarcFrom: 'evil.example' },
    'held answer: DMARC passed for evil.example, not for acme.example',
  ],
  ['From in other letters', { read: { ...READ, from: ['Anna@ACME.example'] } }, 'answer: It is sent.'],
  ['by a connection that is his', { dmarc: null, login: 'ANNA@acme.example' }, 'answer: It is sent.'],
  ['by a list', { kind: 'list' }, 'answer: It is sent.'],
  ['an attachment without words', saying('', { files: 1 }), 'answer: '],
  // What is not proven
  [
    'no verdict',
    { dmarc: null },
    'held answer: it does not prove that anna@acme.example sent it: DMARC is not known, not pass',
  ],
  ...['fail', 'none', 'temperror', 'permerror', 'bestguesspass', ''].map(
    dmarc =>
      [
        `DMARC ${dmarc}`,
        { dmarc },
        `held answer: it does not prove that anna@acme.example sent it: DMARC is ${dmarc}, not pass`,
      ] as const,
  ),
  [
    'a connection of somebody else',
    { dmarc: 'fail', login: 'bob@acme.example' },
    'held answer: it does not prove that anna@acme.example sent it: DMARC is fail, not pass',
  ],
  [
    'From somebody else',
    { read: { ...READ, from: ['mallory@evil.example'] } },
    'held answer: it is from mallory@evil.example, not from anna@acme.example',
  ],
  [
    'From a colleague, proven',
    { read: { ...READ, from: ['bob@acme.example'] } },
    'held answer: it is from bob@acme.example, not from anna@acme.example',
  ],
  [
    'From him and somebody else',
    { read: { ...READ, from: ['anna@acme.example', 'mallory@evil.example'] } },
    'held answer: From names several people',
  ],
  ['no From', { read: { ...READ, from: [] } }, 'held answer: it has no From field'],
  [
    'a subaddress of his',
    { read: { ...READ, from: ['anna+x@acme.example'] } },
    'held answer: it is from anna+x@acme.example, not from anna@acme.example',
  ],
  ['disabled', { agent: { ...GOOD.agent, isDisabled: true } }, 'held answer: anna@acme.example is disabled'],
  [
    'of another account now',
    { agent: { ...GOOD.agent, isMember: false } },
    'held answer: anna@acme.example does not belong to the account any more',
  ],
  ['the feature is off', { isOn: false }, 'held answer: the account takes no mail of agents (agent_mail is off)'],
  [
    'unproven, to his address for notes',
    { purpose: 'note', dmarc: 'fail' },
    'held note: it does not prove that anna@acme.example sent it: DMARC is fail, not pass',
  ],
  [
    'unproven with a command',
    { dmarc: 'fail', ...saying('/resolve') },
    'held note: it does not prove that anna@acme.example sent it: DMARC is fail, not pass',
  ],
  // What may hold words that were not meant for the customer
  ['no marker', marked(null), 'held note: its marker [acme#12/…] is not found'],
  [
    'no marker, unproven',
    { ...marked(null), dmarc: 'fail' },
    'held note: it does not prove that anna@acme.example sent it: DMARC is fail, not pass',
  ],
  [
    'no marker, to his address for notes',
    { ...marked(null), purpose: 'note' },
    'held note: its marker [acme#12/…] is not found',
  ],
  [
    'the marker of another conversation',
    marked({ account: 'acme', number: 13, seq: 5 }),
    'held note: its marker is of another conversation (acme#13)',
  ],
  [
    'the marker of another account',
    marked({ account: 'other', number: 12, seq: 5 }),
    'held note: its marker is of another conversation (other#12)',
  ],
  [
    'a message that does not exist',
    marked({ account: 'acme', number: 12, seq: 6 }),
    'held note: its marker names a message that does not exist',
  ],
  [
    'words of the notification',
    remaining('a quote stands above the marker'),
    'held note: a quote stands above the marker',
  ],
  [
    'our own mail attached',
    saying('See there.', { suspectFile: 'mail.eml', files: 1 }),
    'held note: its attachment mail.eml may be our own mail',
  ],
  ['unreadable', { read: null, kind: null }, 'held note: it cannot be read'],
  ['nothing above the marker', saying(''), 'held note: nothing stands above its marker'],
  // Time
  [
    'somebody wrote since',
    { newer: ['Jane', 'Bob', 'Jane'] },
    'held answer: it is stale: Jane, Bob wrote since the message that it answers',
  ],
  ['a note is never stale', { newer: ['Jane'], purpose: 'note' }, 'note: It is sent.'],
  [
    'stale and unproven',
    { newer: ['Jane'], dmarc: 'fail' },
    'held answer: it does not prove that anna@acme.example sent it: DMARC is fail, not pass',
  ],
  [
    'too large for a mail',
    { unmailable: 'it is larger than a mail may be' },
    'held answer: it is larger than a mail may be',
  ],
  ['too large, but a note', { unmailable: 'it is larger than a mail may be', purpose: 'note' }, 'note: It is sent.'],
  // Commands
  ['/note', saying('/note\nCall her.'), 'note: Call her.'],
  ['/note without words', saying('/note'), 'held note: it is a note without words'],
  ['/resolve alone', saying('/resolve'), 'commands: /resolve'],
  ['/resolve and words', saying('/resolve\n\nDone.'), 'answer: Done.'],
  ['/resolve to his address for notes', { purpose: 'note', ...saying('/resolve') }, 'commands: /resolve'],
  ['/assign to one', { assignee: 'one', ...saying('/assign Bob') }, 'commands: /assign Bob'],
  ['/assign to nobody', { assignee: 'none', ...saying('/assign Bobb\nHello') }, 'held note: no agent is named "Bobb"'],
  [
    '/assign to several',
    { assignee: 'several', ...saying('/assign Bob') },
    'held note: several agents are named "Bob"',
  ],
  [
    '/assign to one who is disabled',
    { assignee: 'disabled', ...saying('/assign Bob') },
    'held note: the agent "Bob" is disabled',
  ],
  ['an unknown command', saying('/nota\nShe is difficult.'), 'held note: there is no command "/nota"'],
  ['commands alone are never stale', { newer: ['Jane'], ...saying('/mute') }, 'commands: /mute'],
  // Robots
  ...(['auto_reply', 'bounce', 'receipt', 'complaint'] as const).map(
    kind => [`${kind}`, { kind }, "robot: a machine's mail in the name of anna@acme.example: no effect"] as const,
  ),
  ['our own mail', { ownMail: true }, 'robot: loop'],
];

for (const [name, change, becomes] of CASES) {
  test(name, () => {
    const decision = decideAgentMail({ ...GOOD, ...change });
    const said =
      decision.kind === 'robot'
        ? `robot: ${decision.evidence}`
        : decision.kind === 'held'
          ? `held ${decision.as}: ${decision.reason}`
          : `${decision.kind}: ${decision.text}`;
    assert.equal(said, becomes);
  });
}

test('whatever else is wrong, what has no marker is never an answer', () => {
  const wrongs: readonly Partial<AgentMailCircumstances>[] = [
    {},
    { dmarc: 'fail' },
    { newer: ['Jane'] },
    { isOn: false },
    { agent: { ...GOOD.agent, isDisabled: true } },
    { unmailable: 'too large' },
  ];
  for (const wrong of wrongs) {
    const decision = decideAgentMail({ ...GOOD, ...wrong, ...marked(null) });
    assert.deepEqual([decision.kind, decision.kind === 'held' && decision.as], ['held', 'note']);
  }
});

const ALL = { note: true, status: 'resolved', assign: 'Bob Miller', mute: true } as const;
const COMMANDED: readonly (readonly [written: string, commands: object, text: string, doubt?: RegExp])[] = [
  ['Hello', {}, 'Hello'],
  ['/note\nHello', { note: true }, 'Hello'],
  ['  /NOTE  \n\nHello', { note: true }, 'Hello'],
  ['\u00a0/note\u200b\nHello', { note: true }, 'Hello'],
  ['\uff0fnote\nHello', { note: true }, 'Hello'],
  ['/ note\nHello', { note: true }, 'Hello'],
  ['/note\n/resolve\n/assign Bob Miller\n/mute\nHello', ALL, 'Hello'],
  ['\n/reopen\n', { status: 'open' }, ''],
  ['/assign none', { assign: 'none' }, ''],
  ['/etc/hosts is wrong', {}, '/etc/hosts is wrong'],
  ['/5 of them', {}, '/5 of them'],
  ['Hello\n/tmp is full', {}, 'Hello\n/tmp is full'],
  ['/note she is difficult', {}, '', /takes nothing behind it/],
  ['/note: she is difficult', {}, '', /takes nothing behind it/],
  ['/notes\nShe is difficult', {}, 'She is difficult', /no command "\/notes"/],
  ['\\note\nShe is difficult', {}, 'She is difficult', /no command/],
  ['\u2215note\nShe is difficult', {}, 'She is difficult', /no command/],
  ['/assign\nHello', {}, 'Hello', /wants a name/],
  ['/assign a\n/assign b', { assign: 'a' }, '', /twice/],
  ['/resolve\n/reopen', { status: 'resolved' }, '', /contradict/],
  ['Hello\n/note\nShe is difficult', {}, 'Hello\n/note\nShe is difficult', /does not stand at the top/],
  ['Hello\n/assign Bob', {}, 'Hello\n/assign Bob', /does not stand at the top/],
];

for (const [written, commands, text, doubt] of COMMANDED) {
  test(`commands in ${JSON.stringify(written)}`, () => {
    const found = commandsIn(written);
    assert.deepEqual({ ...found.commands }, { ...NO_COMMANDS, ...commands });
    assert.equal(found.text, text);
    if (doubt === undefined) assert.equal(found.doubt, null);
    else assert.match(found.doubt ?? '', doubt);
  });
}

test('a thousand command lines cost nothing and mean nothing', () => {
  const found = commandsIn('/mute\n'.repeat(1_000));
  assert.equal(found.lines.length, 10);
  assert.match(found.doubt ?? '', /top/);
  assert.equal(COMMANDS.length, 5);
});
