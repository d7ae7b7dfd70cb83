/**
 * `replyd check-config`: is the configuration right, and can the daemon's user use what it names? Root becomes that user
 * first, as the daemon does. It opens neither the store nor a port.
 */
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { ReplydError, reasonText } from '../../base/errors.js';
import type { Config, KeyName } from '../../config/keys.js';
import { loadSettings } from '../context.js';
import { checkCertificate } from '../doctor/world-checks.js';
import { becomeOwner, checkAccess, ownerOf, userName } from '../owner.js';
import { facts } from '../terminal/table.js';
import { warn } from '../terminal/terminal.js';
import { defineResultVerb } from '../verb.js';

export function defineCheckConfig(verb: Command): void {
  defineResultVerb(verb, {
    does: 'check the configuration and say what is in force',
    examples: ['check-config', 'check-config -c ./config.toml', 'check-config --json'],
    more: 'Looks as the user that the daemon runs as, the owner of data_dir, whether keys, certificates and folders can be used.\nShows every key that is set, and some that are not. --json prints all keys with their values. Environment variables count too; secrets are not shown.',
    async run({ command }) {
      const { config, file, given, notices } = await loadSettings(command);
      for (const notice of notices) warn(notice);
      becomeOwner(config.dataDir);
      const user = userName(process.getuid?.() ?? 0);
      lookAtFolders(config);
      const faults = [...fileFaults('configuration', file, user), ...certificateFaults(config, user)];
      if (faults.length > 0) throw new ReplydError('unavailable', faults.join('\n'));
      lookAtCertificate(config);
      const { redactedConfig } = await import('../../config/example.js');
      return { file, user, given, values: redactedConfig(config) };
    },
    json: ({ values }) => values,
    view({ file, user, given, values }) {
      const names = (Object.keys(values) as KeyName[]).filter(key => given.has(key) || SHOWN_KEYS.includes(key));
      const keys = names.map(key => {
        const value = [values[key]].flat().join(' ');
        return [
          key,
          value === '' && !given.has(key) ? null : `${value || '(empty)'}${sourceText(given.get(key))}`,
        ] as const;
      });
      return `${facts([['configuration', file ?? 'no file: environment'], ['checked as', user], ...keys])}\nok`;
    },
  });
}

/** Shown also where nobody set them. */
const SHOWN_KEYS: readonly KeyName[] = [
  'data_dir',
  'store.url',
  'smtp.listen',
  'lmtp.listen',
  'http.listen',
  'outbound.transport',
  'outbound.host',
];

/** What stands in the file is the usual case. */
function sourceText(place: string | undefined): string {
  if (place === undefined) return ' (default)';
  return place.includes('/') ? '' : ` (${place})`;
}

/** The folders of the store and of sockets. Throws when the store's is closed. */
function lookAtFolders({ dataDir, lmtp }: Config): void {
  if (ownerOf(dataDir) === null) warn(`data_dir: ${dataDir} is not there yet: \`replyd init\` makes it`);
  else checkAccess(dataDir);
  for (const listen of lmtp.listen) {
    const folder = listen.kind === 'unix' ? path.dirname(listen.path) : null;
    const fault = folder === null ? null : faultOf(folder, constants.W_OK | constants.X_OK);
    // systemd may make it, or hand over the socket: that alone is no fault.
    if (fault !== null)
      warn(
        `lmtp.listen: ${folder}: ${reasonText(fault)}; make it for the daemon, or let \`replyd systemd\` print its unit`,
      );
  }
}

function lookAtCertificate(config: Config): void {
  if (!config.tls.certificate || !config.tls.key) return;
  for (const { state, text, advice } of checkCertificate(config, Date.now())) {
    const line = `certificate: ${text}${advice === null ? '' : `: ${advice}`}`;
    if (state === 'failed') throw new ReplydError('unavailable', line);
    if (state === 'warning') warn(line);
  }
}

function certificateFaults({ tls: { certificate, key } }: Config, user: string): string[] {
  if (!certificate || !key) return [];
  return [...fileFaults('tls.certificate', certificate, user), ...fileFaults('tls.key', key, user)];
}

function fileFaults(name: string, file: string | null, user: string): string[] {
  const fault = file === null ? null : faultOf(file, constants.R_OK);
  if (fault === null) return [];
  if (fault.code !== 'EACCES') return [`${name}: ${file}: ${reasonText(fault)}: name a PEM file that is there`];
  return [
    `${name}: ${file}: ${user}, as whom the daemon runs, may not read it: ` +
      `\`chgrp ${user} ${file}\` and \`chmod g+r\`, and let him into its folder`,
  ];
}

/** Why this process may not use it; null when it may. */
function faultOf(file: string, mode: number): NodeJS.ErrnoException | null {
  try {
    accessSync(file, mode);
    return null;
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
}
