/** `npm run test:fuzz [COUNT] [SEED]`: a long run, with a seed that is printed. */
import { run } from './mails.js';

const count = Number(process.argv[2] ?? 20_000);
const seed = Number(process.argv[3] ?? Date.now() % 1_000_000);
const from = performance.now();
const { mails, invalid, faults } = await run(count, seed);
for (const fault of faults.slice(0, 50)) console.error(fault);
const seconds = ((performance.now() - from) / 1000).toFixed(0);
console.log(`${mails} mails from seed ${seed} in ${seconds} s: ${invalid} refused, ${faults.length} faults`);
process.exitCode = faults.length > 0 ? 1 : 0;
