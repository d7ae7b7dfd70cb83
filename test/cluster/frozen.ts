/**
 * A node that stands still (SIGSTOP) for so long that the others take it for dead, and goes on (SIGCONT) as if nothing had
 * been. What it had leased was given to others meanwhile: what it notes then must overwrite nothing. At worst a mail or a
 * webhook went out twice.
 *
 * The long form waits until it is dead. In the short one its row is moved back in time instead.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { nodeId } from '#replyd/store/postgres/node.js';
import { DEAD_AFTER } from '#replyd/store/verbs/nodes.js';
import { eventually } from '../run.js';
import type { ClusterKind } from './kind.js';

export const frozen: ClusterKind = {
  name: 'frozen',
  about: 'a node stands still beyond its leases, and goes on',
  faults: { short: 2, long: 6 },
  async fault(site, number, { short }) {
    const { daemon } = site.nodes[number % site.nodes.length]!;
    const id = nodeId(daemon.dataFolder);
    daemon.signal('SIGSTOP');
    try {
      // A session that holds rows and says nothing is ended by then.
      await sleep(short ? 3_000 : DEAD_AFTER);
      if (short) await site.sql(`update node set seen_at = seen_at - ${DEAD_AFTER} where id = '${id}'`);
      await eventually('its leases end', async () => {
        const rows = await site.sql(
          `select 1 from delivery where state = 'leased' and leased_by = (select place from node where id = '${id}')`,
        );
        return rows.length === 0;
      });
      // Others lease them.
      await sleep(2_000);
    } finally {
      daemon.signal('SIGCONT');
    }
  },
};
