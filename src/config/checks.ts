/**
 * Rules between keys: files that belong together, listeners that overlap, doors that could not work. With a fault the
 * daemon does not start; an oddity is a warning.
 *
 * Pure: it looks at the values alone. The doctor tries whether a file is there, a port is free or a host answers.
 */

import { ipVersion, listenConflict } from '../base/place.js';
import { secretKeyOf } from '../ingress/providers/list.js';
import type { Provider } from '../ingress/providers/provider.js';
import type { Config, KeyName } from './keys.js';
import { openProviders } from './providers.js';

/** `keys`: the first is the one to change, the others are part of the reason. */
export interface Finding {
  readonly keys: readonly [KeyName, ...KeyName[]];
  readonly reason: string;
}

/** Why this configuration cannot work; empty when it can. */
export function findFaults(config: Config): readonly Finding[] {
  return [...tlsFaults(config), ...outboundFaults(config), ...ingressFaults(config), ...listenFaults(config)];
}

/** What works, but probably not as the operator means it. */
export function findOddities(config: Config): readonly Finding[] {
  const { outbound, ingress, smtp } = config;
  const found: (Finding | false)[] = [
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
    smtp.trustedNetworks.some(network => network.endsWith('/0')) && {
      keys: ['smtp.trusted_networks'],
      reason: 'trusts the whole internet: no limits, and everybody can forge Authentication-Results',
    },
  ];
  return found.filter(finding => finding !== false);
}

function tlsFaults({ tls }: Config): Finding[] {
  if (tls.certificate !== null && tls.key === null) {
    return [{ keys: ['tls.key', 'tls.certificate'], reason: 'is missing: tls.certificate needs it' }];
  }
  if (tls.key !== null && tls.certificate === null) {
    return [{ keys: ['tls.certificate', 'tls.key'], reason: 'is missing: tls.key needs it' }];
  }
  return [];
}

function outboundFaults({ outbound }: Config): Finding[] {
  const faults: Finding[] = [];
  if (outbound.transport === 'smtp' && outbound.host === null) {
    faults.push({
      keys: ['outbound.host', 'outbound.transport'],
      reason: 'is missing: outbound.transport "smtp" needs it',
    });
  }
  if (outbound.username !== null && outbound.password === null) {
    faults.push({ keys: ['outbound.password', 'outbound.username'], reason: 'is missing: outbound.username needs it' });
  }
  if (outbound.password !== null && outbound.username === null) {
    faults.push({ keys: ['outbound.username', 'outbound.password'], reason: 'is missing: outbound.password needs it' });
  }
  return faults;
}

function ingressFaults(config: Config): Finding[] {
  const faults: Finding[] = [];
  const open = openProviders(config);
  const keys = open.map(secretKeyOf);
  if (keys[0] !== undefined && config.http.listen === null && config.ingress.listen === null) {
    faults.push({
      keys: [keys[0], 'http.listen', 'ingress.listen'],
      reason: 'opens a door, but nothing listens: set ingress.listen or http.listen',
    });
  }
  for (const [at, { title, signsAddress }] of (open as readonly Provider[]).entries()) {
    if (!signsAddress || config.http.publicUrl !== null) continue;
    faults.push({
      keys: ['http.public_url', keys[at]!],
      reason: `is missing: ${title} signs the address it posts to, its door (${keys[at]}) needs it`,
    });
  }
  return faults;
}

function listenFaults(config: Config): Finding[] {
  const all = [
    ...config.smtp.listen.map(listen => ({ key: 'smtp.listen' as const, listen })),
    ...config.lmtp.listen.map(listen => ({ key: 'lmtp.listen' as const, listen })),
    ...(config.http.listen ? [{ key: 'http.listen' as const, listen: config.http.listen }] : []),
    ...(config.ingress.listen ? [{ key: 'ingress.listen' as const, listen: config.ingress.listen }] : []),
  ];
  const faults: Finding[] = [];
  for (const [at, later] of all.entries()) {
    for (const earlier of all.slice(0, at)) {
      if (later.listen.kind !== 'tcp' || earlier.listen.kind !== 'tcp') continue;
      const reason = listenConflict(earlier.listen, later.listen);
      if (reason !== null) faults.push({ keys: [later.key, earlier.key], reason: `${reason} (${earlier.key})` });
    }
  }
  return faults;
}

function isLoopback(host: string | null): boolean {
  return (
    host !== null && (host === 'localhost' || host === '::1' || (ipVersion(host) === 4 && host.startsWith('127.')))
  );
}
