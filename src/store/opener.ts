/** Where a store is, and what is asked of its engine from outside: to open it, and to look after it while nobody has it open. */
import type { Log } from '../base/log.js';
import type { OpenStore } from './assembled.js';
import type { ResolvedAddress } from './postgres/address.js';
import type { Presence } from './presence.js';
import type { StoreOptions } from './sqlite/open.js';
import type { CheckResult } from './upkeep/check.js';
import type { Tell } from './upkeep/progress.js';

/** In a folder of this machine. */
export interface SqliteAddress {
  readonly kind: 'sqlite';
  readonly dataDir: string;
}

/** In a database that several machines may use. */
export interface PostgresAddress extends ResolvedAddress {
  readonly kind: 'postgres';
  /** The node's own folder. */
  readonly dataDir: string;
  /** Connections at most. */
  readonly pool: number;
  /** Milliseconds after which a silent database is away. */
  readonly patience: number;
  /** How many standbys a commit has to be on. */
  readonly standbys: number;
}

export type StoreAddress = SqliteAddress | PostgresAddress;

/** Where a store is or will be, for whoever moves it. */
export type StorePlace = SqliteAddress | (Pick<PostgresAddress, 'kind'> & ResolvedAddress);

/** Where it is, for people. */
export function placeOf(address: StoreAddress): string {
  return address.kind === 'sqlite' ? address.dataDir : address.name;
}

export interface OpenOptions extends Omit<StoreOptions, 'dataDir'> {
  /** Hears whether a database is there. */
  readonly presence?: Presence;
  /** A daemon, which may be one of several. `configuration`: what all of them share (`config/nodes.ts`). */
  readonly node?: { readonly configuration: () => string; readonly log: Log };
}

export interface Migrated {
  readonly version: number;
  /** Names of the steps. */
  readonly applied: readonly string[];
}

export interface Opener {
  /** Throws unavailable with advice. */
  open(options: OpenOptions): Promise<OpenStore>;
  /** True: there is no store yet. Throws when nobody can tell. */
  isMissing(): Promise<boolean>;
  /** Throws conflict when a daemon serves it, unavailable when it is a newer program's. */
  migrate(tell?: Tell): Promise<Migrated>;
  /** Looks whether it is whole; changes nothing. A store that can't be read is a finding. Throws for another schema. */
  check(tell?: Tell): AsyncGenerator<CheckResult>;
  /** Others hold the store up: a restart of ours would not help. */
  isHeldUp(error: unknown): boolean;
}
