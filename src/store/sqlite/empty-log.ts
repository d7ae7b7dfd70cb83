/**
 * What was removed stands in the log of older commits too, until the log restarts. This restarts it now: copied into the
 * file and cut to nothing. It gives up where somebody reads an old state, or writes, for longer than `patience`
 * milliseconds: then the log is overwritten as it goes on (checkpoints.ts).
 */
import { BUSY_TIMEOUT, type Connection } from './database.js';

/** True when nothing of older commits is left in it. */
export function emptyLog(connection: Connection, patience: number): boolean {
  connection.raw.pragma(`busy_timeout = ${patience}`);
  try {
    return connection.raw.pragma('wal_checkpoint(truncate)', { simple: true }) === 0;
  } catch {
    return false;
  } finally {
    connection.raw.pragma(`busy_timeout = ${BUSY_TIMEOUT}`);
  }
}
