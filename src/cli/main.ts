/**
 * The entry of the command line. `deliver`, which MTAs start for every mail, goes its own short way; every other verb,
 * and every `--help`, is the command line's (`command-line.ts`). What is not needed is not loaded.
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
