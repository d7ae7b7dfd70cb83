/**
 * What the configuration says to each part of the program. A part has settings of its own and does not know the
 * configuration; the daemon and the command line get the settings here, so both read a key in the same way.
 *
 * Pure, but for the certificate: a PEM file that cannot be read is an `invalid` error with key, file and reason.
 */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { SignInSettings } from '../api/agents.js';
import { ReplydError, reasonText } from '../base/errors.js';
import { printListen } from '../base/place.js';
import type { DoorSettings } from '../ingress/providers/http.js';
import type { SmtpSettings } from '../ingress/smtp/smtp.js';
import type { CourierSettings } from '../outbound/courier.js';
import type { QueueOptions } from '../outbound/queue.js';
import type { StoreAddress } from '../store/opener.js';
import { type Environment, resolveAddress } from '../store/postgres/address.js';
import type { Rules } from '../store/tx.js';
import { isLoopback } from './checks.js';
import type { Config } from './keys.js';
import { secretsOf } from './providers.js';

/** Throws as `resolveAddress` does. */
export function storeAddress({ dataDir, store }: Config, env: Environment): StoreAddress {
  if (store.url === null) return { kind: 'sqlite', dataDir };
  return { kind: 'postgres', dataDir, ...store, ...resolveAddress(store.url, env) };
}

export function storeRules(config: Config): Rules {
  return {
    prefixes: config.reply.prefix,
    separator: config.reply.separator,
    delay: config.continuity.delay,
    maxSize: config.outbound.maxSize,
    responseBytes: config.limits.responseBytes,
    unfiledBytes: config.limits.unfiled,
    unfiledMails: config.limits.unfiledMails,
    operator: config.operator.address,
  };
}

/** For SMTP and LMTP. Reads the certificate. */
export function smtpSettings({ smtp, limits, tls }: Config): SmtpSettings {
  return {
    ...smtp,
    hostname: smtp.hostname ?? hostname(),
    maxRefused: limits.refusedRecipients,
    mailsPerHour: limits.mailsPerHour,
    tls:
      tls.certificate && tls.key
        ? { cert: readPem('tls.certificate', tls.certificate), key: readPem('tls.key', tls.key) }
        : undefined,
  };
}

export function providerSettings(config: Config): DoorSettings {
  return {
    maxSize: config.smtp.maxSize,
    publicUrl: config.http.publicUrl,
    trustedNetworks: config.smtp.trustedNetworks,
    unprovenBytes: config.limits.unprovenBytes,
    secrets: secretsOf(config),
  };
}

/** `sent` is for the transport `file`, `incoming` for large mails while they are signed. */
export function courierSettings(
  { outbound, smtp }: Config,
  folders: { readonly sent: string; readonly incoming: string },
): CourierSettings {
  if (outbound.transport === 'file') return { kind: 'file', folder: folders.sent };
  const named = { host: outbound.host!, hostname: smtp.hostname ?? hostname() };
  return { kind: 'smtp', ...outbound, ...named, folder: folders.incoming };
}

export function queueSettings({ outbound }: Config): Pick<QueueOptions, 'concurrency' | 'schedule'> {
  return { concurrency: outbound.connections, schedule: { waits: outbound.retry, giveUpAfter: outbound.giveUp } };
}

/** Where agents find their page; null: there is none, or only the daemon knows its port. */
export function webAddress({ web }: Config): string | null {
  if (web.listen === null) return null;
  if (web.publicUrl !== null) return web.publicUrl;
  return isLoopback(web.listen.host) && web.listen.port !== 0 ? `http://${printListen(web.listen)}` : null;
}

/** For links that agents sign in with. `bound`: where the page really listens, when any free port was asked for. */
export function signInSettings(config: Config, bound?: string): SignInSettings {
  const { transport, envelopeSender } = config.outbound;
  const web = webAddress(config) ?? (bound === undefined ? null : `http://${bound}`);
  return { web, mails: transport === 'smtp', envelopeSender };
}

function readPem(key: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new ReplydError('invalid', `${key}: cannot read ${file}: ${reasonText(error)}`, { cause: error });
  }
}
