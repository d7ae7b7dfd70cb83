/**
 * Does a large store slow the SMTP path down? Mails a second at 10 kept connections into a store with a thousand
 * conversations and into one with a million, in turns; of the latter's mails 95 of 100 go to the newest 10,000.
 */

import { goal, median, print } from './figures.js';
import { runLoad } from './smtp-client.js';
import { replyd } from './targets.js';

const NEWEST = 10_000;

export async function storeSize(quick: boolean): Promise<void> {
  const rounds = quick ? 1 : 3;
  const total = quick ? 50_000 : 1_000_000;
  const small = await replyd(1000);
  try {
    const large = await replyd(NEWEST, { older: total - NEWEST });
    try {
      const rates = new Map([small, large].map(target => [target, [] as number[]]));
      for (let round = 0; round <= rounds; round++) {
        for (const [target, found] of rates) {
          const { perSecond, failures } = await runLoad({
            host: target.host,
            port: target.port,
            connections: 10,
            connection: 'kept',
            recipients: target.recipients,
            warmUp: quick ? 0.5 : 2,
            seconds: quick ? 1.5 : 5,
          });
          if (Object.keys(failures).length > 0) throw new Error(JSON.stringify(failures));
          // The first round only warms up.
          if (round > 0) found.push(perSecond);
        }
      }
      const [ofSmall, ofLarge] = [median(rates.get(small)!), median(rates.get(large)!)];
      print(`10 kept connections, ${rounds} rounds`);
      print(`  1,000 conversations      ${Math.round(ofSmall)} mails/s`);
      print(
        `  ${total.toLocaleString('en')} conversations  ${Math.round(ofLarge)} mails/s, ${(ofLarge / ofSmall).toFixed(2)} of that`,
      );
      goal('at least 0.8 of the small store', ofLarge / ofSmall >= 0.8);
    } finally {
      await large.close();
    }
  } finally {
    await small.close();
  }
}
