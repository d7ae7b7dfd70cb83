/** Everything a webhook receiver can do to an event. It is told of all of it in the end, once. */
import assert from 'node:assert/strict';
import type { Fault, FaultGroup } from './fault.js';
import type { Manner } from './receiver.js';

function fault(name: string, manner: Manner, options: { quick?: boolean; within?: number } = {}): Fault {
  const { quick = true, within = 10_000 } = options;
  return {
    name: `receiver: ${name}`,
    quick,
    async run(bench) {
      const { receiver, store, hook } = bench;
      const word = bench.word();
      await receiver.behave(manner);
      let why: string | null;
      try {
        assert.equal(await bench.mail(word), '250 2.0.0');
        await bench.eventually('it is in trouble', async () => (await store.hook(hook)).failing_since !== null, within);
        const { state, reason } = await store.hook(hook);
        assert.equal(state, 'on');
        why = reason;
        // The mail in the other direction is not held up.
        const answer = bench.word();
        assert.equal(await bench.answer(answer), '201');
        await bench.expectSent(answer);
        assert.ok(!receiver.words.includes(word));
        assert.equal(receiver.strays(), 0, 'a redirect is not followed');
      } finally {
        await receiver.behave(200);
      }
      await bench.eventually('it is told', () => receiver.words.includes(word));
      return `hook waits: ${(why ?? '').slice(0, 30)}`;
    },
  };
}

const gone: Fault = {
  name: 'receiver: says 410 Gone',
  quick: true,
  async run(bench, notes) {
    const { receiver, store, hook } = bench;
    const [lost, unheard] = [bench.word(), bench.word()];
    // An event that can't be told any more: that is what 410 asks for.
    notes.untold.add(lost).add(unheard);
    await receiver.behave(410);
    try {
      assert.equal(await bench.mail(lost), '250 2.0.0');
      await bench.eventually('the hook is off', async () => (await store.hook(hook)).state === 'off');
      assert.equal(await bench.mail(unheard), '250 2.0.0');
    } finally {
      await receiver.behave(200);
    }
    const tested = await bench.daemon.cli(['hook', 'test', hook]);
    assert.equal(tested.code, 0, tested.stderr);
    assert.equal((await store.hook(hook)).state, 'on');
    return 'hook off, on again by `hook test`';
  },
};

export const receiverFaults: FaultGroup = {
  name: 'the receiver',
  faults: [
    fault('refuses connections', 'away'),
    fault('cuts off', 'hangup', { quick: false }),
    fault('answers garbage', 'garbage', { quick: false }),
    fault('says 500', 500),
    fault('says 429', 429, { quick: false }),
    fault('redirects elsewhere', 307, { quick: false }),
    fault('hangs', 'silence', { quick: false, within: 60_000 }),
    gone,
  ],
};
