/**
 * `replyd doctor`: runs the checks one after the other and prints each finding at once: ✔ fine, ! worth knowing, ✘ wrong,
 * with what to do. Ends with 1 when anything is wrong. A check never changes the store, apart from the probe mail,
 * whose account is removed again.
 */
import { createRequire } from 'node:module';
import type { Command } from 'commander';
import { errorText, faultText, insiderText, isAway, isReplydError } from '../../base/errors.js';
import type { Config } from '../../config/keys.js';
import { keysNotInForce, readListening } from '../../config/listening.js';
import type { LoadedConfig } from '../../config/load.js';
import { nodeConfiguration } from '../../config/nodes.js';
import type { OpenStore } from '../../store/assembled.js';
import { loadSettings, openDirectly, storeIsMissing } from '../context.js';
import { EXIT_FAILED, usageError } from '../errors.js';
import { becomeOwner, checkAccess, ownerOf } from '../owner.js';
import { quoted } from '../readers.js';
import { columns, print, printJson, styled } from '../terminal/terminal.js';
import { oneLine, pad, wrap } from '../terminal/text.js';
import { defineVerb, type Json, jsonOption, option } from '../verb.js';
import * as machine from './checks.js';
import { type Finding, failed, ok, warning } from './checks.js';
import { checkDatabase, checkNodes } from './database-checks.js';
import { examineWorld, type Resolver } from './world-checks.js';

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
    const report = (finding: Finding) => {
      if (finding.state === 'failed') process.exitCode = EXIT_FAILED;
      if (json) printJson(finding);
      else print(findingLines(finding));
    };
    await examine(command, report, await openResolver(resolver));
  });
}

async function examine(command: Command, report: (finding: Finding) => void, resolver: Resolver): Promise<void> {
  const library = createRequire(import.meta.url)('better-sqlite3/package.json') as { version: string };
  report(machine.checkNode(process.versions.node, library.version));
  let loaded: LoadedConfig;
  try {
    loaded = await loadSettings(command, { quiet: true });
  } catch (error) {
    if (!isReplydError(error, 'unavailable')) throw error;
    return report(failed('config', error.message, 'correct it; `replyd check-config` looks again'));
  }
  report(ok('config', loaded.file ?? 'no file: defaults and environment'));
  for (const text of loaded.warnings) report(warning('config', text));
  const { config } = loaded;
  const { dataDir } = config;
  try {
    becomeOwner(dataDir);
    // A machine without a daemon, which only has commands for a database, needs no folder.
    const isNode = loaded.store.kind === 'sqlite' || ownerOf(dataDir) !== null;
    if (loaded.store.kind === 'sqlite' && (await storeIsMissing(loaded))) {
      const advice = 'run `replyd init`, or start `replyd serve`';
      return report(failed('data directory', `there is no store in ${dataDir}`, advice));
    }
    if (isNode) checkAccess(dataDir);
    if (isNode)
      for (const finding of [...machine.checkDataDirectory(config), ...machine.checkDoors(config)]) report(finding);
    for await (const finding of examineStore(loaded, resolver)) report(finding);
  } catch (error) {
    report(failed('data directory', errorText(error)));
  }
}

async function* examineStore(loaded: LoadedConfig, resolver: Resolver): AsyncGenerator<Finding> {
  const { config } = loaded;
  const { lockHolder } = await import('../../store/sqlite/lock.js');
  const lock = lockHolder(config.dataDir);
  const listening = lock.held ? readListening(config.dataDir) : null;
  yield lock.held
    ? ok('daemon', `runs${lock.pid === null ? '' : ` (process ${lock.pid})`}`)
    : warning('daemon', 'does not run', 'start it: `systemctl start replyd`, or `replyd serve`');
  const pending = listening === null ? [] : [...checkInForce(config)];
  yield* pending;
  if (loaded.store.kind === 'postgres') {
    const findings = await checkDatabase(loaded.store);
    yield* findings;
    if (findings[0]?.state === 'failed') return;
  }
  let store: OpenStore | undefined;
  try {
    store = await openDirectly(loaded, false);
    const { accounts = 0, conversations = 0 } = await store.stats();
    yield ok('store', `schema fits; accounts: ${accounts}, conversations: ${conversations}`);
    if (accounts === 0)
      yield warning('accounts', 'there are none yet', '`replyd account add --help` shows how to add one');
    if (loaded.store.kind === 'postgres') yield* checkNodes(await store.nodes(), nodeConfiguration(config));
    yield await machine.checkSearch(store, { enabled: config.search.enabled, running: lock.held });
    yield* machine.checkQueue(store, config);
    if (listening !== null) {
      yield* machine.checkPortsAnswer(listening);
      if (!pending.some(({ text }) => text.includes('.listen'))) yield* machine.checkPlaces(config, listening);
    } else if (!lock.held) yield* machine.checkPortsFree(config);
    yield listening === null
      ? warning('probe mail', 'not sent: no daemon is ready to take it')
      : await machine.checkProbe(store, listening);
    yield* examineWorld(config, store, resolver);
  } catch (error) {
    yield failed('store', isAway(error) ? insiderText(error) : faultText(error));
  } finally {
    await store?.close();
  }
}

/** Does the running daemon work with what the file and the environment say? */
function* checkInForce(config: Config): Generator<Finding> {
  const { reload, restart } = keysNotInForce(config.dataDir, config);
  const text = (keys: readonly string[]) => `changed since the daemon read it: ${keys.join(', ')}`;
  if (reload.length > 0) yield warning('in force', text(reload), '`systemctl reload replyd`, or SIGHUP to the daemon');
  if (restart.length > 0) yield warning('in force', text(restart), 'restart the daemon');
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
