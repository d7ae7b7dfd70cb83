/**
 * `npm run test:fault [ROUNDS]`: every fault, several rounds on one and the same process, and nobody hastens what waits.
 * Prints what was seen as a table of 80 columns. Groups run two at a time, the hanging smarthosts beside them: these
 * take minutes and do nothing but wait.
 */
import { openBench } from './bench.js';
import { type FaultGroup, newNotes } from './fault.js';
import { FAULTS } from './faults.js';
import { hangingSmarthosts } from './smarthost-faults.js';

const asked = process.argv[2] ?? process.env.REPLYD_TEST_FAULT_ROUNDS ?? '3';
if (!/^[1-9]\d*$/.test(asked)) {
  process.stderr.write(`${asked} is no number of rounds: npm run test:fault -- 3\n`);
  process.exit(2);
}
const rounds = Number(asked);

interface Row {
  readonly name: string;
  rounds: number;
  seen: string;
  result: 'ok' | 'FAILED' | 'skipped';
}

const rows = new Map<string, Row>();
const failures: string[] = [];

async function runGroup(group: FaultGroup): Promise<void> {
  const row = (name: string): Row => rows.get(name)!;
  const obstacle = group.obstacle?.() ?? null;
  if (obstacle !== null) {
    for (const { name } of group.faults) Object.assign(row(name), { seen: obstacle, result: 'skipped' });
    return;
  }
  const bench = await openBench(group.options?.());
  let at = group.name;
  try {
    const notes = newNotes({ patient: true });
    for (let round = 0; round < rounds; round += 1) {
      for (const fault of group.faults) {
        at = fault.name;
        const hindered = fault.obstacle?.() ?? null;
        if (hindered !== null) {
          Object.assign(row(at), { seen: hindered, result: 'skipped' });
          continue;
        }
        const { pid } = bench.daemon;
        row(at).seen = await fault.run(bench, notes);
        await bench.expectService();
        if (bench.daemon.pid !== pid && group.restarts !== true) throw new Error('it is another process');
        row(at).rounds += 1;
        row(at).result = 'ok';
        console.error(`${at}: round ${round + 1}, ${row(at).seen}`);
      }
    }
    at = group.name;
    await bench.expectWhole(notes);
  } catch (error) {
    for (const { name } of group.faults) if (at === group.name || at === name) row(name).result = 'FAILED';
    const log = bench.daemon.log().split('\n').slice(-40).join('\n');
    failures.push(`--- ${at}\n${error instanceof Error ? error.stack : String(error)}\n--- its log\n${log}`);
  } finally {
    await bench.close();
  }
}

async function oneByOne(groups: FaultGroup[]): Promise<void> {
  for (let group = groups.shift(); group !== undefined; group = groups.shift()) {
    const { name } = group;
    await runGroup(group).catch(error => failures.push(`--- ${name}\n${String(error)}`));
  }
}

for (const { name } of FAULTS.flatMap(group => group.faults))
  rows.set(name, { name, rounds: 0, seen: '', result: 'FAILED' });
const busy = FAULTS.filter(group => !hangingSmarthosts.includes(group));
const from = performance.now();
await Promise.all([oneByOne(busy), oneByOne(busy), ...hangingSmarthosts.map(each => oneByOne([each]))]);

const line = (name: string, count: string, seen: string, result: string) =>
  `${name.padEnd(36)} ${count.padStart(6)} ${seen.slice(0, 28).padEnd(28)} ${result}`.trimEnd();
console.log(line('fault', 'rounds', 'what was seen', 'result'));
for (const row of rows.values()) {
  const [first = '', ...rest] = wrapped(row.seen, 28);
  console.log(line(row.name, String(row.rounds), first, row.result));
  for (const more of rest) console.log(line('', '', more, ''));
}
for (const failure of failures) console.log(failure);
const seconds = Math.round((performance.now() - from) / 1000);
console.log(`${rows.size} faults, ${rounds} rounds each, ${seconds} s, ${failures.length} failures`);
process.exitCode = failures.length === 0 ? 0 : 1;

function wrapped(text: string, width: number): string[] {
  const lines: string[] = [''];
  for (const word of text.split(' ')) {
    const last = lines.at(-1)!;
    if (last === '') lines[lines.length - 1] = word;
    else if (last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
