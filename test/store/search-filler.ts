/** Fills the index of a store, and says after its first piece that it goes on; the test kills it then. */
import { openStore } from '#replyd/store/sqlite/open.js';
import { RULES } from './rules.js';

const store = await openStore({ dataDir: process.argv[2]!, writer: 'thread', rules: RULES, migrate: false });
for (let first = true; ; first = false) {
  const { more } = await store.fillSearch();
  if (first) process.stdout.write('filling\n');
  if (!more) await new Promise(resolve => setTimeout(resolve, 10));
}
