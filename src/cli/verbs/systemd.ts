/**
 * `replyd systemd`: the unit that runs the daemon as its own user with as few rights as possible. With `--sockets` also
 * the units of sockets that systemd holds: then a restart refuses no connection, and the daemon needs no capability.
 * The units follow the configuration: its file, the data directory, the places to listen.
 *
 * It prints as `systemctl cat` does, or writes the files into a folder. It warns about what such a unit would forbid:
 * a program under /home, a host name where systemd needs an address.
 */
import path from 'node:path';
import type { Command } from 'commander';
import { ipVersion, type Listen, printListen } from '../../base/place.js';
import type { Config } from '../../config/keys.js';
import { launcher, loadSettings } from '../context.js';
import { type Door, doorsOf } from '../doors.js';
import { usageError } from '../errors.js';
import { writeOutput } from '../named-files.js';
import { quoted } from '../readers.js';
import { warn } from '../terminal/terminal.js';
import { type Call, defineResultVerb, option } from '../verb.js';

export interface Unit {
  readonly name: string;
  readonly text: string;
}

/** What the units need to know of this installation. */
export interface Installation {
  readonly user: string;
  /** The Node that runs now; the launcher finds it by PATH or in its own package. */
  readonly node: string;
  /** `bin/replyd`. */
  readonly program: string;
  /** The configuration, null for none. */
  readonly file: string | null;
  readonly sockets: boolean;
}

const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export function defineSystemd(verb: Command): void {
  defineResultVerb(verb, {
    does: 'print the units for systemd',
    examples: [
      'systemd',
      'systemd --output /etc/systemd/system',
      'systemd --sockets --user mail-replies',
      'systemd --sockets --output /etc/systemd/system',
    ],
    more: 'With --sockets systemd listens and hands its sockets over: no connection is refused while replyd restarts.\nAfterwards: systemctl daemon-reload, then enable and start replyd.service (and replyd-*.socket).',
    options: [
      option('--sockets', 'systemd holds the sockets: prints a unit for each door, too'),
      option('--user <name>', 'the user that runs the daemon').default('replyd'),
      option('--output <folder>', 'write the files there instead of printing them'),
    ],
    async run({ command, options }: Call<{ sockets?: true; user: string; output?: string }>) {
      const { user, sockets = false, output } = options;
      if (!/^[a-z_][a-z0-9_-]{0,31}$/i.test(user)) throw usageError(`${quoted(user)} is no user name`);
      const { config, file } = await loadSettings(command);
      const installation = { user, node: process.execPath, program: launcher(), file, sockets };
      for (const text of findObstacles(config, installation)) warn(text);
      const found = units(config, installation);
      if (output === undefined) return found;
      const written: { name: string; file: string }[] = [];
      for (const { name, text } of found) {
        const target = path.join(output, name);
        await writeOutput(target, text, { dataDir: config.dataDir, mode: 0o644 });
        written.push({ name, file: target });
      }
      return written;
    },
    view: found =>
      found.map(each => ('text' in each ? `# ${each.name}\n${each.text}` : `wrote ${each.file}`)).join('\n'),
  });
}

/** The service, and with `sockets` one socket unit for each door: a unit has one name for all its sockets. */
export function units(config: Config, installation: Installation): readonly Unit[] {
  const service = { name: 'replyd.service', text: serviceText(config, installation) };
  if (!installation.sockets) return [service];
  return [service, ...doorsOf(config).map(door => socketUnit(door, config, installation))];
}

/** The hardened service. */
function serviceText(config: Config, installation: Installation): string {
  const { user, program, file, sockets } = installation;
  const words = [program, ...(file === null ? [] : ['-c', file]), 'serve'].map(unitWord).join(' ');
  const places = doorsOf(config).flatMap(([, listen]) => listen);
  const low = !sockets && places.some(each => each.kind === 'tcp' && each.port > 0 && each.port < 1024);
  const socketUnits = sockets
    ? doorsOf(config)
        .map(([name]) => `replyd-${name}.socket`)
        .join(' ')
    : '';
  const folders = new Set(
    sockets ? [] : places.flatMap(each => (each.kind === 'unix' ? [path.dirname(each.path)] : [])),
  );
  const runtime = [...folders].flatMap(folder => RUNTIME_FOLDER.exec(folder)?.[1] ?? []);
  const writable = [config.dataDir, ...[...folders].filter(folder => !RUNTIME_FOLDER.test(folder))];
  return `[Unit]
Description=replyd keeps support conversations going by e-mail
After=network-online.target${sockets ? ` ${socketUnits}\nRequires=${socketUnits}` : ''}
Wants=network-online.target

[Service]
Type=notify
NotifyAccess=all
WatchdogSec=60${nodeInPath(installation)}
ExecStart=${words}
ExecReload=/bin/kill -HUP $MAINPID
User=${user}
Group=${user}
UMask=0077${socketRights(sockets ? null : config.lmtp.socketGroup, runtime)}
Restart=on-failure
RestartSec=1
TimeoutStartSec=15min
TimeoutStopSec=45
LimitNOFILE=16384

# All that it may do: its data directory, its sockets, ${low ? 'ports below 1024' : 'no capability'}.
ReadWritePaths=${writable.map(unitWord).join(' ')}
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
ProtectProc=invisible
ProcSubset=pid
NoNewPrivileges=yes
CapabilityBoundingSet=${low ? 'CAP_NET_BIND_SERVICE' : ''}
AmbientCapabilities=${low ? 'CAP_NET_BIND_SERVICE' : ''}
${low ? '# A user namespace of its own would take the right to port 25 away; --sockets allows it.\nPrivateUsers=no' : 'PrivateUsers=yes'}
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RemoveIPC=yes
LockPersonality=yes
DevicePolicy=closed
KeyringMode=private
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources${
    !sockets && config.lmtp.socketGroup !== null ? '\n# lmtp.socket_group.\nSystemCallFilter=@chown' : ''
  }
SystemCallErrorNumber=EPERM
# MemoryDenyWriteExecute= can't be had: Node compiles while it runs.

[Install]
WantedBy=multi-user.target
`;
}

/** A folder that is gone after each start of the machine; systemd makes it again. */
const RUNTIME_FOLDER = /^(?:\/var)?\/run\/([\w.-]+)$/;

function socketRights(group: string | null, runtime: readonly string[]): string {
  return [
    ...(group === null
      ? []
      : ['# lmtp.socket_group: only a member may give the socket to it.', `SupplementaryGroups=${group}`]),
    ...(runtime.length === 0 ? [] : [`RuntimeDirectory=${runtime.join(' ')}`, 'RuntimeDirectoryMode=0755']),
  ]
    .map(line => `\n${line}`)
    .join('');
}

function socketUnit([name, listen]: Door, config: Config, { user }: Installation): Unit {
  const unix = listen.some(each => each.kind === 'unix');
  const { socketMode, socketGroup } = config.lmtp;
  const access = unix
    ? `SocketUser=${user}\nSocketGroup=${socketGroup ?? user}\nSocketMode=${socketMode.toString(8).padStart(4, '0')}\n`
    : '';
  const text = `[Unit]
Description=${name} sockets of replyd

[Socket]
FileDescriptorName=${name}
Service=replyd.service
${listen.map(each => `ListenStream=${each.kind === 'unix' ? each.path : socketAddress(each)}`).join('\n')}
BindIPv6Only=both
Backlog=1024
${access}
[Install]
WantedBy=sockets.target
`;
  return { name: `replyd-${name}.socket`, text };
}

// systemd takes addresses only.
function socketAddress(listen: Extract<Listen, { kind: 'tcp' }>): string {
  return printListen(listen.host === 'localhost' ? { ...listen, host: '127.0.0.1' } : listen);
}

/** The launcher looks for Node in PATH, and systemd's is short. */
function nodeInPath({ node, program }: Installation): string {
  const folder = path.dirname(node);
  const isFound = node.startsWith(`${path.dirname(path.dirname(program))}/`) || SYSTEM_PATH.split(':').includes(folder);
  return isFound ? '' : `\nEnvironment=${unitWord(`PATH=${folder}:${SYSTEM_PATH}`)}`;
}

/** What in this installation would not work in such units. */
export function findObstacles(config: Config, { program, node, file, sockets }: Installation): readonly string[] {
  const found: string[] = [];
  const { certificate, key } = config.tls;
  for (const each of [node, program, file, certificate, key, config.dataDir]) {
    if (each === null || each === undefined || each === '') continue;
    if (/^\/(?:home|root|run\/user)\//.test(each))
      found.push(`${each}: the unit hides home directories; move it, e.g. to /opt`);
    else if (/^\/(?:var\/)?tmp\//.test(each)) found.push(`${each}: the unit has a /tmp of its own; move it`);
  }
  if (!sockets) return found;
  for (const listen of doorsOf(config).flatMap(([, places]) => places)) {
    if (listen.kind !== 'tcp') continue;
    if (listen.port === 0) found.push(`${printListen(listen)}: systemd needs a port`);
    if (listen.host !== 'localhost' && ipVersion(listen.host) === 0)
      found.push(`${printListen(listen)}: systemd needs an address instead of a name`);
  }
  return found;
}

/** A word of a unit file: its specifiers and quotes mean nothing. */
function unitWord(word: string): string {
  const escaped = word.replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /[\s"'\\]/.test(word) ? `"${escaped.replace(/["\\]/g, '\\$&')}"` : escaped;
}
