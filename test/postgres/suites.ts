/**
 * Suites that look at a store through doors and verbs alone, once more with their stores on PostgreSQL: one server for all
 * of them, a database for each store. Any other file runs so by itself with REPLYD_TEST_STORE=postgres.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { run } from '../run.js';
import { type Cluster, postgresMissing, startCluster } from './cluster.js';

const LONGEST = 7 * 60_000;

/** `suites`: files below `test`, without their endings. */
export function onPostgres(suites: readonly string[]): void {
  const skip = postgresMissing() ?? false;
  let cluster: Cluster;
  let template: string;
  if (skip === false) {
    before(async () => {
      cluster = await startCluster();
      template = await cluster.createStore('suites');
    });
    after(() => cluster.close());
  }
  for (const suite of suites) {
    test(`${suite}, on PostgreSQL`, { skip }, async () => {
      const file = fileURLToPath(new URL(`../${suite}.test.js`, import.meta.url));
      const { NODE_TEST_CONTEXT: _, ...env } = process.env;
      const { code, stdout, stderr } = await run(process.execPath, ['--test', '--test-reporter=spec', file], {
        env: {
          ...env,
          REPLYD_TEST_STORE: 'postgres',
          REPLYD_TEST_CLUSTER: `${cluster.port} ${template}`,
          REPLYD_TEST_KILL_ROUNDS: '5',
        },
        timeout: LONGEST,
      });
      assert.equal(code, 0, `${stdout}${stderr}`.slice(-6000));
      assert.match(stdout, /^ℹ pass [1-9]/m);
    });
  }
}
