/**
 * `replyd account …`: tenants. `add` and `set` warn about addresses that will not work in practice: answers from a
 * free-mail address fail DMARC, and an inbound domain outside the support address's domain is not aligned with it.
 */
import type { Command } from 'commander';
import type { Config } from '../../config/keys.js';
import type { Account } from '../../conversation/model.js';
import { blockEntry } from '../../conversation/rules/blocked.js';
import type { Store } from '../../conversation/store.js';
import { CC_POLICIES, CHANNELS, FEATURES } from '../../conversation/vocabulary.js';
import { usageError } from '../errors.js';
import { collect, given, listed, oneOf, quoted, readAddress, readDuration, readPairs } from '../readers.js';
import { confirmRemoval, type Yes, yesOption } from '../terminal/confirm.js';
import { accountView } from '../terminal/render.js';
import { table } from '../terminal/table.js';
import { warn } from '../terminal/terminal.js';
import { defineStoreVerb, option, required, type StoreCall } from '../verb.js';

/** Reads a setting. */
const SETTINGS: Readonly<Record<string, (value: string) => unknown>> = {
  delay: value => readDuration('delay', value),
  context: value => readCount('context', value),
  history: value => readCount('history', value),
  cc_policy: oneOf('cc_policy', CC_POLICIES),
  channels_off: value => readList(value).map(oneOf('channel', CHANNELS)),
  subject_template: String,
  intro: String,
  footer: String,
  locale(value) {
    if (/^[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*$/.test(value)) return value;
    throw usageError(`${quoted(value)} is no locale: use one such as en or de`);
  },
  blocked: readPlaces,
  forwarders(value) {
    const entries = readPlaces(value);
    const free = entries.find(entry => FREE_MAIL.has(entry));
    if (free !== undefined) throw usageError(`anybody can have an address at ${free}: name the team's addresses there`);
    return entries;
  },
};

/** Messages that a mail carries: as many as `continuity.context` and `continuity.history` take. */
function readCount(name: string, value: string): number {
  if (/^(?:\d{1,2}|100)$/.test(value)) return Number(value);
  throw usageError(`${name} is a number of messages from 0 to 100, not ${quoted(value)}`);
}

/** Addresses and domains. */
function readPlaces(value: string): readonly string[] {
  return readList(value).map(entry => {
    const read = blockEntry(entry);
    if (read === null) throw usageError(`${quoted(entry)} is no address and no domain`);
    return read;
  });
}

const KEYS = ['name', 'support_email', 'domains', ...Object.keys(SETTINGS)];

export function defineAccount(group: Command): void {
  defineStoreVerb(group.command('add <slug>'), {
    does: 'add a tenant',
    examples: [
      'account add acme --domain in.acme.example --support-email help@acme.example',
      'account add acme --domain in.acme.example --support-email help@acme.example --name "Acme Support" --json',
    ],
    more: "The inbound domain is where replies come in; its MX must lead to replyd. It is best a subdomain of the support address's domain. Several accounts may share one.",
    options: [
      option('--domain <domain>', 'inbound domain, may be given several times', collect),
      required('--support-email <address>', 'the address that customers know, the From of every mail', readAddress),
      option('--name <name>', 'the name that customers read (default: the slug)'),
    ],
    create: true,
    run(
      { store, loaded, options }: StoreCall<{ domain?: readonly string[]; supportEmail: string; name?: string }>,
      slug,
    ) {
      const { domain, supportEmail, name } = options;
      const domains = domain ?? proposedDomains(loaded.inboundDomain);
      return store.addAccount({ slug, support_email: supportEmail, domains, ...given({ name }) });
    },
    view: accountView,
    after: warnOfAddresses,
  });

  defineStoreVerb(group.command('list'), {
    does: 'list the accounts',
    examples: ['account list', 'account list --json'],
    run: ({ store }) => store.accounts(),
    view: accounts =>
      table(accounts, [
        { title: 'account', of: account => account.slug },
        { title: 'name', of: account => account.name, shrinks: true },
        { title: 'support address', of: account => account.support_email, shrinks: true },
        { title: 'domains', of: account => account.domains.join(' '), shrinks: true },
        { title: 'inbound', of: account => (account.features.inbound_emails ? 'on' : 'off') },
      ]),
    none: 'no accounts yet: `replyd account add --help` shows how to add one',
  });

  defineStoreVerb(group.command('show <slug>'), {
    does: 'show an account',
    examples: ['account show acme', 'account show acme --json'],
    run: ({ store }, slug) => store.account(slug),
    view: accountView,
  });

  defineStoreVerb(group.command('set <slug> <pairs...>'), {
    does: 'change settings, each as KEY=VALUE',
    examples: [
      'account set acme name="Acme Support" support_email=help@acme.example',
      'account set acme domains=in.acme.example,in.acme.test',
      'account set acme delay=10m context=5 history=3 locale=de',
      'account set acme blocked=spammer@example.net,offers.example',
      'account set acme channels_off=whatsapp,twilio_sms footer=',
      'account set acme forwarders=acme.example,ann@partner.example',
    ],
    more: [
      `Keys: ${listed(KEYS)}.`,
      'An empty value goes back to the default. Lists are written with commas.',
      'cc_policy: whether those whom customers put into Cc get the answers (carry), are suggested (suggest), or neither (never).',
      'history: how many earlier messages each mail quotes behind the first, which carries context.',
      'blocked: addresses and domains (with their subdomains) whose mail is refused.',
      'forwarders: addresses and domains (without their subdomains) of the team, for forwarded_mail.',
    ].join('\n'),
    run: async ({ store }, slug, ...pairs) => store.setAccount(slug, readChange(readPairs(pairs, KEYS))),
    view: accountView,
    after(account, { command }) {
      const changed = readPairs(command.args.slice(1), KEYS);
      if ('support_email' in changed || 'domains' in changed) warnOfAddresses(account);
    },
  });

  for (const on of [true, false]) {
    const word = on ? 'enable' : 'disable';
    defineStoreVerb(group.command(`${word} <slug> <feature>`), {
      does: `switch a feature ${on ? 'on' : 'off'}`,
      examples: [`account ${word} acme inbound_emails`, `account ${word} acme hold_strangers --json`],
      more: [
        'inbound_emails     replies by mail are taken (on when an account has a domain)',
        'new_conversations  mail to the forwarding address may open a conversation',
        'hold_strangers     mail of unknown writers waits for `message release`',
        'forwarded_mail     mail that the team forwards opens a conversation with who wrote it',
        'agent_mail         agents are told by mail what is written, and answer by mail (docs/agent-mail.md)',
      ].join('\n'),
      async run({ store, loaded }, slug, feature) {
        const account = await store.setFeature(slug, oneOf('feature', FEATURES)(feature), on);
        if (on && feature === 'forwarded_mail') warnOfForwards(account, loaded.config.auth);
        if (on && feature === 'agent_mail') warnOfAgentMail(account, loaded.config.auth);
        return account;
      },
      view: accountView,
    });
  }

  defineStoreVerb(group.command('remove <slug>'), {
    does: 'remove an account with everything in it',
    examples: ['account remove acme', 'account remove acme --yes'],
    options: [yesOption()],
    async run({ store, options }: StoreCall<Yes>, slug) {
      const account = await store.account(slug);
      await confirmRemoval(`account ${slug} with all its conversations`, options);
      await store.removeAccount(slug);
      return account;
    },
    view: ({ slug }) => `removed account ${slug}`,
  });
}

function proposedDomains(domain: string | null): readonly string[] {
  if (domain === null) return [];
  warn(`taking the inbound domain ${domain} from $MAILER_INBOUND_EMAIL_DOMAIN`);
  return [domain];
}

function warnOfAddresses(account: Account): void {
  for (const warning of addressWarnings(account)) warn(warning);
}

/** What keeps forwards from counting, though they are wanted. */
function warnOfForwards({ slug, features, settings }: Account, auth: Config['auth']): void {
  warnOfProof(auth, 'no forward will count');
  if (!features.new_conversations)
    warn(`mail opens no conversation of ${slug}: \`replyd account enable ${slug} new_conversations\``);
  if ((settings.forwarders ?? []).length === 0)
    warn(
      `so far only forwards from the support address count: name the team's addresses or domains with ` +
        `\`replyd account set ${slug} forwarders=…\``,
    );
}

/** Says what keeps agents from answering by mail. */
function warnOfAgentMail({ slug, features }: Account, auth: Config['auth']): void {
  warnOfProof(auth, 'each answer of an agent will be held unless his connection proves it');
  if (!features.inbound_emails) {
    warn(`${slug} takes no mail, so nobody is notified: \`replyd account enable ${slug} inbound_emails\``);
  }
}

function warnOfProof(auth: Config['auth'], so: string): void {
  if (auth.verify !== 'never' || auth.authservId.length > 0) return;
  warn(`nothing proves who sent a mail, so ${so}: set auth.verify = "when_missing", or auth.authserv_id`);
}

function readChange(pairs: Readonly<Record<string, string>>): Parameters<Store['setAccount']>[1] {
  const { name, support_email, domains, ...settings } = pairs;
  for (const [key, value] of Object.entries({ name, support_email })) {
    if (value === '') throw usageError(`${key} can't be empty`);
  }
  return {
    ...given({ name, support_email, domains: domains === undefined ? undefined : readList(domains) }),
    // Undefined takes a setting away: the store keeps settings as JSON.
    settings: Object.fromEntries(
      Object.entries(settings).map(([key, value]) => [key, value === '' ? undefined : SETTINGS[key]!(value)]),
    ),
  };
}

function readList(value: string): readonly string[] {
  return value.split(/[\s,]+/).filter(word => word !== '');
}

/** Domains where anybody can have an address and whose DMARC policy forbids others to send for them. */
const FREE_MAIL = new Set(
  `gmail.com googlemail.com yahoo.com yahoo.co.uk yahoo.de yahoo.fr yahoo.co.jp ymail.com rocketmail.com aol.com aim.com
  hotmail.com hotmail.co.uk hotmail.de hotmail.fr outlook.com outlook.de live.com msn.com icloud.com me.com mac.com
  gmx.de gmx.net gmx.at gmx.ch gmx.com web.de t-online.de freenet.de mail.com mail.ru inbox.ru list.ru bk.ru yandex.ru
  yandex.com ya.ru rambler.ru qq.com 163.com 126.com sina.com naver.com daum.net hanmail.net proton.me protonmail.com
  pm.me tutanota.com tuta.com fastmail.com zoho.com orange.fr wanadoo.fr free.fr laposte.net sfr.fr libero.it virgilio.it
  alice.it tin.it wp.pl o2.pl onet.pl interia.pl seznam.cz centrum.cz ukr.net rediffmail.com uol.com.br bol.com.br
  comcast.net verizon.net att.net sbcglobal.net cox.net btinternet.com`.split(/\s+/),
);

/** What about an account's addresses will cause trouble later, one line each. */
export function addressWarnings(account: Pick<Account, 'slug' | 'support_email' | 'domains'>): readonly string[] {
  const support = account.support_email.slice(account.support_email.lastIndexOf('@') + 1);
  if (FREE_MAIL.has(support)) {
    return [
      `${account.support_email} is a free-mail address: ${support} lets nobody else send for it (DMARC), so answers ` +
        `will be refused or land in spam. Use an address of your own domain: ` +
        `\`replyd account set ${account.slug} support_email=help@your-domain.example\``,
    ];
  }
  return account.domains
    .filter(domain => domain !== support && !domain.endsWith(`.${support}`))
    .map(
      domain =>
        `the inbound domain ${domain} is not under ${support}, the domain of the support address: replies will go to ` +
        `a domain that customers don't know and DMARC doesn't align. Better: reply.${support}, or another subdomain`,
    );
}
