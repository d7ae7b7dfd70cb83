import assert from 'node:assert/strict';
import { test } from 'node:test';
import { barOf, countOf, progressReporter } from '#replyd/cli/terminal/progress.js';

const MINUTE = 60_000;

test('how far it is, with a bar where that is known', () => {
  const cases = [
    [{ doing: 'copying message', done: 1_234, total: 4_936 }, 'copying message: 1,234 of 4,936', 25, 6],
    [{ doing: 'copying message', done: 0, total: 10 }, 'copying message: 0 of 10', 0, 0],
    [{ doing: 'copying message', done: 10, total: 10 }, 'copying message: 10 of 10', 100, 24],
    // It was counted at the beginning.
    [{ doing: 'copying message', done: 11, total: 10 }, 'copying message: 11 of 10', 100, 24],
  ] as const;
  for (const [step, count, share, filled] of cases) {
    assert.equal(countOf(step), count);
    const bar = `[${'='.repeat(filled)}${' '.repeat(24 - filled)}] ${String(share).padStart(3)} %  ${count}`;
    assert.equal(barOf(step, 80), bar);
    assert.ok(barOf(step, 40).length < 40);
  }
  for (const total of [null, 0]) {
    assert.equal(
      barOf({ doing: 'importing', done: 1_500, total }, 80),
      countOf({ doing: 'importing', done: 1_500, total }),
    );
  }
});

test('where there is no terminal, a line a minute, and none for what is done sooner', context => {
  const said: string[] = [];
  const { isTTY } = process.stderr;
  process.stderr.isTTY = false;
  context.after(() => {
    process.stderr.isTTY = isTTY;
  });
  context.mock.method(process.stderr, 'write', (text: string) => said.push(text) > 0);
  let time = 5;
  const tell = progressReporter(() => time);
  for (let done = 0; time < 2.5 * MINUTE; time += 1_000, done += 10) tell({ doing: 'importing', done, total: null });
  context.mock.reset();
  assert.deepEqual(said, ['importing: 600\n', 'importing: 1,200\n']);
});
