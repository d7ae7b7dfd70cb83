/**
 * A COMMIT that counts and whose answer never comes: the network carries it to the server, swallows the answer and is cut.
 * Mails of that batch get a 451, the answer to a request a 503; brought again they are found to be there.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterKind } from './kind.js';

/** Milliseconds; a node commits all the time. */
const AT_MOST = 20_000;

export const commitLost: ClusterKind = {
  name: 'commit-lost',
  about: 'COMMIT goes through and its answer is lost',
  site: { proxies: true },
  faults: { short: 10, long: 200 },
  async fault({ nodes }) {
    const { proxy } = nodes[Math.floor(Math.random() * nodes.length)]!;
    const late = new AbortController();
    await Promise.race([
      proxy!.loseCommit(),
      sleep(AT_MOST, undefined, { signal: late.signal }).then(() => {
        throw new Error(`no COMMIT was seen for ${AT_MOST} ms`);
      }),
    ]).finally(() => late.abort());
  },
};
