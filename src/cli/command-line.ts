/**
 * Runs one command line and says how it ended. Data goes to standard output, everything else to standard error. Exit
 * codes: 0 done, 1 failed, 2 wrong usage (`errors.ts` holds the mapping).
 */
import { EXIT_DONE, explain } from './errors.js';
import { buildProgram, versions } from './program.js';
import { prepareOutput, printJson, remark } from './terminal/terminal.js';

/** Runs one command line (without node and script). Returns the exit code; never throws. */
export async function runCommandLine(words: readonly string[]): Promise<number> {
  // What a verb makes is for its owner alone: SQLite would leave its files readable by everybody.
  process.umask(0o077);
  prepareOutput();
  try {
    if (asksForVersion(words)) {
      printJson(await versions());
      return EXIT_DONE;
    }
    await buildProgram().parseAsync(withHelpFlag(words), { from: 'user' });
    return process.exitCode === undefined ? EXIT_DONE : Number(process.exitCode);
  } catch (error) {
    const { exitCode, text } = explain(error);
    if (text !== '') remark(text);
    return exitCode;
  }
}

// commander's own --version knows no --json.
function asksForVersion(words: readonly string[]): boolean {
  return words.length === 2 && words.includes('--json') && (words.includes('--version') || words.includes('-V'));
}

// `replyd help account add` is what people type; `replyd` alone asks for help too.
function withHelpFlag(words: readonly string[]): string[] {
  if (words.length === 0) return ['--help'];
  return words[0] === 'help' ? [...words.slice(1), '--help'] : [...words];
}
