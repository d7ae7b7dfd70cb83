/**
 * The command line as people use it: `bin/replyd` as a process of its own, in a temporary folder with a
 * configuration and a store of its own, at 80 columns, in UTC, without a terminal.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { width } from '#replyd/cli/terminal/text.js';
import { type RunResult, run } from '../run.js';

export const PROGRAM = path.resolve('bin/replyd');

export interface Program {
  readonly folder: string;
  readonly configFile: string;
  readonly dataDir: string;
  /** Runs one command line. */
  run(
    args: readonly string[],
    options?: { input?: string; env?: NodeJS.ProcessEnv; bare?: boolean },
  ): Promise<RunResult>;
  /** Runs a command that must end with 0 and gives what it printed. */
  text(args: readonly string[], options?: { input?: string }): Promise<string>;
  /** Runs it with --json, which must end with 0, and gives the objects it printed, one a line. */
  json<T = Record<string, unknown>>(args: readonly string[], options?: { input?: string }): Promise<T[]>;
}

/** A folder that is gone after the test. `settings` goes into the configuration file as it is. */
export function makeProgram(context: TestContext, settings = ''): Program {
  const folder = mkdtempSync(path.join(tmpdir(), 'replyd-cli-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const configFile = path.join(folder, 'replyd.toml');
  const dataDir = path.join(folder, 'data');
  writeFileSync(configFile, `data_dir = "./data"\n${settings}`);
  const program: Program = {
    folder,
    configFile,
    dataDir,
    run: (args, options = {}) =>
      run(PROGRAM, [...(options.bare ? [] : ['-c', configFile]), ...args], {
        cwd: folder,
        env: { PATH: process.env.PATH, HOME: folder, TZ: 'UTC', ...options.env },
        ...(options.input === undefined ? {} : { input: options.input }),
      }),
    async text(args, options) {
      const result = await program.run(args, options);
      if (result.code !== 0) throw new Error(`replyd ${args.join(' ')}: exit ${result.code}\n${result.stderr}`);
      return result.stdout;
    },
    async json<T>(args: readonly string[], options?: { input?: string }) {
      const printed = await program.text([...args, '--json'], options);
      return printed
        .split('\n')
        .filter(line => line !== '')
        .map(line => JSON.parse(line) as T);
    },
  };
  return program;
}

/** A program with the account `acme` and one conversation, acme#1, of Maria. */
export async function makeShop(context: TestContext, settings = ''): Promise<Program> {
  const program = makeProgram(context, settings);
  await program.text(['account', 'add', 'acme', '--domain', 'in.acme.example', '--support-email', 'help@acme.example']);
  await program.text([
    'conversation',
    'start',
    '--account=acme',
    '--contact=maria@example.org',
    '--contact-name=Maria',
    '--channel=web_widget',
    '--subject=My parcel',
    '--text=Where is my parcel?',
  ]);
  return program;
}

/** Lines of a view that are wider than `columns`, or hold what a terminal would act on. */
export function unfitLines(text: string, columns = 80): string[] {
  return text
    .split('\n')
    .filter(line => width(line) > columns || /[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/.test(line));
}
