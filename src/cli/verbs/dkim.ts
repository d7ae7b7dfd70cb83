/**
 * `replyd dkim …`: keys that sign our mails (RFC 6376), one of a domain at a time. A key is made here and never leaves the
 * store. A new one takes over when its record is in the DNS, so that no mail is signed with a key that nobody can find.
 */
import { generateKeyPair } from 'node:crypto';
import { Resolver } from 'node:dns/promises';
import { promisify } from 'node:util';
import type { Command } from 'commander';
import { ReplydError } from '../../base/errors.js';
import type { DkimKey } from '../../conversation/model.js';
import type { Store } from '../../conversation/store.js';
import { normalizeDomain } from '../../mail/address.js';
import { usageError } from '../errors.js';
import { confirmRemoval, type Yes, yesOption } from '../terminal/confirm.js';
import { timeText } from '../terminal/render.js';
import { table } from '../terminal/table.js';
import { hint } from '../terminal/terminal.js';
import { defineStoreVerb, option, type StoreCall } from '../verb.js';

const KEY_BITS = 2048;
const ASK = { timeout: 3_000, tries: 2 };
const SELECTOR = option('--selector <name>', 'its name in the DNS (default: replyd and the date)');

export function defineDkim(group: Command): void {
  defineStoreVerb(group.command('add <domain>'), {
    does: 'make the key that signs the mails of a support domain',
    examples: ['dkim add acme.example', 'dkim add acme.example --selector support'],
    more: "It signs at once. Put the record that is printed into the domain's DNS; until it is there, receivers\ntreat the mails as not signed. Your smarthost then need not sign for this domain.",
    options: [SELECTOR],
    async run({ store, options }: StoreCall<{ selector?: string }>, name: string) {
      const domain = domainOf(name);
      if ((await store.dkimKeys(domain)).length > 0)
        throw new ReplydError('conflict', `${domain} has a key: \`replyd dkim rotate ${domain}\` makes the next one`);
      return makeKey(store, domain, options.selector);
    },
    view: recordOf,
    after: (key, { options }) => tellRecord(key, options),
  });

  defineStoreVerb(group.command('list'), {
    does: 'list the keys that sign',
    examples: ['dkim list', 'dkim list --json'],
    run: ({ store }) => store.dkimKeys(),
    view: keys =>
      table(keys, [
        { title: 'domain', of: key => key.domain, shrinks: true },
        { title: 'selector', of: key => key.selector, shrinks: true },
        { title: 'state', of: key => key.state },
        { title: 'made', of: key => timeText(key.created_at) },
      ]),
    none: 'no keys: `replyd dkim add --help` shows how to make one',
  });

  defineStoreVerb(group.command('rotate <domain>'), {
    does: 'change the key of a domain, in two steps',
    examples: ['dkim rotate acme.example', 'dkim rotate acme.example --now'],
    more: 'The first call makes the next key and prints its record; the old one goes on signing. The second call\nlooks for that record in the DNS, and lets the new key sign when it is there.',
    options: [SELECTOR, option('--now', 'let the waiting key sign without a look at the DNS')],
    async run({ store, loaded, options }: StoreCall<{ selector?: string; now?: true }>, name: string) {
      const domain = domainOf(name);
      const keys = await store.dkimKeys(domain);
      if (keys.length === 0)
        throw new ReplydError('not_found', `${domain} has no key: \`replyd dkim add ${domain}\` makes one`);
      const waiting = keys.find(key => key.state === 'waiting');
      if (waiting === undefined) return makeKey(store, domain, options.selector);
      if (options.selector !== undefined && options.selector !== waiting.selector)
        throw usageError(`${waiting.selector} waits already: remove it first, or leave --selector out`);
      if (options.now !== true) await wantRecord(waiting, loaded.config.auth.resolvers);
      return store.useDkimKey(domain, waiting.selector);
    },
    view: key => (key.state === 'waiting' ? recordOf(key) : `${key.selector} signs for ${key.domain} now`),
    after(key, { options }) {
      if (key.state === 'waiting') tellRecord(key, options);
      else if (!options.json) hint("leave the old key's record in the DNS for a week: mails are on their way");
    },
  });

  defineStoreVerb(group.command('remove <domain> <selector>'), {
    does: 'remove a key; without one, mails of the domain are not signed',
    examples: ['dkim remove acme.example replyd20261129', 'dkim remove acme.example replyd20261129 --yes'],
    options: [yesOption()],
    async run({ store, options }: StoreCall<Yes>, name: string, selector: string) {
      const domain = domainOf(name);
      const isThere = (await store.dkimKeys(domain)).some(key => key.selector === selector);
      if (isThere) await confirmRemoval(`the key ${selector} of ${domain}`, options);
      return store.removeDkimKey(domain, selector);
    },
    view: key => `removed ${key.selector} of ${key.domain}`,
  });
}

function domainOf(name: string): string {
  const domain = normalizeDomain(name);
  if (domain === null || !domain.includes('.') || domain.startsWith('['))
    throw usageError(`${name} is no domain, such as acme.example`);
  return domain;
}

async function makeKey(store: Store, domain: string, wanted: string | undefined): Promise<DkimKey> {
  if (wanted !== undefined && !/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i.test(wanted))
    throw usageError(`${wanted} is no selector: letters, digits and hyphens, 63 at most`);
  const taken = new Set((await store.dkimKeys(domain)).map(key => key.selector));
  const today = `replyd${new Date().toISOString().slice(0, 10).replaceAll('-', '')}`;
  let free = today;
  for (let number = 2; taken.has(free); number += 1) free = `${today}-${number}`;
  const { privateKey, publicKey } = await promisify(generateKeyPair)('rsa', {
    modulusLength: KEY_BITS,
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  return store.addDkimKey({
    domain,
    selector: wanted?.toLowerCase() ?? free,
    privateKey,
    publicKey: publicKey.toString('base64'),
  });
}

/** As a zone file has it: strings of 255 characters at most. */
function recordOf({ record }: DkimKey): string {
  const strings = record.value.match(/.{1,255}/g)!.map(text => `"${text}"`);
  return `${record.name}. IN TXT ( ${strings.join('\n  ')} )`;
}

function tellRecord(key: DkimKey, { json }: { readonly json?: boolean }): void {
  if (json === true) return;
  hint(
    key.state === 'waiting'
      ? `put this record into the DNS, then \`replyd dkim rotate ${key.domain}\` again`
      : 'put this record into the DNS; `replyd doctor` says when it is there',
  );
}

async function wantRecord({ domain, record }: DkimKey, servers: readonly string[]): Promise<void> {
  const resolver = new Resolver(ASK);
  if (servers.length > 0) resolver.setServers(servers);
  const found = await resolver.resolveTxt(record.name).catch((error: NodeJS.ErrnoException) => error);
  if (!(found instanceof Error) && found.some(parts => parts.join('') === record.value)) return;
  const reason =
    found instanceof Error
      ? `the DNS has no record ${record.name} (${found.code ?? found.message})`
      : `the record ${record.name} in the DNS is another one`;
  throw new ReplydError(
    'conflict',
    `${reason}: the old key of ${domain} goes on signing. \`replyd dkim list --json\` shows the record; wait until it is there, or use --now`,
  );
}
