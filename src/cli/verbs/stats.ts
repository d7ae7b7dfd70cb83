/** `replyd stats`: counts of what is in the store. */
import type { Command } from 'commander';
import { withStore } from '../context.js';
import { facts } from '../terminal/table.js';
import { print, printJson } from '../terminal/terminal.js';
import { jsonOption, makeVerb } from '../verb.js';

export function defineStats(verb: Command): void {
  makeVerb(verb, { does: 'count what is in the store', examples: ['stats', 'stats --json'] })
    .addOption(jsonOption())
    .action(async (options: { json?: true }, command: Command) => {
      const stats = await withStore(command, ({ store }) => store.stats());
      if (options.json) printJson(stats);
      else print(facts(Object.entries(stats).map(([name, count]) => [name.replaceAll('_', ' '), count])));
    });
}
