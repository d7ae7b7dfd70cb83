/** Immediate stops of PostgreSQL: it writes nothing any more, and recovers when it is started again a moment later. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterKind } from './kind.js';

export const server: ClusterKind = {
  name: 'server',
  about: 'immediate stops of PostgreSQL, started again',
  faults: { short: 2, long: 20 },
  async fault(site) {
    await site.server.stop('immediate');
    await sleep(Math.random() * 1_000);
    await site.server.start();
  },
};
