/** PostgreSQL as `store/open.ts` asks for it. */
import { hostname } from 'node:os';
import { isAway, ReplydError } from '../../base/errors.js';
import { VERSION } from '../../base/version.js';
import type { Migrated, Opener, OpenOptions, PostgresAddress } from '../opener.js';
import type { CheckResult } from '../upkeep/check.js';
import type { Tell } from '../upkeep/progress.js';
import { type Connection, connect } from './connection.js';
import { checkSchema, migrate, schemaVersions } from './migrate.js';
import type { NodeOptions } from './node.js';

export function postgresOpener(address: PostgresAddress): Opener {
  const connected = async <T>(work: (connection: Connection) => Promise<T>): Promise<T> => {
    const connection = await connect(address.servers, address.patience);
    try {
      return await work(connection);
    } finally {
      await connection.close();
    }
  };
  return {
    async open({ writer: _writer, onDeath: _onDeath, node, ...options }) {
      const { openPostgres } = await import('./open.js');
      return openPostgres({
        ...address,
        ...options,
        ...(node === undefined ? {} : { node: await nodeOptions(address.dataDir, node) }),
      });
    },
    isMissing: () => connected(async ({ asked }) => (await schemaVersions(asked)).store === 0),
    migrate: tell =>
      connected(async ({ plain, asked }): Promise<Migrated> => {
        const applied = await migrate(plain, undefined, undefined, tell);
        return { version: (await schemaVersions(asked)).store, applied };
      }),
    check: tell => check(address, tell),
    isHeldUp: error => isAway(error) || (error instanceof ReplydError && error.details.reason === 'busy'),
  };
}

/** A question about all rows may take minutes. */
const CHECK_PATIENCE = 60 * 60_000;

async function* check({ servers, dataDir, name }: PostgresAddress, tell?: Tell): AsyncGenerator<CheckResult> {
  const [{ checkStore }, { checkedContents, checkedDatabase }, { checkedIndex, SEARCH_ADVICE }, { withSearch }] =
    await Promise.all([
      import('../upkeep/check.js'),
      import('./check.js'),
      import('./search.js'),
      import('../upkeep/check-search.js'),
    ]);
  const connection = await connect(servers, CHECK_PATIENCE);
  try {
    await checkSchema(connection.plain);
    const results = checkStore(checkedDatabase(connection), dataDir, {
      now: Date.now(),
      contents: checkedContents(connection),
      name,
      tell,
    });
    const open = () => checkedIndex(connection);
    yield* withSearch(results, checkedDatabase(connection), { open, advice: SEARCH_ADVICE });
  } finally {
    await connection.close();
  }
}

async function nodeOptions(
  dataDir: string,
  { configuration, log }: NonNullable<OpenOptions['node']>,
): Promise<NodeOptions> {
  const { nodeId } = await import('./node.js');
  const id = nodeId(dataDir);
  return { facts: () => ({ id, name: hostname(), version: VERSION, configuration: configuration() }), log };
}
