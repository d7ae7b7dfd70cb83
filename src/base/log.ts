/**
 * Structured log: one line for each fact on standard error, as JSON or for people. Event names are fixed words
 * (`accepted rejected deferred quarantined threaded queued attempt sent failed reloaded listening …`).
 *
 * Callers never pass bodies, secrets or whole tokens; `shortToken` cuts tokens. A line that can't be written (closed
 * pipe) is dropped without an error, so that the log never stops the daemon.
 */

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFormat = 'json' | 'pretty';
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined | readonly string[]>>;

export interface Log {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  /** Changes the level of this log while it runs (SIGHUP). */
  setLevel(level: LogLevel): void;
}

export const LOG_LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/** A log that writes to `write` (default: standard error), lines below `level` are skipped. */
export function createLog(
  level: LogLevel,
  format: LogFormat,
  options: { write?: (line: string) => void; now?: () => Date } = {},
): Log {
  const write = options.write ?? writeToStandardError;
  const now = options.now ?? (() => new Date());
  const render = format === 'json' ? jsonLine : prettyLine;
  let threshold = LOG_LEVELS.indexOf(level);
  const at = (lineLevel: LogLevel) => {
    const rank = LOG_LEVELS.indexOf(lineLevel);
    return (event: string, fields: LogFields = {}) => {
      if (rank >= threshold) write(`${render(now().toISOString(), lineLevel, event, fields)}\n`);
    };
  };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    setLevel: next => {
      threshold = LOG_LEVELS.indexOf(next);
    },
  };
}

/** A log that keeps nothing, for CLI verbs. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {}, setLevel() {} };

/** The first 6 digits of a token, which is all that a log may hold. */
export function shortToken(token: string): string {
  return token.length > 6 ? `${token.slice(0, 6)}…` : token;
}

function jsonLine(time: string, level: LogLevel, event: string, fields: LogFields): string {
  // A new object for all fields would double the cost. Time and level hold nothing that JSON escapes.
  const head = `{"time":"${time}","level":"${level}","event":${JSON.stringify(event)}`;
  const rest = JSON.stringify(fields);
  return rest === '{}' ? `${head}}` : `${head},${rest.slice(1)}`;
}

function prettyLine(time: string, level: LogLevel, event: string, fields: LogFields): string {
  const words = [time.slice(11, 19), level.padEnd(5), event];
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined && value !== null) words.push(`${name}=${prettyValue(value)}`);
  }
  return words.join(' ');
}

function prettyValue(value: string | number | boolean | readonly string[]): string {
  const text = Array.isArray(value) ? value.join(',') : String(value);
  return /^[\x21\x23-\x7e]+$/.test(text) ? text : JSON.stringify(text);
}

let unwritten = '';

/**
 * Lines of one turn of the event loop are written in one system call. The rest is written when the process exits; only
 * kill -9 can lose the lines of its last turn.
 */
function writeToStandardError(line: string): void {
  if (unwritten === '') setImmediate(writeLines);
  unwritten += line;
}

function writeLines(): void {
  const lines = unwritten;
  unwritten = '';
  if (lines === '') return;
  try {
    process.stderr.write(lines);
  } catch {
    // A closed pipe; the next lines may find it open again.
  }
}

process.on('exit', writeLines);
