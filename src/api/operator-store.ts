/** The verbs of operators' routes (`operators.ts`), each behind the look whether the caller is one. */
import { ReplydError } from '../base/errors.js';
import type { Account, Feature } from '../conversation/model.js';
import type { Caller } from '../conversation/ports.js';
import type { OnceVerb, Store } from '../conversation/store.js';
import { FEATURES } from '../conversation/vocabulary.js';

/** What only an operator may do; others get operator_required. */
export type OperatorStore = Pick<Store, 'addAccount' | 'keys' | 'addKey' | 'revokeKey' | 'stats'> & {
  /** Those that the caller administers; an operator: all. */
  accounts(): Promise<readonly Account[]>;
  /** Where its mail comes in, whence it is sent, and what it may do. A feature each is a change of its own. */
  equipAccount(slug: string, change: Equipment): Promise<Account>;
};

export interface Equipment {
  readonly support_email?: string;
  readonly domains?: readonly string[];
  readonly features?: Readonly<Partial<Record<Feature, boolean>>>;
}

/** `within`: the accounts that the caller administers; absent: all. `run`: a verb that is done once. */
export function operatorStore(
  store: Store,
  caller: Caller,
  {
    within,
    run,
  }: {
    readonly within?: readonly string[];
    readonly run: (verb: OnceVerb, values: readonly unknown[]) => Promise<unknown>;
  },
): OperatorStore {
  const only = () => {
    if (caller.kind !== 'operator') {
      throw new ReplydError('operator_required', 'Only an operator’s key may do that (`replyd key add --operator`).');
    }
  };
  return {
    async accounts() {
      const all = await store.accounts();
      return within === undefined ? all : all.filter(({ slug }) => within.includes(slug));
    },
    async addAccount(account) {
      only();
      return (await run('addAccount', [account])) as Account;
    },
    async equipAccount(slug, { features = {}, ...change }) {
      only();
      let account = await store.setAccount(slug, change);
      for (const feature of FEATURES) {
        const on = features[feature];
        if (on !== undefined) account = await store.setFeature(slug, feature, on);
      }
      return account;
    },
    async keys() {
      only();
      return store.keys();
    },
    async addKey(key) {
      only();
      return store.addKey(key);
    },
    async revokeKey(id) {
      only();
      return store.revokeKey(id);
    },
    async stats() {
      only();
      return store.stats();
    },
  };
}
