/**
 * `replyd tail`: prints each event as it happens, until Ctrl-C. It reads the store itself, so it needs neither a key nor
 * a running daemon. It starts now, or after the event of `--after`.
 */
import type { Command } from 'commander';
import { ReplydError } from '../../base/errors.js';
import type { Event } from '../../conversation/model.js';
import type { Store } from '../../conversation/store.js';
import { withStore } from '../context.js';
import { given } from '../readers.js';
import { timeText } from '../terminal/render.js';
import { print, printJson, styled, columns as terminalColumns } from '../terminal/terminal.js';
import { cut, oneLine, pad, wrap } from '../terminal/text.js';
import { defineVerb, type Json, jsonOption, option } from '../verb.js';

const PAGE = 100;
const TYPE_WIDTH = 22;

export function defineTail(verb: Command): void {
  defineVerb(verb, {
    does: 'print events as they happen',
    examples: ['tail', 'tail --account acme', 'tail --after ev_04x0g2k9c7d --json'],
    more: 'Ctrl-C ends it. Events are kept for 7 days.',
    options: [
      option('--account <slug>', 'of this account alone'),
      option('--after <id>', 'begin behind this event instead of now'),
      jsonOption(),
    ],
  }).action(({ account, after: begin, json }: Json & { account?: string; after?: string }, command: Command) =>
    withStore(command, async ({ store }) => {
      if (account !== undefined) await store.account(account);
      const after = begin ?? (await store.latestEvent());
      if (!(await store.canResume(after, account))) {
        throw new ReplydError('not_found', `what came after ${after} is not all there any more: leave out --after`);
      }
      await follow(store, { ...given({ account }), after }, event => (json ? printJson(event) : print(lineOf(event))));
    }),
  );
}

/** Ends with a signal, or when nobody reads standard output any more. */
async function follow(
  store: Store,
  from: { readonly account?: string; readonly after: string },
  show: (event: Event) => void,
): Promise<void> {
  let { after } = from;
  let ended = false;
  let changed = false;
  let wake: () => void = () => {};
  const stop = store.onChange(() => {
    changed = true;
    wake();
  });
  const end = () => {
    ended = true;
    wake();
  };
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, end);
  process.stdout.once('error', end);
  // The store's own poll does not keep a process alive.
  const alive = setInterval(() => {}, 60_000);
  try {
    while (!ended) {
      // What is committed while these are read is read next.
      changed = false;
      const events = await store.events({ ...from, after, limit: PAGE });
      for (const event of events) show(event);
      after = events.at(-1)?.id ?? after;
      if (events.length > 0 || changed || ended) continue;
      await new Promise<void>(resolve => {
        wake = resolve;
      });
    }
  } finally {
    stop();
    clearInterval(alive);
  }
}

/** `2026-11-22 09:05:17Z  message.created  acme#3  Carla: Where is my parcel?`; what failed says all of its reason. */
function lineOf(event: Event): string {
  const { conversation, message } = event;
  const place = conversation === null ? event.account : `${event.account}#${conversation.number}`;
  const { recipient, reason } = event.data;
  const failed = typeof reason === 'string' && typeof recipient === 'string';
  const words = failed
    ? `${recipient}: ${reason}`
    : message === null
      ? Object.entries(event.data)
          .map(([name, value]) => `${name}=${String(value)}`)
          .join(' ')
      : `${message.author.name || message.author.email || message.direction}: ${message.text.slice(0, 500)}`;
  const head = `${timeText(event.created_at)}  ${pad(event.type, TYPE_WIDTH)}`;
  const text = oneLine(`${place}  ${words}`);
  const room = Math.max(terminalColumns() - head.length - 2, 20);
  const lines = failed ? wrap(text, room) : [cut(text, room)];
  const indent = ' '.repeat(head.length + 2);
  return lines.map((line, at) => (at === 0 ? `${styled(head, 'dim')}  ${line}` : `${indent}${line}`)).join('\n');
}
