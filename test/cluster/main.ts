/**
 * `npm run test:cluster [-- --kind NAME … --short]`: several machines. Three daemons on one PostgreSQL, two Postfix in front
 * of them that hand each mail to one by chance, and mixed load: SMTP and LMTP, messages of the API, answers that go to a
 * smarthost, webhooks, readers of the event stream. `--list` names the kinds of fault; each has all this for itself.
 *
 * What was acknowledged (250, 201) is written into a file of the test before it counts. When the faults of a kind are over
 * nothing of it is missing and nothing is there twice, numbers have no gap, webhooks and answers came in order, readers
 * that remember their place missed nothing, `replyd check` finds the store in order, and every node gives its whole service
 * again without a hand (`books.ts`). The loss of an asynchronous standby is counted and fails nothing.
 *
 * The long form has 10,000 acknowledged mails for each kind and takes about an hour; the short form is for CI. Ends with 1
 * when something was not as it must be. Without PostgreSQL or Postfix it says so and ends with 0.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { postfixMissing } from '../interop/postfix.js';
import { endUnlessKnown } from '../kinds-option.js';
import { postgresMissing } from '../postgres/cluster.js';
import { withLogs } from '../with-logs.js';
import { drained, expectService, lookUp, streamed } from './books.js';
import type { ClusterKind, Extent } from './kind.js';
import { KINDS } from './kinds.js';
import { startLoad } from './load.js';
import { openSite, type Site } from './site.js';

const { values } = parseArgs({
  options: {
    kind: { type: 'string', multiple: true },
    short: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
  },
});
endUnlessKnown(KINDS, values);
const missing = postgresMissing() ?? postfixMissing();
if (missing !== null) {
  console.log(`skipped: ${missing}`);
  process.exit(0);
}

const MAILS = values.short ? 300 : 10_000;
/** Between two faults, acknowledged things at most; the number is random. */
const BETWEEN = values.short ? 80 : 200;
/** Milliseconds in which something must be acknowledged. */
const STANDSTILL = 120_000;
const SHOWN = 10;

interface Row {
  readonly kind: ClusterKind;
  faults: number;
  acknowledged: number;
  lost: number;
  twice: number;
  silence: number;
  seconds: number;
  readonly notes: string[];
  failed: boolean;
}

async function runKind(kind: ClusterKind): Promise<Row> {
  const from = performance.now();
  const row: Row = {
    ...{ kind, faults: 0, acknowledged: 0, lost: 0, twice: 0, silence: 0, seconds: 0, notes: [] },
    failed: true,
  };
  try {
    const site = await openSite(kind.site);
    try {
      const logs = Object.fromEntries(site.nodes.map((node, index) => [`node ${index}`, () => node.daemon.log()]));
      await withLogs(logs, () => work(kind, site, row));
    } finally {
      await site.close();
    }
  } catch (error) {
    row.failed = true;
    row.notes.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  row.seconds = Math.round((performance.now() - from) / 1000);
  return row;
}

async function work(kind: ClusterKind, site: Site, row: Row): Promise<void> {
  const extent: Extent = { faults: kind.faults[values.short ? 'short' : 'long'], mails: MAILS, short: values.short };
  const { ledger } = site;
  await kind.prepare?.(site);
  const load = startLoad(site);
  ledger.watch();
  try {
    for (let number = 0; number < extent.faults; number += 1) {
      await acknowledged(site, ledger.count + 20 + Math.random() * BETWEEN);
      await sleep(Math.random() * 50);
      await kind.fault(site, number, extent);
      row.faults += 1;
      // It is under load until the faults are over, and they take as long as they take.
      await acknowledged(site, ledger.count + 20);
    }
    while (ledger.mails < extent.mails) await acknowledged(site, ledger.count + 20);
  } finally {
    ledger.rest();
    await load.stop();
  }
  row.silence = ledger.longestSilence;
  await expectService(site);
  await drained(site);
  // Readers behind a loss are not asked.
  if (!kind.mayLose) await streamed(site);
  const found = await lookUp(site);
  row.acknowledged = found.acknowledged;
  row.lost = found.lost.length;
  row.twice = found.twice.length;
  // Who was told of what is lost now knows more than the store.
  const faults = [...found.faults, ...(kind.mayLose ? [] : found.outside)];
  row.failed = row.twice > 0 || faults.length > 0 || load.refused.length > 0 || (row.lost > 0 && !kind.mayLose);
  row.notes.push(
    ...some('lost', found.lost),
    ...some('twice', found.twice),
    ...some('not as it must be', faults),
    ...some('refused', load.refused),
    `${ledger.mails} mails, ${ledger.count - ledger.mails} messages; ${load.again} times something was brought again; ` +
      `${found.again.mails} answers and ${found.again.webhooks} webhooks came twice`,
  );
}

async function acknowledged(site: Site, count: number): Promise<void> {
  const until = performance.now() + STANDSTILL;
  while (site.ledger.count < count) {
    if (performance.now() > until) throw new Error(`nothing was acknowledged for ${STANDSTILL / 1000} s`);
    await sleep(1);
  }
}

function some(what: string, all: readonly string[]): string[] {
  if (all.length === 0) return [];
  const more = all.length > SHOWN ? `, … (${all.length})` : '';
  return [`${what}: ${all.slice(0, SHOWN).join(', ')}${more}`];
}

const line = (...cells: readonly (string | number)[]) => {
  const [name = '', ...rest] = cells.map(String);
  const result = rest.pop() ?? '';
  return [name.padEnd(12), ...rest.map(cell => cell.padStart(13)), `  ${result}`].join('').trimEnd();
};

const rows: Row[] = [];
const from = performance.now();
for (const kind of KINDS) {
  if (values.kind !== undefined && !values.kind.includes(kind.name)) continue;
  const row = await runKind(kind);
  rows.push(row);
  console.error(`${kind.name}: ${row.faults} faults, ${row.seconds} s, ${row.failed ? 'FAILED' : 'held'}`);
  if (row.failed) for (const note of row.notes) console.error(`${kind.name}: ${note}`);
}
console.log(line('kind', 'faults', 'acknowledged', 'lost', 'twice', 'silence', 'result'));
for (const { kind, faults, acknowledged: count, lost, twice, silence, failed } of rows)
  console.log(line(kind.name, faults, count, lost, twice, `${silence.toFixed(1)} s`, failed ? 'FAILED' : 'held'));
for (const { kind, notes } of rows) for (const note of notes) console.log(`${kind.name}: ${note}`);
const failed = rows.filter(row => row.failed).length;
console.log(
  `${rows.length} kinds in ${Math.round((performance.now() - from) / 1000)} s, ${failed} failed; silence: the longest ` +
    'time in which nothing was acknowledged',
);
process.exit(failed === 0 ? 0 : 1);
