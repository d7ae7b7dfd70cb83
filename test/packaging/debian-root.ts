/**
 * A Debian system of its own, to install packages in: unpacked from what `.ci/install-debian-root` made, in namespaces of its
 * own (mounts, processes, network with loopback alone), so that nothing of this machine is touched and no port is taken.
 * `plain` has no systemd. `systemd` boots with it as process 1, in a container of systemd-nspawn.
 */
import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { eventually, type RunOptions, type RunResult, run, runOk } from '../run.js';

export type DebianKind = 'plain' | 'systemd';

const ARCHIVES: Readonly<Record<DebianKind, string>> = { plain: 'debian.tar', systemd: 'debian-systemd.tar' };
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface DebianRoot {
  /** Where it lies on this machine. */
  readonly folder: string;
  /** Runs a program in it, as root. */
  run(program: string, args: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** Types lines into its shell, which must all do; gives what they print on standard output. */
  type(...lines: readonly string[]): Promise<string>;
  /** Starts a program in it that goes on, at the latest until the root is closed. */
  start(program: string, args: readonly string[]): ChildProcessByStdio<null, Readable, Readable>;
  close(): Promise<void>;
}

/** Why there can be none here, or false. */
export function missingRoot(): string | false {
  if (process.getuid?.() !== 0) return 'only root can make a Debian system of its own';
  const missing = Object.values(ARCHIVES).find(name => !existsSync(path.join(archiveFolder(), name)));
  return (
    missing !== undefined && `there is no ${path.join(archiveFolder(), missing)}: .ci/install-debian-root makes it`
  );
}

export async function openDebianRoot(kind: DebianKind): Promise<DebianRoot> {
  const scratch = mkdtempSync(path.join(tmpdir(), 'rd-debian-'));
  const folder = path.join(scratch, 'root');
  mkdirSync(folder);
  await runOk('tar', ['-xf', archiveOf(kind), '-C', folder, '--numeric-owner']);
  // Thousands of files are unpacked here for a minute: nobody waits until they are on the disk.
  writeFileSync(path.join(folder, 'etc/dpkg/dpkg.cfg.d/replyd-tests'), 'force-unsafe-io\n');
  const keeper = kind === 'plain' ? keepNamespaces(folder) : boot(folder);
  const ended = once(keeper, 'exit');
  const first = await eventually('the system has a first process', () => firstProcess(keeper, kind), {
    within: 20_000,
  });
  const enter = (program: string, args: readonly string[]) => [
    ...['--target', String(first), '--mount', '--net', '--pid', '--ipc', '--uts', '--root', '--wd'],
    ...[
      'env',
      '-i',
      `PATH=${PATH}`,
      'HOME=/root',
      'LC_ALL=C.UTF-8',
      'DEBIAN_FRONTEND=noninteractive',
      program,
      ...args,
    ],
  ];
  const runInside: DebianRoot['run'] = (program, args, options = {}) =>
    run('nsenter', enter(program, args), { timeout: 120_000, ...options });
  const root: DebianRoot = {
    folder,
    run: runInside,
    async type(...lines) {
      const { code, signal, stdout, stderr } = await runInside('bash', [
        '-c',
        ['set -euo pipefail', ...lines].join('\n'),
      ]);
      if (code === 0) return stdout;
      throw new Error(`${lines.join('\n')}\nended with ${code ?? signal}:\n${stdout}${stderr}`);
    },
    start: (program, args) => spawn('nsenter', enter(program, args), { stdio: ['ignore', 'pipe', 'pipe'] }),
    async close() {
      if (kind === 'systemd' && keeper.exitCode === null) {
        await runInside('systemctl', ['--no-block', 'poweroff']);
        await Promise.race([ended, new Promise(resolve => setTimeout(resolve, 10_000).unref())]);
      }
      keeper.kill('SIGKILL');
      await ended;
      rmSync(scratch, { recursive: true, force: true });
    },
  };
  if (kind === 'systemd') {
    await eventually('systemd is up', async () =>
      /^(?:running|degraded)$/.test((await root.run('systemctl', ['is-system-running'])).stdout.trim()),
    );
  }
  return root;
}

/** The whole system as an archive of tar. */
export function archiveOf(kind: DebianKind): string {
  return path.join(archiveFolder(), ARCHIVES[kind]);
}

function archiveFolder(): string {
  return process.env.DEBIAN_ROOTS ?? '/var/cache/replyd-tests';
}

/** Holds the namespaces: a shell that waits, and with which everything inside ends. */
function keepNamespaces(folder: string): ChildProcess {
  const script = `mount --bind "$0" "$0" && cd "$0" && mount -t proc proc proc && mount -t sysfs sysfs sys &&
    mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts && ln -sf pts/ptmx dev/ptmx &&
    ip link set lo up && mkdir -p .old && pivot_root . .old && umount -l /.old && rmdir /.old && exec sleep infinity`;
  const flags = ['--mount', '--net', '--pid', '--ipc', '--uts', '--fork', '--kill-child'];
  return spawn('unshare', [...flags, 'sh', '-c', script, folder], { stdio: ['ignore', 'inherit', 'inherit'] });
}

function boot(folder: string): ChildProcess {
  const flags = ['--quiet', '--register=no', '--keep-unit', '--private-network', '--console=pipe', '--boot'];
  return spawn('systemd-nspawn', [...flags, `--directory=${folder}`], { stdio: 'ignore' });
}

/** The process 1 of the system, as this machine numbers it; once it is what it will be. */
function firstProcess(keeper: ChildProcess, kind: DebianKind): number | null {
  if (keeper.exitCode !== null) throw new Error(`the system did not start: ${keeper.spawnargs.join(' ')}`);
  const [child] = readFileSync(`/proc/${keeper.pid}/task/${keeper.pid}/children`, 'utf8').trim().split(' ');
  if (!child) return null;
  const name = readFileSync(`/proc/${child}/comm`, 'utf8').trim();
  return name === (kind === 'plain' ? 'sleep' : 'systemd') ? Number(child) : null;
}
