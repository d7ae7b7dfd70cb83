/**
 * The password of a server from libpq's file (`~/.pgpass`, PGPASSFILE): lines `host:port:database:user:password`, where `*`
 * stands for all and a backslash makes `:` and `\` plain. The first line that fits counts. Read each time a server asks,
 * so that it can be changed while the daemon runs.
 *
 * Throws unavailable, with what to do, when no line fits or others may read the file. No text holds a password.
 */
import { readFileSync, statSync } from 'node:fs';
import { ReplydError, reasonText } from '../../base/errors.js';

interface Wanted {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
}

/** Where servers have their sockets unless they are told otherwise: there `localhost` stands for them, elsewhere their folder. */
const SOCKETS: ReadonlySet<string> = new Set(['/run/postgresql', '/var/run/postgresql', '/tmp']);

export function passwordInFile(file: string, wanted: Wanted): string {
  const { host, port, database, user } = wanted;
  const asked = [[host, ...(SOCKETS.has(host) ? ['localhost'] : [])], [String(port)], [database], [user]];
  const found = linesOf(file)
    .map(fieldsOf)
    .find(fields => fields.length >= 5 && asked.every((fit, at) => fields[at] === '*' || fit.includes(fields[at]!)));
  if (found !== undefined) return found[4]!;
  throw fault(`the server wants a password for ${user}: put it into store.url, PGPASSWORD or ${file}`);
}

function linesOf(file: string): readonly string[] {
  try {
    const found = statSync(file);
    if (!found.isFile()) throw fault(`${file} is no plain file, so it is not used`);
    if ((found.mode & 0o077) !== 0) throw fault(`others may read ${file}, so it is not used: chmod 0600 ${file}`);
    return readFileSync(file, 'utf8')
      .split(/\r?\n/)
      .filter(line => line !== '' && !line.startsWith('#'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    if (error instanceof ReplydError) throw error;
    throw fault(`cannot read ${file}: ${reasonText(error)}`);
  }
}

/** The password may hold a colon that is not escaped. */
function fieldsOf(line: string): readonly string[] {
  const [, ...fields] =
    /^((?:\\.|[^\\:])*):((?:\\.|[^\\:])*):((?:\\.|[^\\:])*):((?:\\.|[^\\:])*):(.*)$/.exec(line) ?? [];
  return fields.map(field => field.replaceAll(/\\(.)/g, '$1'));
}

function fault(text: string): ReplydError {
  return new ReplydError('unavailable', text, { details: { reason: 'password' } });
}
