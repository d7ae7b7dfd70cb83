/**
 * Standard output, standard error, and questions to the person at the terminal. Data goes to standard output, everything
 * else to standard error. Text from outside goes through `printable` before it is printed.
 *
 * A reader that goes away (`| head`) is no error: the rest of the output is dropped and the verb finishes its work.
 */
import { printable, wrapRemark } from './text.js';

const MIN_COLUMNS = 60;
const MAX_COLUMNS = 100;

let readerGone = false;
/** The last line of the terminal is one that `drawLine` wrote. */
let isDrawn = false;

const ERASED = '\r\x1b[2K';

/** Keeps a closed pipe from ending the process with a stack trace. To be called once, first. */
export function prepareOutput(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_DESTROYED') throw error;
      if (stream === process.stdout) readerGone = true;
    });
  }
}

/** Lines for people on standard output; styled text is allowed, everything from outside must be printable already. */
export function print(text: string): void {
  eraseLine();
  if (!readerGone) process.stdout.write(`${text}\n`);
}

/** One JSON value on one line. Controls beyond ASCII's are escaped too: a terminal may act on them. */
export function printJson(value: unknown): void {
  print(jsonLine(value));
}

export function jsonLine(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Bytes as they are; on a terminal as printable text. */
export function printBytes(bytes: Uint8Array): Promise<void> {
  eraseLine();
  if (process.stdout.isTTY) {
    print(printable(Buffer.from(bytes).toString('utf8')));
    return Promise.resolve();
  }
  return new Promise(resolve => {
    if (readerGone) resolve();
    else process.stdout.write(bytes, () => resolve());
  });
}

/** A remark on standard error. */
export function warn(text: string): void {
  remark(`replyd: ${text}`);
}

/** A hint for people: left out when standard error is no terminal. */
export function hint(text: string): void {
  if (process.stderr.isTTY) remark(text);
}

/** Lines on standard error. On a terminal they are wrapped to its width. */
export function remark(text: string): void {
  const shown = printable(text);
  eraseLine();
  process.stderr.write(`${process.stderr.isTTY ? wrapRemark(shown, columns(process.stderr)).join('\n') : shown}\n`);
}

/** A line on a terminal's standard error that stands until the next one, or until something else is printed. */
export function drawLine(text: string): void {
  process.stderr.write(`${ERASED}${printable(text)}`);
  isDrawn = true;
}

function eraseLine(): void {
  if (isDrawn) process.stderr.write(ERASED);
  isDrawn = false;
}

/** Columns for people's views: 80, or what the terminal has, within reason. */
export function columns(stream: { readonly columns?: number } = process.stdout): number {
  const has = stream.columns;
  // Some pseudo terminals say 0.
  return !has ? 80 : Math.min(Math.max(has, MIN_COLUMNS), MAX_COLUMNS);
}

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow';

const SEQUENCES: Readonly<Record<Style, readonly [on: string, off: string]>> = {
  bold: ['\x1b[1m', '\x1b[22m'],
  dim: ['\x1b[2m', '\x1b[22m'],
  red: ['\x1b[31m', '\x1b[39m'],
  green: ['\x1b[32m', '\x1b[39m'],
  yellow: ['\x1b[33m', '\x1b[39m'],
};

/** Styled where standard output is a terminal that wants colours (https://no-color.org); plain everywhere else. */
export function styled(text: string, style: Style): string {
  const wanted = process.stdout.isTTY && !process.env.NO_COLOR && process.env.TERM !== 'dumb';
  return wanted ? SEQUENCES[style][0] + text + SEQUENCES[style][1] : text;
}

/** Asks on the terminal; anything but yes is no. Null when nobody can be asked. */
export async function ask(question: string): Promise<boolean | null> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return null;
  eraseLine();
  const { createInterface } = await import('node:readline/promises');
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(?:es)?$/i.test((await reader.question(`${printable(question)} [y/N] `)).trim());
  } finally {
    reader.close();
  }
}

/** All of standard input as text. */
export async function readStandardInput(): Promise<string> {
  if (process.stdin.isTTY) warn('reading the text from the terminal; end it with Ctrl-D');
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
