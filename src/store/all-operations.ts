/**
 * All verbs of the store, with all the code behind them: for the daemon, and for whoever asks for more than everyday
 * ones.
 */

import { sentOperations } from './blobs/sent.js';
import { everydayOperations, type Operations } from './operations.js';
import type { Session } from './session.js';
import { clearingOperations } from './upkeep/clear-files.js';
import { retentionOperations } from './upkeep/retention.js';
import { fileMail } from './verbs/filing.js';
import { forwardOperations } from './verbs/forwards.js';
import { importOperations } from './verbs/imports.js';
import { keptAnswer, once } from './verbs/keys.js';
import { mailOperations } from './verbs/mails.js';
import { removalOperations } from './verbs/removal.js';
import { locate } from './verbs/threading.js';
import { queueDepth, quotable, stats } from './views/summaries.js';
import { trace } from './views/trace.js';

export function operations(session: Session): Operations {
  const verbs: Operations = {
    ...everydayOperations(session),
    ...importOperations(session),
    ...mailOperations(session),
    ...forwardOperations(session),
    ...removalOperations(session),
    ...clearingOperations(session),
    ...retentionOperations(session),
    ...sentOperations(session),
    once: (request, verb, values) =>
      once(session, request, () => (verbs[verb] as (...given: readonly unknown[]) => unknown)(...values)),
    keptAnswer: request => keptAnswer(session, request),
    answer: value => value,
    quotable: conversationIds => quotable(session, conversationIds),
    file: filing => fileMail(session, filing),
    locate: mail => locate(session, mail),
    stats: () => stats(session),
    trace: id => trace(session, id),
    queueDepth: () => queueDepth(session),
    canWrite() {},
    canStore() {
      const version = session.db.raw.pragma('user_version', { simple: true }) as number;
      session.db.raw.pragma(`user_version = ${version}`);
    },
    setRules(rules) {
      session.rules = rules;
    },
  };
  return verbs;
}
