/**
 * `npm run test:fuzz [-- --mails N --dialogues N --posts N --seed N]`: the long run. `--only N` plays dialogue N of a
 * seed again, with those of its connection before it; `--post N` sends post N again.
 */
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { runDialogues } from './dialogues.js';
import { runMails } from './mails.js';
import { runPosts } from './posts.js';

const { values } = parseArgs({
  options: {
    dialogues: { type: 'string', default: '200000' },
    mails: { type: 'string', default: '20000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    posts: { type: 'string', default: '5000' },
    only: { type: 'string' },
    post: { type: 'string' },
  },
});
const seed = Number(values.seed);
const only = values.only === undefined ? undefined : Number(values.only);
const post = values.post === undefined ? undefined : Number(values.post);
const all = only === undefined && post === undefined;
// Bytes are what is tried here, not the disk (test:crash does that): what is synced may stand in memory.
if (process.env.TMPDIR === undefined && existsSync('/dev/shm')) process.env.TMPDIR = '/dev/shm';

let faults = 0;
const tell = (found: readonly string[]) => {
  faults += found.length;
  for (const fault of found.slice(0, 20)) console.error(fault);
};
const secondsFrom = (from: number) => Math.max(1, Math.round((performance.now() - from) / 1000));

if (all && Number(values.mails) > 0) {
  const from = performance.now();
  const { mails, invalid, faults: found } = await runMails(Number(values.mails), seed);
  tell(found);
  console.log(`${mails} mails from seed ${seed} in ${secondsFrom(from)} s: ${invalid} refused, ${found.length} faults`);
}
if (only !== undefined || (all && Number(values.dialogues) > 0)) {
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
if (post !== undefined || (all && Number(values.posts) > 0)) {
  const from = performance.now();
  const { posts, faults: found, answers } = await runPosts({ count: Number(values.posts), seed, only: post });
  tell(found);
  const counted = [...answers].sort().map(([name, count]) => `${name}: ${count}`);
  console.log(
    `${posts} posts from seed ${seed} in ${secondsFrom(from)} s (${counted.join(', ')}): ${found.length} faults`,
  );
}
// A socket that Node does not end (see client.ts) would keep it running.
process.exit(faults > 0 ? 1 : 0);
