/** Filling a store before a daemon opens it, by the store's own verbs. */

import { writeFile } from 'node:fs/promises';
import { storeRules } from '#replyd/config/store-rules.js';
import { loadConfig } from '#replyd/config.js';
import { openStore } from '#replyd/store/sqlite.js';

/**
 * Makes the account `acme` with `count` conversations in the store of `dataDir`, and writes their reply addresses
 * into `file`, one a line, oldest first.
 */
export async function seedConversations(dataDir: string, count: number, file: string): Promise<void> {
  const store = await openStore({
    dataDir,
    writer: 'thread',
    rules: storeRules(loadConfig({ env: {}, cwd: dataDir }).config),
    migrate: true,
  });
  try {
    await store.addAccount({ slug: 'acme', domains: ['reply.example.com'], support_email: 'support@example.com' });
    const addresses: string[] = [];
    // As many at a time as the writer commits together.
    const together = 200;
    for (let first = 0; first < count; first += together) {
      const numbers = Array.from({ length: Math.min(together, count - first) }, (_, index) => first + index);
      const made = await Promise.all(
        numbers.map(number =>
          store.startConversation({
            account: 'acme',
            channel: 'web_widget',
            contact: { email: `customer${number}@customer.example` },
            text: 'Where is my parcel?',
            via: 'cli',
          }),
        ),
      );
      for (const { reply_to } of made) addresses.push(reply_to!);
    }
    await writeFile(file, `${addresses.join('\n')}\n`);
  } finally {
    await store.close();
  }
}
