/**
 * Rules between keys: files that belong together, listeners that overlap, doors that could not work. With a fault the
 * daemon does not start; an oddity is a warning.
 *
 * Pure: it looks at the values alone. The doctor tries whether a file is there, a port is free or a host answers.
 */

import { ipVersion, listenConflict } from '../base/place.js';
import { secretKeyOf } from '../ingress/providers/list.js';
import { type Config, type KeyName, readKey } from './keys.js';
import { openProviders } from './providers.js';

/** `keys`: the first is the one to change, the others are part of the reason. It may be a variable of another program. */
export interface Finding {
  readonly keys: readonly [KeyName, ...KeyName[]];
  readonly reason: string;
}

/** Why this configuration cannot work; empty when it can. */
export function findFaults(config: Config): readonly Finding[] {
  return [...missingKeys(config), ...ingressFaults(config), ...webFaults(config), ...listenFaults(config)];
}

/** What works, but probably not as the operator means it. */
export function findOddities(config: Config): readonly Finding[] {
  const { outbound, ingress, smtp, web } = config;
  const found: (Finding | false | undefined)[] = [
    outbound.transport === 'file' &&
      outbound.host !== null && {
        keys: ['outbound.transport', 'outbound.host'],
        reason: 'is "file": mails are written to data_dir/sent and outbound.host is not used; "smtp" sends them',
      },
    outbound.tls === 'implicit' &&
      outbound.port !== 465 &&
      [25, 587].includes(outbound.port) && {
        keys: ['outbound.tls', 'outbound.port'],
        reason: `is "implicit", but port ${outbound.port} usually begins in clear; 465 is the port for it, "required" the word for STARTTLS`,
      },
    outbound.password !== null &&
      ['none', 'opportunistic'].includes(outbound.tls) &&
      !isLoopback(outbound.host) && {
        keys: ['outbound.tls', 'outbound.password'],
        reason: `is "${outbound.tls}": outbound.password can be read on the way; use "required" or "implicit"`,
      },
    ingress.listen !== null &&
      openProviders(config).length === 0 && {
        keys: ['ingress.listen'],
        reason: 'opens a listener without a door: no ingress.*.password or key is set',
      },
    web.publicUrl !== null &&
      web.listen === null && {
        keys: ['web.public_url', 'web.listen'],
        reason: 'is the address of a page that nothing serves: set web.listen',
      },
    web.publicUrl?.startsWith('http:') &&
      !isLoopback(new URL(web.publicUrl).hostname.replace(/^\[(.*)\]$/, '$1')) && {
        keys: ['web.public_url'],
        reason: 'is not encrypted: passwords of agents can be read on the way; use https',
      },
    smtp.trustedNetworks.some(network => network.endsWith('/0')) && {
      keys: ['smtp.trusted_networks'],
      reason: 'trusts the whole internet: no limits, and everybody can forge Authentication-Results',
    },
  ];
  return found.filter(finding => finding !== false && finding !== undefined);
}

/** Keys that are of no use without another. */
const NEEDS: readonly (readonly [given: KeyName, missing: KeyName])[] = [
  ['tls.certificate', 'tls.key'],
  ['tls.key', 'tls.certificate'],
  ['outbound.username', 'outbound.password'],
  ['outbound.password', 'outbound.username'],
];

function missingKeys(config: Config): Finding[] {
  const faults: Finding[] = NEEDS.filter(
    ([given, missing]) => readKey(config, given) !== null && readKey(config, missing) === null,
  ).map(([given, missing]) => ({ keys: [missing, given], reason: `is missing: ${given} needs it` }));
  if (config.outbound.transport === 'smtp' && config.outbound.host === null) {
    const reason = 'is missing: outbound.transport "smtp" needs it';
    faults.push({ keys: ['outbound.host', 'outbound.transport'], reason });
  }
  return faults;
}

function ingressFaults(config: Config): Finding[] {
  const { http, ingress } = config;
  const open = openProviders(config);
  const faults: Finding[] = [];
  if (open[0] !== undefined && http.listen === null && ingress.listen === null) {
    faults.push({
      keys: [secretKeyOf(open[0]), 'http.listen', 'ingress.listen'],
      reason: 'opens a door, but nothing listens: set ingress.listen or http.listen',
    });
  }
  for (const provider of open) {
    if (!('signsAddress' in provider) || http.publicUrl !== null) continue;
    const key = secretKeyOf(provider);
    const reason = `is missing: ${provider.title} signs the address it posts to, its door (${key}) needs it`;
    faults.push({ keys: ['http.public_url', key], reason });
  }
  return faults;
}

/** Passwords and sessions of agents go over it. */
function webFaults({ web }: Config): Finding[] {
  if (web.publicUrl !== null && new URL(web.publicUrl).pathname !== '/') {
    const reason = 'must have no path: the page is at the root of a host of its own';
    return [{ keys: ['web.public_url'], reason }];
  }
  if (web.listen === null || isLoopback(web.listen.host) || web.publicUrl?.startsWith('https:')) return [];
  const reason = `must begin with https: web.listen "${web.listen.host}" can be reached from elsewhere, and passwords could be read on the way`;
  return [{ keys: ['web.public_url', 'web.listen'], reason }];
}

function listenFaults(config: Config): Finding[] {
  const { smtp, lmtp, http, ingress, web } = config;
  const all = Object.entries({
    'smtp.listen': smtp.listen,
    'lmtp.listen': lmtp.listen,
    'http.listen': [http.listen],
    'ingress.listen': [ingress.listen],
    'web.listen': [web.listen],
  }).flatMap(([key, places]) =>
    places.flatMap(listen => (listen?.kind === 'tcp' ? [{ key: key as KeyName, listen }] : [])),
  );
  return all.flatMap((later, at) =>
    all.slice(0, at).flatMap((earlier): Finding[] => {
      const reason = listenConflict(earlier.listen, later.listen);
      return reason === null ? [] : [{ keys: [later.key, earlier.key], reason: `${reason} (${earlier.key})` }];
    }),
  );
}

export function isLoopback(host: string | null): boolean {
  return (
    host !== null && (host === 'localhost' || host === '::1' || (ipVersion(host) === 4 && host.startsWith('127.')))
  );
}
