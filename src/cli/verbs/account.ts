/**
 * `replyd account …`: tenants. `add` and `set` warn about addresses that will not work in practice: answers from a
 * free-mail address fail DMARC, and an inbound domain outside the support address's domain is not aligned with it.
 */
import type { Command } from 'commander';
import type { Account, AccountSettings } from '../../conversation/model.js';
import { blockEntry } from '../../conversation/rules/blocked.js';
import { CHANNELS, FEATURES } from '../../conversation/vocabulary.js';
import { withStore } from '../context.js';
import { usageError } from '../errors.js';
import { confirmRemoval } from '../terminal/confirm.js';
import { accountView } from '../terminal/render.js';
import { table } from '../terminal/table.js';
import { print, printJson, warn } from '../terminal/terminal.js';
import { addVerb, collect, given, jsonOption, listed, oneOf, quoted, readDuration, readPairs } from '../verb.js';

const KEYS = [
  'name',
  'support_email',
  'domains',
  'delay',
  'context',
  'channels_off',
  'subject_template',
  'intro',
  'footer',
  'locale',
  'blocked',
] as const;

interface Json {
  readonly json?: true;
}

export function defineAccount(group: Command): void {
  addVerb(group, 'add <slug>', {
    does: 'add a tenant',
    examples: [
      'account add acme --domain in.acme.example --support-email help@acme.example',
      'account add acme --domain in.acme.example --support-email help@acme.example --name "Acme Support" --json',
    ],
    more: "The inbound domain is where replies come in; its MX must lead to replyd. It is best a subdomain of the support address's domain. Several accounts may share one.",
  })
    .option('--domain <domain>', 'inbound domain, may be given several times', collect)
    .requiredOption('--support-email <address>', 'the address that customers know, the From of every mail')
    .option('--name <name>', 'the name that customers read (default: the slug)')
    .addOption(jsonOption())
    .action(
      async (
        slug: string,
        options: Json & { domain?: readonly string[]; supportEmail: string; name?: string },
        command: Command,
      ) => {
        const account = await withStore(
          command,
          ({ store, loaded }) =>
            store.addAccount({
              slug,
              support_email: options.supportEmail,
              domains: options.domain ?? proposedDomains(loaded.inboundDomain),
              ...given({ name: options.name }),
            }),
          { create: true },
        );
        showAccount(account, options);
        for (const warning of addressWarnings(account)) warn(warning);
      },
    );

  addVerb(group, 'list', { does: 'list the accounts', examples: ['account list', 'account list --json'] })
    .addOption(jsonOption())
    .action(async (options: Json, command: Command) => {
      const accounts = await withStore(command, ({ store }) => store.accounts());
      if (options.json) return accounts.forEach(printJson);
      if (accounts.length === 0) return warn('no accounts yet: `replyd account add --help` shows how to add one');
      print(
        table(accounts, [
          { title: 'account', of: account => account.slug },
          { title: 'name', of: account => account.name, shrinks: true },
          { title: 'support address', of: account => account.support_email, shrinks: true },
          { title: 'domains', of: account => account.domains.join(' '), shrinks: true },
          { title: 'inbound', of: account => (account.features.inbound_emails ? 'on' : 'off') },
        ]),
      );
    });

  addVerb(group, 'show <slug>', {
    does: 'show an account',
    examples: ['account show acme', 'account show acme --json'],
  })
    .addOption(jsonOption())
    .action(async (slug: string, options: Json, command: Command) => {
      showAccount(await withStore(command, ({ store }) => store.account(slug)), options);
    });

  addVerb(group, 'set <slug> <pairs...>', {
    does: 'change settings, each as KEY=VALUE',
    examples: [
      'account set acme name="Acme Support" support_email=help@acme.example',
      'account set acme domains=in.acme.example,in.acme.test',
      'account set acme delay=10m context=5 locale=de',
      'account set acme blocked=spammer@example.net,offers.example',
      'account set acme channels_off=whatsapp,twilio_sms footer=',
    ],
    more: `Keys: ${listed(KEYS)}.\nAn empty value goes back to the default. Lists are written with commas.\nblocked: addresses and domains (with their subdomains) whose mail is refused.`,
  })
    .addOption(jsonOption())
    .action(async (slug: string, words: readonly string[], options: Json, command: Command) => {
      const change = readChange(readPairs(words, KEYS));
      const account = await withStore(command, ({ store }) => store.setAccount(slug, change));
      showAccount(account, options);
      if (change.support_email !== undefined || change.domains !== undefined) {
        for (const warning of addressWarnings(account)) warn(warning);
      }
    });

  for (const on of [true, false]) {
    const word = on ? 'enable' : 'disable';
    addVerb(group, `${word} <slug> <feature>`, {
      does: `switch a feature ${on ? 'on' : 'off'}`,
      examples: [`account ${word} acme inbound_emails`, `account ${word} acme hold_strangers --json`],
      more: [
        'inbound_emails     replies by mail are taken (on when an account has a domain)',
        'new_conversations  mail to the forwarding address may open a conversation',
        'hold_strangers     mail of unknown writers waits for `message release`',
      ].join('\n'),
    })
      .addOption(jsonOption())
      .action(async (slug: string, feature: string, options: Json, command: Command) => {
        const known = oneOf('feature', FEATURES, feature);
        showAccount(await withStore(command, ({ store }) => store.setFeature(slug, known, on)), options);
      });
  }

  addVerb(group, 'remove <slug>', {
    does: 'remove an account with everything in it',
    examples: ['account remove acme', 'account remove acme --yes'],
  })
    .option('--yes', 'do not ask')
    .addOption(jsonOption())
    .action(async (slug: string, options: Json & { yes?: true }, command: Command) => {
      await withStore(command, async ({ store }) => {
        const account = await store.account(slug);
        if (!(await confirmRemoval(`account ${slug} with all its conversations`, { ...options, unasked: 'refuse' })))
          return;
        await store.removeAccount(slug);
        if (options.json) printJson(account);
        else print(`removed account ${slug}`);
      });
    });
}

function proposedDomains(domain: string | null): readonly string[] {
  if (domain === null) return [];
  warn(`taking the inbound domain ${domain} from $MAILER_INBOUND_EMAIL_DOMAIN`);
  return [domain];
}

function showAccount(account: Account, options: Json): void {
  if (options.json) printJson(account);
  else print(accountView(account));
}

interface AccountChange {
  name?: string;
  support_email?: string;
  domains?: readonly string[];
  settings?: AccountSettings;
}

function readChange(pairs: ReadonlyMap<string, string>): AccountChange {
  const change: AccountChange = {};
  const settings: Record<string, unknown> = {};
  for (const [key, value] of pairs) {
    switch (key) {
      case 'name':
      case 'support_email':
        if (value === '') throw usageError(`${key} can't be empty`);
        change[key] = value;
        break;
      case 'domains':
        change.domains = readList(value);
        break;
      default:
        // Undefined takes a setting away: the store keeps settings as JSON.
        settings[key] = value === '' ? undefined : readSetting(key, value);
    }
  }
  if (Object.keys(settings).length > 0) change.settings = settings as AccountSettings;
  return change;
}

function readSetting(key: string, value: string): unknown {
  switch (key) {
    case 'delay':
      return readDuration(key, value);
    case 'context':
      if (!/^\d{1,3}$/.test(value)) throw usageError(`context is a number of messages, not ${quoted(value)}`);
      return Number(value);
    case 'channels_off':
      return readList(value).map(channel => oneOf('channel', CHANNELS, channel));
    case 'blocked':
      return readList(value).map(entry => {
        const read = blockEntry(entry);
        if (read === null) throw usageError(`${quoted(entry)} is no address and no domain`);
        return read;
      });
    case 'locale':
      if (!/^[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*$/.test(value)) {
        throw usageError(`${quoted(value)} is no locale: use one such as en or de`);
      }
      return value;
    default:
      return value;
  }
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
