/**
 * The one place that knows which engine keeps a store: whoever opens it, looks whether it is there, brings its schema up to
 * date or checks it asks here. The code of an engine is loaded when it is asked for something.
 *
 * A daemon waits for a database that is away (`openWhenThere`).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isAway } from '../base/errors.js';
import type { OpenStore } from './assembled.js';
import type { Opener, OpenOptions, StoreAddress, StorePlace } from './opener.js';
import type { Presence } from './presence.js';
import type { MovedSource, NewStore, RowSource } from './upkeep/rows.js';

export async function openerOf(address: StoreAddress): Promise<Opener> {
  if (address.kind === 'postgres') return (await import('./postgres/opener.js')).postgresOpener(address);
  const { sqliteOpener } = await import('./sqlite/opener.js');
  return sqliteOpener(address.dataDir);
}

/** The store there, for moving it: nobody else may use it. Throws conflict or unavailable, with what to do. */
export async function movedSource(place: StorePlace): Promise<MovedSource> {
  if (place.kind === 'postgres') return (await import('./postgres/rows.js')).postgresSource(place.servers);
  return (await import('./sqlite/rows.js')).sqliteSource(place.dataDir);
}

/**
 * A store that is made there, of rows with this schema (default: the program's). One that is there is a conflict;
 * `replace` puts a database in a folder aside.
 */
export async function newStore(
  place: StorePlace,
  options: { readonly replace: boolean; readonly schema?: number },
): Promise<NewStore> {
  if (place.kind === 'postgres') return (await import('./postgres/rows.js')).newPostgresStore(place.servers, options);
  return (await import('./sqlite/rows.js')).newSqliteStore(place.dataDir, options);
}

const AGAIN = 1_000;

/** Rejects with what keeps it from opening, and with that too when it is to end before. */
export async function openWhenThere(
  opener: Opener,
  options: OpenOptions,
  { presence, ending }: { readonly presence: Presence; readonly ending: AbortSignal },
): Promise<OpenStore> {
  for (;;) {
    try {
      return await opener.open({ ...options, presence });
    } catch (error) {
      if (!isAway(error) || ending.aborted) throw error;
      presence.away(error);
      await sleep(AGAIN, undefined, { signal: ending }).catch(() => undefined);
      if (ending.aborted) throw error;
    }
  }
}

/** The rows of a store in a database as of now, while others go on writing. Throws unavailable, with what to do. */
export async function storeSnapshot(
  place: StorePlace & { readonly kind: 'postgres' },
): Promise<RowSource & { close(): Promise<void> }> {
  return (await import('./postgres/rows.js')).postgresSnapshot(place.servers);
}
