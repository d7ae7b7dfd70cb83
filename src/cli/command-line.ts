/**
 * Runs one command line. Data goes to standard output, everything else to standard error. It ends with 0 (done), 1
 * (failed) or 2 (wrong usage); `errors.ts` has the table.
 */
import { EXIT_DONE, explain } from './errors.js';
import { buildProgram, versions } from './program.js';
import { prepareOutput, printJson, remark } from './terminal/terminal.js';

/** `words` come without node and script. Returns the exit code; never throws. */
export async function runCommandLine(words: readonly string[]): Promise<number> {
  // SQLite would make files that everybody can read.
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

// The --version of commander knows no --json.
function asksForVersion(words: readonly string[]): boolean {
  return words.length === 2 && words.includes('--json') && (words.includes('--version') || words.includes('-V'));
}

// People type `replyd help account add`. `replyd` alone asks for help, too.
function withHelpFlag(words: readonly string[]): string[] {
  if (words.length === 0) return ['--help'];
  return words[0] === 'help' ? [...words.slice(1), '--help'] : [...words];
}
