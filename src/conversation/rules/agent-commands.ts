/**
 * Commands in an agent's mail: lines of their own at the top of what he wrote. Pure.
 *
 * What looks like a command and is none, one with words behind it that it does not take, or one further down makes the
 * whole mail doubtful: whoever meant a note must not answer the customer.
 */

/** `takes`: what stands behind it, in words. */
export const COMMANDS = [
  { name: 'note', takes: null },
  { name: 'resolve', takes: null },
  { name: 'reopen', takes: null },
  { name: 'assign', takes: 'NAME' },
  { name: 'mute', takes: null },
] as const;

/** What a mail is to do beside what it says. */
export interface Commands {
  readonly note: boolean;
  readonly status: 'resolved' | 'open' | null;
  /** As it was written: a name, an address, `me` or `none`; null: nothing is assigned. */
  readonly assign: string | null;
  readonly mute: boolean;
}

export const NO_COMMANDS: Commands = { note: false, status: null, assign: null, mute: false };

export interface CommandedText {
  readonly commands: Commands;
  /** The command lines as they were written. */
  readonly lines: readonly string[];
  /** What stands below them. */
  readonly text: string;
  /** Why nothing of it can be done; null: it can. */
  readonly doubt: string | null;
}

/** A slash in any of its forms, a word, and nothing else that a path would have. */
const COMMAND = /^\s*([/\\\uff0f\u2044\u2215\u29f8])\s*(\p{L}[\p{L}\p{N}_-]*)(?:[\s\u00a0:]+(.*))?$/u;
const INVISIBLE = /[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;
const MAX_COMMANDS = 10;

export function commandsIn(written: string): CommandedText {
  const all = written.split('\n');
  const lines: string[] = [];
  let commands = NO_COMMANDS;
  let doubt: string | null = null;
  let at = 0;
  for (; at < all.length && lines.length < MAX_COMMANDS; at += 1) {
    const line = all[at]!.replaceAll(INVISIBLE, '').normalize('NFKC');
    if (line.trim() === '') continue;
    const match = COMMAND.exec(line);
    if (match === null) break;
    const [, slash, name, rest = ''] = match;
    lines.push(line.trim());
    const next = slash === '/' ? withCommand(commands, name!.toLowerCase(), rest.trim()) : 'unknown';
    if (typeof next === 'string') doubt ??= next === 'unknown' ? `there is no command ${shown(line)}` : next;
    else commands = next;
  }
  const text = all.slice(at).join('\n').trim();
  const late = text.split('\n').find(isCommandLine);
  if (late !== undefined) doubt ??= `the command ${shown(late)} does not stand at the top`;
  return { commands, lines, text, doubt };
}

/** With one more; in words why not. */
function withCommand(commands: Commands, name: string, rest: string): Commands | string {
  const known = COMMANDS.find(each => each.name === name);
  if (known === undefined) return 'unknown';
  if (known.takes === null && rest !== '') return `/${name} takes nothing behind it, but ${shown(rest)} stands there`;
  if (known.takes !== null && rest === '') return `/${name} wants a name`;
  switch (known.name) {
    case 'note':
      return { ...commands, note: true };
    case 'mute':
      return { ...commands, mute: true };
    case 'assign':
      return commands.assign === null ? { ...commands, assign: rest } : '/assign stands there twice';
    case 'resolve':
    case 'reopen': {
      const status = known.name === 'resolve' ? 'resolved' : 'open';
      if (commands.status !== null && commands.status !== status) return '/resolve and /reopen contradict each other';
      return { ...commands, status };
    }
  }
}

/** Only what is a command beyond doubt: further down a slash may begin anything. */
function isCommandLine(line: string): boolean {
  const match = COMMAND.exec(line.replaceAll(INVISIBLE, '').normalize('NFKC'));
  if (match === null) return false;
  const [, , name, rest = ''] = match;
  return COMMANDS.some(each => each.name === name!.toLowerCase() && (each.takes !== null || rest.trim() === ''));
}

function shown(text: string): string {
  const line = text.trim();
  return JSON.stringify(line.length > 60 ? `${line.slice(0, 60)}…` : line);
}
