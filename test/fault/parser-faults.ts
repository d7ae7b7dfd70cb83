/** Mails that are poison to the parser, and parsers that somebody else kills. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import type { Message } from '#replyd/conversation/model.js';
import { type Bench, type BenchOptions, LARGE, SMALL } from './bench.js';
import type { Fault, FaultGroup } from './fault.js';

async function messagesWithout(bench: Bench): Promise<readonly Message[]> {
  const all = await Promise.all(bench.conversations.map(({ id }) => bench.store.conversation({ id })));
  return all.flatMap(each => each.messages!).filter(each => each.direction === 'incoming' && each.text === '');
}

/** Others are served while a mail is read that never ends. `word`: with -TWICE no reader reads it. */
function poison(name: string, word: string, options: { size: number; quick: boolean }): Fault {
  return {
    name: `poison: ${name}`,
    quick: options.quick,
    async run(bench) {
      // Short for this mail alone: to read the first one, and to start a child, takes long on a machine with much to do.
      const loops = word.startsWith('POISON-LOOP');
      assert.equal(await bench.mail(bench.word()), '250 2.0.0');
      if (loops) await bench.reload({ 'limits.parse_time': '2s' });
      const before = (await messagesWithout(bench)).length;
      const poisoned = bench.word();
      const offered = bench.mail(poisoned, { size: options.size, body: `\n${word}\n` });
      const others = Array.from({ length: 8 }, () => bench.word());
      const answers = Promise.all(others.map(each => bench.mail(each)));
      answers.catch(() => {});
      assert.equal(await offered, '250 2.0.0');
      if (loops) await bench.reload({});
      assert.deepEqual(new Set(await answers), new Set(['250 2.0.0']));
      const unread = await messagesWithout(bench);
      if (!word.endsWith('-TWICE')) {
        assert.equal(unread.length, before, 'its words are there');
        await isReadBySecond(bench, poisoned);
        return '250, threaded by the second reader, others 250';
      }
      assert.equal(unread.length, before + 1, 'threaded without its words');
      const message = unread.find(
        each => each.evidence.some(one => one.startsWith('unparsed: ')) && each.mail_id !== null,
      );
      assert.ok(message?.attachments.some(each => each.filename === 'original.eml'));
      bench.unreadable(poisoned);
      return '250, quarantined and threaded, others 250';
    },
  };
}

async function isReadBySecond(bench: Bench, word: string): Promise<void> {
  const all = await Promise.all(bench.conversations.map(({ id }) => bench.store.conversation({ id })));
  const message = all.flatMap(each => each.messages!).find(each => each.text.includes(word));
  assert.ok(message?.evidence.includes('read by the second reader'), word);
  assert.ok(message?.text.includes('POISON-'), 'all of its words');
}

function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .filter(name => {
      try {
        const parent = Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${name}/stat`, 'latin1'))?.[1]);
        return parent === pid && readFileSync(`/proc/${name}/cmdline`, 'latin1').includes('/parsing/child.js');
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Kills each new child until `enough`, or until `over`. */
async function killChildren(bench: Bench, options: { most: number; over: () => boolean }): Promise<number> {
  const killed = new Set<number>();
  while (!options.over() && killed.size < options.most) {
    for (const child of childrenOf(bench.daemon.pid)) {
      if (killed.has(child)) continue;
      try {
        process.kill(child, 'SIGKILL');
        killed.add(child);
      } catch {
        // It had ended.
      }
    }
    await new Promise(resolve => setTimeout(resolve, 5));
  }
  return killed.size;
}

function childKilled(name: string, most: number): Fault {
  return {
    name: `parser child killed ${name}`,
    quick: true,
    async run(bench, notes) {
      const before = (await messagesWithout(bench)).length;
      const word = bench.word();
      // The event that tells of it comes before its words.
      if (most > 1) notes.untold.add(word);
      let over = false;
      const offered = bench.mail(word, { size: 4 * LARGE }).finally(() => {
        over = true;
      });
      const killed = await killChildren(bench, { most, over: () => over });
      const answer = await offered;
      assert.equal(answer, '250 2.0.0');
      const unread = await messagesWithout(bench);
      if (most === 1) {
        assert.deepEqual([killed, unread.length - before], [1, 0], 'read by the next one');
        return 'read by another child, 250';
      }
      assert.ok(killed > 1);
      assert.equal(unread.length, before + 1);
      const mail = (await bench.store.mails({ state: 'quarantined', limit: 1 }))[0]!;
      const again = await bench.daemon.cli(['mail', 'reprocess', mail.id]);
      assert.equal(again.code, 0, again.stderr);
      assert.equal((await messagesWithout(bench)).length, before, 'its words are there now');
      return '250, quarantined; reprocess fills it in';
    },
  };
}

/** The one that no process survives: the daemon itself goes down, once. */
const abort: Fault = {
  name: 'poison: it takes the daemon down',
  quick: true,
  async run(bench) {
    // What is being told when the daemon goes down is told again: webhooks come at least once.
    await bench.eventually('every event is settled', async () => {
      const open = await Promise.all(
        (['waiting', 'leased'] as const).map(state => bench.store.deliveries({ state, limit: 1 })),
      );
      return open.every(each => each.length === 0);
    });
    const poisoned = bench.word();
    const shape = { size: SMALL, body: '\nPOISON-ABORT\n' };
    const first = await bench.mail(poisoned, shape);
    assert.equal(first, 'cut');
    await bench.daemon.ended();
    await bench.daemon.start();
    const second = await bench.mail(poisoned, shape);
    assert.equal(second, '250 2.0.0', 'read by a child this time, which dies alone, then by the second reader');
    await isReadBySecond(bench, poisoned);
    const { pid } = bench.daemon;
    assert.equal(await bench.mail(bench.word()), '250 2.0.0');
    assert.equal(bench.daemon.pid, pid);
    return 'cut, then (after a start) 250, threaded by the second reader';
  },
};

const options = (): BenchOptions => ({
  env: { NODE_OPTIONS: `--import=${new URL('./saboteur.js', import.meta.url)}` },
});

export const parserFaults: FaultGroup = {
  name: 'the parser',
  options,
  faults: [
    poison('the worker never ends', 'POISON-LOOP', { size: SMALL, quick: true }),
    poison('the worker exits', 'POISON-EXIT', { size: SMALL, quick: true }),
    poison('the worker takes all memory', 'POISON-MEMORY', { size: SMALL, quick: false }),
    poison('the child never ends', 'POISON-LOOP', { size: LARGE, quick: false }),
    poison('the child exits', 'POISON-EXIT', { size: LARGE, quick: true }),
    poison('the child takes all memory', 'POISON-MEMORY', { size: LARGE, quick: false }),
    poison('both readers never end', 'POISON-LOOP-TWICE', { size: SMALL, quick: true }),
    poison('both readers exit', 'POISON-EXIT-TWICE', { size: SMALL, quick: true }),
    poison('both children take all memory', 'POISON-MEMORY-TWICE', { size: LARGE, quick: false }),
    poison('both children exit', 'POISON-EXIT-TWICE', { size: LARGE, quick: true }),
  ],
};

export const killedParsers: FaultGroup = {
  name: 'killed parsers',
  options,
  restarts: true,
  faults: [childKilled('once', 1), childKilled('each time', 1000), abort],
};
