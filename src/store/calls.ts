/**
 * The verbs of the store by their names, and which of them write. A verb takes a transaction first; whoever owns the
 * connection runs the writing ones in it: the writer thread of the daemon in its batches, a CLI verb one by one.
 */
import type { all } from './all.js';
import type { StoreTx } from './tx.js';

/**
 * Verbs that read only look; those that write run in a transaction of the writing connection. What is written quietly makes
 * nothing due for anybody: telling of it would wake the queue for its own work.
 */
export const VERBS = {
  resolve: 'reads',
  accounts: 'reads',
  account: 'reads',
  contacts: 'reads',
  contact: 'reads',
  conversationsOf: 'reads',
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
  notified: 'reads',
  dueNotices: 'reads',
  nextNoticeAt: 'reads',
  dueForwards: 'reads',
  locate: 'reads',
  proofUse: 'reads',
  unverified: 'reads',
  stats: 'reads',
  messages: 'reads',
  keys: 'reads',
  dkimKeys: 'reads',
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
  searchedAccounts: 'reads',
  searchHits: 'reads',
  lookedAgain: 'writes quietly',
  addAccount: 'writes',
  setAccount: 'writes',
  setFeature: 'writes',
  rememberPrefixes: 'writes quietly',
  setContact: 'writes',
  clearContact: 'writes',
  startConversation: 'writes',
  setConversation: 'writes',
  seen: 'writes',
  dropsMore: 'reads',
  dropWaitingPart: 'writes',
  rotateToken: 'writes',
  revokeToken: 'writes',
  importConversations: 'writes',
  addMessage: 'writes',
  releaseMessage: 'writes',
  dropMessage: 'writes',
  refuse: 'writes',
  refile: 'writes',
  reread: 'writes',
  noteReader: 'writes quietly',
  verified: 'writes',
  voidLeases: 'writes',
  voidLost: 'writes',
  lease: 'writes quietly',
  settle: 'writes',
  release: 'writes quietly',
  setDestination: 'writes quietly',
  pullForward: 'writes',
  retryDelivery: 'writes',
  retryDeliveriesPart: 'writes',
  cancelDelivery: 'writes',
  saveComposed: 'writes',
  saveForward: 'writes',
  openNotice: 'writes',
  saveNotice: 'writes',
  removeConversationPart: 'writes',
  removeContactPart: 'writes',
  removeAccountPart: 'writes',
  clearUnfiledPart: 'writes',
  unfiledSums: 'reads',
  clearFiles: 'writes quietly',
  clearOld: 'writes quietly',
  addKey: 'writes',
  keyUsed: 'writes quietly',
  revokeKey: 'writes',
  addDkimKey: 'writes',
  useDkimKey: 'writes',
  removeDkimKey: 'writes',
  addHook: 'writes',
  setHook: 'writes',
  rotateHook: 'writes',
  enableHook: 'writes',
  disableHookPart: 'writes',
  removeHookPart: 'writes',
  agents: 'reads',
  agent: 'reads',
  agentOf: 'reads',
  addAgent: 'writes',
  setAgent: 'writes',
  disableAgent: 'writes',
  enableAgent: 'writes',
  removeAgentPart: 'writes',
  newSignInLink: 'writes quietly',
  signInLink: 'reads',
  useLink: 'writes quietly',
  replacePassword: 'writes quietly',
  passwordOf: 'reads',
  openSessionOf: 'writes quietly',
  sessionOf: 'reads',
  sessionUsed: 'writes quietly',
  endSession: 'writes quietly',
  endSessions: 'writes quietly',
  notifyAgent: 'writes',
  assignConversation: 'writes',
  addCc: 'writes',
  removeCc: 'writes',
  readConversation: 'writes quietly',
  unread: 'reads',
  clearEvents: 'writes quietly',
  once: 'writes',
  answer: 'writes',
  file: 'writes',
  canWrite: 'writes quietly',
  canStore: 'writes quietly',
  cursorKey: 'writes quietly',
  setRules: 'writes',
  joinNode: 'writes quietly',
  beat: 'writes quietly',
  leaveNode: 'writes quietly',
  nodes: 'reads',
} as const satisfies Readonly<Partial<Record<keyof typeof all, 'reads' | 'writes' | 'writes quietly'>>>;

export type VerbName = keyof typeof VERBS;
export type WritingName = {
  [Name in VerbName]: (typeof VERBS)[Name] extends 'reads' ? never : Name;
}[VerbName];

/** The verbs as calls, each a transaction of its own: they take and give the same, but no transaction. */
export type Calls = {
  [Name in VerbName]: (typeof all)[Name] extends (tx: StoreTx, ...values: infer Values) => infer Answer
    ? (...values: Values) => Answer
    : never;
};

/** All verbs as calls of this. */
export function callsOf(run: (name: VerbName, values: readonly unknown[]) => Promise<unknown>): Calls {
  return Object.fromEntries(
    Object.keys(VERBS).map(name => [name, (...values: readonly unknown[]) => run(name as VerbName, values)]),
  ) as Calls;
}

/** The verbs by their names, as an engine has them. */
export type VerbTable = {
  readonly [Name in VerbName]: (tx: StoreTx, ...values: never) => Promise<unknown>;
};

/** One verb in a transaction that was begun. */
export function perform(
  tx: StoreTx,
  verbs: VerbTable,
  { name, values }: { readonly name: VerbName; readonly values: readonly unknown[] },
): Promise<unknown> {
  return (verbs[name] as (tx: StoreTx, ...values: readonly unknown[]) => Promise<unknown>)(tx, ...values);
}
