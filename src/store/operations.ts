/**
 * The store's verbs as synchronous functions over one connection, and which of them write. Whoever owns the connection
 * runs each writing verb inside a transaction: the writer thread of the daemon in its batches, a CLI verb one by one.
 *
 * Here are the everyday ones; what is behind the others (`all-operations.ts`) takes a short CLI verb longer to load than
 * all it does.
 */

import type { Filing, FilingResult, Location } from '../conversation/filing.js';
import type { TraceStep } from '../conversation/model.js';
import type { OnceVerb } from '../conversation/store.js';
import type { SentOperations } from './blobs/sent.js';
import type { Rules, Session } from './session.js';
import type { ClearingOperations } from './upkeep/clear-files.js';
import type { RetentionOperations } from './upkeep/retention.js';
import { type AccountOperations, accountOperations } from './verbs/accounts.js';
import { type ConversationOperations, conversationOperations } from './verbs/conversations.js';
import { type DeliveryOperations, deliveryOperations } from './verbs/deliveries.js';
import type { ForwardOperations } from './verbs/forwards.js';
import { type HookOperations, hookOperations } from './verbs/hooks.js';
import type { ImportOperations } from './verbs/imports.js';
import { type KeyOperations, keyOperations } from './verbs/keys.js';
import type { MailOperations } from './verbs/mails.js';
import { type MessageOperations, messageOperations } from './verbs/messages.js';
import { type OutboxOperations, outboxOperations } from './verbs/outbox.js';
import { type ContactOperations, contactOperations } from './verbs/participants.js';
import type { RemovalOperations } from './verbs/removal.js';
import type { locate } from './verbs/threading.js';
import { type TokenOperations, tokenOperations } from './verbs/tokens.js';
import { accountOf, type EventOperations, eventOperations } from './views/events.js';
import type { queueDepth } from './views/summaries.js';

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

/** Verbs that read only look; those that write run in a transaction of the writing connection. */
export const VERBS = {
  resolve: 'reads',
  accounts: 'reads',
  account: 'reads',
  contacts: 'reads',
  contact: 'reads',
  conversations: 'reads',
  conversation: 'reads',
  message: 'reads',
  attachment: 'reads',
  mails: 'reads',
  mail: 'reads',
  nextDueAt: 'reads',
  destination: 'reads',
  deliveries: 'reads',
  delivery: 'reads',
  dueConversations: 'reads',
  nextComposeAt: 'reads',
  composeSnapshot: 'reads',
  quotable: 'reads',
  dueForwards: 'reads',
  locate: 'reads',
  stats: 'reads',
  messages: 'reads',
  keys: 'reads',
  verifyKey: 'reads',
  keptAnswer: 'reads',
  hooks: 'reads',
  hook: 'reads',
  hookSecrets: 'reads',
  pendingHooks: 'reads',
  events: 'reads',
  latestEvent: 'reads',
  canResume: 'reads',
  accountOf: 'reads',
  singleTenant: 'reads',
  redacted: 'reads',
  filesWithoutRow: 'reads',
  deliveriesWithoutMail: 'reads',
  queueDepth: 'reads',
  trace: 'reads',
  addAccount: 'writes',
  setAccount: 'writes',
  setFeature: 'writes',
  rememberPrefixes: 'writes',
  setContact: 'writes',
  clearContact: 'writes',
  startConversation: 'writes',
  setConversation: 'writes',
  seen: 'writes',
  rotateToken: 'writes',
  revokeToken: 'writes',
  importConversations: 'writes',
  addMessage: 'writes',
  releaseMessage: 'writes',
  dropMessage: 'writes',
  refuse: 'writes',
  refile: 'writes',
  voidLeases: 'writes',
  lease: 'writes',
  settle: 'writes',
  release: 'writes',
  setDestination: 'writes',
  pullForward: 'writes',
  retryDeliveries: 'writes',
  cancelDelivery: 'writes',
  saveComposed: 'writes',
  saveForward: 'writes',
  removeConversationPart: 'writes',
  removeContactPart: 'writes',
  removeAccountPart: 'writes',
  clearFiles: 'writes',
  clearOld: 'writes',
  addKey: 'writes',
  keyUsed: 'writes',
  revokeKey: 'writes',
  addHook: 'writes',
  rotateHook: 'writes',
  enableHook: 'writes',
  disableHook: 'writes',
  removeHookPart: 'writes',
  clearEvents: 'writes',
  once: 'writes',
  answer: 'writes',
  file: 'writes',
  canWrite: 'writes',
  canStore: 'writes',
  setRules: 'writes',
} as const satisfies Readonly<Record<keyof Operations, 'reads' | 'writes'>>;

export type OperationName = keyof typeof VERBS;
export type WritingName = {
  [Name in OperationName]: (typeof VERBS)[Name] extends 'writes' ? Name : never;
}[OperationName];

type Everyday = AccountOperations &
  ContactOperations &
  ConversationOperations &
  MessageOperations &
  DeliveryOperations &
  OutboxOperations &
  KeyOperations &
  HookOperations &
  EventOperations &
  TokenOperations &
  Pick<Operations, 'accountOf'>;

/** The verbs whose code every CLI verb loads anyway, or nearly so. */
export function everydayOperations(session: Session): Everyday {
  return {
    ...accountOperations(session),
    ...contactOperations(session),
    ...conversationOperations(session),
    ...messageOperations(session),
    ...deliveryOperations(session),
    ...outboxOperations(session),
    ...keyOperations(session),
    ...hookOperations(session),
    ...eventOperations(session),
    ...tokenOperations(session),
    accountOf: id => accountOf(session, id),
  };
}
