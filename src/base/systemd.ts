/**
 * What systemd and the daemon say to each other: listening sockets handed over (sd_listen_fds), and notices that it is
 * ready, ends, and is alive (sd_notify). Without systemd's variables in the environment all of it does nothing.
 *
 * A handed-over socket is known by its name (`FileDescriptorName=`): `smtp`, `lmtp`, `http`, `ingress`. Another name is
 * an error that says so: a port that is open and unserved would take mail's time. Notices go through `systemd-notify`,
 * systemd's own helper, because Node has no unix datagram sockets; the unit says `NotifyAccess=all` for it. A notice
 * that can't be sent is logged once and fails nothing: systemd draws its own conclusions.
 */
import { spawn } from 'node:child_process';
import { ReplydError } from './errors.js';
import type { Log } from './log.js';

export type SocketName = 'smtp' | 'lmtp' | 'http' | 'ingress';

/** File descriptors by door. */
export type HandedOver = Readonly<Record<SocketName, readonly number[]>>;

type Environment = Readonly<Record<string, string | undefined>>;

const FIRST_FD = 3;
const ONE_LISTENER: readonly SocketName[] = ['http', 'ingress'];

/** The sockets in `LISTEN_FDS`, when `LISTEN_PID` means us. Throws invalid for names that mean nothing here. */
export function handedOver(env: Environment, pid: number): HandedOver {
  const found: Record<SocketName, number[]> = { smtp: [], lmtp: [], http: [], ingress: [] };
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

export interface Supervisor {
  ready(): void;
  stopping(): void;
  /** Ends the signs of life. */
  close(): void;
}

/**
 * `alive` is asked twice within the watchdog's time; only when it is fulfilled a sign of life is given. `program` is
 * for tests.
 */
export function openSupervisor(
  env: Environment,
  alive: () => Promise<void>,
  options: { log: Log; program?: string },
): Supervisor {
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
  const beat = () => {
    // A question that is still open is an answer: no sign of life.
    if (asking) return;
    asking = true;
    alive()
      .then(
        () => notify('WATCHDOG=1'),
        error => log.warn('not_alive', { error: error instanceof Error ? error.message : String(error) }),
      )
      .finally(() => {
        asking = false;
      });
  };
  const timer = period === null || !env.NOTIFY_SOCKET ? null : setInterval(beat, period).unref();
  return {
    ready: () => notify('--ready'),
    stopping: () => notify('STOPPING=1'),
    close() {
      if (timer) clearInterval(timer);
    },
  };
}

/** Half of `WATCHDOG_USEC` in milliseconds, or null when nobody watches us. */
function watchdogPeriod(env: Environment): number | null {
  const microseconds = Number(env.WATCHDOG_USEC);
  const meant = env.WATCHDOG_PID === undefined || env.WATCHDOG_PID === String(process.pid);
  return meant && microseconds > 0 ? Math.max(100, Math.floor(microseconds / 2000)) : null;
}
