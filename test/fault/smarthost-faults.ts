/** Everything a smarthost can do to a mail. Nothing is lost by it, and nobody's mail fails for its sake. */
import assert from 'node:assert/strict';
import type { Script } from '../outbound/smtp-sink.js';
import { type Bench, SMALL } from './bench.js';
import type { Fault, FaultGroup, Notes } from './fault.js';

/** A wait for a probe: 15 s and a tenth, and the try itself. */
const PROBE = 25_000;

const isPaused = async (bench: Bench) => (await bench.store.destination('smarthost')).paused === 'trouble';

/** What became of these answers: how many deliveries are in each state. */
async function states(bench: Bench, words: readonly string[]): Promise<string> {
  const found = await Promise.all(words.map(async word => (await bench.deliveryOf(word)).state));
  return [...new Set(found)].sort().join(', ');
}

interface Case {
  readonly name: string;
  readonly quick: boolean;
  /** Undone by taking the entries away again. */
  readonly script?: Script;
  readonly away?: true;
  readonly means: 'trouble' | 'retry' | 'failed';
  /** Milliseconds until that can be seen. */
  readonly within?: number;
  /** Its answer to the data was lost, not the mail. */
  readonly ambiguous?: true;
}

function fault(each: Case): Fault {
  const { name, quick, script = {}, away, means, within = 10_000, ambiguous } = each;
  return {
    name: `smarthost: ${name}`,
    quick,
    async run(bench, notes) {
      const { smarthost } = bench;
      // Three people: what is said to all of them is no matter of one.
      const words = [bench.word(), bench.word(), bench.word()];
      const before = smarthost.taken().length;
      if (away) await smarthost.stop();
      Object.assign(smarthost.script, script);
      if (script.greeting ?? script.EHLO) smarthost.drop();
      let seen: string;
      try {
        for (const [conversation, word] of words.entries())
          assert.equal(await bench.answer(word, { conversation }), '201');
        seen = await look(bench, words, { means, within });
        // Nobody else is touched.
        assert.equal(await bench.mail(bench.word(), { size: SMALL }), '250 2.0.0');
        assert.equal(smarthost.taken().length, before);
        if (means !== 'failed')
          assert.doesNotMatch(await states(bench, words), /failed/, 'nobody fails for the smarthost’s sake');
      } finally {
        for (const stage of Object.keys(script) as (keyof Script)[]) delete smarthost.script[stage];
        if (away) await smarthost.start();
        // What hung is started anew; nobody waits on for its old connections.
        if (Object.values(script).includes('silence')) smarthost.drop();
      }
      if (ambiguous) for (const word of words) notes.twice.add(word);
      await recover(bench, words, notes, means);
      return seen;
    },
  };
}

async function look(
  bench: Bench,
  words: readonly string[],
  { means, within }: Pick<Case, 'means'> & { within: number },
) {
  const first = words[0]!;
  switch (means) {
    case 'trouble':
      await bench.eventually('the queue is paused', () => isPaused(bench), within);
      return 'queue paused, none failed';
    case 'retry':
      await bench.eventually(
        'it is deferred',
        async () => {
          const { state, attempts, last_error } = await bench.deliveryOf(first);
          return last_error !== null && (state === 'deferred' || attempts > 1);
        },
        within,
      );
      assert.equal(await isPaused(bench), false);
      return 'deferred, tried again';
    case 'failed':
      for (const word of words)
        await bench.eventually('it fails', async () => (await bench.deliveryOf(word)).state === 'failed', within);
      assert.equal(await isPaused(bench), false);
      return 'these failed, queue goes on';
  }
}

async function recover(bench: Bench, words: readonly string[], notes: Notes, means: Case['means']): Promise<void> {
  if (means === 'failed') {
    const retried = await bench.daemon.cli(['queue', 'retry', '--state', 'failed']);
    assert.equal(retried.code, 0, retried.stderr);
  } else if (!notes.patient && (await isPaused(bench))) {
    const resumed = await bench.daemon.cli(['queue', 'resume']);
    assert.equal(resumed.code, 0, resumed.stderr);
  }
  for (const word of words) await bench.expectSent(word, PROBE);
}

const CASES: readonly Case[] = [
  { name: 'refuses connections', quick: true, away: true, means: 'trouble' },
  { name: 'cuts off at once', quick: false, script: { greeting: 'hangup' }, means: 'trouble' },
  { name: 'cuts off at MAIL', quick: false, script: { MAIL: 'hangup' }, means: 'retry' },
  { name: 'cuts off after the mail', quick: true, script: { dot: 'hangup' }, means: 'retry', ambiguous: true },
  { name: 'greets with garbage', quick: true, script: { greeting: '\xff\x00 who is it' }, means: 'trouble' },
  { name: 'garbage to EHLO', quick: false, script: { EHLO: 'yes, yes' }, means: 'trouble' },
  { name: 'garbage after the mail', quick: false, script: { dot: '\x01\x02 fine' }, means: 'retry', ambiguous: true },
  {
    name: 'denies relaying to all',
    quick: true,
    script: { RCPT: '554 5.7.1 Relay access denied' },
    means: 'trouble',
  },
  { name: 'greylists', quick: false, script: { RCPT: '451 4.7.1 Greylisted, come again' }, means: 'retry' },
  { name: 'is full (452)', quick: false, script: { MAIL: '452 4.3.1 Insufficient storage' }, means: 'retry' },
  { name: 'finds it too large (552)', quick: true, script: { dot: '552 5.3.4 Too much' }, means: 'failed' },
  { name: 'says 421 to all', quick: false, script: { greeting: '421 4.3.2 closing' }, means: 'retry' },
];

export const smarthostFaults: FaultGroup = { name: 'the smarthost', faults: CASES.map(fault) };

/** Each with a bench of its own, so that they can be waited for together. */
export const hangingSmarthosts: readonly FaultGroup[] = [
  {
    name: 'hangs after connecting',
    quick: false,
    script: { greeting: 'silence' },
    means: 'trouble',
    within: 60_000,
  } as const,
  { name: 'hangs after EHLO', quick: false, script: { MAIL: 'silence' }, means: 'retry', within: 180_000 } as const,
  {
    name: 'hangs after DATA',
    quick: false,
    script: { dot: 'silence' },
    means: 'retry',
    within: 180_000,
    ambiguous: true,
  } as const,
].map(each => ({ name: `the smarthost ${each.name}`, faults: [fault(each)] }));
