/**
 * Running other programs from tests, and waiting for what they do. Everything here is bounded: a program that
 * does not end is killed, a condition that does not come true throws with its name and the last fault.
 */

import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

export interface RunResult {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** For standard input, which is closed after it. */
  readonly input?: string | Uint8Array;
  readonly cwd?: string;
  /** The whole environment; default: that of the test. */
  readonly env?: NodeJS.ProcessEnv;
  /** Killed after that many milliseconds; default 30,000. */
  readonly timeout?: number;
}

/** Runs a program to its end. Throws only if it can't be started. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: options.cwd, env: options.env ?? process.env, stdio: 'pipe' });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    const timer = setTimeout(() => {
      stderr.push(Buffer.from(`\n(killed: ${program} did not end in time)\n`));
      child.kill('SIGKILL');
    }, options.timeout ?? 30_000);
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.on('error', error => {
      clearTimeout(timer);
      reject(error);
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({
        code,
        signal,
        stdout: Buffer.concat(stdout).toString('utf8'),
        stderr: Buffer.concat(stderr).toString('utf8'),
      });
    });
    // A program that reads nothing may be gone before its input is written.
    child.stdin.on('error', () => {});
    child.stdin.end(options.input);
  });
}

/** Runs a program that must end with 0, and gives its standard output. Throws with all it said otherwise. */
export async function runOk(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const result = await run(program, args, options);
  if (result.code !== 0) {
    const end = result.signal ?? `exit ${result.code}`;
    throw new Error(`${[program, ...args].join(' ')}: ${end}\n${result.stdout}${result.stderr}`);
  }
  return result.stdout;
}

/**
 * Asks again and again until `probe` gives something else than undefined, null or false, and gives that. For what
 * other processes do; a fault of the probe counts as "not yet". Throws after `within` milliseconds (default 60,000).
 */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined | null | false> | T | undefined | null | false,
  options: { within?: number; every?: number } = {},
): Promise<T> {
  const deadline = performance.now() + (options.within ?? 60_000);
  let fault: unknown;
  for (;;) {
    try {
      const value = await probe();
      if (value !== undefined && value !== null && value !== false) return value;
      fault = undefined;
    } catch (error) {
      fault = error;
    }
    if (performance.now() > deadline) {
      throw new Error(`did not come true in time: ${what}`, fault === undefined ? {} : { cause: fault });
    }
    await new Promise(resolve => setTimeout(resolve, options.every ?? 50));
  }
}

/**
 * TCP ports on 127.0.0.1 that were free a moment ago, all different. For programs that can't be given port 0. They lie
 * below the range from which systems take port 0 and the near end of a connection, so that no other test gets one
 * of them before the program has it.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = randomInt(10_000, 32_768);
    if (await isFree(port)) ports.add(port);
  }
  return [...ports];
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise(resolve => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
