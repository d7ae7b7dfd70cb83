/**
 * `npm run bench`: runs the benchmarks named on the command line, all of them without a name. `--quick` takes a
 * few seconds each, for seeing that they run; its figures mean little. `against DIR` is not among all of them: it needs
 * another checkout that is built. Words behind `hostile` choose among its mails.
 */

import { cpus, release } from 'node:os';
import { against } from './against.js';
import { run as api } from './api.js';
import { commandLine } from './command-line.js';
import { hostile } from './hostile.js';
import { memory } from './memory.js';
import { openPage } from './open-page.js';
import { page } from './page.js';
import { postgres } from './postgres.js';
import { run as replyText } from './reply-text.js';
import { search } from './search.js';
import { storeSize } from './store-size.js';
import { throughput } from './throughput.js';

const BENCHMARKS: Readonly<Record<string, (quick: boolean) => Promise<void>>> = {
  throughput: quick =>
    throughput(
      quick ? { first: 2, rounds: 1, warmUp: 0.5, seconds: 1.5 } : { first: 20, rounds: 4, warmUp: 2, seconds: 5 },
    ),
  'store-size': storeSize,
  memory,
  'command-line': commandLine,
  'reply-text': replyText,
  hostile: quick => hostile(quick, []),
  api,
  postgres,
  search,
  page,
  'open-page': openPage,
};

const words = process.argv.slice(2);
const quick = words.includes('--quick');
const [first, other] = words;
const names = words.filter(word => word !== '--quick');
const unknown = names.filter(name => !(name in BENCHMARKS));
if (first === 'against') {
  await against(other ?? '', quick);
} else if (first === 'hostile') {
  await hostile(quick, names.slice(1));
} else if (unknown.length > 0) {
  process.stderr.write(
    `no benchmark ${unknown.join(', ')}; there are: ${Object.keys(BENCHMARKS).join(', ')}, against DIR\n`,
  );
  process.exitCode = 2;
} else {
  process.stdout.write(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? '?'}, Linux ${release()}\n`);
  for (const name of names.length > 0 ? names : Object.keys(BENCHMARKS)) {
    process.stdout.write(`\n== ${name}\n`);
    await BENCHMARKS[name]!(quick);
  }
}
