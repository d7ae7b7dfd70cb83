/**
 * What the store keeps of agents, as verbs: the part of the Store port (`conversation/store.ts`, whose promises hold here
 * too) about the persons who answer, their passwords, links and sessions.
 *
 * An agent is named by his id or his address. He belongs to accounts, to one at least: he goes with the last of them. What
 * he wrote keeps his name. Secrets (of links, of sessions) are given out once and kept as SHA-256.
 *
 * `within`: the accounts that whoever asks may speak for, absent: all. What would reach into another account of the agent
 * is the conflict agent_shared then, and nothing of it happened.
 */
import type { StoredContent } from './filing.js';
import type { Agent, AgentNotify, AgentProfile, AgentRole, Conversation } from './model.js';
import type { ConversationRef } from './ref.js';

/** Who wrote a message: an agent of the account by his id, or a name. */
export type NamedAgent = { readonly id: string } | { readonly name: string; readonly email?: string | null };

export interface NewAgent {
  /** The account's slug. */
  readonly account: string;
  readonly email: string;
  readonly name: string;
  /** Default: agent. */
  readonly role?: AgentRole;
  /** Default: assigned. */
  readonly notify?: AgentNotify;
}

/** Who besides the agent's mailbox sees a link: nobody, the operator, or somebody of an account. */
export type KnownTo = 'nobody' | 'operator' | 'account';

export interface Within {
  readonly within?: readonly string[];
}

export interface SignInLink {
  /** What stands behind the `#` of the link. */
  readonly secret: string;
  readonly expires_at: string;
  readonly agent: AgentProfile;
}

/** He is signed in. */
export interface SignedIn {
  /** Of the session. */
  readonly secret: string;
  readonly agent: AgentProfile;
}

export interface AgentSession {
  readonly id: string;
  /** With the accounts that he belongs to now. */
  readonly agent: AgentProfile;
}

export interface AgentStore {
  /**
   * One who is known by this address belongs to one account more and keeps his name. When nobody has proven yet that his
   * mailbox is his, his password, sessions and links end: who added him first may know them. Throws agent_exists,
   * too_many_agents.
   */
  addAgent(agent: NewAgent): Promise<Agent>;
  /** All of an account, the newest first. */
  agents(filter: { readonly account: string }): Promise<readonly Agent[]>;
  /** Throws agent_not_found. */
  agent(who: string): Promise<AgentProfile>;
  /** As one of this account. Throws agent_not_found when he does not belong to it. */
  agentOf(account: string, who: string): Promise<Agent>;
  /** A new name counts in all his accounts, role and notify in this one. Throws agent_shared for the name. */
  setAgent(
    account: string,
    who: string,
    change: { readonly name?: string; readonly role?: AgentRole; readonly notify?: AgentNotify } & Within,
  ): Promise<Agent>;
  /** He can't sign in; his sessions and links end at once. What is assigned to him stays so. Throws agent_shared. */
  disableAgent(who: string, options?: Within): Promise<AgentProfile>;
  enableAgent(who: string, options?: Within): Promise<AgentProfile>;
  /**
   * He belongs to this account no more, or to none (null) and is removed. That counts at once; what was assigned to him
   * there is assigned to nobody, an event for each, in many short transactions.
   */
  removeAgent(who: string, account: string | null): Promise<void>;

  /**
   * Good for 24 hours and once. Of more than 5 the oldest ends. Throws agent_disabled, agent_shared; for one that nobody
   * sees but he, too_many_requests as `notifyAgent` does.
   */
  newSignInLink(who: string, options: { readonly knownTo: KnownTo } & Within): Promise<SignInLink>;
  /** Whose link this is, null: it is used, over, or none. Changes nothing. */
  signInLink(secret: string): Promise<Pick<AgentProfile, 'email' | 'name' | 'has_password'> | null>;
  /**
   * Sets his password and opens a session; his other links and sessions end. Null: as for `signInLink`. Throws
   * invalid_password, too_many_requests (details.retry_after, seconds).
   */
  useSignInLink(secret: string, password: string): Promise<SignedIn | null>;
  /** Null: not this address with this password; it takes as long whatever is wrong. Throws too_many_requests. */
  openSession(who: { readonly email: string; readonly password: string }): Promise<SignedIn | null>;
  /**
   * Another password for him whose session it is; his links and all his sessions end, and he gets a new one. Null: the session
   * has ended, or `current` is not his password. Throws invalid_password (of `next`), too_many_requests.
   */
  changePassword(
    session: string,
    passwords: { readonly current: string; readonly next: string },
  ): Promise<SignedIn | null>;
  /**
   * Null: it has ended, was not used for 12 hours, is 30 days old, or he is disabled or belongs to no account. `unnoted`: it
   * is only looked at, which is no use of it.
   */
  session(secret: string, options?: { readonly unnoted?: boolean }): Promise<AgentSession | null>;
  endSession(secret: string): Promise<void>;
  /** All of his, everywhere. */
  endSessions(who: string): Promise<void>;

  /**
   * Queues a composed mail to an agent, as a delivery of kind `notification`, and returns its id. Its bytes go when it is
   * settled. Throws too_many_requests when he was mailed too often in the last hour.
   */
  notifyAgent(mail: {
    readonly agent: string;
    readonly account: string;
    readonly mailId: string;
    /** Without brackets. */
    readonly messageId: string;
    /** Envelope sender. */
    readonly mailFrom: string;
    readonly raw: StoredContent;
  }): Promise<string>;

  /** Null: to nobody. Throws agent_not_found when he is none of the account's, agent_disabled. */
  assignConversation(ref: ConversationRef, who: string | null): Promise<Conversation>;
  /**
   * The agent (id or address) has read it up to this message; absent: all that is there. Throws agent_not_found when he is
   * none of the account's.
   */
  readConversation(
    ref: ConversationRef,
    read: { readonly agent: string; readonly seq?: number },
  ): Promise<Conversation>;
  /**
   * Of these conversations those in which the agent has something to read: they are open, and behind what he has read or
   * written there is something incoming that came since he belongs to the account.
   */
  unread(agent: string, conversationIds: readonly string[]): Promise<readonly string[]>;
}
