/**
 * The daemon under systemd: it takes over listening sockets (sd_listen_fds), and notifies systemd that it is ready, that it
 * stops, and that it is alive (sd_notify). Without systemd's variables in the environment nothing here does anything.
 *
 * An inherited socket is known by its name (`FileDescriptorName=`): `smtp`, `lmtp`, `http`, `ingress`, `web`. Another name is an
 * error: clients would connect to a port that nobody serves. Notices go through `systemd-notify`, systemd's own helper,
 * because Node has no unix datagram sockets; the unit says `NotifyAccess=all` for it. A notice that can't be sent is
 * logged once, and the daemon goes on.
 */
import { spawn } from 'node:child_process';
import { errorText, ReplydError } from './errors.js';
import type { Log } from './log.js';

export type SocketName = 'smtp' | 'lmtp' | 'http' | 'ingress' | 'web';

/** File descriptors by door. */
export type InheritedSockets = Readonly<Record<SocketName, readonly number[]>>;

type Environment = Readonly<Record<string, string | undefined>>;

const FIRST_FD = 3;
const ONE_LISTENER: readonly SocketName[] = ['http', 'ingress', 'web'];

/** The sockets in `LISTEN_FDS`, when `LISTEN_PID` means us. Throws invalid for names that mean nothing here. */
export function inheritedSockets(env: Environment, pid: number): InheritedSockets {
  const found: Record<SocketName, number[]> = { smtp: [], lmtp: [], http: [], ingress: [], web: [] };
  const count = Number(env.LISTEN_FDS ?? 0);
  if (env.LISTEN_PID !== String(pid) || !Number.isInteger(count) || count < 1) return found;
  const names = (env.LISTEN_FDNAMES ?? '').split(':');
  for (let index = 0; index < count; index += 1) {
    const name = names[index] ?? '';
    if (!Object.hasOwn(found, name)) {
      throw new ReplydError(
        'invalid',
        `a socket handed over by systemd is named "${name}": set FileDescriptorName= to ${Object.keys(found).join(', ')}`,
      );
    }
    found[name as SocketName].push(FIRST_FD + index);
  }
  for (const name of ONE_LISTENER) {
    if (found[name].length > 1) throw new ReplydError('invalid', `systemd handed over several sockets for ${name}`);
  }
  return found;
}

/**
 * `alive` is asked twice within the watchdog's time; systemd is notified when its promise is fulfilled. `program` is for
 * tests.
 */
export function openSupervisor(env: Environment, alive: () => Promise<void>, options: { log: Log; program?: string }) {
  const { log, program = 'systemd-notify' } = options;
  let said = false;
  const complain = (reason: string) => {
    if (!said) log.warn('notify_failed', { reason });
    said = true;
  };
  const notify = (...words: readonly string[]) => {
    if (!env.NOTIFY_SOCKET) return;
    const child = spawn(program, [...words], { stdio: 'ignore' });
    child.once('error', error => complain(error.message));
    child.once('exit', code => {
      if (code !== 0) complain(`${program} ended with ${code}`);
    });
  };
  const period = watchdogPeriod(env);
  let asking = false;
  const notifyAlive = () => {
    if (asking) return;
    asking = true;
    alive()
      .then(
        () => notify('WATCHDOG=1'),
        error => log.warn('not_alive', { error: errorText(error) }),
      )
      .finally(() => {
        asking = false;
      });
  };
  const timer = period === null || !env.NOTIFY_SOCKET ? null : setInterval(notifyAlive, period).unref();
  return {
    ready: () => notify('--ready'),
    /** Its start takes longer, for it waits for others; said once a minute. */
    waiting: () => notify('EXTEND_TIMEOUT_USEC=150000000', 'STATUS=waits for its database'),
    stopping: () => notify('STOPPING=1'),
    /** Sends no more notices that it is alive. */
    close() {
      if (timer) clearInterval(timer);
    },
  };
}

/** Half of `WATCHDOG_USEC` in milliseconds, or null when there is no watchdog. */
function watchdogPeriod(env: Environment): number | null {
  const microseconds = Number(env.WATCHDOG_USEC);
  const meant = env.WATCHDOG_PID === undefined || env.WATCHDOG_PID === String(process.pid);
  return meant && microseconds > 0 ? Math.max(100, Math.floor(microseconds / 2000)) : null;
}
