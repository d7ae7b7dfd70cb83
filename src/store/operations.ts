/**
 * The store's verbs as synchronous functions over one connection, and which of them write. Whoever owns the connection
 * runs each writing verb inside a transaction: the writer thread of the daemon in its batches, a CLI verb one by one.
 */

import type { Filing, FilingResult, Location } from '../conversation/filing.js';
import type { TraceStep } from '../conversation/model.js';
import type { OnceVerb } from '../conversation/store.js';
import { type AccountOperations, accountOperations } from './accounts.js';
import { type ClearingOperations, clearingOperations } from './clear-files.js';
import { type ConversationOperations, conversationOperations } from './conversations.js';
import { type DeliveryOperations, deliveryOperations } from './deliveries.js';
import { accountOf, type EventOperations, eventOperations } from './event-views.js';
import { fileMail } from './filing.js';
import { type ForwardOperations, forwardOperations } from './forwards.js';
import { type HookOperations, hookOperations } from './hooks.js';
import { type ImportOperations, importOperations } from './imports.js';
import { type KeyOperations, keptAnswer, keyOperations, once } from './keys.js';
import { type MailOperations, mailOperations } from './mails.js';
import { type MessageOperations, messageOperations } from './messages.js';
import { type OutboxOperations, outboxOperations } from './outbox.js';
import { type ContactOperations, contactOperations } from './participants.js';
import { type RemovalOperations, removalOperations } from './removal.js';
import { type RetentionOperations, retentionOperations } from './retention.js';
import { type SentOperations, sentOperations } from './sent.js';
import type { Rules, Session } from './session.js';
import { queueDepth, quotable, stats } from './summaries.js';
import { locate } from './threading.js';
import { type TokenOperations, tokenOperations } from './tokens.js';
import { trace } from './trace.js';

export interface Operations
  extends AccountOperations,
    ContactOperations,
    ConversationOperations,
    ImportOperations,
    MessageOperations,
    MailOperations,
    DeliveryOperations,
    OutboxOperations,
    ForwardOperations,
    RemovalOperations,
    ClearingOperations,
    RetentionOperations,
    KeyOperations,
    HookOperations,
    EventOperations,
    TokenOperations,
    SentOperations {
  accountOf(id: string): string | null;
  once(
    request: { caller: string; name: string; fingerprint: string },
    verb: OnceVerb,
    values: readonly unknown[],
  ): { repeated: boolean; value: unknown };
  keptAnswer(request: { caller: string; name: string; fingerprint: string }): { value: unknown } | null;
  answer(value: unknown): unknown;
  quotable(conversationIds: readonly string[]): readonly string[];
  file(filing: Filing): readonly FilingResult[];
  locate(mail: Parameters<typeof locate>[1]): readonly Location[];
  stats(): Readonly<Record<string, number>>;
  trace(id: string): readonly TraceStep[];
  queueDepth(): ReturnType<typeof queueDepth>;
  /** Runs an empty transaction: whether the writer works, on a full disk too. */
  canWrite(): void;
  /** Commits a page that says what it said before: whether a mail could be stored. */
  canStore(): void;
  /** The configuration was reloaded. */
  setRules(rules: Rules): void;
}

export type OperationName = keyof Operations;

/** Verbs that only look. All others run in a transaction of the writing connection. */
export const READING = [
  'resolve',
  'accounts',
  'account',
  'contacts',
  'contact',
  'conversations',
  'conversation',
  'message',
  'attachment',
  'mails',
  'mail',
  'nextDueAt',
  'destination',
  'deliveries',
  'delivery',
  'dueConversations',
  'nextComposeAt',
  'composeSnapshot',
  'quotable',
  'dueForwards',
  'locate',
  'stats',
  'messages',
  'keys',
  'verifyKey',
  'keptAnswer',
  'hooks',
  'hook',
  'hookSecrets',
  'pendingHooks',
  'events',
  'latestEvent',
  'canResume',
  'accountOf',
  'isAlone',
  'masked',
  'filesWithoutRow',
  'deliveriesWithoutMail',
  'queueDepth',
  'trace',
] as const satisfies readonly OperationName[];

export type ReadingName = (typeof READING)[number];
export type WritingName = Exclude<OperationName, ReadingName>;

export function operations(session: Session): Operations {
  const verbs: Operations = {
    ...accountOperations(session),
    ...contactOperations(session),
    ...conversationOperations(session),
    ...importOperations(session),
    ...messageOperations(session),
    ...mailOperations(session),
    ...deliveryOperations(session),
    ...outboxOperations(session),
    ...forwardOperations(session),
    ...removalOperations(session),
    ...clearingOperations(session),
    ...retentionOperations(session),
    ...keyOperations(session),
    ...hookOperations(session),
    ...eventOperations(session),
    ...tokenOperations(session),
    ...sentOperations(session),
    accountOf: id => accountOf(session, id),
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
