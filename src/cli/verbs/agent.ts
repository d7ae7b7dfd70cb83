/**
 * `replyd agent …`: the people who answer. `add` and `link` print a link to sign in, which is good once, and mail it where a
 * smarthost is set. The link leads to the page for agents: without `web.listen` there is none yet, and they say so.
 */
import type { Command } from 'commander';
import { ReplydError } from '../../base/errors.js';
import type { Agent, AgentNotify, AgentProfile, AgentRole } from '../../conversation/model.js';
import { mailSignInLink, signInUrl } from '../../conversation/sign-in.js';
import { AGENT_NOTIFY, AGENT_ROLES } from '../../conversation/vocabulary.js';
import { hintWithoutDaemon } from '../context.js';
import { given, listed, oneOf, readAddress, readPairs } from '../readers.js';
import { confirmRemoval, type Yes, yesOption } from '../terminal/confirm.js';
import { timeText } from '../terminal/render.js';
import { facts, table } from '../terminal/table.js';
import { warn } from '../terminal/terminal.js';
import { defineStoreVerb, option, required, type StoreCall } from '../verb.js';

const readNotify = oneOf('notify', AGENT_NOTIFY);
const readRole = oneOf('role', AGENT_ROLES);
const KEYS = ['name', 'role', 'notify'];

interface Account {
  readonly account?: string;
}

/** What `add` and `link` print beside the agent. */
interface Linked {
  /** Null: there is no page that it could lead to. */
  readonly link: string | null;
  readonly expires_at: string | null;
  /** The delivery that brings it to him; null: it is not mailed. */
  readonly mailed: string | null;
}

export function defineAgent(group: Command): void {
  defineStoreVerb(group.command('add <email>'), {
    does: 'add a person who answers for an account',
    examples: [
      'agent add anna@acme.example --account acme --name Anna',
      'agent add bo@acme.example --account acme --name Bo --admin --notify all',
    ],
    more: 'Prints a link with which he chooses his password, good for 24 hours and once, and mails it where outbound.transport is "smtp". Who is known by this address already belongs to one account more and keeps his name and password.',
    options: [
      required('--account <slug>', 'for which he answers'),
      required('--name <name>', 'his name, as customers read it'),
      option('--admin', "may change the account's settings and agents"),
      notifyOption(),
    ],
    async run(
      call: StoreCall<{ account: string; name: string; admin?: true; notify?: AgentNotify }>,
      email,
    ): Promise<Agent & Linked> {
      const { account, name, admin, notify } = call.options;
      const added = await call.store.addAgent({
        account,
        email: readAddress(email),
        name,
        role: admin ? 'admin' : 'agent',
        ...given({ notify }),
      });
      return { ...added, ...(await linked(call, added.id, account)) };
    },
    view: (made: Agent & Linked) =>
      [factsOf(made, [[made.account, placeText(made)]]), linkView(made)].join('\n').trimEnd(),
    after: warnOfPage,
  });

  defineStoreVerb(group.command('list'), {
    does: 'list the people who answer',
    examples: ['agent list --account acme', 'agent list --json'],
    options: [option('--account <slug>', 'of this account')],
    async run({ store, options }: StoreCall<Account>) {
      const slugs =
        options.account === undefined ? (await store.accounts()).map(({ slug }) => slug) : [options.account];
      return (await Promise.all(slugs.map(account => store.agents({ account })))).flat();
    },
    view: agents =>
      table(agents, [
        { title: 'account', of: agent => agent.account, shrinks: true },
        { title: 'name', of: agent => agent.name, shrinks: true },
        { title: 'address', of: agent => agent.email },
        { title: 'role', of: agent => agent.role },
        { title: 'notify', of: agent => agent.notify },
        {
          title: 'state',
          of: agent => (agent.suspended === null ? stateOf(agent) : `${stateOf(agent)}, not notified`),
        },
      ]),
    none: 'no agents yet: `replyd agent add --help` shows how to add one',
  });

  defineStoreVerb(group.command('show <email>'), {
    does: 'show a person with all his accounts',
    examples: ['agent show anna@acme.example', 'agent show anna@acme.example --json'],
    run: ({ store }, email) => store.agent(email),
    view: profileView,
  });

  defineStoreVerb(group.command('set <email> <pairs...>'), {
    does: 'change a person, each as KEY=VALUE',
    examples: ['agent set anna@acme.example role=admin', 'agent set anna@acme.example notify=all --account acme'],
    more: `Keys: ${listed(KEYS)}. role (${listed(AGENT_ROLES)}) and notify (${listed(AGENT_NOTIFY)}) are his in one account, which has to be named when he has several.`,
    options: [option('--account <slug>', 'in this account')],
    async run({ store, options }: StoreCall<Account>, email, ...pairs) {
      const { name, role, notify } = readPairs(pairs, KEYS);
      const account = options.account ?? onlyAccount(await store.agent(email));
      const change = {
        name,
        role: role === undefined ? undefined : (readRole(role) as AgentRole),
        notify: notify === undefined ? undefined : (readNotify(notify) as AgentNotify),
      };
      await store.setAgent(account, email, given(change));
      return store.agent(email);
    },
    view: profileView,
  });

  defineStoreVerb(group.command('link <email>'), {
    does: 'make a new link with which he chooses a password and signs in',
    examples: ['agent link anna@acme.example', 'agent link anna@acme.example --json'],
    more: 'It is good for 24 hours and once, and is mailed where outbound.transport is "smtp". Using it ends his other links and sessions.',
    async run(call: StoreCall<object>, email): Promise<AgentProfile & Linked> {
      const agent = await call.store.agent(email);
      return { ...agent, ...(await linked(call, agent.id, agent.accounts[0]!.account)) };
    },
    view: linkView,
    after: warnOfPage,
  });

  for (const [word, verb, does] of [
    ['disable', 'disableAgent', 'keep a person out: his sessions and links end at once'],
    ['enable', 'enableAgent', 'let a person in again, and notify him again whose mailbox was dead'],
  ] as const) {
    defineStoreVerb(group.command(`${word} <email>`), {
      does,
      examples: [`agent ${word} anna@acme.example`],
      run: ({ store }, email) => store[verb](email),
      view: profileView,
    });
  }

  defineStoreVerb(group.command('remove <email>'), {
    does: 'remove a person, or take him out of one account',
    examples: ['agent remove anna@acme.example --yes', 'agent remove anna@acme.example --account acme --yes'],
    more: 'What is assigned to him is assigned to nobody then. What he wrote stays, with his name.',
    options: [option('--account <slug>', 'out of this account; he goes with the last of his accounts'), yesOption()],
    async run({ store, options }: StoreCall<Account & Yes>, email) {
      const agent = await store.agent(email);
      const from = options.account === undefined ? '' : ` from account ${options.account}`;
      await confirmRemoval(`agent ${agent.email} (${agent.name})${from}`, options);
      await store.removeAgent(agent.id, options.account ?? null);
      return agent;
    },
    view: ({ email }) => `removed agent ${email}`,
  });
}

function notifyOption() {
  return option('--notify <which>', `mail him about messages: ${listed(AGENT_NOTIFY)} (default: assigned)`, readNotify);
}

/** A new link, if there is a page that it can lead to. */
async function linked({ store, loaded }: StoreCall<object>, who: string, account: string): Promise<Linked> {
  const { signInSettings } = await import('../../config/settings.js');
  const { web, mails, envelopeSender } = signInSettings(loaded.config);
  if (web === null) return { link: null, expires_at: null, mailed: null };
  const link = await store.newSignInLink(who, { knownTo: 'operator' });
  const made = { link: signInUrl(web, link.secret), expires_at: link.expires_at };
  if (!mails) return { ...made, mailed: null };
  const mailed = await mailSignInLink(store, link, { account, web, envelopeSender, now: Date.now() });
  await hintWithoutDaemon(loaded);
  return { ...made, mailed };
}

function linkView({ link, expires_at, mailed }: Linked): string {
  if (link === null || expires_at === null) return '';
  const mail = mailed === null ? '' : `; on its way to him as ${mailed}`;
  // In one piece, so that it can be copied.
  return `${link}\ngood once, until ${timeText(expires_at)}${mail}`;
}

function warnOfPage({ link }: Linked): void {
  if (link === null) {
    warn(
      'there is no page where he could sign in: set web.listen, and web.public_url unless it is on loopback; `replyd agent link` makes the link then',
    );
  }
}

function onlyAccount({ email, accounts }: AgentProfile): string {
  if (accounts.length > 1) {
    const names = listed(accounts.map(each => each.account));
    throw new ReplydError('invalid', `${email} belongs to several accounts (${names}): say which with --account`);
  }
  return accounts[0]!.account;
}

function profileView(agent: AgentProfile): string {
  return factsOf(
    agent,
    agent.accounts.map(each => [each.account, placeText(each)]),
  );
}

function factsOf(agent: Agent | AgentProfile, places: readonly (readonly [string, string])[]): string {
  return facts([
    ['agent', `${agent.name} <${agent.email}>`],
    ['state', stateOf(agent)],
    ...(agent.suspended === null ? [] : [['not notified', suspensionText(agent.suspended)] as const]),
    ...places.map(([account, text], index) => [index === 0 ? 'accounts' : '', `${account} (${text})`] as const),
    ['id', agent.id],
  ]);
}

function placeText({ role, notify }: { readonly role: AgentRole; readonly notify: AgentNotify }): string {
  return `${role}, notify ${notify}`;
}

function suspensionText({ since, reason }: NonNullable<Agent['suspended']>): string {
  return `since ${timeText(since)}: ${reason}`;
}

function stateOf({ state, has_password }: Pick<Agent, 'state' | 'has_password'>): string {
  return state === 'on' && !has_password ? 'no password yet' : state;
}
