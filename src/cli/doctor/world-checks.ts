/**
 * What `replyd doctor` checks outside of this machine: certificate, DNS of inbound domains and support addresses,
 * smarthost, providers, clients, clock. Each check returns findings and never throws; each query has its own time limit.
 *
 * DNS comes in from outside as a `Resolver`. "No such record" and "no answer" differ: the first is a fault of the
 * operator's zone, the second means that nothing is known.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import { faultText } from '../../base/errors.js';
import { parseNetworks } from '../../base/network.js';
import type { Config } from '../../config/keys.js';
import { openProviders, secretsOf } from '../../config/providers.js';
import type { Account, DkimKey, MailRecord } from '../../conversation/model.js';
import type { Store } from '../../conversation/store.js';
import { timeText } from '../terminal/render.js';
import { type Finding, failed, ok, warning } from './checks.js';
import { trySmarthost } from './smarthost.js';

/** The part of node:dns that is asked. Rejects with `code` ENOTFOUND or ENODATA where there is nothing. */
export interface Resolver {
  resolveMx(name: string): Promise<readonly { readonly exchange: string; readonly priority: number }[]>;
  resolveTxt(name: string): Promise<readonly (readonly string[])[]>;
  resolve4(name: string): Promise<readonly string[]>;
  resolve6(name: string): Promise<readonly string[]>;
}

const DAY = 86_400_000;
const LATEST_MAILS = 500;
const MOST_DOMAINS = 50;

/** All of them, one after the other; queries about several domains go out together. */
export async function* examineWorld(config: Config, store: Store, resolver: Resolver): AsyncGenerator<Finding> {
  const now = Date.now();
  const latest = await store.mails({ limit: LATEST_MAILS });
  yield checkClock(latest[0], now);
  if (config.smtp.listen.length > 0) yield* checkCertificate(config, now);
  yield checkClients(config, latest);
  yield* checkProviders(config, await store.mails({ state: 'refused', limit: LATEST_MAILS }), now);
  const accounts = await store.accounts();
  if (config.outbound.transport === 'smtp') yield await checkSmarthost(config, accounts);
  const at = { resolver, name: config.smtp.hostname ?? hostname(), addresses: ownAddresses() };
  const domains = [...new Set(accounts.flatMap(account => account.domains))].filter(domain => !isReserved(domain));
  yield* await Promise.all(domains.slice(0, MOST_DOMAINS).map(domain => checkInboundDomain(domain, at)));
  const sending = accounts.filter(({ support_email }) => !isReserved(domainOf(support_email))).slice(0, MOST_DOMAINS);
  const options = { resolver, envelopeSender: config.outbound.envelopeSender };
  const keys = await store.dkimKeys();
  for (const findings of await Promise.all(
    sending.map(account => checkSupportAddress(account, { ...options, keys: keysFor(account, keys) })),
  )) {
    yield* findings;
  }
  yield* await Promise.all(keys.filter(key => key.state === 'signs').map(key => checkSigningKey(key, resolver)));
}

/** Certificate and key fit each other, the name we greet with, and today. */
export function checkCertificate(config: Config, now: number): readonly Finding[] {
  const { certificate, key } = config.tls;
  if (!certificate || !key) {
    const advice = 'set tls.certificate and tls.key for strangers on port 25';
    return [warning('certificate', 'none: STARTTLS is not offered', advice)];
  }
  const advice = 'renew it, then `systemctl reload replyd` or SIGHUP';
  try {
    const cert = new X509Certificate(readFileSync(certificate));
    const found: Finding[] = [];
    if (!cert.checkPrivateKey(createPrivateKey(readFileSync(key)))) {
      found.push(
        failed('certificate', `${key} is not the key of ${certificate}`, 'set tls.key to the key it was made with'),
      );
    }
    const [from, to] = [Date.parse(cert.validFrom), Date.parse(cert.validTo)];
    const days = Math.floor((to - now) / DAY);
    if (now < from) found.push(failed('certificate', `valid only from ${timeText(from)}`, 'is the clock right?'));
    else if (now > to) found.push(failed('certificate', `ran out on ${timeText(to)}`, advice));
    else if (days < 14) found.push(warning('certificate', `runs out in ${days} days`, advice));
    const name = config.smtp.hostname ?? hostname();
    if (cert.checkHost(name) === undefined) {
      const names = cert.subjectAltName ?? cert.subject;
      found.push(warning('certificate', `is not for ${name}, but for ${names}`, 'set smtp.hostname to a name in it'));
    }
    return found.length > 0 ? found : [ok('certificate', `fits its key and ${name}, valid for ${days} days`)];
  } catch (error) {
    const files = 'tls.certificate and tls.key have to be PEM files the daemon can read';
    return [failed('certificate', faultText(error), files)];
  }
}

/** The MX of an inbound domain leads to this machine, or to a front MTA. */
export async function checkInboundDomain(
  domain: string,
  at: { readonly resolver: Resolver; readonly name: string; readonly addresses: readonly string[] },
): Promise<Finding> {
  const check = 'inbound domain';
  const mx = await asked(() => at.resolver.resolveMx(domain));
  if (mx === 'no answer') return noAnswer(check, domain);
  const hosts =
    mx === 'nothing' ? [domain] : [...mx].sort((a, b) => a.priority - b.priority).map(each => each.exchange);
  if (hosts.some(host => host === '' || host === '.')) {
    return failed(check, `${domain} takes no mail: its MX is "."`, `let its MX be ${at.name}`);
  }
  const found: string[] = [];
  for (const host of hosts.slice(0, 4)) {
    if (same(host, at.name) && mx !== 'nothing') return ok(check, `${domain}: its MX is ${host}`);
    for (const look of [at.resolver.resolve4, at.resolver.resolve6] as const) {
      const addresses = await asked(() => look.call(at.resolver, host));
      if (typeof addresses !== 'string') found.push(...addresses);
    }
  }
  if (found.length === 0) {
    const text = `${domain} has no MX that leads anywhere: replies come to nobody`;
    return failed(check, text, `add: ${domain}. MX 10 ${at.name}.`);
  }
  const via = mx === 'nothing' ? 'its address' : `its MX ${hosts[0]}`;
  if (found.some(address => at.addresses.includes(address))) {
    return ok(check, `${domain}: ${mx === 'nothing' ? `no MX, but ${via}` : via} leads here`);
  }
  const advice = 'right when that is your front MTA, provider or address translation; otherwise let it lead here';
  return warning(check, `${domain}: ${via} (${found[0]}) is not this machine`, advice);
}

/** Whether answers from the support address pass DMARC, as far as DNS shows: SPF by our envelope sender, else DKIM. */
export async function checkSupportAddress(
  account: Pick<Account, 'slug' | 'support_email' | 'domains'>,
  options: {
    readonly resolver: Resolver;
    readonly envelopeSender: string;
    /** Of its domain: replyd signs then, and `checkSigningKey` says how. */
    readonly keys?: readonly DkimKey[];
  },
): Promise<readonly Finding[]> {
  const { resolver, envelopeSender } = options;
  const support = domainOf(account.support_email);
  const check = 'support address';
  const dmarc = await dmarcOf(resolver, support);
  if (dmarc === 'no answer') return [noAnswer(check, support)];
  const policy = dmarc === 'nothing' ? null : (tag(dmarc.text, 'p') ?? 'none');
  const first =
    policy === null
      ? warning(check, `${support} has no DMARC record`, `add: _dmarc.${support}. TXT "v=DMARC1; p=none"`)
      : ok(check, `${support}: DMARC policy ${policy}`);
  const sender = domainOf(senderOf(envelopeSender, account) ?? '');
  if (sender === '') return [first];
  const txt = await asked(() => resolver.resolveTxt(sender));
  if (txt === 'no answer') return [first, noAnswer('spf', sender)];
  const records =
    txt === 'nothing' ? [] : txt.map(parts => parts.join('')).filter(text => /^v=spf1(?: |$)/i.test(text));
  const strict = dmarc !== 'nothing' && tag(dmarc.text, 'aspf') === 's';
  const aligned = same(sender, support) || (!strict && related(sender, support));
  const needsDkim = !aligned || records.length !== 1;
  const text = needsDkim
    ? `only a DKIM signature with d=${support} makes answers of ${account.slug} pass DMARC`
    : `SPF of ${sender} is aligned with ${support}; a DKIM signature with d=${support} survives forwarding, too`;
  const advice = 'the smarthost signs: send yourself an answer and look for dkim=pass and dmarc=pass in its header';
  if (options.keys !== undefined && options.keys.length > 0) return [first, checkSpf(sender, records)];
  const enforced = policy === 'reject' || policy === 'quarantine';
  const dkim = needsDkim && enforced ? warning('dkim', text, advice) : { ...ok('dkim', text), advice };
  return [first, checkSpf(sender, records), dkim];
}

function keysFor({ support_email }: Pick<Account, 'support_email'>, keys: readonly DkimKey[]): readonly DkimKey[] {
  return keys.filter(key => key.state === 'signs' && same(key.domain, domainOf(support_email)));
}

/** Whether receivers find the record of the key that signs. */
export async function checkSigningKey(key: DkimKey, resolver: Resolver): Promise<Finding> {
  const check = 'dkim';
  const { name, value } = key.record;
  const found = await asked(() => resolver.resolveTxt(name));
  if (found === 'no answer') return noAnswer(check, name);
  const advice = `put the record of \`replyd dkim list --json\` into the DNS of ${key.domain}`;
  if (found === 'nothing') return failed(check, `${name} is not in the DNS: nobody can check our signatures`, advice);
  if (!found.some(parts => parts.join('').replaceAll(/\s/g, '') === value.replaceAll(/\s/g, ''))) {
    return failed(check, `${name} in the DNS is another key: our signatures fail`, advice);
  }
  return ok(check, `replyd signs for ${key.domain} with ${key.selector}`);
}

function checkSpf(sender: string, records: readonly string[]): Finding {
  if (records.length > 1) {
    return failed('spf', `${sender} has ${records.length} SPF records: receivers take none`, 'make them one');
  }
  const [record] = records;
  if (record !== undefined) return ok('spf', `${sender}: ${record.slice(0, 200)}`);
  const text = `${sender}, the domain of the envelope sender, has no SPF record`;
  return warning('spf', text, `add: ${sender}. TXT "v=spf1 …" with the smarthost in it`);
}

/** An address as our mails have it in their envelope, by outbound.envelope_sender; undefined when there is none. */
function senderOf(
  setting: string,
  account: Pick<Account, 'support_email' | 'domains'> | undefined,
): string | undefined {
  if (setting === 'support') return account?.support_email;
  if (setting !== 'bounce') return setting;
  const domain = account?.domains[0];
  return domain && `bounce+${'0'.repeat(32)}@${domain}`;
}

/** The record of the domain, or of a domain above it (RFC 7489 6.6.3, without the public suffix list). */
async function dmarcOf(resolver: Resolver, domain: string): Promise<{ text: string } | 'nothing' | 'no answer'> {
  const labels = domain.split('.');
  for (let at = 0; at < labels.length - 1 && at < 5; at += 1) {
    const found = await asked(() => resolver.resolveTxt(`_dmarc.${labels.slice(at).join('.')}`));
    if (found === 'no answer') return found;
    const text =
      found === 'nothing' ? undefined : found.map(parts => parts.join('')).find(each => /^v=DMARC1\b/i.test(each));
    if (text !== undefined) return { text };
  }
  return 'nothing';
}

async function checkSmarthost(config: Config, accounts: readonly Account[]): Promise<Finding> {
  const { outbound, smtp } = config;
  const place = `${outbound.host}:${outbound.port}`;
  const sender = senderOf(outbound.envelopeSender, accounts[0]) ?? '';
  const { fault, tls } = await trySmarthost(outbound, sender, {
    hostname: smtp.hostname ?? hostname(),
    timeout: 10_000,
  });
  if (fault === null) {
    const how = `${tls ?? 'without TLS'}${outbound.username ? ', login' : ''}`;
    const state = tls === null && outbound.username ? warning : ok;
    return state('smarthost', `${place} takes <${sender}> (${how})`);
  }
  const advice = {
    connection: 'check outbound.host, outbound.port and the firewall',
    tls: 'check outbound.tls (port 465 wants "implicit") and the name in its certificate',
    login: 'check outbound.username and outbound.password',
    sender: 'let it accept that sender, or set outbound.envelope_sender = "support"',
  }[fault.step];
  const step = fault.step === 'sender' ? `MAIL FROM:<${sender}>` : fault.step;
  return failed('smarthost', `${place}, at ${step}: ${fault.text}`, advice);
}

/** What each provider's door is set to, and what was refused there lately. */
export function checkProviders(config: Config, refused: readonly MailRecord[], now: number): readonly Finding[] {
  const { http, smtp } = config;
  const base = http.publicUrl ?? 'https://…';
  return openProviders(config).flatMap(({ name: door, paths }): readonly Finding[] => {
    const recent = refused.filter(mail => mail.door === door && now - Date.parse(mail.received_at) < 7 * DAY);
    const url = `${base.replace(/\/$/, '')}${paths[0]}`;
    const [latest] = recent;
    if (latest !== undefined) {
      const text = `${recent.length} mails refused within a week, the latest: ${latest.reason ?? 'no reason'}`;
      const advice = `see \`replyd mail show ${latest.id}\`; does its route send other mail than that of our domains?`;
      return [warning(`posts ${door}`, text, advice)];
    }
    if (http.publicUrl === null) {
      return [warning(`posts ${door}`, 'open, but http.public_url is not set', 'set it to what the provider posts to')];
    }
    const { length: count } = secretsOf(config)[door];
    const old = count > 1 ? `; ${count} secrets count` : '';
    return [ok(`posts ${door}`, `${url}, mails up to ${Math.floor(smtp.maxSize / 1024 / 1024)} MiB${old}`)];
  });
}

const MANY = 20;
const MOST = 0.6;

/** One untrusted address that brings most mail is a front MTA that should be trusted. */
export function checkClients(config: Config, mails: readonly MailRecord[]): Finding {
  const trusted = parseNetworks(config.smtp.trustedNetworks);
  const direct = mails.filter(mail => mail.client !== null && (mail.door === 'smtp' || mail.door === 'lmtp'));
  const counts = new Map<string, number>();
  for (const { client } of direct) counts.set(client!, (counts.get(client!) ?? 0) + 1);
  const [first] = [...counts].sort((a, b) => b[1] - a[1]);
  if (first && direct.length >= MANY && first[1] / direct.length >= MOST && !trusted(first[0])) {
    const text = `${first[0]} brought ${first[1]} of the latest ${direct.length} mails and is a stranger: limits and greeting delay hold it up`;
    return warning('clients', text, 'if it is your front MTA or mail filter, add it to smtp.trusted_networks');
  }
  return ok('clients', `no stranger brings most mail (${direct.length} looked at)`);
}

const SKEW = 60_000;

/** Time must not run behind what is stored: ids, retries and events go by it. */
export function checkClock(latest: MailRecord | undefined, now: number): Finding {
  const behind = latest === undefined ? 0 : Date.parse(latest.received_at) - now;
  const text = timeText(now);
  if (behind <= SKEW) return ok('clock', text);
  const found = `${text} is ${Math.round(behind / 1000)} s before the latest mail in the store`;
  return failed('clock', found, 'let chrony or systemd-timesyncd set it');
}

/** Names that no zone holds (RFC 2606, RFC 6761): a query for them is useless. */
export function isReserved(domain: string): boolean {
  return /(?:^|\.)(?:test|example|invalid|localhost|local|internal|example\.(?:com|net|org))$/.test(domain);
}

function ownAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap(each => (each ?? []).map(({ address }) => address));
}

async function asked<T>(look: () => Promise<T>): Promise<T | 'nothing' | 'no answer'> {
  try {
    const found = await look();
    return Array.isArray(found) && found.length === 0 ? 'nothing' : found;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOTFOUND' || code === 'ENODATA' ? 'nothing' : 'no answer';
  }
}

function noAnswer(check: string, name: string): Finding {
  return warning(check, `${name}: the name server gives no answer`, 'look at /etc/resolv.conf, then run doctor again');
}

function tag(record: string, name: string): string | null {
  const parts = record.split(';').map(part => part.trim().split(/\s*=\s*/));
  return parts.find(([key]) => key?.toLowerCase() === name)?.[1]?.toLowerCase() ?? null;
}

function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1).toLowerCase();
}

function same(a: string, b: string): boolean {
  return a.replace(/\.$/, '').toLowerCase() === b.replace(/\.$/, '').toLowerCase();
}

/** One stands under the other, which is what relaxed alignment comes to for names of one owner. */
function related(a: string, b: string): boolean {
  return a.endsWith(`.${b}`) || b.endsWith(`.${a}`);
}
