/**
 * The Store port over an engine: what both engines have in common. An engine runs one verb in the transaction that it
 * needs; here are the calls that take many short transactions, the change listeners, and the faults as every caller
 * knows them.
 */
import { isReplydError } from '../base/errors.js';
import { createPacer } from '../base/pacer.js';
import { createWaker } from '../base/waker.js';
import type { MailReason } from '../conversation/model.js';
import type { ConversationRef } from '../conversation/ref.js';
import { answerOf } from '../conversation/rules/continuity.js';
import type { NewMessage, Store } from '../conversation/store.js';
import { openFile } from './blobs/files.js';
import { type Calls, callsOf, VERBS, type VerbName } from './calls.js';
import { storeFault } from './fault.js';
import { encodeId } from './ids.js';
import { createPasswords } from './passwords.js';
import type { SearchIndex } from './search-index.js';
import type { Rules } from './tx.js';
import type { ClearingStore } from './upkeep/clear-files.js';
import type { IndexedStore } from './upkeep/indexing.js';

/** How often commits of other processes are looked for, milliseconds. */
const POLL_INTERVAL = 200;
/** How soon listeners hear of our own commits, and how often at most, milliseconds: under load once for many mails. */
const SOON = 1;
const AT_MOST_EVERY = 10;
/** How soon a wake-up is followed, and how often at most, milliseconds: anybody in the database may send them. */
const WOKEN_AFTER = 1;
const WOKEN_AT_MOST_EVERY = 50;

/** The Store with what only the opener needs. */
export type OpenStore = Store &
  Pick<Engine, 'standbys'> &
  Pick<
    Calls,
    | 'deliveriesWithoutMail'
    | 'filesWithoutRow'
    | 'clearFiles'
    | 'clearOld'
    | 'queueDepth'
    | 'unfiledSums'
    | 'canWrite'
    | 'canStore'
    | 'cursorKey'
    | 'pullForward'
    | 'setRules'
    | 'nodes'
  > &
  Pick<ClearingStore, 'placedBefore'> &
  Pick<IndexedStore, 'fillSearch' | 'forgetSearch'>;

/** What an engine does for the store. Whatever it throws leaves the store as a ReplydError. */
export interface Engine extends Pick<Store, 'place' | 'content'>, Pick<ClearingStore, 'placedBefore'> {
  /** Runs a verb: a writing one is committed and durable when this is fulfilled. */
  run(name: VerbName, values: readonly unknown[]): Promise<unknown>;
  /** For whatever is read from now on. */
  setRules(rules: Rules): void;
  /** A key, higher than all that this process made before. */
  newKey(): number;
  /** Behind the last part of a removal. */
  afterRemoval(): void;
  /** Made of what the store has, behind its commits. */
  readonly search: SearchIndex;
  /** Of the database on disk. */
  databaseBytes(): number | Promise<number>;
  /** Another value when any process has committed since. */
  version(): unknown;
  /** Calls back, as often as it likes, when another process may have committed; absent where nobody tells. */
  onWakeUp?(listener: () => void): void;
  /** On how many standbys a commit has to be; absent where there are none. */
  standbys?(): Promise<number>;
  close(): Promise<void>;
}

/** `pollEvery`: milliseconds between two looks for commits of other processes. */
export function assembled(engine: Engine, { pollEvery = POLL_INTERVAL }: { pollEvery?: number } = {}): OpenStore {
  const listeners = new Set<() => void>();
  let version: unknown;
  let poll: NodeJS.Timeout | null = null;
  const changed = () => {
    for (const listener of listeners) listener();
  };
  const changedSoon = createPacer(changed, { soon: SOON, every: AT_MOST_EVERY });
  const looker = createWaker(
    async () => {
      const now = await engine.version();
      if (now === version) return;
      version = now;
      changed();
    },
    // Whatever is wrong with the database shows at the next call.
    () => undefined,
  );
  const woken = createPacer(looker.wake, { soon: WOKEN_AFTER, every: WOKEN_AT_MOST_EVERY });
  engine.onWakeUp?.(() => {
    if (listeners.size > 0) woken.ask();
  });
  const run = async (name: VerbName, values: readonly unknown[]): Promise<unknown> => {
    try {
      const value = await engine.run(name, values);
      if (VERBS[name] === 'writes' && listeners.size > 0) changedSoon.ask();
      return value;
    } catch (error) {
      throw storeFault(error, `store: ${name}`);
    }
  };
  const calls = callsOf(run);
  const passwords = createPasswords();
  const { search } = engine;
  const searching = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw storeFault(error, 'store: search');
    }
  };

  /** Does work on many rows a short transaction at a time, until one says that it was the last. */
  const inParts = async (part: () => Promise<boolean>) => {
    while (!(await part())) await new Promise<void>(resolve => setImmediate(resolve));
  };

  /** Repeats a removal until nothing is left. */
  const untilGone = async (part: () => Promise<boolean>) => {
    let started = false;
    await inParts(async () => {
      const gone = await part().catch(error => {
        // The daemon finishes removals that were started, and may have been faster.
        if (started && isReplydError(error, 'not_found')) return true;
        throw error;
      });
      started = true;
      return gone;
    });
    await searching(search.forget);
    engine.afterRemoval();
  };

  /** Behind the call by which the contact saw what waits in his conversation, or answered it. */
  const thenDropRest = async <T>(
    work: () => Promise<T>,
    { ref, reason }: { readonly ref: ConversationRef; readonly reason: MailReason | null },
  ): Promise<T> => {
    const before = Date.now();
    const done = await work();
    if (reason === null) return done;
    await inParts(async () => {
      if (!(await calls.dropsMore(ref, before))) return true;
      await calls.dropWaitingPart(ref, { reason, before });
      return false;
    });
    return done;
  };
  const reasonOf = (message: NewMessage) => (answerOf(message, 'open').answers ? 'answered' : null);

  return {
    ...calls,
    seen: ref => thenDropRest(() => calls.seen(ref), { ref, reason: 'seen' }),
    addMessage: (ref, message) =>
      thenDropRest(() => calls.addMessage(ref, message), { ref, reason: reasonOf(message) }),
    async setRules(rules) {
      engine.setRules(rules);
      await calls.setRules(rules);
    },
    removeConversation: async ref => {
      const { id } = await calls.conversation(ref, { messages: 0 });
      await untilGone(() => calls.removeConversationPart({ id }));
    },
    removeContact: id => untilGone(() => calls.removeContactPart(id)),
    removeHook: id => untilGone(() => calls.removeHookPart(id)),
    once(request, verb, values) {
      const [ref, message] = values as unknown as Parameters<Store['addMessage']>;
      const reason = verb === 'seen' ? 'seen' : verb === 'addMessage' ? reasonOf(message) : null;
      return thenDropRest(() => calls.once(request, verb, values) as never, { ref, reason });
    },
    clearUnfiled: async which => {
      let count = 0;
      await untilGone(async () => {
        const removed = await calls.clearUnfiledPart(which);
        count += removed;
        return removed === 0;
      });
      return count;
    },
    retryDeliveries: async state => {
      let count = 0;
      let after: string | null = null;
      await inParts(async () => {
        const { retried, next } = await calls.retryDeliveriesPart({ state, after });
        count += retried;
        after = next;
        return next === null;
      });
      return count;
    },
    disableHook: (id, reason) => inParts(() => calls.disableHookPart(id, reason)),
    removeAgent: (who, account) => untilGone(() => calls.removeAgentPart(who, account)),
    async useSignInLink(secret, password) {
      // Whoever has no link costs no hash.
      if ((await calls.signInLink(secret)) === null) return null;
      return calls.useLink({ secret, password: await passwords.encode(password) });
    },
    async openSession({ email, password }) {
      const kept = await calls.passwordOf(email);
      const right = await passwords.matches(password, kept?.password ?? null);
      return right && kept !== null ? calls.openSessionOf(kept) : null;
    },
    async changePassword(session, { current, next }) {
      const found = await calls.sessionOf(session);
      if (found === null) return null;
      const compared = await calls.passwordOf(found.agent.email);
      const right = await passwords.matches(current, compared?.password ?? null);
      if (!right || compared === null) return null;
      return calls.replacePassword({ session, compared, password: await passwords.encode(next) });
    },
    async session(secret, { unnoted = false } = {}) {
      const found = await calls.sessionOf(secret);
      if (found === null) return null;
      // A store that can't note it for the moment keeps nobody out.
      if (found.stale && !unnoted) await calls.sessionUsed(found.id).catch(() => undefined);
      return { id: found.id, agent: found.agent };
    },
    async clearOld(since) {
      const cleared = await calls.clearOld(since);
      if (cleared.conversations || cleared.removals) await searching(search.forget);
      return cleared;
    },
    search: filter => searching(async () => (await import('./searching.js')).searchIn(calls, search, filter)),
    searchProgress: () => searching(search.progress),
    fillSearch: () => searching(search.fill),
    forgetSearch: () => searching(search.forget),
    removeAccount: slug => untilGone(() => calls.removeAccountPart(slug)),
    mintMailId: () => encodeId('mail', engine.newKey()),
    stats: async () => ({ ...(await calls.stats()), database_bytes: await engine.databaseBytes() }),
    ...(engine.standbys ? { standbys: engine.standbys } : {}),
    place: engine.place,
    async unplace(contents) {
      const hashes = contents.flatMap(content => ('placed' in content ? [content.sha256] : []));
      if (hashes.length > 0) await calls.clearFiles(hashes, { before: Date.now() });
    },
    placedBefore: engine.placedBefore,
    content: engine.content,
    async read(ref) {
      const content = await engine.content(ref);
      return 'bytes' in content ? content.bytes : await readWhole(content.file);
    },
    onChange(listener) {
      listeners.add(listener);
      if (poll === null) poll = setInterval(looker.wake, pollEvery).unref();
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0 && poll) {
          clearInterval(poll);
          poll = null;
        }
      };
    },
    async close() {
      if (poll) clearInterval(poll);
      for (const pacer of [changedSoon, woken]) pacer.close();
      listeners.clear();
      await Promise.all([looker.close(), search.close()]);
      await engine.close();
    },
  };
}

async function readWhole(file: string): Promise<Uint8Array> {
  try {
    const handle = await openFile(file);
    return await handle.readFile().finally(() => handle.close());
  } catch (error) {
    throw storeFault(error, `cannot read the blob ${file}`);
  }
}
