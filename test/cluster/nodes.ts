/**
 * kill -9 of daemons at random moments, now and then of two at once, each started again at once. What was on its way is
 * brought again by whoever sent it; what a killed node had leased goes out when it is back.
 */
import type { ClusterKind } from './kind.js';

export const nodes: ClusterKind = {
  name: 'nodes',
  about: 'kill -9 of daemons, started again at once',
  faults: { short: 4, long: 100 },
  async fault({ nodes: all }, number) {
    const first = Math.floor(Math.random() * all.length);
    const hit = [all[first]!, ...(number % 4 === 3 ? [all[(first + 1) % all.length]!] : [])];
    await Promise.all(
      hit.map(async ({ daemon }) => {
        await daemon.kill();
        await daemon.start();
      }),
    );
  },
};
