/**
 * `npm run test:attack [-- --kind NAME … --short | --every]`: attacks on the real daemon, kind by kind, each on a daemon of its own.
 * Prints a table of what was tried and held. It ends with 1 when an attack was not held, when the daemon ended, when it
 * used more memory than MEMORY_LIMIT, or when a customer's mail beside an attack was not taken in time. What is known to be
 * open (`open` of a kind) is shown and fails nothing; when it holds at last, a line says so. The short form leaves it out,
 * unless it is named.
 */
import { parseArgs } from 'node:util';
import { endUnlessKnown } from '../kinds-option.js';
import { highestMemory } from '../process-figures.js';
import { type AttackKind, type AttackOptions, type AttackResult, mib } from './attack.js';
import { type Seen, startBeside } from './beside.js';
import { KINDS } from './kinds.js';
import { openTarget } from './target.js';

const MEMORY_LIMIT = 400 * 1024 * 1024;

const { values } = parseArgs({
  options: {
    kind: { type: 'string', multiple: true },
    short: { type: 'boolean', default: false },
    every: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
  },
});
endUnlessKnown(KINDS, values);

type Outcome = 'held' | 'FAILED' | 'open' | 'skipped';

interface Row extends AttackResult {
  readonly kind: AttackKind;
  readonly outcome: Outcome;
  readonly seconds: number;
  readonly memory: number;
  readonly children: number;
  readonly slowest: number;
  readonly mails: number;
}

async function runKind(kind: AttackKind, options: Omit<AttackOptions, 'over'>): Promise<Row> {
  const from = performance.now();
  const nothing = { kind, tried: 0, held: 0, seconds: 0, memory: 0, children: 0, slowest: 0, mails: 0 };
  const isLeftOut = options.short && kind.open !== undefined && values.kind === undefined;
  const obstacle = isLeftOut
    ? `left out of the short form: known to be open, ${kind.open}`
    : (kind.obstacle?.() ?? null);
  if (obstacle !== null) return { ...nothing, outcome: 'skipped', notes: [obstacle] };
  const target = await openTarget(kind.settings?.(), kind);
  const { daemon, customer } = target;
  const { pid } = daemon;
  const faults: string[] = [];
  let result: AttackResult = { tried: 0, held: 0, notes: [] };
  let peak = 0;
  let seen: Seen = { mails: 0, slowest: 0, faults: [], memory: { daemon: 0, children: 0 } };
  try {
    const beside = startBeside({ ...target.at('smtp'), recipient: customer.reply_to, pid });
    let ended: Promise<Seen> | null = null;
    const over = () => (ended ??= beside.stop());
    try {
      result = await kind.run(target, { ...options, over: async () => void (await over()) });
    } catch (error) {
      faults.push(`the attack came to no end: ${error instanceof Error ? error.stack : String(error)}`);
    }
    seen = await over();
    peak = peakOf(pid);
    faults.push(...seen.faults.slice(0, 5));
    if (peak === 0) faults.push(`the daemon is gone: ${daemon.log().slice(-2000)}`);
    if (peak > MEMORY_LIMIT) faults.push(`the daemon used ${mib(peak)} MiB, more than ${mib(MEMORY_LIMIT)}`);
  } finally {
    await target.close().catch(error => faults.push(String(error)));
  }
  const isHeld = faults.length === 0 && result.held === result.tried;
  const { daemon: memory, children } = seen.memory;
  return {
    kind,
    tried: result.tried,
    held: result.held,
    notes: [...result.notes, ...faults],
    outcome: isHeld ? 'held' : kind.open === undefined ? 'FAILED' : 'open',
    seconds: Math.round((performance.now() - from) / 1000),
    memory: Math.max(peak, memory),
    children,
    slowest: seen.slowest,
    mails: seen.mails,
  };
}

/** 0 when the daemon is gone. */
function peakOf(pid: number): number {
  try {
    return highestMemory(pid);
  } catch {
    return 0;
  }
}

const line = (...cells: readonly (string | number)[]) => {
  const [name = '', ...rest] = cells.map(String);
  const outcome = rest.pop() ?? '';
  return [name.padEnd(14), ...rest.map(cell => cell.padStart(9)), ` ${outcome}`].join('').trimEnd();
};

const rows: Row[] = [];
const from = performance.now();
for (const kind of KINDS) {
  if (values.kind !== undefined && !values.kind.includes(kind.name)) continue;
  const row = await runKind(kind, { short: values.short, every: values.every });
  rows.push(row);
  console.error(`${kind.name}: ${row.held} of ${row.tried} held, ${row.seconds} s, ${row.outcome}`);
}

console.log(line('kind', 'tried', 'held', 'MiB', 'slowest', 'seconds', 'result'));
for (const { kind, tried, held, memory, slowest, seconds, outcome } of rows)
  console.log(line(kind.name, tried, held, mib(memory), `${slowest} ms`, seconds, outcome));
for (const { kind, notes, outcome } of rows) {
  if (kind.open !== undefined && outcome === 'held') console.log(`${kind.name}: holds now; take its mark "open" away`);
  if (kind.open !== undefined && outcome === 'open') console.log(`${kind.name}: known to be open, ${kind.open}`);
  for (const note of notes) console.log(`${kind.name}: ${note}`);
}
const sum = (of: (row: Row) => number) => rows.reduce((total, row) => total + of(row), 0);
const most = (of: (row: Row) => number) => Math.max(0, ...rows.map(of));
const failed = rows.filter(row => row.outcome === 'FAILED').length;
console.log(
  `${sum(row => row.tried)} attacks of ${rows.length} kinds in ${Math.round((performance.now() - from) / 1000)} s, ` +
    `${sum(row => row.held)} held, ${failed} kinds failed; the daemon's most memory ${mib(most(row => row.memory))} MiB ` +
    `(its children's ${mib(most(row => row.children))}); of ${sum(row => row.mails)} mails of the customer the slowest ` +
    `took ${most(row => row.slowest)} ms`,
);
process.exit(failed === 0 ? 0 : 1);
