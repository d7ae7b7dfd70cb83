/** All verbs of the store, with all the code behind them: for the daemon, and for whoever asks for more than the core. */
import type { OnceVerb } from '../conversation/store.js';
import * as sent from './blobs/sent.js';
import { core } from './core.js';
import type { Rules, StoreTx } from './tx.js';
import * as clearing from './upkeep/clear-files.js';
import * as retention from './upkeep/retention.js';
import * as notices from './verbs/agent-notices.js';
import * as agents from './verbs/agents.js';
import * as assignees from './verbs/assignees.js';
import * as cc from './verbs/cc.js';
import { cursorKey } from './verbs/cursor-key.js';
import * as dkim from './verbs/dkim.js';
import { fileMail as file } from './verbs/filing.js';
import * as forwards from './verbs/forwards.js';
import * as imports from './verbs/imports.js';
import { type Request, runOnce } from './verbs/keys.js';
import * as mails from './verbs/mails.js';
import { beat, joinNode, leaveNode, nodes } from './verbs/nodes.js';
import { notifyAgent } from './verbs/notifications.js';
import { proofUse } from './verbs/proofs.js';
import * as removal from './verbs/removal.js';
import { noteReader, reread } from './verbs/rereading.js';
import { lookedAgain } from './verbs/search-again.js';
import { searchedAccounts, searchHits } from './verbs/searching.js';
import * as sessions from './verbs/sessions.js';
import { locate } from './verbs/threading.js';
import * as unfiled from './verbs/unfiled.js';
import { unfiledSums } from './verbs/unfiled-sums.js';
import { unverified, verified } from './verbs/verification.js';
import * as summaries from './views/summaries.js';
import { trace } from './views/trace.js';

export const all = {
  ...core,
  ...imports,
  ...mails,
  ...forwards,
  ...removal,
  ...clearing,
  ...retention,
  ...sent,
  ...unfiled,
  ...dkim,
  ...agents,
  ...assignees,
  ...cc,
  ...notices,
  ...sessions,
  notifyAgent,
  unfiledSums,
  ...summaries,
  file,
  locate,
  searchedAccounts,
  searchHits,
  lookedAgain,
  reread,
  noteReader,
  proofUse,
  joinNode,
  beat,
  leaveNode,
  nodes,
  unverified,
  verified,
  trace,
  once: (tx: StoreTx, request: Request, verb: OnceVerb, values: readonly unknown[]) =>
    runOnce(tx, request, () =>
      (all[verb] as (tx: StoreTx, ...values: readonly unknown[]) => Promise<unknown>)(tx, ...values),
    ),
  answer: async (_tx: StoreTx, value: unknown): Promise<unknown> => value,
  /** An empty transaction: whether the writer works, on a full disk too. */
  cursorKey,
  canWrite: async (_tx: StoreTx): Promise<void> => {},
  /** Commits a page: whether a mail could be stored. Another value each time: SQLite does not write what stands there. */
  async canStore(tx: StoreTx): Promise<void> {
    await tx.run(
      "insert into cleared_to (what, key) values ('probe', $1) on conflict (what) do update set key = excluded.key",
      tx.key(),
    );
  },
  /** The configuration was reloaded. */
  async setRules(tx: StoreTx, rules: Rules): Promise<void> {
    tx.rules = rules;
  },
};
