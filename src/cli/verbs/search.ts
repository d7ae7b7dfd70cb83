/** `replyd search WORDS…`: messages that have all of the words, the newest first. */
import type { Command } from 'commander';
import { pageBudget } from '../../conversation/page.js';
import type { SearchHit } from '../../conversation/search/hit.js';
import type { Store } from '../../conversation/store.js';
import { withStore } from '../context.js';
import { timeText } from '../terminal/render.js';
import { columns, hint, print, printJson, styled, warn } from '../terminal/terminal.js';
import { oneLine, pad, wrap } from '../terminal/text.js';
import { defineVerb, type Json, jsonOption, limitOption, option } from '../verb.js';

interface Options extends Json {
  readonly account?: string;
  readonly limit: number;
}

const PAGE = 100;
const INDENT = 2;

export function defineSearch(verb: Command): void {
  defineVerb(verb.argument('<words...>'), {
    does: 'find messages by their words, the newest first',
    examples: [
      'search parcel late',
      'search --account acme from:maria invoice',
      'search \'"in this order"\'',
      "search '#12' refund --json",
      'search maria@example.org',
    ],
    more: 'All words stand in the message, its subject, its attachments\' names, or the names and addresses of its author and contact; case and accents make no difference. The last word may be a beginning. "words in this order", from:NAME, #NUMBER of the conversation.',
    options: [option('--account <slug>', 'in this account'), limitOption(), jsonOption()],
  }).action(async () => {
    const { account, limit, json } = verb.opts<Options>();
    await withStore(verb, async ({ store, loaded }) => {
      const { searchIsOff } = await import('../../store/searching.js');
      if (!loaded.config.search.enabled) throw searchIsOff();
      const fits = pageBudget(loaded.config.limits.responseBytes);
      const filter = { text: verb.args.join(' '), ...(account === undefined ? {} : { account }) };
      let count = 0;
      let next: string | null | undefined;
      let full = false;
      while (next !== null && count < limit && !full) {
        const before = next === undefined ? {} : { before: next };
        const page = await store.search({ ...filter, ...before, limit: Math.min(PAGE, limit - count) });
        for (const hit of page.hits) {
          if (json) printJson(hit);
          else if (fits(hit)) print(hitLines(hit).join('\n'));
          else full = true;
        }
        count += page.hits.length;
        next = page.next;
      }
      if (count === 0 && !json) warn('nothing found');
      else if (next !== null && !json) warn(`the newest ${count} are shown; --limit shows more`);
      await tellProgress(store);
    });
  });
}

/** What was written before the index is found when it is filled. */
async function tellProgress(store: Store): Promise<void> {
  const { done, total, filled } = await store.searchProgress();
  if (filled) return;
  const progress = total === 0 ? 'it begins' : `${Math.floor((100 * done) / total)} %`;
  hint(`the daemon is still indexing (${progress}): older messages are not found yet`);
}

function hitLines({ conversation, message, snippet }: SearchHit): string[] {
  const { account, number, subject } = conversation;
  const { name, email } = message.author;
  const who = name === '' ? (email ?? message.author.role) : name;
  const about = [
    timeText(message.received_at),
    message.held ? `${who}, held` : message.direction === 'note' ? `${who}, note` : who,
    subject ?? '',
  ];
  const head = `${styled(`${account}#${number}`, 'bold')}  ${oneLine(about.filter(each => each !== '').join('  '))}`;
  const room = columns() - INDENT;
  return [head, ...wrap(oneLine(snippet.text), room).map(line => pad('', INDENT) + line)];
}
