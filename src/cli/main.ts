/**
 * The entry of the command line. MTAs start `deliver` for every mail, so it runs without the library of the command line.
 * `command-line.ts` runs every other verb and shows every `--help`.
 */
const words = process.argv.slice(2);

if (verbOf(words) === 'deliver' && !words.some(word => word === '--help' || word === '-h')) {
  const { runDeliver } = await import('./verbs/deliver.js');
  await runDeliver(words);
} else {
  const { runCommandLine } = await import('./command-line.js');
  process.exitCode = await runCommandLine(words);
}

/** The first word that is neither the option for the configuration nor its value. */
function verbOf(all: readonly string[]): string | undefined {
  for (let at = 0; at < all.length; at++) {
    if (all[at] === '-c' || all[at] === '--config') at++;
    else if (!all[at]!.startsWith('-')) return all[at];
  }
  return undefined;
}

export {};
