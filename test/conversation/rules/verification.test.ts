import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Destination, FiledForward } from '#replyd/conversation/filing.js';
import { decideVerification, type VerifyMode } from '#replyd/conversation/rules/verification.js';
import { type Authentication, NO_AUTHENTICATION } from '#replyd/mail/authentication.js';

const at = (holdsStrangers: boolean): Destination => ({
  kind: 'inbox',
  address: 'inbox+aa@reply.example',
  token: 'aa',
  accountId: 'acct_1',
  holdsStrangers,
  forwarders: null,
});
const TEAM: Destination = { ...at(false), kind: 'inbox', forwarders: ['acme.example'] } as Destination;
const OPERATOR: Destination = { kind: 'operator', address: 'abuse@reply.example', localPart: 'abuse' };
const JUDGED: Authentication = { ...NO_AUTHENTICATION, spf: 'pass' };

/** What the mail itself is: `forward` holds another mail. */
const mailFrom = (email: string, forward?: FiledForward) => ({
  mail: { from: { name: '', email } },
  ...(forward === undefined ? {} : { forward }),
});
const FORWARD = { kind: 'one' } as FiledForward;

const TABLE: readonly (readonly [VerifyMode, Authentication | null, readonly Destination[], string])[] = [
  ['never', null, [at(true)], 'not'],
  ['when_missing', null, [at(false)], 'after'],
  ['when_missing', null, [at(true)], 'before'],
  ['when_missing', null, [at(false), at(true)], 'before'],
  ['when_missing', NO_AUTHENTICATION, [at(false)], 'after'],
  ['when_missing', JUDGED, [at(true)], 'not'],
  ['always', JUDGED, [at(true)], 'before'],
  ['always', JUDGED, [at(false)], 'after'],
  ['always', null, [OPERATOR], 'not'],
  ['always', null, [OPERATOR, at(false)], 'after'],
];

for (const [mode, said, destinations, when] of TABLE) {
  const to = destinations.map(each => ('holdsStrangers' in each && each.holdsStrangers ? 'a holder' : each.kind));
  test(`${mode}, ${said === null ? 'no checker' : JSON.stringify(said.spf)}, to ${to.join(' and ')}: ${when}`, () => {
    assert.equal(decideVerification({ mode, said, destinations, reading: mailFrom('jane@client.example') }), when);
  });
}

test('what one of the team sends on is asked about before it is answered', () => {
  const decided = (reading: ReturnType<typeof mailFrom>, to: Destination) =>
    decideVerification({ mode: 'when_missing', said: null, destinations: [to], reading });
  assert.equal(decided(mailFrom('ann@acme.example', FORWARD), TEAM), 'before');
  assert.equal(decided(mailFrom('ann@acme.example'), TEAM), 'after');
  assert.equal(
    decided(mailFrom('ann@acme.example', { kind: 'doubt', reason: 'it holds several mails' }), TEAM),
    'after',
  );
  assert.equal(decided(mailFrom('jane@client.example', FORWARD), TEAM), 'after');
  assert.equal(decided(mailFrom('ann@acme.example', FORWARD), at(false)), 'after');
});

test('who answers as an agent is asked about before, where no checker tells of DMARC', () => {
  const agent: Destination = {
    kind: 'agent',
    address: 'reply+aa@reply.example',
    token: 'aa',
    accountId: 'acct_1',
    holdsStrangers: false,
    conversationId: 'cv_1',
    agentId: 'agt_1',
  };
  const reading = mailFrom('anna@acme.example');
  const decided = (mode: VerifyMode, said: Authentication | null) =>
    decideVerification({ mode, said, destinations: [agent], reading });
  const judged = { ...NO_AUTHENTICATION, dmarc: 'fail' };
  assert.deepEqual(
    [decided('when_missing', null), decided('when_missing', JUDGED), decided('when_missing', judged)],
    ['before', 'before', 'not'],
  );
  assert.deepEqual([decided('never', null), decided('always', judged)], ['not', 'before']);
});
