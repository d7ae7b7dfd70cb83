/**
 * All verbs of the store, with all the code behind them: for the daemon, and for whoever asks for more than everyday
 * ones.
 */
import { clearingOperations } from './clear-files.js';
import { fileMail } from './filing.js';
import { forwardOperations } from './forwards.js';
import { importOperations } from './imports.js';
import { keptAnswer, once } from './keys.js';
import { mailOperations } from './mails.js';
import { everydayOperations, type Operations } from './operations.js';
import { removalOperations } from './removal.js';
import { retentionOperations } from './retention.js';
import { sentOperations } from './sent.js';
import type { Session } from './session.js';
import { queueDepth, quotable, stats } from './summaries.js';
import { locate } from './threading.js';
import { trace } from './trace.js';

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
