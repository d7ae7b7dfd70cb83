/**
 * `replyd doctor`: runs the checks one after the other and prints each finding at once: ✔ fine, ! worth knowing, ✘ wrong,
 * with what to do. Ends with 1 when anything is wrong. A check never changes the store, apart from the probe mail,
 * whose account is removed again.
 */

import { createRequire } from 'node:module';
import { hostname } from 'node:os';
import type { Command } from 'commander';
import { errorText, faultText, isReplydError } from '../../base/errors.js';
import type { Config } from '../../config/keys.js';
import { readListening } from '../../config/listening.js';
import type { LoadedConfig } from '../../config/load.js';
import type { Store } from '../../conversation/store.js';
import { loadSettings, openDirectly, storeIsMissing } from '../context.js';
import { EXIT_FAILED, usageError } from '../errors.js';
import { asOwnerOf, checkAccess } from '../owner.js';
import { quoted } from '../readers.js';
import { columns, print, printJson, styled } from '../terminal/terminal.js';
import { oneLine, pad, wrap } from '../terminal/text.js';
import { defineVerb, type Json, jsonOption, option } from '../verb.js';
import {
  checkDataDirectory,
  checkDoors,
  checkNode,
  checkPortsAnswer,
  checkPortsFree,
  checkProbe,
  checkQueue,
  type Finding,
  failed,
  ok,
  warning,
} from './checks.js';
import {
  checkCertificate,
  checkClients,
  checkClock,
  checkInboundDomain,
  checkProviders,
  checkSmarthost,
  checkSupportAddress,
  isReserved,
  ownAddresses,
  type Resolver,
} from './world-checks.js';

type Report = (...findings: readonly Finding[]) => void;

export function defineDoctor(verb: Command): void {
  defineVerb(verb, {
    does: 'find out what is wrong, and say what to do',
    examples: ['doctor', 'doctor --json'],
    more: 'Looks at the configuration, the data directory, the store, the ports and the queue, sends a probe mail through the running daemon, and asks the smarthost and the name server. Ends with 1 when something is wrong.',
    options: [
      jsonOption(),
      option('--resolver <address>', 'ask this name server instead of the system’s, e.g. 9.9.9.9 or 127.0.0.1:5353'),
    ],
  }).action(async ({ json, resolver }: Json & { resolver?: string }, command: Command) => {
    const report: Report = (...findings) => {
      for (const finding of findings) {
        if (finding.state === 'failed') process.exitCode = EXIT_FAILED;
        if (json) printJson(finding);
        else print(findingLines(finding));
      }
    };
    await examine(command, report, await openResolver(resolver));
  });
}

async function examine(command: Command, report: Report, resolver: Resolver): Promise<void> {
  const library = createRequire(import.meta.url)('better-sqlite3/package.json') as { version: string };
  report(checkNode(process.versions.node, library.version));
  let loaded: LoadedConfig;
  try {
    loaded = await loadSettings(command, { quiet: true });
  } catch (error) {
    if (!isReplydError(error, 'unavailable')) throw error;
    return report(failed('config', error.message, 'correct it; `replyd check-config` looks again'));
  }
  report(ok('config', loaded.file ?? 'no file: defaults and environment'));
  report(...loaded.warnings.map(text => warning('config', text)));
  const { dataDir } = loaded.config;
  try {
    if (storeIsMissing(dataDir)) {
      const advice = 'run `replyd init`, or start `replyd serve`';
      return report(failed('data directory', `there is no store in ${dataDir}`, advice));
    }
    await asOwnerOf(dataDir, async () => {
      checkAccess(dataDir);
      report(...checkDataDirectory(loaded.config), ...checkDoors(loaded.config));
      await examineStore(loaded, report, resolver);
    });
  } catch (error) {
    report(failed('data directory', errorText(error)));
  }
}

async function examineStore(loaded: LoadedConfig, report: Report, resolver: Resolver): Promise<void> {
  const { config } = loaded;
  const { lockHolder } = await import('../../store/sqlite/lock.js');
  const lock = lockHolder(config.dataDir);
  const listening = lock.held ? readListening(config.dataDir) : null;
  report(
    lock.held
      ? ok('daemon', `runs${lock.pid === null ? '' : ` (process ${lock.pid})`}`)
      : warning('daemon', 'does not run', 'start it: `replyd serve`, or by systemd'),
  );
  let store: Store;
  try {
    store = await openDirectly(loaded, false);
  } catch (error) {
    return report(failed('store', faultText(error)));
  }
  try {
    const stats = await store.stats();
    const accounts = stats.accounts ?? 0;
    report(
      ok('store', `schema fits; accounts: ${accounts}, conversations: ${stats.conversations ?? 0}`),
      ...(accounts > 0
        ? []
        : [warning('accounts', 'there are none yet', '`replyd account add --help` shows how to add one')]),
      ...(await checkQueue(store, config)),
      ...(listening ? await checkPortsAnswer(listening) : lock.held ? [] : await checkPortsFree(config)),
      listening ? await checkProbe(store, listening) : warning('probe mail', 'not sent: no daemon is ready to take it'),
    );
    await examineWorld(loaded.config, { store, report, resolver });
  } catch (error) {
    report(failed('store', faultText(error)));
  } finally {
    await store.close();
  }
}

const LATEST = 500;

async function examineWorld(
  config: Config,
  { store, report, resolver }: { store: Store; report: Report; resolver: Resolver },
): Promise<void> {
  const now = Date.now();
  const latest = await store.mails({ limit: LATEST });
  report(checkClock(latest[0], now));
  if (config.smtp.listen.length > 0) report(...checkCertificate(config, now));
  report(
    checkClients(config, latest),
    ...checkProviders(config, await store.mails({ state: 'refused', limit: LATEST }), now),
  );
  const accounts = await store.accounts();
  if (config.outbound.transport === 'smtp') report(await checkSmarthost(config, accounts));
  const at = { resolver, name: config.smtp.hostname ?? hostname(), addresses: ownAddresses() };
  const domains = [...new Set(accounts.flatMap(account => account.domains))];
  const looked = domains.filter(domain => !isReserved(domain)).slice(0, MOST_DOMAINS);
  for (const finding of await Promise.all(looked.map(domain => checkInboundDomain(domain, at)))) report(finding);
  const sending = accounts
    .filter(({ support_email }) => !isReserved(support_email.split('@').at(-1)!))
    .slice(0, MOST_DOMAINS);
  const options = { resolver, envelopeSender: config.outbound.envelopeSender };
  for (const findings of await Promise.all(sending.map(account => checkSupportAddress(account, options)))) {
    report(...findings);
  }
}

/** A query without an answer ends after two tries of 2 s. */
async function openResolver(server: string | undefined): Promise<Resolver> {
  const { Resolver } = await import('node:dns/promises');
  const resolver = new Resolver({ timeout: 2_000, tries: 2 });
  try {
    if (server !== undefined) resolver.setServers([server]);
  } catch {
    throw usageError(`--resolver: ${quoted(server!)} is no IP address with or without a port`);
  }
  return resolver;
}

const MOST_DOMAINS = 50;
const SIGNS = { ok: ['✔', 'green'], warning: ['!', 'yellow'], failed: ['✘', 'red'] } as const;
const NAME_COLUMNS = 16;

function findingLines(finding: Finding): string {
  const [sign, style] = SIGNS[finding.state];
  const indent = ' '.repeat(NAME_COLUMNS + 2);
  const room = columns() - indent.length;
  const lines = finding.text.split('\n').flatMap(line => wrap(oneLine(line), room));
  const advice = finding.advice === null ? [] : wrap(`→ ${oneLine(finding.advice)}`, room);
  return [
    `${styled(sign, style)} ${pad(finding.check, NAME_COLUMNS)}${lines[0] ?? ''}`,
    ...lines.slice(1).map(line => indent + line),
    ...advice.map(line => indent + line),
  ].join('\n');
}
