/** `replyd stats`: counts of what is in the store. */
import type { Command } from 'commander';
import { facts } from '../terminal/table.js';
import { defineStoreVerb } from '../verb.js';

export function defineStats(verb: Command): void {
  defineStoreVerb(verb, {
    does: 'count what is in the store',
    examples: ['stats', 'stats --json'],
    run: ({ store }) => store.stats(),
    view: stats => facts(Object.entries(stats).map(([name, count]) => [name.replaceAll('_', ' '), count])),
  });
}
