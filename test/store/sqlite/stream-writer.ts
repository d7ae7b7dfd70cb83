/** A process that writes beside the daemon, as a CLI verb does: `stream-writer <data folder> <conversation> <times>`. */
import { openStore } from '#replyd/store/sqlite/open.js';
import { RULES } from '../rules.js';

const [dataDir = '', id = '', times = ''] = process.argv.slice(2);
const store = await openStore({ dataDir, writer: 'direct', rules: RULES, migrate: false });
for (let count = 0; count < Number(times); count += 1) {
  await store.addMessage({ id }, { direction: 'note', text: `${process.pid} ${count}`, via: 'cli' });
}
await store.close();
