/** A real pgbouncer in front of a test's cluster, on a loopback port of its own. It ends with the test. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { eventually, freePorts } from '../run.js';
import { asPostgres, type Cluster, isProgram, launch } from './cluster.js';

export interface Pooler {
  readonly port: number;
  close(): Promise<void>;
}

const FOLDERS = ['/usr/sbin', '/usr/bin', '/usr/local/bin'];

/** Null when one can be started here; else why not, for `skip`. */
export function poolerMissing(): string | null {
  return program() === null ? 'pgbouncer is not installed (.ci/install-postgres does it)' : null;
}

function program(): string | null {
  return FOLDERS.map(folder => path.join(folder, 'pgbouncer')).find(isProgram) ?? null;
}

/** `mode`: how connections to the server are shared. */
export async function startPooler(cluster: Cluster, mode: 'session' | 'transaction'): Promise<Pooler> {
  const [port] = (await freePorts(1)) as [number];
  const file = path.join(cluster.folder, `pgbouncer-${port}.ini`);
  const users = path.join(cluster.folder, 'pgbouncer-users');
  writeFileSync(users, '"replyd" ""\n', { mode: 0o644 });
  writeFileSync(
    file,
    [
      '[databases]',
      `* = host=127.0.0.1 port=${cluster.port}`,
      '[pgbouncer]',
      'listen_addr = 127.0.0.1',
      `listen_port = ${port}`,
      'unix_socket_dir =',
      'auth_type = trust',
      `auth_file = ${users}`,
      `pool_mode = ${mode}`,
      // A session keeps its connection: a daemon and a command have more than a few.
      `default_pool_size = ${mode === 'session' ? 20 : 4}`,
      '',
    ].join('\n'),
    { mode: 0o644 },
  );
  const [wrapper, args] = asPostgres(program()!, [file]);
  const running = launch(wrapper, args, path.join(cluster.folder, 'pgbouncer.log'));
  await eventually('pgbouncer answers', async () => {
    const client = new pg.Client({ host: '127.0.0.1', port, user: 'replyd', database: 'postgres' });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.query('select 1');
      return true;
    } catch {
      return false;
    } finally {
      await client.end().catch(() => undefined);
    }
  });
  return {
    port,
    async close() {
      try {
        process.kill(running.pid, 'SIGKILL');
      } catch {
        // It is gone.
      }
      await running.ended;
    },
  };
}
