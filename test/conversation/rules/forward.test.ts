import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  decideForward,
  type ForwardCircumstances,
  forwardersOf,
  isForwarder,
} from '#replyd/conversation/rules/forward.js';

const JANE = { name: 'Jane Doe', email: 'jane@client.example' };
const ANN = { name: 'Ann', email: 'ann@acme.example' };

const GOOD: ForwardCircumstances = {
  forwarder: ANN,
  forwarders: ['help@acme.example', 'acme.example', 'pat@partner.example'],
  dmarc: 'pass',
  original: { writer: JANE },
  blocked: [],
  isOurs: address => address === 'help@acme.example' || address.endsWith('@reply.example.com'),
};

const OWN = null;

test('whose forward opens a conversation with somebody else', () => {
  const table: Readonly<Record<string, readonly [Partial<ForwardCircumstances>, string | null]>> = {
    'one of the team': [{}, 'forwarded by Ann <ann@acme.example>, proven by DMARC'],
    'the address that stands there alone': [
      { forwarder: { name: '', email: 'Pat@partner.example' } },
      'forwarded by Pat@partner.example, proven by DMARC',
    ],
    'the support address': [
      { forwarder: { name: 'Help', email: 'help@acme.example' } },
      'forwarded by Help <help@acme.example>, proven by DMARC',
    ],
    'the feature is off': [{ forwarders: null }, OWN],
    'it is no forward': [{ original: null }, OWN],
    'nobody stands in From': [{ forwarder: null }, OWN],
    'a customer': [{ forwarder: JANE }, 'not taken as a forward: jane@client.example is none of the forwarders'],
    'a colleague of the partner': [
      { forwarder: { name: '', email: 'joe@partner.example' } },
      'not taken as a forward: joe@partner.example is none of the forwarders',
    ],
    'a subdomain is another domain': [
      { forwarder: { name: '', email: 'ann@shop.acme.example' } },
      'not taken as a forward: ann@shop.acme.example is none of the forwarders',
    ],
    'a forged address of the team': [
      { dmarc: 'fail' },
      'not taken as a forward: DMARC of ann@acme.example is fail, not pass',
    ],
    'a domain without a policy': [
      { dmarc: 'none' },
      'not taken as a forward: DMARC of ann@acme.example is none, not pass',
    ],
    'the DNS did not answer': [
      { dmarc: 'temperror' },
      'not taken as a forward: DMARC of ann@acme.example is temperror, not pass',
    ],
    'nobody asked': [{ dmarc: null }, 'not taken as a forward: DMARC of ann@acme.example is not known, not pass'],
    'several mails': [
      { original: { doubt: 'it holds several mails' } },
      'not taken as a forward: it holds several mails',
    ],
    'a mail of ours': [
      { original: { writer: { name: '', email: 'help@acme.example' } } },
      'not taken as a forward: help@acme.example is ours',
    ],
    'a mail to ourselves': [
      { original: { writer: { name: '', email: 'reply+1@reply.example.com' } } },
      'not taken as a forward: reply+1@reply.example.com is ours',
    ],
    'a mail of a colleague': [
      { original: { writer: { name: '', email: 'bob@acme.example' } } },
      'not taken as a forward: bob@acme.example is one of the forwarders',
    ],
    'a mail that takes no answer': [
      { original: { writer: { name: '', email: 'noreply@client.example' } } },
      'not taken as a forward: noreply@client.example takes no answer',
    ],
    'a blocked writer': [
      { blocked: ['client.example'] },
      'not taken as a forward: jane@client.example is on the block list',
    ],
  };
  for (const [what, [given, evidence]] of Object.entries(table)) {
    const decision = decideForward({ ...GOOD, ...given });
    assert.equal(decision.evidence, evidence, what);
    assert.equal(decision.kind, evidence?.startsWith('forwarded by') ? 'original' : 'own', what);
    if (decision.kind === 'original') assert.deepEqual(decision.writer, JANE, what);
  }
});

test('who is a forwarder', () => {
  assert.equal(forwardersOf({ on: false, supportEmail: 'help@acme.example', forwarders: ['acme.example'] }), null);
  const alone = forwardersOf({ on: true, supportEmail: 'Help@acme.example', forwarders: undefined });
  assert.deepEqual(alone, ['help@acme.example']);
  assert.equal(isForwarder('HELP@acme.example', alone), true);
  assert.equal(isForwarder('ann@acme.example', alone), false);
  assert.equal(isForwarder(undefined, alone), false);
  assert.equal(isForwarder('help@acme.example', null), false);
});
