/**
 * The network between one node and its database: a TCP proxy on loopback that can break in the ways networks break. What
 * was opened before a change of manner is under it too.
 *
 *   - `open`: bytes go through.
 *   - `cut`: every connection gets a reset, and so does each new one.
 *   - `hole`: connections are taken and stay, and nothing comes through, either way: nobody is told.
 *   - `slow`: each piece, of some hundred bytes, comes later, in its order.
 *
 * `loseCommit` lets the next COMMIT through, swallows the server's answer, and resets the connection when the server has
 * given it: the commit counts, and whoever asked cannot know.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { newCommitWatch } from './commit-watch.js';

export type Manner = 'open' | 'cut' | 'hole' | 'slow';

export interface Network {
  readonly port: number;
  behave(manner: Manner): void;
  /** Fulfilled when a COMMIT went through whose answer was lost. */
  loseCommit(): Promise<void>;
  close(): Promise<void>;
}

/** Milliseconds and bytes of a slow network. */
const DELAY = 15;
const PIECE = 700;

/**
 * `delay`: how much later each piece comes on the slow network. `commits`: whether a COMMIT can be lost, so that what the
 * two say is read; a standby speaks another language, which would be one endless message here.
 */
export async function startProxy(
  target: number,
  { delay = DELAY, commits = true }: { readonly delay?: number; readonly commits?: boolean } = {},
): Promise<Network> {
  let manner: Manner = 'open';
  /** Called when the answer to the next COMMIT was lost; null: nobody wants it lost. */
  let wanted: (() => void) | null = null;
  const pairs = new Set<readonly [Socket, Socket]>();

  const carry = (from: Socket, to: Socket, seen: (bytes: Buffer) => boolean) => {
    let before: Promise<unknown> = Promise.resolve();
    from.on('data', (bytes: Buffer) => {
      if (manner === 'hole' || !seen(bytes)) return;
      if (manner === 'open') {
        // Behind what is still on its slow way.
        before = before.then(() => to.write(bytes));
        return;
      }
      for (let at = 0; at < bytes.length; at += PIECE) {
        const piece = bytes.subarray(at, at + PIECE);
        const due = sleep(delay);
        before = before.then(() => due).then(() => to.write(piece));
      }
    });
    from.on('error', () => {});
    from.on('close', () => {
      // On a network that carries nothing nobody hears of the other's end.
      if (manner !== 'hole') void before.then(() => to.destroy());
    });
  };

  const server = createServer(client => {
    if (manner === 'cut') return void client.resetAndDestroy();
    const database = connect(target, '127.0.0.1');
    for (const socket of [client, database]) socket.setNoDelay(true);
    const pair = [client, database] as const;
    pairs.add(pair);
    client.once('close', () => pairs.delete(pair));
    const watch = commits ? newCommitWatch() : null;
    let lost: (() => void) | null = null;
    carry(client, database, bytes => {
      if (watch?.sent(bytes) && wanted !== null && lost === null) {
        lost = wanted;
        wanted = null;
      }
      return true;
    });
    carry(database, client, bytes => {
      const committed = watch?.answered(bytes);
      if (lost === null) return true;
      if (committed) {
        client.resetAndDestroy();
        database.destroy();
        lost();
      }
      return false;
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    behave(next) {
      manner = next;
      if (next !== 'cut') return;
      for (const [client, database] of pairs) {
        client.resetAndDestroy();
        database.resetAndDestroy();
      }
    },
    loseCommit: () =>
      new Promise(resolve => {
        wanted = resolve;
      }),
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const [client, database] of pairs) {
        client.destroy();
        database.destroy();
      }
      await closed;
    },
  };
}
