/**
 * Routes of agents: `/v1/agents`, for whoever may administer an account, and `/v1/me` for whoever is signed in.
 *
 * A link to sign in is shown once, to whoever made it, and only while the agent belongs to no account that he may not
 * speak for. Then it is mailed alone, and where nothing is mailed the answer is agent_shared. It is never kept: a repeated
 * request gets the agent without it.
 */
import { isReplydError, ReplydError } from '../base/errors.js';
import type { SignInLink } from '../conversation/agent-store.js';
import type { Agent } from '../conversation/model.js';
import type { Clock } from '../conversation/ports.js';
import { attachmentRoom } from '../conversation/rules/continuity.js';
import { signInUrl } from '../conversation/sign-in.js';
import { accountFor } from './access.js';
import { type Call, type Route, route } from './route.js';
import { AccountQuery, AgentChange, NewAgentBody } from './schema.js';

/** Where links lead to, and whether they can be mailed. */
export interface SignInSettings {
  /** Of the page for agents; null: there is none. */
  readonly web: string | null;
  /** A smarthost is set. */
  readonly mails: boolean;
  /** `outbound.envelope_sender`. */
  readonly envelopeSender: string;
}

interface Linked {
  readonly link: string | null;
  readonly mailed: string | null;
}

type About = Call<{ readonly account?: string }, unknown>;
/** Why there is no link now, and may be one later. */
const LATER = ['no_web_page', 'agent_shared', 'too_many_requests'] as const;
const NO_LINK: Linked = { link: null, mailed: null };

export interface AgentRoutesOptions {
  readonly settings: () => SignInSettings;
  /** `outbound.max_size`. */
  readonly mailSize: () => number;
  readonly now: Clock;
}

export function agentRoutes({ settings, mailSize, now }: AgentRoutesOptions): readonly Route[] {
  async function linkFor(call: Call<unknown, unknown>, agent: Agent): Promise<Linked> {
    const { web, mails, envelopeSender } = settings();
    if (web === null) {
      throw new ReplydError('no_web_page', 'There is no page where he could sign in: web.listen has to be set.');
    }
    const mailed = async (link: SignInLink) => {
      if (!mails) return null;
      return call.store.mailSignInLink(link, { account: agent.account, web, envelopeSender, now: now() });
    };
    try {
      const link = await call.store.newSignInLink(agent.account, agent.id, { shown: true });
      return { link: signInUrl(web, link.secret), mailed: await mailed(link) };
    } catch (error) {
      if (!isReplydError(error, 'agent_shared') || !mails) throw error;
      const link = await call.store.newSignInLink(agent.account, agent.id, { shown: false });
      return { link: null, mailed: await mailed(link) };
    }
  }

  return [
    route('GET /v1/me', {
      summary: 'Who is signed in, with his accounts and what a message of his may carry; only for sessions',
      gives: { one: 'SignedIn' },
      async run({ store }) {
        const limits = { answer_attachments: attachmentRoom(mailSize()), note_attachments: mailSize() };
        return { ...(await store.me()), limits };
      },
    }),
    route('GET /v1/agents', {
      summary: 'List the agents of an account, the newest first',
      query: AccountQuery,
      gives: { list: 'Agent' },
      run: async call => ({ data: await call.store.agents({ account: accountOf(call) }), next_cursor: null }),
    }),
    route('POST /v1/agents', {
      summary: 'Add an agent; the answer has a link with which he chooses his password, once',
      body: NewAgentBody,
      gives: { one: 'LinkedAgent' },
      makes: true,
      async run(call) {
        const agent = await call.store.addAgent({ ...call.body, account: accountFor(call.caller, call.body.account) });
        if (call.repeated()) return { ...agent, ...NO_LINK };
        // He is added, whatever becomes of the link: that can be made again.
        const linked = await linkFor(call, agent).catch(error => {
          if (LATER.some(code => isReplydError(error, code))) return NO_LINK;
          throw error;
        });
        return { ...agent, ...linked };
      },
    }),
    route('GET /v1/agents/{id}', {
      summary: 'Show an agent',
      query: AccountQuery,
      gives: { one: 'Agent' },
      run: call => call.store.agentOf(accountOf(call), call.params.id!),
    }),
    route('PATCH /v1/agents/{id}', {
      summary: 'Change name, role or notify; one who is signed in may change his own name and notify',
      query: AccountQuery,
      body: AgentChange,
      gives: { one: 'Agent' },
      run: call => call.store.setAgent(accountOf(call), call.params.id!, call.body),
    }),
    route('DELETE /v1/agents/{id}', {
      summary: 'Take an agent out of the account; he goes with the last of his accounts',
      query: AccountQuery,
      gives: null,
      run: call => call.store.removeAgent(accountOf(call), call.params.id!),
    }),
    route('POST /v1/agents/{id}/link', {
      summary: 'A new link with which he chooses a password, good once; using it ends his other links and sessions',
      query: AccountQuery,
      gives: { one: 'LinkedAgent' },
      async run(call) {
        let linked = NO_LINK;
        const agent = await call.onceOutside(async () => {
          const found = await call.store.agentOf(accountOf(call), call.params.id!);
          linked = await linkFor(call, found);
          return found;
        });
        return { ...agent, ...linked };
      },
    }),
    route('POST /v1/agents/{id}/disable', {
      summary: 'He cannot sign in any more; his sessions and links end at once',
      query: AccountQuery,
      gives: { one: 'Agent' },
      run: call => call.store.disableAgent(accountOf(call), call.params.id!),
    }),
    route('POST /v1/agents/{id}/enable', {
      summary: 'He can sign in again',
      query: AccountQuery,
      gives: { one: 'Agent' },
      run: call => call.store.enableAgent(accountOf(call), call.params.id!),
    }),
  ];
}

function accountOf({ caller, query }: Pick<About, 'caller' | 'query'>): string {
  return accountFor(caller, query.account);
}
