/**
 * `npm run test:fuzz [-- --dialogues N --mails N --seed N]`: the long run. `--only N` plays dialogue N of a seed again,
 * with those of its connection before it.
 */
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { runDialogues } from './dialogues.js';
import { runMails } from './mails.js';

const { values } = parseArgs({
  options: {
    dialogues: { type: 'string', default: '200000' },
    mails: { type: 'string', default: '20000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    only: { type: 'string' },
  },
});
const seed = Number(values.seed);
const only = values.only === undefined ? undefined : Number(values.only);
// Bytes are what is tried here, not the disk (test:crash does that): what is synced may stand in memory.
if (process.env.TMPDIR === undefined && existsSync('/dev/shm')) process.env.TMPDIR = '/dev/shm';

let faults = 0;
const tell = (found: readonly string[]) => {
  faults += found.length;
  for (const fault of found.slice(0, 20)) console.error(fault);
};
const secondsFrom = (from: number) => Math.max(1, Math.round((performance.now() - from) / 1000));

if (only === undefined && Number(values.mails) > 0) {
  const from = performance.now();
  const { mails, invalid, faults: found } = await runMails(Number(values.mails), seed);
  tell(found);
  console.log(`${mails} mails from seed ${seed} in ${secondsFrom(from)} s: ${invalid} refused, ${found.length} faults`);
}
if (Number(values.dialogues) > 0) {
  const from = performance.now();
  const progress = (done: number) => {
    if (process.stderr.isTTY) process.stderr.write(`\r${done} dialogues, ${Math.round(done / secondsFrom(from))}/s `);
  };
  const result = await runDialogues({ count: Number(values.dialogues), seed, only, progress });
  tell(result.faults);
  const { dialogues, acknowledged, stored, memory, replies } = result;
  for (const [line, count] of [...replies].sort((a, b) => b[1] - a[1]))
    console.log(`${String(count).padStart(8)} ${line}`);
  console.log(
    `${dialogues} dialogues from seed ${seed} in ${secondsFrom(from)} s: ${acknowledged} mails acknowledged, ${stored} stored, ` +
      `memory ${memory.first} to ${memory.highest} MiB, ${result.faults.length} faults`,
  );
}
process.exitCode = faults > 0 ? 1 : 0;
