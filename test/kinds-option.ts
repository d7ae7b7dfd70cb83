/** The kinds of a suite that runs kind by kind, as its command line names them. */

interface Kind {
  readonly name: string;
  readonly about: string;
}

/** Ends the process where it is asked for the list, and with 2 where a kind is named that there is not. */
export function endUnlessKnown(
  kinds: readonly Kind[],
  { list, kind = [] }: { readonly list: boolean; readonly kind?: readonly string[] | undefined },
): void {
  if (list) {
    for (const { name, about } of kinds) console.log(`${name.padEnd(14)} ${about}`);
    process.exit(0);
  }
  for (const name of kind) {
    if (kinds.some(each => each.name === name)) continue;
    process.stderr.write(`there is no kind ${name}: ${kinds.map(each => each.name).join(', ')}\n`);
    process.exit(2);
  }
}
